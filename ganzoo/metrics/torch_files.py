"""Reading torch's files of weights without torch, and without running what is in them.

A `.pth` file is a pickle, and a pickle can name any function and have it called. Here
it may name the few by which torch puts a tensor together, and nothing else. Both of
torch's formats are read: the zip archive (since torch 1.6) and the stream before it.
"""

import os
import pickle
import zipfile
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ganzoo.errors import GanzooError

__all__ = ["read"]

_MAGIC = 0x1950A86A20F9469CFC6C  # torch's own, at the start of a stream
_STREAM_VERSION = 1001
_TYPES = {
    "DoubleStorage": "<f8",
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "<i1",
    "ByteStorage": "<u1",
    "BoolStorage": "?",
}


def read(path: str | Path) -> dict[str, np.ndarray]:
    """Return the arrays of a state dict that torch saved, by name.

    Raises: `GanzooError` where the file is missing, damaged, no state dict, or wants
    something called that is not needed to make tensors.

    Example:
        >>> read("weights.pth")["fc.weight"].shape
        (1008, 2048)
    """
    path = Path(path)
    try:
        zipped = zipfile.is_zipfile(path)
        with open(path, "rb") as file:
            found = _from_zip(file) if zipped else _from_stream(file)
        return {str(name): _array(value) for name, value in found.items()}
    except GanzooError as error:
        raise GanzooError(f"{path} is refused: {error}") from error
    except FileNotFoundError as error:
        raise GanzooError(f"there is no file {path}.") from error
    except Exception as error:  # a damaged pickle can raise anything
        raise GanzooError(
            f"{path} is damaged, or no state dict that torch saved "
            f"({type(error).__name__}: {error}). Fetch it again."
        ) from error


@dataclass
class _Storage:
    """Numbers in a row; in a stream their bytes come after the tensors."""

    dtype: np.dtype
    count: int
    data: bytes = b""


@dataclass
class _Tensor:
    """A view of a storage, all in numbers of elements."""

    storage: _Storage
    offset: int
    shape: tuple
    strides: tuple


def _array(tensor: Any) -> np.ndarray:
    if not isinstance(tensor, _Tensor):
        raise GanzooError(
            f"it holds a {type(tensor).__name__} where a state dict has a tensor."
        )
    width = tensor.storage.dtype.itemsize
    # numpy refuses views that reach beyond the bytes.
    return np.ndarray(
        tensor.shape,
        tensor.storage.dtype,
        tensor.storage.data,
        tensor.offset * width,
        tuple(stride * width for stride in tensor.strides),
    )


class _Unpickler(pickle.Unpickler):
    """Knows the names that make tensors; any other is refused before it is looked up.

    What it gives for them is made anew for each file or cannot be changed, so that a
    pickle has nothing to tamper with.
    """

    def __init__(self, file):
        super().__init__(file, encoding="latin1")
        self.storages: dict[str, _Storage] = {}
        self._known = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor"): lambda *args: _Tensor(*args[:4]),
            ("torch._utils", "_rebuild_tensor_v2"): lambda *args: _Tensor(*args[:4]),
            ("torch._utils", "_rebuild_parameter"): lambda tensor, *args: tensor,
            # A type is only named: its string stands for it.
            **{("torch", name): dtype for name, dtype in _TYPES.items()},
        }

    def find_class(self, module, name):
        if (module, name) not in self._known:
            raise GanzooError(
                f"it asks for {module}.{name}, which no file of weights needs. A file "
                "like this can run code when torch loads it: do not."
            )
        return self._known[module, name]

    def persistent_load(self, pid):
        kind, dtype, key, _, count, *view = pid
        if kind != "storage" or dtype not in _TYPES.values() or any(view):
            raise GanzooError(f"it has a storage of an unknown kind: {kind} {dtype}.")
        return self.storages.setdefault(key, _Storage(np.dtype(dtype), int(count)))


def _from_zip(file):
    with zipfile.ZipFile(file) as archive:
        listed = {info.filename.partition("/")[2]: info for info in archive.infolist()}
        for info in listed.values():
            if info.compress_type != zipfile.ZIP_STORED:
                raise GanzooError("it is a compressed archive, torch stores as it is.")
        if "byteorder" in listed and archive.read(listed["byteorder"]) != b"little":
            raise GanzooError("its numbers are not little-endian.")
        with archive.open(listed["data.pkl"]) as part:
            unpickler = _Unpickler(part)
            found = unpickler.load()
        for key, storage in unpickler.storages.items():
            storage.data = archive.read(listed[f"data/{key}"])
    return found


def _from_stream(file):
    if _Unpickler(file).load() != _MAGIC or _Unpickler(file).load() != _STREAM_VERSION:
        raise GanzooError("it is no file that torch saved.")
    if not _Unpickler(file).load()["little_endian"]:
        raise GanzooError("its numbers are not little-endian.")
    unpickler = _Unpickler(file)
    found = unpickler.load()
    for key in _Unpickler(file).load():
        storage = unpickler.storages[key]
        if int.from_bytes(file.read(8), "little") != storage.count:
            raise GanzooError(f"its storage {key} has another length than announced.")
        storage.data = _exactly(file, storage.count * storage.dtype.itemsize)
    return found


def _exactly(file, size):
    left = os.fstat(file.fileno()).st_size - file.tell()
    if not 0 <= size <= left:  # asked first: read() would set aside what it is told
        raise GanzooError(f"it has {left} bytes where {size} are announced.")
    return file.read(size)
