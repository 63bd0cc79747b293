"""From seeds to latents, from latents to pictures, from pictures to files."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ganzoo import pictures, sampling
from ganzoo.checks import inputs_of
from ganzoo.errors import GanzooError

__all__ = [
    "checked_seeds",
    "draw",
    "draw_told",
    "inputs",
    "latents_of",
    "save",
    "told_of",
]

_FILM_WIDTH = 192  # pixels across a film that shows one picture
_IN_A_ROW = 5  # pictures of a film that stand in one row; more are a square


def draw(
    gan,
    latents: np.ndarray,
    labels: Sequence[Any] | None = None,
    text: Sequence[str] | str | None = None,
) -> np.ndarray:
    """Return uint8 pictures (n, height, width, channels) of latents (n, latent_dim).

    Labels, or texts, are one for all or one a picture; by default the first class, or
    the first of the texts that the model shows by itself.

    Raises: `GanzooError` for latents of another length, labels that are not there,
        texts that cannot be read.

    Example:
        >>> draw(ganzoo.load("dcgan"), np.zeros((1, 100))).shape
        (1, 28, 28, 1)
    """
    latents = np.asarray(latents, "float32")
    if latents.ndim != 2 or latents.shape[1] != gan.latent_dim or not len(latents):
        raise GanzooError(
            f"{gan.name!r} draws latents of shape (n, {gan.latent_dim}), received "
            f"{latents.shape}. A single one is latent[None]."
        )
    return draw_told(gan, latents, told_of(gan, len(latents), labels, text))


def draw_told(gan, latents: np.ndarray, told: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return uint8 pictures of latents (n, latent_dim), told what `told_of` gives."""
    images = sampling.run(gan.generator_ema, inputs(gan, latents, told))
    return sampling.to_uint8(images)


def inputs(gan, latents: Any, told: Mapping[str, Any]) -> dict[str, Any]:
    """Return the generator's inputs: latents, and what it is told beside them."""
    known = {"latents": latents, **told}
    return {name: known[name] for name in inputs_of(gan.generator_ema)}


def told_of(
    gan, count: int, labels: Any = None, text: Any = None
) -> dict[str, np.ndarray]:
    """Return what the generator is told beside latents: {} for one that is told none.

    "label" (count,), class numbers, or "sentence" (count, dims), vectors of texts; one
    for all or one each.

    Raises: `GanzooError` for labels that the model has not, texts that it cannot read.
    """
    if labels is None and gan.num_classes:
        labels = [0]
    if text is None and gan.told_text:
        text = gan.captions[:1]
    return gan.asked(count, labels, text)[1]


def latents_of(gan, seeds: Sequence[int]) -> np.ndarray:
    """Return latents (n, latent_dim): what `gan.generate(1, seed=...)` starts from."""
    draws = [sampling.draw_latents(gan, 1, np.random.default_rng(s)) for s in seeds]
    return np.concatenate(draws)


def checked_seeds(seeds: int | Sequence[int], least: int = 1) -> list[int]:
    """Return seeds as a list, or raise `GanzooError` unless all are such numbers."""
    found = [seeds] if isinstance(seeds, (int, np.integer)) else list(seeds)
    whole = (isinstance(s, (int, np.integer)) and s >= 0 for s in found)
    if len(found) < least or not all(whole):
        raise GanzooError(
            f"seeds are {least} or more whole numbers from 0 on, received {seeds!r}."
        )
    return [int(seed) for seed in found]


# --------------------------------------------------------------------------- files


def save(
    path: str | Path,
    images: np.ndarray,
    columns: int = 0,
    *,
    seconds: float = 0.0,
    back: bool = True,
) -> Path:
    """Write pictures as a grid (.png) or as a film (.gif); return the path.

    uint8 (n, height, width, channels) is a grid of that many columns, or a film of n
    frames. (rows, columns, height, width, channels), as `walk` gives it, is that grid;
    or a film in which its columns pass, the rows beside each other.

    Args:
        path: ends in .png or .gif.
        images: of either shape.
        columns: of a grid whose shape does not say it; about square by default.
        seconds: length of a film, by default a tenth of a second a frame.
        back: whether a film of rows and columns goes back to its first column.

    Raises: `GanzooError` for another ending, and where the file cannot be written.

    Example:
        >>> save("walk.gif", walk(gan, found.vectors[0], seeds=(0, 1, 2, 3)))
    """
    path, rows = Path(path), images.ndim == 5
    if path.suffix.lower() not in (".png", ".gif"):
        raise GanzooError(f"pictures are written as .png or .gif, received {path}.")
    if path.suffix.lower() == ".gif":
        frames = _frames(images, back) if rows else images[:, None]
        return _film(path, frames, columns, seconds or len(frames) / 10)
    if rows:
        columns = images.shape[1]
        images = images.reshape(-1, *images.shape[2:])
    return pictures.save_grid(path, images, columns=columns)


def _frames(rows, back):
    """(rows, columns, ...) -> frames (columns, rows, ...), and back if so wished."""
    there = np.swapaxes(rows, 0, 1)
    return np.concatenate([there, there[-2:0:-1]]) if back else there


def _film(path, frames, columns, seconds):
    """Frames (n, pictures, height, width, channels) as a GIF."""
    count = frames.shape[1]
    scale = max(1, round(_FILM_WIDTH / frames.shape[3])) if count == 1 else 0
    columns = columns or (count if count <= _IN_A_ROW else 0)
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{i:05d}.png" for i in range(len(frames))]
        for file, images in zip(files, frames, strict=True):
            pictures.save_grid(file, images, columns=columns, scale=scale)
        return pictures.save_film(path, files, seconds, pause=0)
