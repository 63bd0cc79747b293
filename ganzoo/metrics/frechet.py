"""The Fréchet distance of two sets of features: FID, in Inception's space."""

import contextlib
import warnings

import numpy as np

from ganzoo.errors import GanzooError
from ganzoo.metrics import checks
from ganzoo.metrics.moments import Moments

__all__ = ["distance", "frechet_distance", "frechet_infinity"]

_CHUNK = 4096  # rows copied at a time


def frechet_distance(one: Moments, two: Moments) -> float:
    """Return the squared Fréchet distance of two normal distributions.

    |m1 - m2|^2 + tr S1 + tr S2 - 2 tr (S1 S2)^(1/2), with covariances by count - 1.
    0 for equal moments, else positive; it grows with the square of the features' unit.

    Args:
        one, two: moments of two sets of features of one network.

    Warns: `FewSamples` below 10 samples a dimension: of equal distributions it is then
    about d (d + 5) / 4 * (1 / n + 1 / m) in units of the features' variance, not 0.

    Raises: `GanzooError` for different widths, or below 2 samples.

    Source: Heusel et al. 2017, arXiv:1706.08500, section 3. Differs: the last trace is
    taken as the sum of the singular values of F1^T F2, where S = F F^T, so it is real
    whatever the rank, and several times faster than a matrix square root.

    Example:
        >>> frechet_distance(Moments(64).update(fake), Moments(64).update(real))
    """
    checks.same_width(one.dims, two.dims)
    found = distance(one, two)
    checks.enough(one.dims, one.count, two.count, np.trace(two.covariance) / two.dims)
    return found


def distance(one: Moments, two: Moments, factor: np.ndarray | None = None) -> float:
    """Return `frechet_distance`, without a warning of few samples.

    Args:
        one, two: moments of the same width.
        factor: F (d, rank) with F F^T the covariance of `two`, where it is known.

    Raises: `GanzooError` below 2 samples.

    Example:
        >>> distance(moments, moments)
        0.0
    """
    first, second = one.covariance, two.covariance
    factor = _factor(second) if factor is None else factor
    shared = _singular_value_sum(_factor(first).T @ factor)
    step = one.mean - two.mean
    value = step @ step + np.trace(first) + np.trace(second) - 2 * shared
    return float(max(value, 0.0))  # equal moments give a rounding error of either sign


def frechet_infinity(
    features: np.ndarray,
    reference: Moments,
    *,
    seed: int = 0,
    points: int = 15,
) -> float:
    """Return the Fréchet distance, extrapolated to infinitely many fakes.

    The distance is measured at `points` even steps from min(5000, n / 10) to n fakes,
    drawn without replacement; a line through it over 1 / fakes gives the distance at 0.
    It may be a little below 0.

    Args:
        features: of the fakes, (n, d).
        reference: moments of the real features, all of them at each step.
        seed: of the draws.
        points: how many steps, at least 2.

    Warns: `FewSamples` where the smallest step has no more fakes than dimensions (the
    distance is no line there), or the reference, whose bias stays, below 10 samples a
    dimension.

    Raises: `GanzooError` below 20 fakes, for different widths, NaN or infinity.

    Source: Chong & Forsyth 2020, arXiv:1911.07023, section 4, with the steps of
    Stein et al. 2023 (arXiv:2306.04675). Differs: fakes of the given set are used for
    all steps, not drawn from the model by a Sobol sequence.

    Example:
        >>> frechet_infinity(fake, Moments(64).update(real))
    """
    features = checks.finite(features, "fake", least=20)
    checks.same_width(features.shape[1], reference.dims)
    if points < 2:
        raise GanzooError(f"points must be at least 2, received {points}.")
    count, dims = features.shape
    sizes = np.linspace(min(5000, count // 10), count, points).astype(int)
    _warn_of_no_line(sizes[0], reference.count, dims)
    rng, factor = np.random.default_rng(seed), _factor(reference.covariance)
    distances = []
    for size in sizes:
        drawn = _moments_of(features, rng.choice(count, size, replace=False))
        distances.append(distance(drawn, reference, factor))
    return float(np.polyfit(1 / sizes, distances, 1)[1])


def _moments_of(features, rows):
    """The moments of some rows, which are never copied all at once."""
    moments = Moments(features.shape[1])
    for start in range(0, len(rows), _CHUNK):
        moments.update(features[rows[start : start + _CHUNK]])
    return moments


def _warn_of_no_line(smallest, real, dims):
    if smallest <= dims or real < 10 * dims:
        warnings.warn(
            f"{real} real samples, and steps from {smallest} fakes, are few for {dims} "
            "features: steps must be above the dimensions for the distance to fall as "
            "1 / fakes, and the bias of the real side, about "
            f"{dims * (dims + 5) / 4 / real:.3g} in units of the features' variance, "
            f"stays. Take {10 * dims} or more on either side.",
            checks.FewSamples,
            stacklevel=3,
        )


def _factor(covariance):
    """Return F (d, rank) with F F^T = covariance."""
    noise = len(covariance) * np.finfo(float).eps
    with contextlib.suppress(np.linalg.LinAlgError):
        factor = np.linalg.cholesky(covariance)
        if factor.diagonal().min() ** 2 > noise * covariance.diagonal().max():
            return factor
    # Dead features, few samples, a collapse: only the directions that are there. The
    # square roots of the others' rounding errors would add up.
    values, vectors = np.linalg.eigh(covariance)
    kept = values > noise * max(values[-1], 0.0)
    return vectors[:, kept] * np.sqrt(values[kept])


def _singular_value_sum(matrix):
    """The nuclear norm, by the smaller Gram matrix: half the time of an SVD."""
    if matrix.shape[0] > matrix.shape[1]:
        matrix = matrix.T
    return np.sqrt(np.linalg.eigvalsh(matrix @ matrix.T).clip(0)).sum()
