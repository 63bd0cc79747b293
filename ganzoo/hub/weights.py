"""Weight files of others, looked through before Keras reads them.

An HDF5 file can point at other files, at itself in circles, or promise arrays of a size
that no memory has. None of that is in what `save_weights` writes: it is refused.
"""

import contextlib
import math
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import h5py
import keras
import numpy as np

from ganzoo.errors import GanzooError

__all__ = ["assign", "at_most", "inspect"]

_one_thread = threading.Lock()
_MOST_OBJECTS = 20_000
_DEEPEST = 32
_MOST_EXPANDED = 20  # times the file: numbers that were learnt cannot be packed tighter
_FILTERS = {
    h5py.h5z.FILTER_DEFLATE,
    h5py.h5z.FILTER_SHUFFLE,
    h5py.h5z.FILTER_FLETCHER32,
}


# What h5py raises for files that are damaged: its own errors are of all these kinds.
_FAULTS = (OSError, ValueError, KeyError, TypeError, RuntimeError, AttributeError)
_FAULTS += (MemoryError, OverflowError, RecursionError)


class _Refused(ValueError):
    """What no file of weights holds."""


def inspect(path: Path) -> int:
    """Return how many numbers a weight file holds, having looked at every part of it.

    Raises: `GanzooError` for a file that is no HDF5, and for links, references to other
    files, arrays that are no numbers, and arrays larger than the file can fill.

    Example:
        >>> inspect(Path("runs/mine/generator_ema.weights.h5"))
        913339
    """
    try:
        with h5py.File(path, "r") as file:
            most = _MOST_EXPANDED * path.stat().st_size
            return sum(_numbers(each, most) for each in _arrays(file))
    except _FAULTS as error:
        raise GanzooError(
            f"{path} holds no weights: {error}. Fetch it again."
        ) from error


def _arrays(group: h5py.Group, depth: int = 0) -> Iterator[h5py.Dataset]:
    """Give every array below a group, refusing what is neither array nor group."""
    if depth > _DEEPEST:
        raise _Refused(f"its groups are nested deeper than {_DEEPEST}")
    if len(group) > _MOST_OBJECTS:
        raise _Refused(f"it has a group of {len(group)} parts")
    for name in group:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise _Refused(f"{name!r} is a link to somewhere else")
        each = group[name]
        if isinstance(each, h5py.Group):
            yield from _arrays(each, depth + 1)
        elif isinstance(each, h5py.Dataset):
            yield each
        else:
            raise _Refused(f"{name!r} is neither an array nor a group of them")


def _numbers(array, most_bytes):
    """The size of an array, once it is one of numbers that the file itself holds."""
    properties = array.id.get_create_plist()
    filters = {properties.get_filter(i)[0] for i in range(properties.get_nfilters())}
    if array.external or array.is_virtual:
        raise _Refused(f"{array.name} lies in another file")
    if array.dtype.kind not in "fiub" and array.dtype.name != "bfloat16":
        raise _Refused(f"{array.name} holds {array.dtype}, not numbers")
    if filters - _FILTERS or array.nbytes > most_bytes:
        raise _Refused(f"{array.name} is packed as no weights are")
    return array.size


@contextlib.contextmanager
def at_most(numbers: int) -> Iterator[None]:
    """Refuse, inside, to make layers whose weights have more numbers than that.

    What a config asks for may be larger than the machine. One thread at a time.

    Raises: `GanzooError` at the layer with which it becomes too many.

    Example:
        >>> with at_most(1_000_000):
        ...     ganzoo.create("dcgan", image_shape=(28, 28, 1))
    """
    made = 0

    def counted(self, shape=None, *args, **kwargs):
        nonlocal made
        made += math.prod(shape or ())
        if made > numbers:
            raise GanzooError(
                f"its arguments make a model of more than {numbers:,} numbers, which "
                "the size of its weight file does not explain"
            )
        return add_weight(self, shape, *args, **kwargs)

    with _one_thread:
        add_weight = keras.layers.Layer.add_weight
        keras.layers.Layer.add_weight = counted
        try:
            yield
        finally:
            keras.layers.Layer.add_weight = add_weight


def assign(model: keras.Model, path: Path, title: str) -> None:
    """Give a model the weights in a file that `inspect` has passed.

    Raises: `GanzooError` for those of another model, which the `title` names.
    """
    try:
        with warnings.catch_warnings():
            # Keras only warns of layers that found nothing in the file.
            warnings.simplefilter("error", UserWarning)
            model.load_weights(path)
        if not all(np.isfinite(each).all() for each in model.get_weights()):
            raise _Refused("some of its numbers are not finite")
    except (*_FAULTS, Warning) as error:
        raise GanzooError(
            f"{path} holds no weights of this {title}: {error}"
        ) from error
