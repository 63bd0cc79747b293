"""Grids and films of pictures."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from ganzoo import files

__all__ = ["contact_sheet", "grid", "save_film", "save_grid"]

_SHEET = 360  # pixels across a grid that stands among others


def grid(images: np.ndarray, columns: int = 0) -> np.ndarray:
    """Return uint8 images (n, h, w, c) as one picture (rows * h, columns * w, c).

    By default the grid is about square; places left over are white.

    Example:
        >>> grid(np.zeros((6, 8, 8, 3), "uint8"), columns=3).shape
        (16, 24, 3)
    """
    count, height, width, channels = images.shape
    columns = columns or int(np.ceil(np.sqrt(count)))
    rows = -(-count // columns)
    full = np.full((rows * columns, height, width, channels), 255, "uint8")
    full[:count] = images
    full = full.reshape(rows, columns, height, width, channels)
    return full.transpose(0, 2, 1, 3, 4).reshape(rows * height, columns * width, -1)


def save_grid(
    path: str | Path, images: np.ndarray, columns: int = 0, scale: int = 0
) -> Path:
    """Write uint8 images (n, h, w, c) as a PNG grid, enlarged by a whole number.

    By default small pictures are enlarged to about 64 pixels. Returns the path.
    """
    picture = _picture(grid(images, columns), scale or _default_scale(images))
    with files.replacing(path) as temporary:
        picture.save(temporary, format="PNG", optimize=True)
    return Path(path)


def save_film(
    path: str | Path,
    frames: Sequence[str | Path],
    seconds: float = 8.0,
    pause: float = 2.0,
) -> Path:
    """Write picture files as an endless GIF; the last one stays for `pause` seconds."""
    pictures = [_indexed(frame) for frame in frames]
    each = max(40, int(1000 * seconds / max(len(pictures), 1)))
    durations = [each] * (len(pictures) - 1) + [max(each, int(1000 * pause))]
    with files.replacing(path) as temporary:
        pictures[0].save(
            temporary,
            format="GIF",
            save_all=True,
            append_images=pictures[1:],
            duration=durations,
            loop=0,
        )
    return Path(path)


def _indexed(frame):
    with Image.open(frame) as picture:
        return picture.quantize(64)


def _picture(array, scale):
    picture = Image.fromarray(array[..., 0] if array.shape[-1] == 1 else array)
    size = (picture.width * scale, picture.height * scale)
    return picture.resize(size, Image.Resampling.NEAREST)


def _default_scale(images):
    return max(1, round(64 / images.shape[2]))


def contact_sheet(grids: Mapping[str, Path], columns: int = 3) -> bytes | None:
    """Return one PNG of picture files with their labels, None where there is none.

    Example:
        >>> contact_sheet({"dcgan seed 0": Path("samples.png")})
    """
    tiles = [_tile(label, path) for label, path in grids.items() if path.exists()]
    if not tiles:
        return None
    width = max(tile.width for tile in tiles) + 8
    height = max(tile.height for tile in tiles) + 8
    rows = -(-len(tiles) // columns)
    size = (width * min(columns, len(tiles)), height * rows)
    sheet = Image.new("RGB", size, "white")
    for place, tile in enumerate(tiles):
        sheet.paste(tile, (place % columns * width, place // columns * height))
    return _png(sheet)


def _tile(label, path):
    with Image.open(path) as picture:
        grid = picture.convert("RGB")
    size = (_SHEET, round(_SHEET * grid.height / grid.width))
    grid = grid.resize(size, Image.Resampling.LANCZOS)
    tile = Image.new("RGB", (_SHEET, grid.height + 16), "white")
    tile.paste(grid, (0, 16))
    ImageDraw.Draw(tile).text((2, 2), label, fill="black")
    return tile


def _png(picture):
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
