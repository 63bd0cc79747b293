"""tensorflow-datasets: a split is decoded once and read without TensorFlow after."""

import contextlib
import difflib
import importlib
import os
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from ganzoo.data import cache, embedded, prepared
from ganzoo.data.content import Content
from ganzoo.data.pixels import fit_labels, fit_picture, fitted_shape
from ganzoo.data.prepared import Reference
from ganzoo.data.storage import Plan
from ganzoo.errors import GanzooError, unknown

__all__ = ["read"]


class _Feature(NamedTuple):
    """One leaf of a data set's features, and what becomes of it."""

    path: tuple[str, ...]
    kind: str  # "picture", "map", "number", "text", or "" where it is left out
    shape: tuple[int | None, ...] = ()
    dtype: np.dtype = np.dtype(np.uint8)
    names: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return "/".join(self.path)


def read(
    text: str, split: str = "train", image_size: int = 0, channels: int = 0
) -> Content:
    """Return a split of the data set `text`: "name", "name/config", "name:1.0.0".

    Looked for in this order: the prepared folders of GANZOO_DATA and the download
    folder, what was decoded before, and tensorflow-datasets' own download. `split` is
    any of its expressions, such as "train[:10%]" or "train+test".

    Fixed-size numbers and pictures keep their names, nested ones joined by "/"; strings
    go to `texts`; what has no fixed shape is left out, and so is a `label` that is -1
    somewhere. With `image_size`, maps of class numbers are resized by nearest
    neighbour, pictures as in `pixels.fit_picture`.

    Raises:
        GanzooError: name, config, version or split is unknown, there is no feature
            "image", sizes differ and no image_size is given, or the data are neither
            here nor can they be downloaded.
    """
    wanted = prepared.parse(text)
    request = {"split": split, "image_size": image_size, "channels": channels}
    found = prepared.find(wanted)
    if found is not None:
        exact, folder = found
        key = _key(exact, request)
        return cache.fetch(key, lambda: _plan(_open(folder), exact, **request))
    decoded = cache.find(_key(wanted, request), wanted.version or "*")
    if decoded is not None:
        exact = wanted._replace(version=str(decoded["version"]))
        return cache.fetch(decoded, lambda: _plan(_download(exact), exact, **request))
    builder, exact = _builder(wanted)
    return cache.fetch(
        _key(exact, request), lambda: _plan(_download(exact, builder), exact, **request)
    )


def _key(dataset: Reference, request: dict[str, object]) -> dict[str, object]:
    return {"source": "tensorflow-datasets", **dataset._asdict(), **request}


def _tfds() -> ModuleType:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        return importlib.import_module("tensorflow_datasets")
    except ImportError as error:
        raise _not_installed(error) from error


def _not_installed(error: ImportError) -> GanzooError:
    here = ", ".join([embedded.NAME, *prepared.names()])
    return GanzooError(
        "the data set is not decoded yet, and decoding needs tensorflow and "
        f"tensorflow-datasets, which cannot be imported ({error}). Ready or prepared "
        f"here: {here}. Install them (pip install tensorflow tensorflow-datasets "
        "importlib_resources), or decode it on another machine and copy the folder "
        f"'data' of its cache to {cache.root()}."
    )


def _open(folder: os.PathLike) -> Any:
    tfds = _tfds()
    try:
        return tfds.builder_from_directory(folder)
    except Exception as error:
        raise GanzooError(
            f"the prepared data set in {folder} cannot be opened: {error}. A folder "
            "that tensorflow-datasets wrote is needed; prepare it again."
        ) from error


def _builder(wanted: Reference) -> tuple[Any, Reference]:
    """Return tensorflow-datasets' builder of a data set that is not here yet."""
    tfds = _tfds()
    known = tfds.list_builders(with_community_datasets=False)
    if wanted.name not in known:
        raise _unknown(wanted, known)
    name = f"{wanted.title}:{wanted.version}" if wanted.version else wanted.title
    try:
        builder = tfds.builder(name, data_dir=prepared.downloads())
    except Exception as error:
        raise GanzooError(
            f"tensorflow-datasets cannot provide {name!r}: {error}. "
            f"{prepared.hint(wanted.name)} "
            f"Leave config and version away for the default of {wanted.name!r}."
        ) from error
    config = builder.builder_config.name if builder.builder_config else ""
    return builder, Reference(wanted.name, config, str(builder.version))


