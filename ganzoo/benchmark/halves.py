"""Weight files in half precision: what is published."""

import shutil
from pathlib import Path

import h5py
import numpy as np

__all__ = ["halved"]


def halved(source: str | Path, target: str | Path) -> None:
    """Copy an HDF5 file, its 32-bit floats as 16-bit ones, compressed.

    A file that has none is copied as it is, so that its checksum stays.

    Example:
        >>> halved("runs/mine/generator_ema.weights.h5", "half.weights.h5")
    """
    with h5py.File(source) as old:
        if not _holds_float32(old):
            shutil.copyfile(source, target)
            return
        with h5py.File(target, "w") as new:
            old.visititems(lambda name, item: _copy(new, name, item))
            new.attrs.update(old.attrs)


def _holds_float32(file):
    return bool(
        file.visititems(
            lambda _, item: getattr(item, "dtype", None) == np.float32 or None
        )
    )


def _copy(new, name, item):
    if isinstance(item, h5py.Group):
        new.require_group(name).attrs.update(item.attrs)
        return
    value = item[()]
    if value.dtype == np.float32:
        value = value.astype(np.float16)
    packed = {"compression": "gzip"} if value.ndim else {}
    new.create_dataset(name, data=value, **packed)
