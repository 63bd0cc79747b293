"""Which latent draws this picture? Found by descent from several random ones."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops
from PIL import Image, ImageOps

from ganzoo import backends, sampling
from ganzoo.checks import check_positive
from ganzoo.data import folders
from ganzoo.data.pixels import fit_picture
from ganzoo.errors import GanzooError
from ganzoo.latents.drawing import draw_told, inputs, told_of

__all__ = ["Projection", "project", "to_target"]

_RATE = 0.1  # of Adam at its start; it falls to 0 along a cosine
_PRIOR = 0.01  # weight of the normal latents' prior beside the distance
_COARSEST = 4  # pixels of the shorter side below which nothing is averaged further


@dataclass(frozen=True)
class Projection:
    """The latent that draws the picture nearest to a given one.

    Attributes:
        latent: float32 (latent_dim,).
        label: class number, None for a model without labels.
        told: what the generator was told beside the latent, one row each.
        picture: what it draws, uint8 (height, width, channels).
        target: the given picture as the model could have drawn it, of the same shape.
        distance: of the two, see `project`.
        history: distances on the way, float32 (steps + 1,).
        path: latents on the way, float32 (steps + 1, latent_dim).
    """

    latent: np.ndarray
    label: int | None
    told: dict[str, np.ndarray]
    picture: np.ndarray
    target: np.ndarray
    distance: float
    history: np.ndarray
    path: np.ndarray


def project(
    gan,
    image: np.ndarray | str | Path,
    *,
    steps: int = 200,
    labels: Any = None,
    text: str | None = None,
    starts: int = 8,
    seed: int = 0,
    progress: Callable[[int, int, float], Any] | None = None,
) -> Projection:
    """Return the latent whose picture is nearest to an image, by descent.

    Adam moves several random latents at once; the best that any of them was at any step
    is kept. The distance of pictures x, y in [-1, 1] is the mean over the levels l of a
    pyramid, each averaging 2x2 pixels of the one before, of the mean square
    |x_l - y_l|^2 / n_l: coarse levels lead where pixels do not overlap yet. Uniform
    latents are kept in [-1, 1]; normal ones pay 0.01 |z|^2 / latent_dim, their prior.

    Args:
        image: uint8 (height, width, channels), or the path of a picture. It is cut to
            the model's proportions around its middle, resized, and made grey or
            coloured as the model's pictures are.
        steps: of the descent.
        labels: the class, by name or number. By default each is tried for a quarter of
            the steps, and that which came nearest is searched in full.
        text: what the picture shows, for a model that is told texts; by default the
            first that it shows by itself.
        starts: random latents to start from.
        seed: of these.
        progress: called after each step with steps done, steps in all, best distance.

    Raises: `GanzooError` for what is no such picture, and for unknown labels.

    Source: Zhu et al. 2016, arXiv:1609.03552, section 3.1, with a network's features
    beside the pixels where the pyramid is here; Lipton & Tripathi 2017,
    arXiv:1702.04782, who draw anew what is clipped here.

    Example:
        >>> found = project(gan, gan.generate(1, seed=7)[0])
        >>> found.picture.shape, found.latent.shape
        ((28, 28, 1), (100,))
    """
    check_positive(steps=steps, starts=starts)
    target = to_target(gan, image)
    tried = range(gan.num_classes) if labels is None and gan.num_classes else [labels]
    classes = [told_of(gan, 1, each, text) for each in tried]
    begin = sampling.draw_latents(gan, starts, np.random.default_rng(seed))
    short = -(-steps // 4)
    trials = len(classes) > 1
    tell = _teller(progress, steps + short * len(classes) * trials)
    if trials:
        found = [_search(gan, target, begin, each, short, tell) for each in classes]
        classes = [classes[np.argmin([history.min() for _, history in found])]]
    path, history = _search(gan, target, begin, classes[0], steps, tell)
    return _projection(gan, target, path, history, classes[0])


def _projection(gan, target, path, history, told):
    latent = path[np.argmin(history)]
    return Projection(
        latent=latent,
        label=int(told["label"][0]) if "label" in told else None,
        told=told,
        picture=draw_told(gan, latent[None], told)[0],
        target=target,
        distance=float(history.min()),
        history=history,
        path=path,
    )


def _teller(progress, total):
    """A function of the distance that counts its calls for `progress`."""
    done = iter(range(1, total + 1))
    return lambda distance: progress and progress(next(done), total, distance)


def _search(gan, target, begin, told, steps, tell):
    """Path (steps + 1, latent_dim) and history (steps + 1,) of the best start."""
    path, distances = [], []
    for latents, distance in _descend(gan, target, begin, told, steps):
        path.append(latents)
        distances.append(distance)
        if len(path) > 1:
            tell(float(distance.min()))
    best = np.argmin(np.min(distances, axis=0))
    return np.stack(path)[:, best], np.stack(distances)[:, best]


def _descend(gan, target, begin, told, steps) -> Iterator[tuple]:
    """Latents (starts, latent_dim) and distances (starts,) at each step."""
    latents = keras.Variable(begin, dtype="float32", name="latents")
    optimizer = keras.optimizers.Adam(
        keras.optimizers.schedules.CosineDecay(_RATE, steps)
    )
    optimizer.build([latents])
    if gan.latent_distribution == "uniform":
        latents.constraint = lambda values: ops.clip(values, -1.0, 1.0)
    told = {name: np.repeat(row, len(begin), axis=0) for name, row in told.items()}
    loss = _loss(gan, target, latents, told)
    for step in range(steps + 1):
        _, logs, gradients = backends.value_and_gradients(loss, [latents])
        yield _values(latents), _values(logs["distances"])
        if step < steps:
            with backends.updating():
                optimizer.apply(gradients, [latents])


def _values(tensor):
    # A copy: on torch it would be the variable's own memory, which the next step moves.
    return np.array(ops.convert_to_numpy(tensor))


def _loss(gan, target, latents, told):
    """What is descended: the sum over the starts, each of which so goes its own way."""
    wanted = _pyramid(ops.convert_to_tensor(np.float32(target[None]) / 127.5 - 1.0))
    told = {name: ops.convert_to_tensor(rows) for name, rows in told.items()}
    prior = _PRIOR * (gan.latent_distribution == "normal")

    def loss():
        z = latents.value
        images = gan.generator_ema(inputs(gan, z, told), training=False)
        levels = zip(_pyramid(images), wanted, strict=True)
        squares = [ops.mean(ops.square(x - y), axis=(1, 2, 3)) for x, y in levels]
        distances = sum(squares) / len(squares)
        costs = distances + prior * ops.mean(ops.square(z), axis=1)
        return ops.sum(costs), {"distances": distances}

    return loss


def _pyramid(images):
    """Images (n, h, w, c) and what averages of 2x2 pixels make of them."""
    levels = [images]
    while min(levels[-1].shape[1:3]) >= 2 * _COARSEST:
        levels.append(ops.average_pool(levels[-1], 2, 2, "valid", "channels_last"))
    return levels


# ---------------------------------------------------------------------- the picture


def to_target(gan, image: np.ndarray | str | Path) -> np.ndarray:
    """Return a picture in the shape of the model's own, uint8 (height, width, c).

    Raises: `GanzooError` for what is no picture, or cannot be read.
    """
    if isinstance(image, (str, Path)):
        image = _read(Path(image).expanduser())
    height, width, channels = gan.image_shape
    pixels = fit_picture(_checked(image), channels=channels)
    picture = Image.fromarray(pixels[..., 0] if channels == 1 else pixels)
    enlarged = picture.width < width or picture.height < height
    kinds = Image.Resampling
    kind = kinds.BICUBIC if enlarged else kinds.LANCZOS
    fitted = np.asarray(ImageOps.fit(picture, (width, height), kind))
    return fitted.reshape(gan.image_shape)


def _read(path):
    if not path.is_file():
        raise GanzooError(f"there is no picture {path}. Give the path of one.")
    with folders.opened(path) as picture:
        return folders.pixels_of(ImageOps.exif_transpose(picture))


def _checked(image):
    image = np.asarray(image)
    image = image[..., None] if image.ndim == 2 else image
    if image.ndim != 3 or image.dtype != "uint8" or 0 in image.shape:
        raise GanzooError(
            "a picture is uint8 (height, width, channels) in 0..255 or the path of an "
            f"image file, received {image.dtype} {image.shape}. Of several pictures, "
            "project one after the other."
        )
    return image