def _unknown(wanted: Reference, known: list[str]) -> GanzooError:
    # Hundreds of names are known: only the near ones are worth printing.
    near = difflib.get_close_matches(wanted.name, known, n=3, cutoff=0.6)
    hint = "Also any name of tensorflow_datasets.list_builders()."
    if os.path.isdir(wanted.title):
        hint += f" For the folder of that name, write './{wanted.title}'."
    return unknown(
        "data set", wanted.title, {embedded.NAME, *prepared.names(), *near}, hint
    )


def _download(exact: Reference, builder: Any = None) -> Any:
    builder = builder or _builder(exact)[0]
    if os.environ.get("GANZOO_OFFLINE", "0") not in ("", "0"):
        raise GanzooError(
            f"data set {exact.title!r} would have to be downloaded, and "
            f"GANZOO_OFFLINE is set. {prepared.hint()} Unset GANZOO_OFFLINE, or point "
            "GANZOO_DATA at a folder in which it is prepared."
        )
    try:
        # Its messages and bars are for a person; standard output is for results.
        with contextlib.redirect_stdout(sys.stderr):
            builder.download_and_prepare()
    except ImportError as error:
        raise _not_installed(error) from error
    except Exception as error:
        raise GanzooError(
            f"data set {exact.title!r} could not be downloaded and prepared: {error}. "
            "Connect to the network and try again, or point GANZOO_DATA at a folder in "
            "which tensorflow-datasets has prepared it."
        ) from error
    return builder


def _plan(
    builder: Any, exact: Reference, split: str, image_size: int, channels: int
) -> Plan:
    features = [
        _fitted(feature, image_size, channels) for feature in _features(builder)
    ]
    _check_image(exact, features, image_size)
    kept = [each for each in features if each.kind and None not in each.shape]
    arrays = [each for each in kept if each.kind != "text"]
    return Plan(
        name=exact.title,
        count=_count(builder, exact, split),
        columns={each.name: (each.shape, each.dtype) for each in arrays},
        examples=_examples(builder, exact, split, kept, image_size, channels),
        texts=tuple(each.name for each in kept if each.kind == "text"),
        pictures=tuple(each.name for each in kept if each.kind == "picture"),
        label_names={each.name: each.names for each in arrays if each.names},
        left_out=tuple(each.name for each in features if each not in kept),
        version=exact.version,
        split=split,
    )


def _count(builder: Any, exact: Reference, split: str) -> int:
    try:
        return builder.info.splits[split].num_examples
    except (ValueError, KeyError, AssertionError) as error:
        have = ", ".join(f"{name!r}" for name in builder.info.splits)
        raise GanzooError(
            f"{exact.title!r} has no split {split!r} ({str(error).splitlines()[0]}). "
            f"Accepted: {have}, slices such as 'train[:10%]', sums such as "
            "'train+test'."
        ) from error


def _features(builder: Any) -> list[_Feature]:
    """Return all leaves: `image` and `label` first, the rest by name."""
    tfds = _tfds()
    features = [
        _feature(tfds, path, feature)
        for path, feature in _leaves(tfds, builder.info.features, ())
    ]
    return sorted(
        features,
        key=lambda each: (each.name != "image", each.name != "label", each.name),
    )


def _leaves(tfds: ModuleType, feature: Any, path: tuple) -> Iterator[tuple]:
    if isinstance(feature, tfds.features.FeaturesDict):
        for name, inner in feature.items():
            yield from _leaves(tfds, inner, (*path, name))
    else:
        yield path, feature


