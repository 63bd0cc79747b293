"""Grids and films of pictures."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ganzoo import files

__all__ = [
    "captioned",
    "contact_sheet",
    "grid",
    "save_film",
    "save_grid",
]

_SHEET = 360  # pixels across a grid that stands among others
_CAPTIONED = 96  # pixels across a picture with a text below it
_LINE, _MOST = 13, 4  # height of a line of text, and how many there are at most


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
    path: str | Path,
    images: np.ndarray,
    columns: int = 0,
    scale: int = 0,
    texts: Sequence[str] = (),
) -> Path:
    """Write uint8 images (n, h, w, c) as a PNG grid, enlarged by a whole number.

    By default small pictures are enlarged to about 64 pixels. With texts, which take
    turns, each picture has its own below it: see `captioned`. Returns the path.
    """
    if len(texts):
        picture = captioned(images, texts, columns, scale)
    else:
        picture = _picture(grid(images, columns), scale or _default_scale(images))
    with files.replacing(path) as temporary:
        picture.save(temporary, format="PNG", optimize=True)
    return Path(path)


def captioned(
    images: np.ndarray, texts: Sequence[str], columns: int = 0, scale: int = 0
) -> Image.Image:
    """Return a grid of uint8 images (n, h, w, c), each with its text below it.

    Texts take turns. They are broken into lines as wide as a picture; what needs more
    than four is cut.

    Example:
        >>> captioned(images, ["red apple", "green apple"], columns=2)
    """
    count, height, width, _ = images.shape
    scale = scale or max(1, round(_CAPTIONED / width))
    columns = columns or int(np.ceil(np.sqrt(count)))
    font = ImageFont.load_default(11)
    broken = [_broken(text, font, scale * width - 4) for text in texts]
    lines = [broken[place % len(broken)] for place in range(count)]
    size = (scale * width + 4, scale * height + 4 + _LINE * max(map(len, lines)))
    rows = -(-count // columns)
    sheet = Image.new("RGB", (columns * size[0], rows * size[1]), "white")
    pen = ImageDraw.Draw(sheet)
    for place, image in enumerate(images):
        left, top = place % columns * size[0] + 2, place // columns * size[1] + 2
        sheet.paste(_picture(image, scale), (left, top))
        for number, line in enumerate(lines[place]):
            below = top + scale * height + _LINE * number
            pen.text((left, below), line, fill="black", font=font)
    return sheet


def _broken(text, font, width):
    """The text as lines of at most that width, at most four."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    while font.getlength(lines[0]) > width and len(lines[0]) > 1:
        lines[0] = lines[0][:-1]
    return (
        lines if len(lines) <= _MOST else [*lines[: _MOST - 1], lines[_MOST - 1] + "…"]
    )


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
