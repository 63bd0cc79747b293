"""`load`: from the name of a source to batches."""

import os
from pathlib import Path

from ganzoo.data import arrays, datasets, embedded, folders
from ganzoo.data.content import Content, whole_number
from ganzoo.data.images import Images
from ganzoo.errors import GanzooError

__all__ = ["load"]


def load(
    source: object,
    split: str = "train",
    *,
    image_size: int = 0,
    channels: int = 0,
    batch_size: int = 64,
    seed: int = 0,
) -> Images:
    """Return the pictures of `source` in batches whose order is set by `seed`.

    Args:
        source: "fashion_mini" (in the package), a name of tensorflow-datasets such as
            "mnist", "name/config" or "name:1.0.0", the path of a folder of images (a
            Path, or a string that starts with "/", "./", "../" or "~"), an array of
            images, a pair (images, labels) or a dict of arrays.
        split: "train", or any expression of tensorflow-datasets ("test",
            "train[:10%]"); folders and arrays are one split, "train".
        image_size: height and width in pixels; the centre square is cut out and
            resized, also enlarged (28 to 32, for example). 0 keeps the size.
        channels: 1 (grey) or 3 (colour); 0 keeps what is there.
        batch_size: examples in a batch, at most those of the split.
        seed: whole number from 0; sets the order.

    Data sets and folders are decoded once, with progress, into the cache folder
    (GANZOO_HOME); a second load opens that and needs no TensorFlow.

    Raises:
        GanzooError: source or split is unknown, or the data are not as accepted.

    Example:
        >>> images = load("fashion_mini", batch_size=32)
        >>> images.batch_at(0)["label"].shape
        (32,)
    """
    whole_number("batch_size", batch_size, 1)
    whole_number("seed", seed, 0)
    size = whole_number("image_size", image_size, 0)
    if channels not in (0, 1, 3):
        raise GanzooError(
            "channels must be 1 (grey), 3 (colour) or 0 (as they are), received "
            f"{channels!r}. Give channels=1 or channels=3."
        )
    if not isinstance(split, str):
        raise GanzooError(
            "split must be a string such as 'train', 'test' or 'train[:10%]', received "
            f"{split!r}. Write it as text."
        )
    content = _read(source, split, size, int(channels))
    return Images(content, batch_size=batch_size, seed=seed)


def _read(source: object, split: str, image_size: int, channels: int) -> Content:
    if isinstance(source, os.PathLike) or _is_path(source):
        folder = Path(source).expanduser()
        return folders.read(folder, split, image_size, channels)
    if isinstance(source, str):
        if source == embedded.NAME:
            return arrays.fit(embedded.read(split), image_size, channels)
        return datasets.read(source, split, image_size, channels)
    if split != "train":
        raise GanzooError(
            f"arrays are one split, 'train', received split {split!r}. Select the "
            "examples yourself, for example images[:1000], and leave split away."
        )
    return arrays.fit(arrays.read(source), image_size, channels)


def _is_path(source: object) -> bool:
    """Tell a path from a name by its spelling alone, whatever folders there are."""
    return isinstance(source, str) and (
        source.startswith((".", "~")) or source.endswith("/") or os.path.isabs(source)
    )
