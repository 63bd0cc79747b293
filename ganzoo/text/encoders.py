"""Text encoders: what turns texts into the vectors that text-to-image networks read.

The zoo's own lie in `zoo/text_encoders/<name>`: recipe, tokenizer, weights, retrieval
accuracy, card. Any other will do that has a `name`, a number `dims`, and is called with
a list of texts: see `register`.
"""

import functools
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from ganzoo import published
from ganzoo.errors import GanzooError, unknown
from ganzoo.text import tokens

__all__ = ["FOLDER", "Encodes", "TextEncoder", "configs", "get", "names", "register"]

FOLDER = "text_encoders"
TOKENIZER = "tokenizer.json"
TEXT_WEIGHTS = "text.weights.h5"
_CHUNK = 256  # texts that are read at a time
_of_users: dict[str, "Encodes"] = {}


class Encodes(Protocol):
    """What a text encoder of one's own must have."""

    name: str
    dims: int

    def __call__(self, texts: Sequence[str]) -> dict[str, np.ndarray]:
        """Return "sentence" (n, dims), and "words" (n, length, dims) if it has them."""


@dataclass(frozen=True)
class TextEncoder:
    """A frozen network that reads texts, with its tokenizer.

    Args:
        name: such as "emoji_captions".
        sha256: of its weight file.
        dims: length of a vector.
        length: tokens of a text that it reads.
        tokenizer: of the library `tokenizers`.
        model: int32 (n, length) -> {"words": (n, length, dims), "sentence": (n, dims)}.

    Example:
        >>> get("emoji_captions")(["red apple"])["sentence"].shape
        (1, 128)
    """

    name: str
    sha256: str
    dims: int
    length: int
    tokenizer: Any = field(repr=False, compare=False)
    model: Any = field(repr=False, compare=False)

    def __call__(self, texts: Sequence[str]) -> dict[str, np.ndarray]:
        """Return "words" (n, length, dims) and "sentence" (n, dims), float32.

        Raises: `GanzooError` for texts that are none, or that it cannot read.
        """
        rows = self.tokens(texts)
        parts = []
        for start in range(0, len(rows), _CHUNK):
            part = rows[start : start + _CHUNK]
            # One shape for all calls, so that the network is compiled once.
            padded = np.resize(part, (_CHUNK, self.length))
            found = self.model.predict_on_batch(padded)
            parts.append({key: np.asarray(x)[: len(part)] for key, x in found.items()})
        return {
            key: np.concatenate([part[key] for part in parts]).astype("float32")
            for key in ("words", "sentence")
        }

    def tokens(self, texts: Sequence[str]) -> np.ndarray:
        """Return token numbers int32 (n, length).

        Raises: `GanzooError` for texts that are none, or that it cannot read.
        """
        return tokens.encode(self.tokenizer, texts, self.length)


def names() -> list[str]:
    """Return the names of the text encoders: the zoo's, and those registered.

    Example:
        >>> names()
        ['emoji_captions', 'emoji_captions-judge']
    """
    return sorted({*configs(), *_of_users})


def register(encoder: Encodes) -> Encodes:
    """Make a text encoder of one's own known under its `name`; return it.

    A model that was trained with it finds it by that name, so register it before
    `ganzoo.load`.

    Raises: `GanzooError` for one without `name` or `dims`, that cannot be called, or
    whose name is one of the zoo's.

    Example:
        >>> class Mine:
        ...     name, dims = "mine", 384
        ...
        ...     def __call__(self, texts):
        ...         return {"sentence": clip.encode(texts)}
        >>> ganzoo.text.register(Mine())
    """
    name, dims = getattr(encoder, "name", None), getattr(encoder, "dims", None)
    if not isinstance(name, str) or not isinstance(dims, int) or not callable(encoder):
        raise GanzooError(
            "a text encoder has a name (text), dims (a whole number) and is called "
            "with a list of texts to give {'sentence': (n, dims)}; received "
            f"{encoder!r}."
        )
    if name in configs():
        raise GanzooError(f"the zoo has a text encoder {name!r}: give yours another.")
    _of_users[name] = encoder
    return encoder


def get(name: str | Encodes) -> Encodes:
    """Return the text encoder of that name; one that is none but is one, as it is.

    Raises: `GanzooError` for unknown names, and weights that are not as published.

    Example:
        >>> get("emoji_captions").dims
        128
    """
    if not isinstance(name, str):
        return register(name)
    if name in _of_users:
        return _of_users[name]
    if name not in configs():
        hint = "One of your own is made known by ganzoo.text.register(encoder)."
        raise unknown("text encoder", name, names(), hint)
    return _load(name)


def configs() -> dict[str, dict]:
    """Return the published encoders' configs by name, each with its `folder`."""
    return published.configs(FOLDER)


@functools.lru_cache(maxsize=4)
def _load(name):
    config = configs()[name]
    folder, sizes = config["folder"], config["text"]
    model = _reader(sizes)
    path = folder / TEXT_WEIGHTS
    published.verified(path, config["files"][TEXT_WEIGHTS]["sha256"])
    published.verified(folder / TOKENIZER, config["files"][TOKENIZER]["sha256"])
    model.load_weights(path)
    model.trainable = False
    return TextEncoder(
        name,
        config["files"][TEXT_WEIGHTS]["sha256"],
        sizes["dims"],
        sizes["length"],
        tokens.read(folder / TOKENIZER),
        model,
    )


def _reader(sizes):
    """The network in float32, made without a draw from the seeds of the caller."""
    import keras

    from ganzoo.text import tower

    state, policy = random.getstate(), keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        return tower.build(**sizes)
    finally:
        random.setstate(state)
        keras.config.set_dtype_policy(policy)
