"""Batches by index: the order is a function of the seed and the step alone."""

import dataclasses
import functools
from collections.abc import Iterator, Mapping

import keras
import numpy as np

from ganzoo.data.content import Content, whole_number
from ganzoo.errors import GanzooError

__all__ = ["Images"]

Batch = dict[str, np.ndarray]


class Images(keras.utils.PyDataset):
    """Pictures with their labels and other fields, in batches for `fit` or by step.

    `batch_at(step)` is a pure function of the seed and the step: pass `step // len`
    visits the examples in the order of its own permutation, and what does not fill a
    batch at its end is dropped. Made by `ganzoo.data.load`.

    A batch is a dict: `image` float32 (B, H, W, C) in [-1, 1], `label` int32 (B,) where
    there is one, and every other field under its own name and type.

    Attributes:
        name, version, split: where the examples are from.
        fields: name -> array (N, ...); `image` is uint8 (N, H, W, C) in [0, 255].
        texts: name -> list of N strings; not in the batches.
        class_names, num_classes: of `label`; empty and 0 where there is none.
        image_shape: (H, W, C).
        num_examples, batch_size, seed: whole numbers.

    Raises:
        GanzooError: `batch_size` is below 1 or above the number of examples, the seed
            is negative, or there are no examples.

    Example:
        >>> images = ganzoo.data.load("fashion_mini", batch_size=50)
        >>> len(images), images.image_shape, images.num_classes
        (32, (28, 28, 1), 10)
    """

    def __init__(self, content: Content, *, batch_size: int = 64, seed: int = 0):
        # Reading is a memory-mapped copy: more workers would only change the order.
        super().__init__(workers=1, use_multiprocessing=False)
        self.name = content.name
        self.version = content.version
        self.split = content.split
        self.fields: Mapping[str, np.ndarray] = content.fields
        self.class_names = tuple(content.class_names)
        self.num_classes = content.num_classes
        self.image_shape = tuple(content.fields["image"].shape[1:])
        self.num_examples = len(content.fields["image"])
        self.batch_size = whole_number("batch_size", batch_size, 1)
        self.seed = whole_number("seed", seed, 0)
        self._content = content
        self._pass, self._begun = 0, False
        self._order = (-1, np.empty(0, int))
        self._check_size()

    @functools.cached_property
    def texts(self) -> dict[str, list[str]]:
        """The strings of the examples: name -> list of N."""
        return self._content.texts()

    def with_fields(self, **fields: np.ndarray) -> "Images":
        """Return these examples in the same batches, with more fields.

        Args:
            fields: arrays (N, ...), by name.

        Example:
            >>> images.with_fields(sentence=encoder(captions)["sentence"])
        """
        content = dataclasses.replace(
            self._content, fields={**self._content.fields, **fields}
        )
        return Images(content, batch_size=self.batch_size, seed=self.seed)

    def batch_at(self, step: int) -> Batch:
        """Return the batch of training step `step`, counted from 0.

        Raises:
            GanzooError: `step` is negative.
        """
        turn, place = divmod(whole_number("step", step, 0), len(self))
        start = place * self.batch_size
        rows = self._permutation(turn)[start : start + self.batch_size]
        return {name: self._values(name, rows) for name in self.fields}

    def stream(self, start_step: int = 0) -> Iterator[Batch]:
        """Yield the batches of `start_step`, `start_step + 1`, ... without end."""
        step = whole_number("start_step", start_step, 0)
        while True:
            yield self.batch_at(step)
            step += 1

    def __len__(self) -> int:
        """Return the number of steps in one pass."""
        return self.num_examples // self.batch_size

    def __getitem__(self, index: int) -> Batch:
        """Return batch `index` of the present pass."""
        if not 0 <= index < len(self):
            raise IndexError(f"batch {index} of {len(self)}")
        return self.batch_at(self._pass * len(self) + index)

    def __iter__(self) -> Iterator[Batch]:
        """Yield the batches of the present pass; `on_epoch_end` then goes on."""
        self.on_epoch_begin()
        return super().__iter__()

    def on_epoch_begin(self) -> None:
        """Begin a pass."""
        self._begun = True

    def on_epoch_end(self) -> None:
        """Go on to the next pass, which has its own permutation, if one was begun."""
        # Keras calls this once more before the first epoch: that ends no pass.
        self._pass += self._begun
        self._begun = False

    def _permutation(self, turn: int) -> np.ndarray:
        known, order = self._order
        if known != turn:
            order = np.random.default_rng([self.seed, turn]).permutation(
                self.num_examples
            )
            # One assignment, so that a second thread sees a matching pair.
            self._order = (turn, order)
        return order

    def _values(self, name: str, rows: np.ndarray) -> np.ndarray:
        values = np.asarray(self.fields[name][rows])
        if name not in self._content.pictures:
            return values
        scaled = values.astype(np.float32)
        scaled /= 127.5
        scaled -= 1.0
        return scaled

    def _check_size(self) -> None:
        where = f"{self.name!r} (split {self.split!r})"
        if self.num_examples == 0:
            raise GanzooError(
                f"{where} has no examples; at least one batch is needed. "
                "Choose another split or a wider slice."
            )
        if self.batch_size > self.num_examples:
            raise GanzooError(
                f"batch_size {self.batch_size} is larger than the data set: {where} "
                f"has {self.num_examples} examples. "
                f"Give batch_size={self.num_examples} or less."
            )
