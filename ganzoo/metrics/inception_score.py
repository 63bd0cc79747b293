"""The Inception score: sure of each picture, unsure of all together."""

import numpy as np

from ganzoo.errors import GanzooError
from ganzoo.metrics import checks

__all__ = ["inception_score"]


def inception_score(
    logits: np.ndarray, *, splits: int = 10, seed: int = 0
) -> tuple[float, float]:
    """Return mean and standard deviation (ddof 0) of the score over equal parts.

    exp(mean KL(p(y | x) || p(y))) of each part: 1 where all pictures look alike to the
    classifier, the number of classes at most. It knows nothing of the real pictures.

    Args:
        logits: of the pictures, (n, classes); the published network's have no bias.
        splits: parts of n / splits pictures each.
        seed: of the order: pictures sorted by class would score 1.

    Raises: `GanzooError` below 2 pictures a part, NaN or infinity.

    Source: Salimans et al. 2016, arXiv:1606.03498, section 4. Differs: the pictures are
    shuffled first, as by torch-fidelity, whose seed gives the same order.

    Example:
        >>> inception_score(100 * np.tile(np.eye(10), (100, 1)))[0]
        10.0
    """
    logits = checks.finite(logits, "logit")
    if splits < 1 or len(logits) < 2 * splits:
        raise GanzooError(
            f"{len(logits)} pictures cannot be scored in {splits} parts of 2 or more. "
            "Draw more pictures, or ask for fewer splits."
        )
    order = np.random.RandomState(seed).permutation(len(logits))
    edges = [part * len(order) // splits for part in range(splits + 1)]
    scores = [
        _score(logits[order[start:stop]])
        for start, stop in zip(edges[:-1], edges[1:], strict=True)
    ]
    return float(np.mean(scores)), float(np.std(scores))


def _score(logits):
    # All in logarithms: a class that nothing looks like has share 0.
    log_p = np.float64(logits)
    log_p -= _log_sum_exp(log_p, axis=1)
    log_shares = _log_sum_exp(log_p, axis=0) - np.log(len(log_p))
    return np.exp((np.exp(log_p) * (log_p - log_shares)).sum(axis=1).mean())


def _log_sum_exp(values, axis):
    top = values.max(axis=axis, keepdims=True)
    return top + np.log(np.exp(values - top).sum(axis=axis, keepdims=True))
