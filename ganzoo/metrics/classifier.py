"""A small image classifier: the zoo's feature networks, and the judge of CAS.

Three blocks of two 3x3 convolutions, batch norm and a maximum over 2x2, a mean over
what is left, a narrow dense layer, and one that gives the logits. The features are the
mean over the map in the middle of the last block: behind it the network has thrown away
most of what does not tell the classes apart, such as grain, blur and variety.
Trained by SGD with a one-cycle rate, labels smoothed, pictures shifted and, where it
makes sense, mirrored. It is no paper's network: a plain one, small and good enough.

It may learn several labels at once, each with logits of its own beside the others'.
"""

import dataclasses
import itertools
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from ganzoo.errors import GanzooError, unknown
from ganzoo.layers.fast import BatchNormalization

__all__ = [
    "Settings",
    "accuracy",
    "build",
    "label_of",
    "moved",
    "predict",
    "read_settings",
    "train",
]


@dataclass(frozen=True)
class Settings:
    """How a classifier is built and trained: a feature network's `recipe.toml`.

    Args:
        dataset: what it learns to tell apart.
        labels: the fields that it learns; their classes' logits stand side by side.
        widths: channels of each block.
        bottleneck: units before the logits.
        epochs: lengths of the cycles: in each, the rate goes up and down to 0 again.
        batch_size: pictures in a step.
        rate: highest learning rate, reached after 20 % of a cycle.
        weight_decay: of the kernels, uncoupled from the rate of the moment.
        smoothing: share of a label's weight that is spread over all classes.
        shift: pixels that a picture is moved at most, each way.
        mirror: whether pictures are also shown mirrored.
        seed: of weights, order and shifts.

    Example:
        >>> Settings("fashion_mini", epochs=2).widths
        (32, 64, 128)
    """

    dataset: str
    labels: Sequence[str] = ("label",)
    widths: Sequence[int] = (32, 64, 128)
    bottleneck: int = 64
    epochs: Sequence[int] = (10,)
    batch_size: int = 128
    rate: float = 0.1
    weight_decay: float = 5e-4
    smoothing: float = 0.1
    shift: int = 2
    mirror: bool = True
    seed: int = 0

    def __post_init__(self):
        for key in ("widths", "epochs"):
            value = getattr(self, key)
            value = (value,) if isinstance(value, int) else tuple(value)
            object.__setattr__(self, key, value)

    @classmethod
    def read(cls, path: Path) -> "Settings":
        """Return the settings in a TOML file.

        Raises: `GanzooError` for unknown keys.
        """
        return read_settings(cls, path, "setting of a classifier")


def read_settings(kind: type, path: Path, what: str) -> Any:
    """Return the dataclass that a TOML file holds; `what` a key is called in errors.

    Raises: `GanzooError` for unknown keys.

    Example:
        >>> read_settings(Settings, Path("recipe.toml"), "setting of a classifier")
    """
    values = tomllib.loads(path.read_text(encoding="utf-8"))
    known = [each.name for each in dataclasses.fields(kind)]
    for key in values:
        if key not in known:
            raise unknown(what, key, known)
    return kind(**values)


def build(
    settings: Settings, image_shape: Sequence[int], num_classes: int | Sequence[int]
) -> keras.Model:
    """Return the network: uint8 (n, h, w, c) -> features, logits.

    "features" are (n, d), at least 0, d being the last width; "logits" (n, classes),
    of several labels side by side where `num_classes` has a number for each.

    Example:
        >>> build(Settings("mnist"), (28, 28, 1), 10).count_params()
    """
    x = images = keras.Input(tuple(image_shape), dtype="uint8", name="image")
    x = keras.layers.Rescaling(1 / 127.5, -1.0, name="scaled")(x)
    x = _convolution(x, settings.widths[0], "stem")
    x = keras.layers.ReLU(name="stem_relu")(x)
    for number, width in enumerate(settings.widths, 1):
        x = _convolution(x, width, f"block{number}_a", pool=True)
        x = keras.layers.ReLU(name=f"block{number}_a_relu")(x)
        middle = x
        x = _convolution(x, width, f"block{number}_b")
        x = keras.layers.ReLU(name=f"block{number}_b_relu")(x)
    x = keras.layers.GlobalAveragePooling2D(name="mean")(x)
    x = keras.layers.Dense(settings.bottleneck, name="bottleneck")(x)
    x = keras.layers.ReLU(name="bottleneck_relu")(x)
    logits = keras.layers.Dense(int(np.sum(num_classes)), name="logits")(x)
    features = keras.layers.GlobalAveragePooling2D(name="features")(middle)
    return keras.Model(images, {"features": features, "logits": logits})


def _convolution(x, width, name, pool=False):
    x = keras.layers.Conv2D(width, 3, padding="same", use_bias=False, name=name)(x)
    if pool:
        x = keras.layers.MaxPooling2D(2, name=f"{name}_pool")(x)
    return BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{name}_norm")(x)


def train(
    settings: Settings,
    images: np.ndarray,
    labels: np.ndarray,
    num_classes: int | Sequence[int],
    *,
    verbose: int = 0,
) -> keras.Model:
    """Return a classifier trained on uint8 images (n, h, w, c) and labels (n,).

    Several labels are (n, labels), with a number of classes for each.

    Raises: `GanzooError` for fewer pictures than a batch.

    Example:
        >>> model = train(Settings("fashion_mini", epochs=2), images, labels, 10)
    """
    if len(images) < settings.batch_size:
        raise GanzooError(
            f"a classifier needs at least a batch of {settings.batch_size} pictures, "
            f"received {len(images)}."
        )
    keras.utils.set_random_seed(settings.seed)
    model = build(settings, images.shape[1:], num_classes)
    learner = keras.Model(model.input, model.output["logits"])
    sizes = np.atleast_1d(num_classes)
    truth = _one_hot(labels, sizes)
    for done, epochs in zip(_starts(settings.epochs), settings.epochs, strict=True):
        batches = _batches(settings, images, truth, done)
        steps = len(images) // settings.batch_size
        _cycle(learner, settings, sizes, batches, steps, epochs, verbose)
    return model


