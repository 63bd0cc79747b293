"""The default that lies in the package: 1,900 pictures of Fashion-MNIST (MIT)."""

import re
from importlib import resources

import numpy as np

from ganzoo.data.content import Content
from ganzoo.errors import GanzooError

__all__ = ["CLASS_NAMES", "NAME", "read"]

NAME = "fashion_mini"

# The names of tensorflow-datasets' fashion_mnist, in its order.
CLASS_NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
_SPLIT = re.compile(r"(train|test)(?:\[(-?\d+%?)?:(-?\d+%?)?\])?")


def read(split: str = "train") -> Content:
    """Return the 1,600 training or 300 test pictures, or a slice such as "train[:10%]".

    Images are uint8 (N, 28, 28, 1) in [0, 255], labels int32 (N,) from 0 to 9.

    Raises:
        GanzooError: there is no such split.
    """
    match = _SPLIT.fullmatch(split.replace(" ", ""))
    if match is None:
        raise GanzooError(
            f"{NAME!r} has no split {split!r}. Accepted: 'train' (1600 examples), "
            "'test' (300), or a slice of one, such as 'train[:10%]' or 'test[:64]'."
        )
    part, start, stop = match.groups()
    with (resources.files("ganzoo.data") / "fashion_mini.npz").open("rb") as file:
        arrays = np.load(file)
        images, labels = arrays[f"x_{part}"], arrays[f"y_{part}"]
    rows = slice(_bound(start, len(images)), _bound(stop, len(images)))
    fields = {"image": images[rows, ..., None], "label": labels[rows].astype(np.int32)}
    return Content(NAME, fields, CLASS_NAMES, len(CLASS_NAMES), split=split)


def _bound(text: str | None, count: int) -> int | None:
    if text is None:
        return None
    if text.endswith("%"):
        return round(int(text[:-1]) * count / 100)
    return int(text)
