"""Paths between latents, on which a generator still sees what it was trained on."""

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Any

import numpy as np

from ganzoo.checks import check_positive
from ganzoo.latents.drawing import checked_seeds, draw_told, latents_of, told_of

__all__ = ["between", "interpolate", "slerp"]

_normal_of = np.vectorize(NormalDist().inv_cdf, otypes=[float])
_erf = np.vectorize(math.erf, otypes=[float])


def interpolate(
    gan,
    seeds: Sequence[int] = (0, 1, 2, 3),
    *,
    steps: int = 16,
    labels: Sequence[Any] | None = None,
    text: Sequence[str] | str | None = None,
    loop: bool = True,
) -> np.ndarray:
    """Return the frames of a path: uint8 (frames, height, width, channels).

    Frame i * steps is `gan.generate(1, seed=seeds[i])`. With `loop` the path goes back
    to the first seed, in len(seeds) * steps frames; without, it ends at the last one,
    in (len(seeds) - 1) * steps + 1. See `between` for the way from one to the next.

    Args:
        seeds: two or more.
        steps: frames from one seed to the next.
        labels: one for all, or one a seed; by default the first class. A label is a
            number, with nothing between two of them: it changes half way.
        text: one for all, or one a seed; between two, their vectors go by `slerp`.
            Equal seeds show what the text alone changes.
        loop: whether the path is closed.

    Raises: `GanzooError` for fewer than two seeds, steps below 1, unknown labels,
        texts that cannot be read.

    Example:
        >>> interpolate(ganzoo.load("cgan"), (0, 1), labels=["Bag", "Coat"]).shape
        (32, 28, 28, 1)
        >>> interpolate(ganzoo.load("dfgan"), (7, 7), text=["red apple", "green apple"])
    """
    seeds = checked_seeds(seeds, least=2)
    check_positive(steps=steps)
    keys, told = latents_of(gan, seeds), told_of(gan, len(seeds), labels, text)
    shares = np.arange(steps) / steps
    legs = [(i, (i + 1) % len(seeds)) for i in range(len(seeds) - (not loop))]
    path = [between(gan, keys[a], keys[b], shares) for a, b in legs]
    if not loop:
        path.append(keys[-1:])
    said = {
        name: _along(rows, legs, shares, [] if loop else [rows[-1:]])
        for name, rows in told.items()
    }
    return draw_told(gan, np.concatenate(path), said)


def _along(rows, legs, shares, end):
    """What is told on the way: vectors by slerp, class numbers until half way."""

    def leg(a, b):
        if rows.ndim == 1:
            return np.where(shares < 0.5, rows[a], rows[b])
        return np.float32(slerp(rows[a], rows[b], shares))

    return np.concatenate([*(leg(a, b) for a, b in legs), *end])


def between(gan, start: np.ndarray, end: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Return float32 latents (n, latent_dim) at those shares of the way.

    Of normal latents it is `slerp`. The points of a straight line would be too near to
    the middle: half way, they have half the variance of what the generator knows. So it
    is for uniform latents u, which have no sphere to go round: they go to normal ones
    by their quantiles, by slerp from one to the other, and back,

        u(t) = 2 Phi(slerp(Phi^-1((u_0 + 1) / 2), Phi^-1((u_1 + 1) / 2), t)) - 1,

    so that each point of the way has uniform marginals, up to what the draws' angle
    differs from a right one. At its ends the path is exact.
    """
    if gan.latent_distribution != "uniform":
        return np.float32(slerp(start, end, shares))
    path = slerp(_to_normal(start), _to_normal(end), shares)
    path = _erf(path / math.sqrt(2))  # = 2 Phi(path) - 1
    # There and back through the quantiles, the last digits would differ.
    path[shares == 0], path[shares == 1] = start, end
    return np.float32(path)


def _to_normal(uniform):
    """U[-1, 1] -> N(0, 1). float32 may round to 1, whose quantile is infinite."""
    return _normal_of(np.clip((np.float64(uniform) + 1) / 2, 1e-9, 1 - 1e-9))


def slerp(start: np.ndarray, end: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Return points (n, dim) on the arc from start (dim,) to end (dim,).

    p(t) = sin((1 - t) a) / sin(a) * start + sin(t a) / sin(a) * end, a the angle
    between the two; a straight line where it is 0 or 180 degrees.

    Source: Shoemake, "Animating Rotation with Quaternion Curves", SIGGRAPH 1985; on
    latents, White 2016, arXiv:1609.04468, section 2.1.

    Example:
        >>> slerp(np.array([1.0, 0.0]), np.array([0.0, 1.0]), np.array([0.5])).round(2)
        array([[0.71, 0.71]])
    """
    start, end = np.float64(start), np.float64(end)
    t = np.float64(shares)[:, None]
    norms = np.linalg.norm(start) * np.linalg.norm(end)
    angle = math.acos(np.clip(start @ end / norms, -1, 1)) if norms else 0.0
    if math.sin(angle) < 1e-6:
        return (1 - t) * start + t * end
    weights = np.sin((1 - t) * angle), np.sin(t * angle)
    return (weights[0] * start + weights[1] * end) / math.sin(angle)