def _feature(tfds: ModuleType, path: tuple[str, ...], feature: Any) -> _Feature:
    info = feature.get_tensor_info()
    if not isinstance(info, tfds.features.TensorInfo):
        return _Feature(path, "")
    shape, dtype = info.shape, np.dtype(info.np_dtype)
    if isinstance(feature, tfds.features.ClassLabel):
        names = tuple(feature.names) if feature.num_classes else ()
        return _Feature(path, "number", shape, np.dtype(np.int32), names)
    if dtype.kind in "OSU":
        return _Feature(path, "" if shape else "text")
    if path == ("label",) and (shape or dtype.kind not in "iu"):
        return _Feature(path, "")
    return _Feature(path, _kind(tfds, path, feature, shape, dtype), shape, dtype)


def _kind(
    tfds: ModuleType, path: tuple[str, ...], feature: Any, shape: tuple, dtype: np.dtype
) -> str:
    is_image = isinstance(feature, tfds.features.Image) or path == ("image",)
    if isinstance(feature, tfds.features.LabeledImage):
        return "map"
    if is_image and dtype == np.uint8 and len(shape) == 3:
        return "picture"
    return "number" if dtype.kind in "biuf" else ""


def _fitted(feature: _Feature, image_size: int, channels: int) -> _Feature:
    """Return the feature with the shape that it will have on disk."""
    shape = feature.shape
    if feature.kind == "picture":
        shape = fitted_shape(shape, image_size, channels)
    if feature.kind == "map":
        shape = fitted_shape(shape, image_size, shape[-1])
    dtype = np.dtype(np.int32) if feature.name == "label" else feature.dtype
    return feature._replace(shape=shape, dtype=dtype)


def _check_image(exact: Reference, features: list[_Feature], image_size: int) -> None:
    image = next((each for each in features if each.name == "image"), None)
    if image is None or image.kind != "picture":
        found = f"of type {image.dtype} and shape {image.shape}" if image else "missing"
        names = ", ".join(sorted(each.name for each in features))
        raise GanzooError(
            f"data set {exact.title!r} needs a feature 'image' of uint8 (H, W, C), "
            f"received one that is {found}; its features: {names}. Choose another data "
            "set, or load it yourself and give the arrays."
        )
    if None in image.shape:
        height, width, channels = image.shape
        needed = [] if image_size else ["image_size, for example image_size=64"]
        needed += [] if channels else ["channels=1 (grey) or channels=3 (colour)"]
        raise GanzooError(
            f"the images of {exact.title!r} have no fixed shape: received (H, W, C) = "
            f"{(height, width, channels)}, and all of a batch must have one. Give "
            f"{' and '.join(needed)}."
        )


def _examples(
    builder: Any,
    exact: Reference,
    split: str,
    features: list[_Feature],
    image_size: int,
    channels: int,
) -> Iterator[dict[str, object]]:
    for example in _raw_examples(builder, exact, split):
        yield {
            each.name: _value(example, each, image_size, channels) for each in features
        }


def _raw_examples(builder: Any, exact: Reference, split: str) -> Iterator[dict]:
    tfds = _tfds()
    # File order, and no copy of the split in memory.
    config = tfds.ReadConfig(try_autocache=False, interleave_cycle_length=1)
    try:
        data = builder.as_dataset(split=split, shuffle_files=False, read_config=config)
        yield from tfds.as_numpy(data)
    except ImportError as error:
        raise _not_installed(error) from error
    except GanzooError:
        raise
    except Exception as error:
        raise GanzooError(
            f"data set {exact.title!r} cannot be read from {builder.data_dir}: "
            f"{error}. Whole files are needed: remove that folder and prepare the data "
            "set again."
        ) from error


def _value(
    example: dict, feature: _Feature, image_size: int, channels: int
) -> np.ndarray | str:
    value: Any = example
    for name in feature.path:
        value = value[name]
    if feature.kind == "text":
        return value.decode("utf-8", "replace")
    if feature.kind == "picture":
        return fit_picture(value, image_size, channels)
    return fit_labels(value, image_size) if feature.kind == "map" else value