def _one_hot(labels, sizes):
    """(n,) or (n, labels) -> (n, classes of all), float32."""
    columns = np.reshape(labels, (len(labels), len(sizes))).T
    pairs = zip(columns, sizes, strict=True)
    return np.hstack([np.eye(size, dtype="float32")[each] for each, size in pairs])


def _starts(epochs):
    """How many epochs were before each cycle."""
    return [sum(epochs[:number]) for number in range(len(epochs))]


def _cycle(learner, settings, sizes, batches, steps, epochs, verbose):
    """Up with the rate and down again: a new optimiser, the next epochs' batches."""
    rate = _OneCycle(settings.rate, epochs * steps)
    sgd = keras.optimizers.SGD(rate, momentum=0.9, nesterov=True)
    learner.compile(sgd, _Loss(learner, settings, sizes))
    lengths = {"steps_per_epoch": steps, "epochs": epochs}
    learner.fit(batches, **lengths, verbose=verbose, shuffle=False)


def label_of(images: Any, train: Any, name: str) -> np.ndarray:
    """Return the label of that name, int (n,), of what `ganzoo.data.load` gave.

    A field of numbers, or texts, numbered in the order of those of the split `train`.

    Example:
        >>> label_of(test, train, "subgroup")
    """
    if name in images.fields:
        return np.asarray(images.fields[name])
    known = sorted(set(train.texts[name]))
    return np.array([known.index(each) for each in images.texts[name]], "int32")


def predict(
    model: keras.Model, images: np.ndarray, chunk: int = 250
) -> dict[str, np.ndarray]:
    """Return features (n, d) and logits (n, classes), float32, of uint8 images.

    The network sees `chunk` pictures at a time.

    Example:
        >>> predict(model, images)["logits"].argmax(-1)
    """
    parts: dict[str, list] = {name: [] for name in model.output}
    for start in range(0, len(images), chunk):
        part = images[start : start + chunk]
        # One shape for all calls, so that the network is compiled once.
        padded = np.resize(part, (chunk, *part.shape[1:]))
        for name, value in model.predict_on_batch(padded).items():
            parts[name].append(np.asarray(value, "float32")[: len(part)])
    return {name: np.concatenate(values) for name, values in parts.items()}


def accuracy(
    model: keras.Model,
    images: np.ndarray,
    labels: np.ndarray,
    num_classes: int | Sequence[int] = 0,
) -> float:
    """Return the share of the labels that the model gives the pictures, in [0, 1].

    Of several labels, (n, labels), it is the mean; `num_classes` is as in `train`.

    Example:
        >>> accuracy(model, images, labels)
        0.93
    """
    logits = predict(model, images)["logits"]
    edges = np.cumsum(np.atleast_1d(num_classes))[:-1]
    found = [part.argmax(-1) for part in np.split(logits, edges, axis=-1)]
    return float(np.mean(np.stack(found, -1) == np.reshape(labels, (len(labels), -1))))


class _OneCycle(keras.optimizers.schedules.LearningRateSchedule):
    """Up linearly over a fifth of the steps, then down linearly to 0."""

    def __init__(self, highest: float, steps: int):
        self.highest, self.steps = highest, steps

    def __call__(self, step):
        done = ops.cast(step, "float32") / self.steps
        return self.highest * ops.maximum(ops.minimum(done / 0.2, (1 - done) / 0.8), 0)


class _Loss(keras.losses.Loss):
    """Cross-entropy with smoothed labels, and the kernels' decay."""

    def __init__(self, model, settings, sizes):
        super().__init__(reduction="sum_over_batch_size")
        self._kernels = [w for w in model.trainable_weights if len(w.shape) > 1]
        self._decay = settings.weight_decay
        self._smoothing = settings.smoothing
        edges = [0, *map(int, np.cumsum(sizes))]
        self._parts = list(itertools.pairwise(edges))

    def call(self, truth, logits):
        losses = [
            keras.losses.categorical_crossentropy(
                truth[:, start:stop],
                logits[:, start:stop],
                from_logits=True,
                label_smoothing=self._smoothing,
            )
            for start, stop in self._parts
        ]
        squares = [ops.sum(ops.square(kernel)) for kernel in self._kernels]
        return sum(losses) / len(losses) + 0.5 * self._decay * sum(squares)


def _batches(settings, images, truth, done=0):
    """Endless batches; each pass has an order, shifts and mirrorings of its own."""
    for epoch in itertools.count(done):
        rng = np.random.default_rng([settings.seed, epoch])
        order = rng.permutation(len(images))
        size = settings.batch_size
        for start in range(0, len(order) - size + 1, size):
            rows = np.sort(order[start : start + size])
            yield moved(images[rows], settings, rng), truth[rows]


def moved(images, settings, rng):
    """Return uint8 images (n, h, w, c), each shifted a few pixels, maybe mirrored."""
    n, height, width, _ = images.shape
    edge = settings.shift
    padded = np.pad(images, [(0, 0), (edge, edge), (edge, edge), (0, 0)], "reflect")
    top, left = rng.integers(0, 2 * edge + 1, (2, n, 1, 1))
    rows = np.arange(height)[None, :, None] + top
    columns = np.arange(width)[None, None, :] + left
    if settings.mirror:
        turned = rng.integers(0, 2, n).astype(bool)
        columns[turned] = columns[turned][..., ::-1]
    return padded[np.arange(n)[:, None, None], rows, columns]
