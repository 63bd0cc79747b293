"""What every source hands over: named arrays of one length, and their meaning."""

import dataclasses
import operator
from collections.abc import Callable

import numpy as np

from ganzoo.errors import GanzooError

__all__ = ["Content", "whole_number"]


@dataclasses.dataclass(frozen=True)
class Content:
    """Decoded examples before they become batches.

    `fields` maps names to arrays whose first axis is the example: `image` is uint8
    (N, H, W, C) in [0, 255], `label` int32 (N,); other fields keep their own type.
    The fields named in `pictures` are scaled to [-1, 1] in a batch. `texts` reads the
    strings, one list of N per name, when they are asked for.
    """

    name: str
    fields: dict[str, np.ndarray]
    class_names: tuple[str, ...] = ()
    num_classes: int = 0
    pictures: tuple[str, ...] = ("image",)
    texts: Callable[[], dict[str, list[str]]] = dict
    version: str = ""
    split: str = "train"


def whole_number(name: str, value: object, least: int) -> int:
    """Return `value` as an int.

    Raises:
        GanzooError: it is no whole number, or below `least`.
    """
    try:
        number = operator.index(value)
    except TypeError:
        number = least - 1
    if number < least:
        raise GanzooError(
            f"{name} must be a whole number of at least {least}, received {value!r}. "
            f"Give {name}={max(least, 1)} or more."
        )
    return number
