"""Data sets as small files, for machines that have neither them nor TensorFlow.

A file is an .npz without pickle. It holds, for each split, what the decoded cache holds
but for the pictures, which stay encoded (JPEG, PNG) and are compressed together:
CIFAR-10 as JPEG takes a seventh of its pixels. Where the pixels themselves come out
smaller, as for small grey pictures, it holds those.
"""

import importlib
import io
import json
import lzma
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ganzoo import files
from ganzoo.data import cache, datasets, prepared, storage
from ganzoo.data.pixels import fit_picture, fitted_shape
from ganzoo.errors import GanzooError

__all__ = ["unpack", "write"]

_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_DAMAGED = (OSError, ValueError, KeyError, EOFError, lzma.LZMAError, zipfile.BadZipFile)


def write(
    name: str, path: str | Path, splits: Sequence[str] = ("train", "test")
) -> Path:
    """Write a data set that tensorflow-datasets has prepared here as one file.

    Args:
        name: as `ganzoo.data.load` takes it; all its pictures of one size.
        path: of the .npz file.
        splits: what it holds.

    Raises: `GanzooError` for data sets that are not prepared here.

    Example:
        >>> write("cifar10_jpeg", "trip/data/cifar10_jpeg.npz")
    """
    found = prepared.find(prepared.parse(name))
    if found is None:
        raise GanzooError(
            f"{name!r} is not prepared here, so it cannot be packed. {prepared.hint()} "
            "Point GANZOO_DATA at the folder that holds it."
        )
    arrays: dict[str, Any] = {"splits": np.array(json.dumps(list(splits)))}
    for split in splits:
        folder = _decoded(name, found[0], split)
        for key, value in _packed(folder, found[1], split).items():
            arrays[f"{split}/{key}"] = value
    with files.replacing(path, ".npz") as temporary:
        np.savez(temporary, **arrays)
    return Path(path)


def unpack(path: str | Path, image_size: int = 0, channels: int = 0) -> None:
    """Decode a file that `write` made into the cache, by Pillow.

    `ganzoo.data.load` then opens it by the name of the data set. PNG pixels are equal
    to TensorFlow's; those of JPEG differ by about one grey level, since the two do not
    round alike in their inverse transforms.

    Args:
        path: of the .npz file.
        image_size, channels: as `ganzoo.data.load` will be asked for them.

    Raises: `GanzooError` for files that are damaged.

    Example:
        >>> unpack("trip/data/cifar10_jpeg.npz")
        >>> ganzoo.data.load("cifar10_jpeg").image_shape
        (32, 32, 3)
    """
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as stored:
            for split in json.loads(str(stored["splits"])):
                _unpack_split(stored, split, image_size, channels)
    except _DAMAGED as error:
        if isinstance(error, GanzooError):
            raise
        raise GanzooError(
            f"{path} holds no data set, or is damaged ({error!r}). Pack it again."
        ) from error


# ------------------------------------------------------------------------- packing


def _decoded(name, exact, split):
    """The cache's folder of the split, decoded if need be."""
    datasets.read(name, split)
    plain = {"split": split, "image_size": 0, "channels": 0}
    key = {"source": "tensorflow-datasets", **exact._asdict(), **plain}
    whole = (entry.folder for entry in cache.entries() if entry.complete)
    return next(folder for folder in whole if storage.read_key(folder) == key)


def _packed(folder, source, split):
    """The arrays of one split."""
    content = storage.read(folder)
    meta = json.loads((folder / "meta.json").read_text("utf-8"))
    texts = json.dumps(content.texts()).encode()
    others = {
        f"field/{name}": np.asarray(values)
        for name, values in content.fields.items()
        if name != "image"
    }
    return {
        "meta": np.array(json.dumps(meta)),
        "texts": _bytes(lzma.compress(texts)),
        **_pictures(_encoded(source, split), content.fields["image"]),
        **others,
    }


def _pictures(encoded, pixels):
    """The smaller of the encoded pictures and their pixels, each compressed."""
    blob = b"".join(encoded)
    small = _bytes(lzma.compress(blob))
    # Where the encoding saves much, the pixels cannot win: they need not be tried.
    if pixels.nbytes < 4 * len(blob):
        plain = _bytes(lzma.compress(np.ascontiguousarray(pixels).tobytes()))
        if len(plain) < len(small):
            return {"pixels": plain}
    ends = np.cumsum([len(each) for each in encoded], dtype="int64")
    return {"pictures": small, "ends": ends}


def _encoded(source: Path, split: str) -> list[bytes]:
    """The pictures as they lie in the files, in the order of `datasets.read`."""
    tfds = importlib.import_module("tensorflow_datasets")
    builder = tfds.builder_from_directory(source)
    data = builder.as_dataset(
        split=split,
        shuffle_files=False,
        read_config=tfds.ReadConfig(try_autocache=False, interleave_cycle_length=1),
        decoders={"image": tfds.decode.SkipDecoding()},
    )
    return [example["image"] for example in tfds.as_numpy(data)]


def _bytes(data: bytes) -> np.ndarray:
    return np.frombuffer(data, "uint8")


# ----------------------------------------------------------------------- unpacking


def _unpack_split(stored, split, image_size, channels):
    arrays = {
        key.partition("/")[2]: stored[key]
        for key in stored.files
        if key.startswith(f"{split}/")
    }
    meta = json.loads(str(arrays["meta"]))
    key = meta["key"] | {"image_size": image_size, "channels": channels}
    cache.fetch(key, lambda: _plan(meta, arrays, image_size, channels))


def _plan(meta, arrays, image_size, channels) -> storage.Plan:
    columns = {
        name: (tuple(field["shape"][1:]), np.dtype(field["dtype"]))
        for name, field in meta["fields"].items()
    }
    shape = columns["image"][0]
    columns["image"] = (fitted_shape(shape, image_size, channels), np.dtype("uint8"))
    texts = json.loads(lzma.decompress(arrays["texts"].tobytes()))
    fields = {name: arrays[f"field/{name}"] for name in columns if name != "image"}
    images = (
        fit_picture(image, image_size, channels) for image in _images(arrays, shape)
    )
    return storage.Plan(
        name=meta["name"],
        count=meta["num_examples"],
        columns=columns,
        examples=_examples(images, {**fields, **texts}),
        texts=tuple(meta["texts"]),
        pictures=tuple(meta["pictures"]),
        label_names={name: tuple(all_) for name, all_ in meta["label_names"].items()},
        left_out=tuple(meta["left_out"]),
        version=meta["version"],
        split=meta["split"],
    )


def _examples(images, others: Mapping[str, Sequence]) -> Iterator[dict]:
    for row, image in enumerate(images):
        yield {"image": image, **{name: all_[row] for name, all_ in others.items()}}


def _images(arrays, shape) -> Iterator[np.ndarray]:
    """The pictures uint8 (h, w, c), one by one."""
    if "pixels" in arrays:
        pixels = np.frombuffer(lzma.decompress(arrays["pixels"].tobytes()), "uint8")
        yield from pixels.reshape(-1, *shape)
        return
    blob, start = lzma.decompress(arrays["pictures"].tobytes()), 0
    for end in arrays["ends"].tolist():
        with Image.open(io.BytesIO(blob[start:end])) as picture:
            image = np.asarray(picture.convert(_MODES[shape[-1]]))
        yield image.reshape(shape)
        start = end
