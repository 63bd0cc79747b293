"""One decoded split as a folder: an .npy file per field, texts.json, and meta.json."""

import contextlib
import dataclasses
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import quote

import numpy as np
from tqdm import tqdm

from ganzoo.data.content import Content
from ganzoo.errors import GanzooError

__all__ = ["FORMAT", "Plan", "read", "read_key", "write"]

# A folder written with another number is decoded again.
FORMAT = 1
_META = "meta.json"
_TEXTS = "texts.json"


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a source promises before it is decoded.

    `columns` gives the shape and type of one example of each array, `texts` the names
    of the strings, and `examples` yields `count` dicts that hold both.
    `label_names` has the class names of every field of class numbers that has some.
    """

    name: str
    count: int
    columns: Mapping[str, tuple[tuple[int, ...], np.dtype]]
    examples: Iterable[Mapping[str, object]]
    texts: tuple[str, ...] = ()
    pictures: tuple[str, ...] = ("image",)
    label_names: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    version: str = ""
    split: str = "train"


class _Column:
    """An .npy file that grows example by example.

    Plain writes, not a memory map: a full disk is then an error and not a dead process.
    """

    def __init__(self, path: Path, count: int, shape: tuple[int, ...], dtype: np.dtype):
        self.path, self.shape, self.dtype = path, tuple(shape), np.dtype(dtype)
        self._file = path.open("wb")
        header = {
            "descr": np.lib.format.dtype_to_descr(self.dtype),
            "fortran_order": False,
            "shape": (count, *self.shape),
        }
        np.lib.format.write_array_header_1_0(self._file, header)

    def __enter__(self) -> "_Column":
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def add(self, value: object) -> None:
        value = np.asarray(value, self.dtype)
        if value.shape != self.shape:
            raise GanzooError(
                f"field {self.path.stem!r}: every example must have the shape "
                f"{self.shape}, received {value.shape}. Give image_size to bring "
                "pictures to one size."
            )
        self._file.write(value.tobytes())


def write(plan: Plan, folder: Path, key: Mapping[str, object]) -> None:
    """Decode `plan` into the new `folder`; meta.json comes last and makes it whole.

    Raises:
        GanzooError: there is no example, or their number or shapes are not as promised.
        OSError: the disk is full or read-only.
    """
    if plan.count < 1:
        raise GanzooError(
            f"{plan.name!r} has no examples in split {plan.split!r}; at least one is "
            "needed. Choose another split or a wider slice."
        )
    folder.mkdir(parents=True)
    texts = _write_examples(plan, folder)
    (folder / _TEXTS).write_text(json.dumps(texts, ensure_ascii=False), "utf-8")
    meta = json.dumps(_describe(plan, folder, key), ensure_ascii=False, indent=1)
    (folder / _META).write_text(meta, "utf-8")


def read(folder: Path) -> Content:
    """Open a folder that `write` made; the arrays are memory-mapped.

    Raises:
        OSError, ValueError, KeyError, TypeError: it is missing, incomplete or damaged.
    """
    meta = _read_meta(folder)
    if (folder / _TEXTS).stat().st_size != meta["texts_bytes"]:
        raise ValueError(f"{folder / _TEXTS} has another size than written")
    return Content(
        name=meta["name"],
        fields={name: _open(folder, each) for name, each in meta["fields"].items()},
        class_names=tuple(meta["label_names"].get("label", ())),
        num_classes=meta["num_classes"],
        pictures=tuple(meta["pictures"]),
        texts=lambda: json.loads((folder / _TEXTS).read_text("utf-8")),
        version=meta["version"],
        split=meta["split"],
    )


def read_key(folder: Path) -> dict[str, object]:
    """Return the key that a folder was written for; raises as `read` does."""
    return dict(_read_meta(folder)["key"])


def _write_examples(plan: Plan, folder: Path) -> dict[str, list[str]]:
    texts: dict[str, list[str]] = {name: [] for name in plan.texts}
    found = 0
    with contextlib.ExitStack() as stack:
        columns = {
            name: stack.enter_context(
                _Column(folder / _file_name(name), plan.count, *column)
            )
            for name, column in plan.columns.items()
        }
        title = f"decoding {plan.name} {plan.split}"
        for example in tqdm(
            plan.examples, title, plan.count, unit=" examples", mininterval=0.5
        ):
            for name, column in columns.items():
                column.add(example[name])
            for name, strings in texts.items():
                strings.append(example[name])
            found += 1
    if found != plan.count:
        raise GanzooError(
            f"{plan.name!r} announces {plan.count} examples in split {plan.split!r}, "
            f"but {found} were read. Its files are incomplete: prepare it again."
        )
    return texts


def _describe(plan: Plan, folder: Path, key: Mapping[str, object]) -> dict:
    columns, num_classes = _labelled(plan, folder)
    return {
        "format": FORMAT,
        "key": dict(key),
        "name": plan.name,
        "version": plan.version,
        "split": plan.split,
        "num_examples": plan.count,
        "num_classes": num_classes,
        "fields": {
            name: {
                "file": _file_name(name),
                "shape": [plan.count, *shape],
                "dtype": np.dtype(dtype).name,
                "bytes": (folder / _file_name(name)).stat().st_size,
            }
            for name, (shape, dtype) in columns.items()
        },
        "label_names": {
            name: list(names)
            for name, names in plan.label_names.items()
            if name in columns
        },
        "pictures": [name for name in plan.pictures if name in columns],
        "texts": list(plan.texts),
        "texts_bytes": (folder / _TEXTS).stat().st_size,
        "left_out": sorted({*plan.left_out, *plan.columns} - {*columns}),
    }


def _labelled(plan: Plan, folder: Path) -> tuple[dict, int]:
    """Return the columns to keep and the number of classes of `label`."""
    columns = dict(plan.columns)
    if "label" not in columns:
        return columns, 0
    path = folder / _file_name("label")
    labels = np.load(path)
    if labels.min() < 0:
        # Splits without labels carry -1, which no network can look up.
        path.unlink()
        del columns["label"]
        return columns, 0
    return columns, len(plan.label_names.get("label", ())) or int(labels.max()) + 1


def _file_name(field: str) -> str:
    return quote(field, safe="") + ".npy"


def _read_meta(folder: Path) -> dict:
    meta = json.loads((folder / _META).read_text("utf-8"))
    if meta["format"] != FORMAT:
        raise ValueError(f"{folder} has format {meta['format']}, not {FORMAT}")
    return meta


def _open(folder: Path, described: Mapping[str, object]) -> np.ndarray:
    path = folder / str(described["file"])
    array = np.load(path, mmap_mode="r")
    found = (list(array.shape), array.dtype.name, path.stat().st_size)
    if found != (described["shape"], described["dtype"], described["bytes"]):
        raise ValueError(f"{path} is not as it was written")
    return array
