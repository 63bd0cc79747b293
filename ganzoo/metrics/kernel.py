"""The kernel distance of two sets of features: KID, in Inception's space."""

import numpy as np

from ganzoo.errors import GanzooError
from ganzoo.metrics import checks

__all__ = ["kernel_distance", "mmd2"]


def mmd2(one: np.ndarray, two: np.ndarray) -> float:
    """Return the squared maximum mean discrepancy of two sets, without bias.

    mean of k(x, x') over pairs x != x' + the same of y - 2 * mean of k(x, y), with
    k(x, y) = (x . y / d + 1)^3. Near equality it may be below 0.

    Args:
        one: features (n, d), n at least 2.
        two: features (m, d), m at least 2.

    Raises: `GanzooError` below 2 samples, for different widths, NaN or infinity.

    Source: Binkowski et al. 2018, arXiv:1801.01401, section 4.

    Example:
        >>> mmd2(np.array([[0.0], [1.0]]), np.array([[0.0], [2.0]]))
        -13.0
    """
    one, two = checks.pair(one, two, least=2)
    return _mmd2(np.float64(one), np.float64(two))


def _mmd2(one, two):
    between = _kernel(one, two).mean()
    return float(_mean_of_pairs(one) + _mean_of_pairs(two) - 2 * between)


def _mean_of_pairs(x):
    values = _kernel(x, x)
    return (values.sum() - values.trace()) / (len(x) * (len(x) - 1))


def _kernel(x, y):
    inner = x @ y.T
    inner /= x.shape[1]
    inner += 1
    return inner * inner * inner


def kernel_distance(
    fake: np.ndarray,
    real: np.ndarray,
    *,
    subsets: int = 100,
    subset_size: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """Return mean and standard deviation (ddof 0) of `mmd2` over random subsets.

    The mean's expectation is 0 for equal distributions, whatever the number of samples;
    published values are often times 1000.

    Args:
        fake: features (n, d).
        real: features (m, d).
        subsets: how many.
        subset_size: samples of either side in each, drawn without replacement; of
            smaller sets, all of the smaller. That changes the spread, but not the
            expectation, as the estimate has no bias.
        seed: of the draws.

    Raises: `GanzooError` below 2 samples, for different widths, NaN or infinity.

    Source: Binkowski et al. 2018, arXiv:1801.01401, section 4, with the subsets of
    torch-fidelity: its seed gives the same draws, in the same order.

    Example:
        >>> kernel_distance(fake, real, seed=2020)
        (0.0137, 0.0011)
    """
    fake, real = checks.pair(fake, real, least=2)
    if subsets < 1 or subset_size < 2:
        raise GanzooError(
            "subsets must be at least 1 and subset_size at least 2, received "
            f"{subsets} and {subset_size}."
        )
    size = min(subset_size, len(fake), len(real))
    rng = np.random.RandomState(seed)
    values = []
    for _ in range(subsets):
        rows = [rng.choice(len(side), size, replace=False) for side in (fake, real)]
        values.append(_mmd2(np.float64(fake[rows[0]]), np.float64(real[rows[1]])))
    return float(np.mean(values)), float(np.std(values))
