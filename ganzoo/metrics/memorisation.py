"""Memorisation: are generated samples copies of training samples?"""

import numpy as np

from ganzoo.errors import GanzooError
from ganzoo.metrics import checks, neighbours

__all__ = ["authenticity", "nearest"]


def nearest(
    fake: np.ndarray, train: np.ndarray, *, count: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Return distances and indices (n, count) of the nearest training samples.

    Nearest first; an exact copy is at distance 0. Memory is the same for any number of
    samples.

    Args:
        fake: features (n, d).
        train: features (m, d).
        count: how many.

    Raises: `GanzooError` for a count above m, different widths, NaN or infinity.

    Example:
        >>> distances, indices = nearest(fake, train, count=3)
    """
    fake, train = checks.pair(fake, train)
    if isinstance(count, bool) or int(count) != count or not 1 <= count <= len(train):
        raise GanzooError(
            f"count must be an int from 1 to the {len(train)} training samples, "
            f"received {count!r}."
        )
    center = train.mean(axis=0, dtype=np.float64)
    squares, indices = neighbours.nearest(fake, train, int(count), center)
    return np.sqrt(squares), indices


def authenticity(fake: np.ndarray, train: np.ndarray) -> float:
    """Return the share of authentic fakes, in [0, 1]: 0 for copies.

    A fake is authentic if it is farther from its nearest training sample than that is
    from the nearest other one. A share far below that of held-out real samples, which
    depends on the features (a half to 0.9), is a flag; a high one proves nothing, as
    any bad picture is authentic.

    Args:
        fake: features (n, d).
        train: features (m, d), m at least 2.

    Raises: `GanzooError` for too few samples, different widths, NaN or infinity.

    Source: Alaa et al. 2022, arXiv:2102.08921, section 4.

    Example:
        >>> authenticity(train[:100], train)
        0.0
    """
    fake, train = checks.pair(fake, train)
    if len(train) < 2:
        raise GanzooError(
            "authenticity needs at least 2 training samples, received "
            f"{len(train)}. Give the features of the whole training set."
        )
    center = train.mean(axis=0, dtype=np.float64)
    far, indices = neighbours.nearest(fake, train, 1, center)
    met, which = np.unique(indices, return_inverse=True)
    # The nearest to a training sample is itself, or its twin: the second counts.
    gaps = neighbours.nearest(train[met], train, 2, center)[0][:, 1]
    return float((far.ravel() > gaps[which.ravel()]).mean())
