"""Adversarial losses: how the enforcer and the counterfeiter are paid.

All take logits, shape (batch, 1), real number line, and return a scalar. `r` are the
discriminator's logits of real images, `f` those of fakes, sp is the softplus.
"""

from collections.abc import Callable
from dataclasses import dataclass

from keras import ops

from ganzoo.errors import unknown

__all__ = ["LOSSES", "Loss", "get"]


@dataclass(frozen=True)
class Loss:
    """A pair of losses, one a player.

    `discriminator(r, f)` and `generator(r, f)` map logits of shape (batch, 1) to a
    scalar. `paired` says that the generator's loss needs the logits of real images,
    `centred` that the logit 0 stands between real and fake.

    Example:
        >>> float(get("hinge").discriminator(ops.array([[0.5]]), ops.array([[-0.25]])))
        1.25
    """

    name: str
    discriminator: Callable
    generator: Callable
    paired: bool = False
    centred: bool = False
    paper: str = ""


def _log_d(r, f):
    return ops.mean(ops.softplus(-r)) + ops.mean(ops.softplus(f))


def _minimax_g(r, f):
    # log(1 - D(fake)), minimised: its gradient vanishes where the fakes are caught.
    return -ops.mean(ops.softplus(f))


def _non_saturating_g(r, f):
    return ops.mean(ops.softplus(-f))


def _least_squares_d(r, f):
    return 0.5 * ops.mean(ops.square(r - 1)) + 0.5 * ops.mean(ops.square(f))


def _least_squares_g(r, f):
    return 0.5 * ops.mean(ops.square(f - 1))


def _hinge_d(r, f):
    return ops.mean(ops.relu(1 - r)) + ops.mean(ops.relu(1 + f))


def _wasserstein_d(r, f):
    return ops.mean(f) - ops.mean(r)


def _lift_g(r, f):
    return -ops.mean(f)


def _relativistic_d(r, f):
    return ops.mean(ops.softplus(f - r))


def _relativistic_g(r, f):
    return ops.mean(ops.softplus(r - f))


LOSSES = {
    loss.name: loss
    for loss in (
        Loss(
            "minimax",
            _log_d,
            _minimax_g,
            centred=True,
            paper="arXiv:1406.2661, eq. 1",
        ),
        Loss(
            "non_saturating",
            _log_d,
            _non_saturating_g,
            centred=True,
            paper="arXiv:1406.2661, section 3",
        ),
        Loss(
            "least_squares",
            _least_squares_d,
            _least_squares_g,
            paper="arXiv:1611.04076, eq. 9",
        ),
        Loss("hinge", _hinge_d, _lift_g, centred=True, paper="arXiv:1705.02894"),
        Loss("wasserstein", _wasserstein_d, _lift_g, paper="arXiv:1701.07875"),
        Loss(
            "relativistic",
            _relativistic_d,
            _relativistic_g,
            paired=True,
            paper="arXiv:1807.00734; arXiv:2501.05441, eq. 2",
        ),
    )
}


def get(loss: str | Loss) -> Loss:
    """Return the loss of that name; a `Loss` of one's own passes through.

    Raises: `GanzooError` for an unknown name.

    Example:
        >>> get("relativistic").paired
        True
    """
    if isinstance(loss, Loss):
        return loss
    if loss not in LOSSES:
        raise unknown("loss", loss, LOSSES)
    return LOSSES[loss]
