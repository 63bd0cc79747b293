"""A folder of pictures: all in it, or one subfolder for each class."""

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

from ganzoo.data import cache
from ganzoo.data.content import Content
from ganzoo.data.pixels import fit_picture, fitted_shape
from ganzoo.data.storage import Plan
from ganzoo.errors import GanzooError

__all__ = ["EXTENSIONS", "opened", "pixels_of", "read"]

_KINDS = ".bmp, .gif, .jpeg, .jpg, .pbm, .pgm, .png, .ppm, .tif, .tiff, .webp"
EXTENSIONS = frozenset(_KINDS.split(", "))


class _Listing(NamedTuple):
    folder: Path
    class_names: tuple[str, ...]
    files: list[tuple[Path, int]]


def read(
    folder: Path, split: str = "train", image_size: int = 0, channels: int = 0
) -> Content:
    """Return the pictures of `folder`, decoded once and kept in the cache.

    Files lie either all in the folder itself (no labels), or in one subfolder for each
    class; the sorted names of the subfolders are classes 0, 1, .... Hidden files and
    files without an extension of a picture are passed over.

    All become colour if any is (a palette counts as colour), unless `channels` says
    otherwise; transparency is composited on white; pictures are turned as their EXIF
    orientation says; of an animation the first is taken.

    Raises:
        GanzooError: the folder is missing, empty or of mixed layout, a file cannot be
            read, or sizes differ and no image_size is given.
    """
    if split != "train":
        raise GanzooError(
            f"a folder of images is one split, 'train', received split {split!r}. Keep "
            "each split in a folder of its own and give that folder."
        )
    listing = _list(folder)
    key = {
        "source": "folder",
        "name": folder.resolve().name,
        "path": str(folder.resolve()),
        "listing": _fingerprint(listing),
        "image_size": image_size,
        "channels": channels,
    }
    return cache.fetch(key, lambda: _plan(listing, image_size, channels))


def _list(folder: Path) -> _Listing:
    if not folder.is_dir():
        kind = "a file" if folder.exists() else "nothing"
        raise GanzooError(
            f"there is no folder {str(folder)!r} (received a path to {kind}). Give an "
            "existing folder of images, or the name of a data set without slashes."
        )
    here = _pictures(folder)
    inside = {each: _pictures(each) for each in _visible(folder) if each.is_dir()}
    filled = [each for each, files in inside.items() if files]
    if here and filled:
        raise GanzooError(
            f"{str(folder)!r} mixes two layouts: images such as {here[0].name!r} "
            f"beside class folders such as {filled[0].name!r}. Accepted: all images in "
            "the folder itself, or all in one subfolder for each class. Move the "
            "images or the folders elsewhere."
        )
    if here:
        return _Listing(folder, (), [(file, -1) for file in here])
    _check_classes(folder, inside)
    files = [
        (file, label) for label, each in enumerate(filled) for file in inside[each]
    ]
    return _Listing(folder, tuple(each.name for each in filled), files)


def _check_classes(folder: Path, inside: dict[Path, list[Path]]) -> None:
    empty = [each.name for each, files in inside.items() if not files]
    if not inside or len(empty) == len(inside):
        found = f"subfolders without images: {', '.join(empty)}" if empty else "none"
        raise GanzooError(
            f"no images in {str(folder)!r} (received {found}). Accepted: files ending "
            f"in {_KINDS}, in the folder or in one subfolder for each class. If its "
            "subfolders are splits, give one of them."
        )
    if empty:
        raise GanzooError(
            f"class folder {empty[0]!r} in {str(folder)!r} has no images. Each class "
            f"folder needs at least one file ending in {_KINDS}, directly in it. "
            "Fill or remove the folder."
        )


def _visible(folder: Path) -> list[Path]:
    return sorted(each for each in folder.iterdir() if not each.name.startswith("."))


