"""One picture to the wanted size and channels, the same way for every source."""

import numpy as np
from PIL import Image

from ganzoo.errors import GanzooError

__all__ = ["centre_square", "fitted_shape", "fit_labels", "fit_picture"]


def fitted_shape(
    shape: tuple[int | None, ...], image_size: int, channels: int
) -> tuple[int | None, int | None, int | None]:
    """Return the (H, W, C) that `fit_picture` makes of a picture of `shape`."""
    height, width, found = shape
    side = (image_size, image_size) if image_size else (height, width)
    # Transparency is composited away, so four channels become three.
    return (*side, channels or (3 if found == 4 else found))


def fit_picture(
    image: np.ndarray, image_size: int = 0, channels: int = 0
) -> np.ndarray:
    """Return a uint8 picture (H, W, 1 | 3 | 4) in the wanted size and channels.

    A fourth channel is transparency and is composited on white. Colour becomes grey by
    ITU-R 601 luma, grey becomes colour by repetition. With `image_size`, the centre
    square is cut out and resized: reduced with Lanczos (antialiased), enlarged
    bicubically. A picture that is right already is returned as it is.

    Example:
        >>> fit_picture(np.zeros((28, 28, 1), "uint8"), 32, 3).shape
        (32, 32, 3)
    """
    image = _with_channels(image, channels)
    return _resize(centre_square(image), image_size) if image_size else image


def fit_labels(labels: np.ndarray, image_size: int = 0) -> np.ndarray:
    """Return a map of class numbers (H, W, C), cut and resized without mixing them."""
    if not image_size:
        return labels
    square = centre_square(labels)
    # The centre of each new pixel says which old one it is.
    pick = (np.arange(image_size) + 0.5) * (len(square) / image_size)
    pick = pick.astype(int)
    return square[pick][:, pick]


def centre_square(image: np.ndarray) -> np.ndarray:
    """Return the largest square (S, S, C) from the middle of a picture (H, W, C)."""
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return image[top : top + side, left : left + side]


def _with_channels(image: np.ndarray, channels: int) -> np.ndarray:
    found = image.shape[-1]
    if found not in (1, 3, 4):
        raise GanzooError(
            "a picture needs 1 channel (grey), 3 (colour) or 4 (colour and "
            f"transparency), received {found} (shape {image.shape}). "
            "Select or combine channels first."
        )
    if found == 4:
        image = _on_white(image)
    if channels in (0, image.shape[-1]):
        return image
    if channels == 3:
        return np.repeat(image, 3, axis=-1)
    return np.asarray(Image.fromarray(image).convert("L"))[..., None]


def _on_white(image: np.ndarray) -> np.ndarray:
    picture = Image.fromarray(np.ascontiguousarray(image))
    white = Image.new("RGBA", picture.size, "white")
    return np.asarray(Image.alpha_composite(white, picture).convert("RGB"))


def _resize(square: np.ndarray, size: int) -> np.ndarray:
    if len(square) == size:
        return square
    filters = Image.Resampling
    kind = filters.LANCZOS if size < len(square) else filters.BICUBIC
    grey = square.shape[-1] == 1
    picture = Image.fromarray(np.ascontiguousarray(square[..., 0] if grey else square))
    resized = np.asarray(picture.resize((size, size), kind))
    return resized[..., None] if grey else resized
