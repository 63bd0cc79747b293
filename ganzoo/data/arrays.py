"""One's own arrays: checked, and brought to uint8 pictures and int32 labels."""

import dataclasses
import warnings
from collections.abc import Mapping

import numpy as np

from ganzoo.data.content import Content
from ganzoo.data.pixels import fit_picture, fitted_shape
from ganzoo.errors import GanzooError

__all__ = ["fit", "read"]

_LAYOUTS = (
    "an array of images (N, H, W) or (N, H, W, C), a pair (images, labels), "
    "or a dict with 'image' and, if wanted, 'label' and other fields"
)
# Examples looked at together, so that checking a memory-mapped array needs little room.
_CHUNK = 1024


def read(source: object) -> Content:
    """Return arrays as content, without copying uint8 images.

    Images are uint8 in [0, 255], or floats in [-1, 1] that are rounded to uint8 (what
    uint8 / 127.5 - 1 gave comes back exactly); a fourth channel is transparency.
    Labels are whole numbers from 0, shaped (N,) or (N, 1).

    Raises:
        GanzooError: layout, type, shape, range or length is not as said, or a pixel is
            not finite.

    Example:
        >>> read((np.zeros((8, 28, 28), "uint8"), np.arange(8))).num_classes
        8
    """
    given = _by_name(source)
    images = _images(np.asanyarray(given.pop("image")))
    fields = {"image": images}
    num_classes = 0
    label = given.pop("label", None)
    if label is not None:
        fields["label"] = _labels(np.asarray(label), len(images))
        num_classes = int(fields["label"].max(initial=-1)) + 1
    fields |= {
        name: _field(name, np.asanyarray(values), len(images))
        for name, values in given.items()
    }
    return Content("arrays", fields, num_classes=num_classes)


def fit(content: Content, image_size: int = 0, channels: int = 0) -> Content:
    """Return `content` with its images (N, H, W, C) in the wanted size and channels."""
    images = content.fields["image"]
    shape = fitted_shape(images.shape[1:], image_size, channels)
    if shape == images.shape[1:]:
        return content
    fitted = np.empty((len(images), *shape), np.uint8)
    for place, image in enumerate(images):
        fitted[place] = fit_picture(image, image_size, channels)
    return dataclasses.replace(content, fields={**content.fields, "image": fitted})


def _by_name(source: object) -> dict[str, object]:
    if isinstance(source, Mapping):
        if "image" in source:
            return dict(source)
        received = f"a dict with the keys {sorted(map(str, source))}"
    elif isinstance(source, tuple | list) and len(source) == 2:
        return {"image": source[0], "label": source[1]}
    elif hasattr(source, "__array__"):
        return {"image": source}
    else:
        length = f" of {len(source)}" if isinstance(source, tuple | list) else ""
        received = f"a {type(source).__name__}{length}"
    raise GanzooError(
        f"this layout of arrays is unknown: received {received}. Accepted: {_LAYOUTS}. "
        "Name the images 'image', or give the path of a folder or the name of a data "
        "set as a string."
    )


def _images(images: np.ndarray) -> np.ndarray:
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or images.shape[-1] not in (1, 3, 4) or 0 in images.shape[1:]:
        raise GanzooError(
            "images must be 3-d (N, H, W) or 4-d (N, H, W, C) with C = 1 (grey), 3 "
            "(colour) or 4 (colour and transparency), received the shape "
            f"{images.shape if images.shape[-1:] != (1,) else images.shape[:-1]}. "
            "Move the channels last with numpy.moveaxis, or add a first axis for one "
            "image."
        )
    if images.dtype == np.uint8:
        return images
    if np.issubdtype(images.dtype, np.floating):
        return _from_floats(images)
    raise GanzooError(
        "images must be uint8 in [0, 255] or floats in [-1, 1], received the type "
        f"{images.dtype}. Convert them, for example with images.astype('uint8') where "
        "the values are 0 to 255."
    )


def _from_floats(images: np.ndarray) -> np.ndarray:
    low, high = _float_range(images)
    if len(images) and (low < -1 or high > 1):
        raise GanzooError(
            "float images must lie in [-1, 1], received values from "
            f"{low:g} to {high:g}. Convert them: x / 127.5 - 1 where black is 0 and "
            "white 255, x * 2 - 1 where white is 1."
        )
    if 0 <= low < high:
        warnings.warn(
            f"the float images range from {low:g} to {high:g}, and black is -1: if "
            "theirs is 0, give images * 2 - 1",
            stacklevel=4,
        )
    pixels = np.empty(images.shape, np.uint8)
    for start in range(0, len(images), _CHUNK):
        rows = slice(start, start + _CHUNK)
        pixels[rows] = np.rint((images[rows].astype(np.float32) + 1) * 127.5)
    return pixels


def _float_range(images: np.ndarray) -> tuple[float, float]:
    low, high = np.inf, -np.inf
    for start in range(0, len(images), _CHUNK):
        chunk = images[start : start + _CHUNK]
        finite = np.isfinite(chunk)
        if not finite.all():
            where = np.argwhere(~finite)[0]
            value = chunk[tuple(where)]
            where[0] += start
            raise GanzooError(
                f"images must be finite floats in [-1, 1], received {value} in image "
                f"{where[0]} at row {where[1]}, column {where[2]}, channel {where[3]}. "
                "Repair or remove that image, for example with numpy.nan_to_num."
            )
        low, high = min(low, chunk.min()), max(high, chunk.max())
    return float(low), float(high)


def _labels(labels: np.ndarray, count: int) -> np.ndarray:
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise GanzooError(
            "labels must be whole numbers, one per image in the shape (N,), received "
            f"the type {labels.dtype} and the shape {labels.shape}. Convert them with "
            "labels.astype('int32'), or numpy.argmax(labels, -1) if they are one-hot."
        )
    _check_length("label", labels, count)
    if count and (labels.min() < 0 or labels.max() > np.iinfo(np.int32).max):
        raise GanzooError(
            "labels must be whole numbers from 0 to below 2**31, received values from "
            f"{labels.min()} to {labels.max()}. Number the classes 0, 1, 2, ..., for "
            "example with numpy.unique(labels, return_inverse=True)[1]."
        )
    return labels.astype(np.int32)


def _field(name: str, values: np.ndarray, count: int) -> np.ndarray:
    if values.dtype.kind not in "biuf":
        raise GanzooError(
            f"field {name!r} must hold whole numbers, truth values or floats, received "
            f"the type {values.dtype}. Encode it as numbers, or leave it out."
        )
    _check_length(name, values, count)
    return values


def _check_length(name: str, values: np.ndarray, count: int) -> None:
    if values.ndim == 0 or len(values) != count:
        raise GanzooError(
            f"field {name!r} must have one value per image: there are {count} images, "
            f"received the shape {values.shape}. Cut both to the same examples."
        )
