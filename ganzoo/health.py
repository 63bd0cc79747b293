"""How the game goes, in plain words."""

from collections.abc import Mapping

import numpy as np

__all__ = ["diversity", "verdict"]


def diversity(images: np.ndarray) -> float:
    """Return how much pictures differ: the mean deviation of a pixel between them.

    Args:
        images: uint8 (n, h, w, c).

    Returns: grey levels, 0 where all pictures are one.

    Example:
        >>> diversity(np.zeros((4, 8, 8, 1), "uint8"))
        0.0
    """
    return float(np.float32(images).std(axis=0).mean())


def verdict(logs: Mapping[str, float], fakes: float, reals: float) -> str:
    """Return one line on the state of the game.

    Args:
        logs: mean losses and scores since the last verdict.
        fakes, reals: `diversity` of generated and of real pictures.

    Example:
        >>> verdict({"d_loss": 1.2, "real_score": 0.4, "fake_score": -0.3}, 60, 70)
        'all is well'

    Pictures of a model that has seen few images differ little: that is no verdict.
    """
    if logs.get("kimg", 0) > 20 and fakes < 0.35 * reals:
        return (
            f"the counterfeiter repeats itself: its pictures differ by {fakes:.0f} "
            f"grey levels, real ones by {reals:.0f}"
        )
    if _caught(logs):
        return (
            "the enforcer wins: it tells all fakes, so the counterfeiter learns "
            "little; try a lower d_lr or a penalty"
        )
    return "all is well"


def _caught(logs):
    """Whether a loss of the discriminator that is bounded below is at its end."""
    bounded = logs.get("d_loss", 1.0) - logs.get("penalty", 0.0)
    gap = logs.get("real_score", 0.0) - logs.get("fake_score", 0.0)
    return 0 <= bounded < 0.02 and gap > 1
