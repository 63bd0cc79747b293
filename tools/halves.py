"""Weight files in half precision, for the tools that publish."""

from pathlib import Path

import h5py
import numpy as np


def halved(source: Path, target: Path) -> None:
    """Copy an HDF5 file, its 32-bit floats as 16-bit ones, compressed."""
    with h5py.File(source) as old, h5py.File(target, "w") as new:

        def copy(name, item):
            if isinstance(item, h5py.Group):
                new.require_group(name).attrs.update(item.attrs)
                return
            value = item[()]
            if value.dtype == np.float32:
                value = value.astype(np.float16)
            packed = {"compression": "gzip"} if value.ndim else {}
            new.create_dataset(name, data=value, **packed)

        old.visititems(copy)
        new.attrs.update(old.attrs)