def _pictures(folder: Path) -> list[Path]:
    return [
        each
        for each in _visible(folder)
        if each.suffix.lower() in EXTENSIONS and each.is_file()
    ]


def _fingerprint(listing: _Listing) -> str:
    digest = hashlib.sha256()
    for file, label in listing.files:
        status = file.stat()
        name = file.relative_to(listing.folder).as_posix()
        digest.update(f"{name}\0{label}\0{status.st_size}\0".encode())
        digest.update(f"{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _plan(listing: _Listing, image_size: int, channels: int) -> Plan:
    shape, channels = _common_shape(listing, image_size, channels)
    columns = {"image": (shape, np.dtype(np.uint8))}
    if listing.class_names:
        columns["label"] = ((), np.dtype(np.int32))
    return Plan(
        name=listing.folder.resolve().name,
        count=len(listing.files),
        columns=columns,
        examples=_examples(listing, image_size, channels),
        label_names={"label": listing.class_names},
    )


def _common_shape(
    listing: _Listing, image_size: int, channels: int
) -> tuple[tuple[int, ...], int]:
    """Look at the head of every file for the (H, W, C) and the channels of all."""
    heads = [_head(file) for file, _ in listing.files]
    sizes = [size for size, _ in heads]
    if not image_size and len(set(sizes)) > 1:
        other = next(place for place, size in enumerate(sizes) if size != sizes[0])
        first, second = (listing.files[place][0].name for place in (0, other))
        raise GanzooError(
            f"the images in {str(listing.folder)!r} differ in size: {first!r} is "
            f"{_size(sizes[0])}, {second!r} is {_size(sizes[other])}. Give image_size, "
            "for example image_size=64, to cut out squares and resize them."
        )
    channels = channels or (3 if any(colour for _, colour in heads) else 1)
    return fitted_shape((*sizes[0], channels), image_size, channels), channels


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]} high and {size[1]} wide"


def _head(file: Path) -> tuple[tuple[int, int], bool]:
    """Return (height, width) and whether the picture has colour."""
    with opened(file) as image:
        turned = image.getexif().get(0x0112, 1) >= 5
        height, width = image.size if turned else image.size[::-1]
        return (height, width), image.mode not in ("1", "L", "LA") and not _deep(image)


def _examples(
    listing: _Listing, image_size: int, channels: int
) -> Iterator[dict[str, object]]:
    for file, label in listing.files:
        with opened(file) as image:
            pixels = pixels_of(ImageOps.exif_transpose(image))
        yield {"image": fit_picture(pixels, image_size, channels), "label": label}


@contextlib.contextmanager
def opened(file: Path) -> Iterator[Image.Image]:
    """Give the open image of a file.

    Raises: `GanzooError` for a file that is none, also if that shows while it is used.

    Example:
        >>> with opened(Path("cat.png")) as image:
        ...     pixels = pixels_of(image)
    """
    try:
        with Image.open(file) as image:
            yield image
    # Pillow's readers raise many kinds of error on damaged files.
    except Exception as error:
        raise GanzooError(
            f"image {str(file)!r} cannot be read: {error}. Whole, 8 or 16 bit images "
            f"ending in {_KINDS} are accepted. Repair or remove the file."
        ) from error


def pixels_of(image: Image.Image) -> np.ndarray:
    """Return uint8 (H, W, 1 | 3 | 4), the fourth channel being transparency."""
    if _deep(image):
        return (np.asarray(image) >> 8).astype(np.uint8)[..., None]
    if image.mode in ("I", "F"):
        raise ValueError(f"its pixels are of mode {image.mode}, not 8 or 16 bit")
    if image.has_transparency_data:
        return np.asarray(image.convert("RGBA"))
    if image.mode in ("1", "L"):
        return np.asarray(image.convert("L"))[..., None]
    return np.asarray(image.convert("RGB"))


def _deep(image: Image.Image) -> bool:
    return image.mode.startswith("I;16")
