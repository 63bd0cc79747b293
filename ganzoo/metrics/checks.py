"""What features must be before they are scored."""

import warnings

import numpy as np

from ganzoo.errors import GanzooError

__all__ = ["FewSamples", "enough", "expected_bias", "finite", "neighbours", "pair"]

_CHUNK = 4096  # rows looked at together
_PER_DIM = 10  # samples a feature dimension, below which the bias is worth a warning


class FewSamples(UserWarning):
    """A Fréchet distance of so few samples is too high, by more than a little.

    Example:
        >>> warnings.simplefilter("error", FewSamples)
    """


def finite(values: np.ndarray, whose: str, *, least: int = 1) -> np.ndarray:
    """Return features (n, d) as an array, after a look at every value of them.

    Args:
        values: the features, of any real type.
        whose: what they are called in an error: "fake", "real".
        least: samples that the score needs.

    Raises: `GanzooError` for another shape or type, fewer samples, NaN or infinity.

    Example:
        >>> finite(np.zeros((3, 2)), "fake").shape
        (3, 2)
    """
    array = np.asarray(values)
    if array.ndim != 2 or not array.shape[1] or array.dtype.kind not in "fiu":
        raise GanzooError(
            f"{whose} features must be real numbers of shape (samples, dimensions), "
            f"received {array.dtype} of shape {array.shape}."
        )
    if len(array) < least:
        raise GanzooError(
            f"{len(array)} samples of {whose} features are too few: this score needs "
            f"at least {least}. Draw more."
        )
    starts = range(0, len(array), _CHUNK)
    bad = sum(_bad_rows(array[start : start + _CHUNK]) for start in starts)
    if bad:
        raise GanzooError(
            f"{bad} of {len(array)} rows of {whose} features hold NaN or infinity, "
            "which have no distance. Look at the pictures and weights that they came "
            "from: a diverged run must not be scored."
        )
    return array


def _bad_rows(chunk):
    return int((~np.isfinite(chunk).all(axis=1)).sum())


def pair(
    fake: np.ndarray, real: np.ndarray, *, least: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Return both sets of features (n, d) and (m, d), checked and equally wide.

    Raises: `GanzooError` as `finite`, and for different widths.
    """
    fake = finite(fake, "fake", least=least)
    real = finite(real, "real", least=least)
    same_width(fake.shape[1], real.shape[1])
    return fake, real


def same_width(one: int, two: int) -> None:
    """Refuse features of two widths: they are from two networks.

    Raises: `GanzooError`, naming both.
    """
    if one != two:
        raise GanzooError(
            f"features of {one} dimensions cannot be compared with features of {two}: "
            "they are from two networks. Measure both sides in one."
        )


def neighbours(k: int, count: int, whose: str) -> int:
    """Return k, if each of `count` samples has so many neighbours besides itself.

    Raises: `GanzooError` for a k that is no int, below 1, or not below the count.
    """
    if isinstance(k, bool) or int(k) != k or not 1 <= k < count:
        raise GanzooError(
            f"k must be an int of at least 1 and below the {count} {whose} samples, "
            f"received {k!r}. Draw more samples, or take a smaller k."
        )
    return int(k)


def expected_bias(dims: int, one: int, two: int, variance: float = 1.0) -> float:
    """Return the Fréchet distance that two draws of one distribution have on average.

    variance * d (d + 5) / 4 * (1 / one + 1 / two), to first order in 1 / samples, for
    normal features of equal variance; of unequal variances, with their mean for
    `variance`, it is an upper bound.

    Example:
        >>> expected_bias(64, 1000, 1000)
        2.208
    """
    return variance * dims * (dims + 5) / 4 * (1 / one + 1 / two)


def enough(dims: int, one: int, two: int, variance: float = 1.0) -> None:
    """Warn where a Fréchet distance of so few samples says much about their number.

    Args:
        dims: width of the features.
        one, two: samples of each side.
        variance: mean variance of a feature, the unit of the bias.

    Warns: `FewSamples` below 10 samples a dimension on either side.
    """
    if min(one, two) < _PER_DIM * dims:
        bias = expected_bias(dims, one, two, variance)
        warnings.warn(
            f"{min(one, two)} samples are few for {dims} features: of equal "
            f"distributions, {one} samples against {two} are up to {bias:.3g} apart "
            f"(mean variance {variance:.3g} * d(d+5)/4 * (1/{one} + 1/{two})). Use "
            f"{_PER_DIM * dims} or more, compare only scores of equal counts, or take "
            "the kernel distance, which has no bias.",
            FewSamples,
            stacklevel=3,
        )
