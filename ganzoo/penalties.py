"""Penalties on the discriminator: what keeps the enforcer's verdict smooth.

A penalty is a frozen dataclass; called with an `Evidence` it gives a scalar. Norms are
taken over all axes but the batch's, a sample at a time, then averaged.
"""

import dataclasses
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from keras import ops

from ganzoo import backends, schedules
from ganzoo.errors import GanzooError, unknown
from ganzoo.schedules import Schedule, at

__all__ = [
    "PENALTIES",
    "R1",
    "R2",
    "Drift",
    "Evidence",
    "GradientPenalty",
    "MatchingAware",
    "get",
    "spec",
    "total",
]


@dataclass(frozen=True)
class Evidence:
    """What a penalty may look at in one turn of the discriminator.

    `judge` maps images (batch, height, width, channels) in [-1, 1] to logits
    (batch, 1); `uniform(shape)` draws from U[0, 1); `step` counts training steps,
    `seen` the real images shown.
    """

    judge: Callable
    real: Any
    fake: Any
    real_logits: Any
    uniform: Callable
    step: Any
    seen: Any = 0
    told: Any = None
    judge_told: Callable | None = None

    def with_text(self, told: Any, judge_told: Callable) -> "Evidence":
        """Return the evidence with the texts of the reals, and how both are judged.

        `told` are vectors (batch, dims); `judge_told(images, told)` gives logits.
        """
        return dataclasses.replace(self, told=told, judge_told=judge_told)


@dataclass(frozen=True)
class R1:
    """R1: gamma / 2 * mean |grad D(real)|^2 (arXiv:1801.04406, eq. 9).

    With `every` = k it is taken at each k-th step and k times as strong (StyleGAN2's
    lazy interval, arXiv:1912.04958, section 3.1; unlike there, Adam's settings stay).

    `gamma` may be a schedule, as R3GAN's is: `{"start": 2.0, "end": 0.2, "kimg": 400}`.

    Example:
        >>> R1(gamma=10.0, every=16)
        R1(gamma=10.0, every=16)
    """

    gamma: float | Schedule = 1.0
    every: int = 1

    def __call__(self, evidence: Evidence):
        gamma = at(self.gamma, evidence.seen)
        return 0.5 * gamma * _mean_square_slope(evidence.judge, evidence.real)


@dataclass(frozen=True)
class R2:
    """R2: gamma / 2 * mean |grad D(fake)|^2 (arXiv:1801.04406, eq. 10)."""

    gamma: float | Schedule = 1.0
    every: int = 1

    def __call__(self, evidence: Evidence):
        gamma = at(self.gamma, evidence.seen)
        return 0.5 * gamma * _mean_square_slope(evidence.judge, evidence.fake)


@dataclass(frozen=True)
class GradientPenalty:
    """WGAN-GP: weight * mean (|grad D(x)| - target)^2 between real and fake.

    x = fake + a * (real - fake) with a ~ U[0, 1), one a sample
    (arXiv:1704.00028, algorithm 1).
    """

    weight: float = 10.0
    target: float = 1.0
    every: int = 1

    def __call__(self, evidence: Evidence):
        real, fake = evidence.real, evidence.fake
        share = evidence.uniform((ops.shape(real)[0], 1, 1, 1))
        slope = _square_slope(evidence.judge, fake + share * (real - fake))
        # The square root has no gradient at 0: a floor keeps it finite.
        norm = ops.sqrt(slope + 1e-12)
        return self.weight * ops.mean(ops.square(norm - self.target))


@dataclass(frozen=True)
class Drift:
    """Drift: weight * mean D(real)^2 (arXiv:1710.10196, appendix A.1)."""

    weight: float = 0.001
    every: int = 1

    def __call__(self, evidence: Evidence):
        return self.weight * ops.mean(ops.square(evidence.real_logits))


@dataclass(frozen=True)
class MatchingAware:
    """MA-GP: weight * mean |grad D(real, its text)|^power.

    The slope is that with respect to picture and text together: both are one row here.

    Source: Tao et al. 2022, arXiv:2008.05865, section 3.2, equation 2.
    """

    weight: float = 2.0
    power: float = 6.0
    every: int = 1

    def __call__(self, evidence: Evidence):
        shape = evidence.real.shape[1:]
        pixels = math.prod(shape)

        def judge(rows):
            images = ops.reshape(rows[:, :pixels], (-1, *shape))
            return evidence.judge_told(images, rows[:, pixels:])

        told = ops.cast(evidence.told, evidence.real.dtype)
        flat = ops.reshape(evidence.real, (-1, pixels))
        slope = _square_slope(judge, ops.concatenate([flat, told], axis=1))
        return self.weight * ops.mean(ops.power(slope + 1e-12, self.power / 2))


PENALTIES = {
    "r1": R1,
    "r2": R2,
    "gradient_penalty": GradientPenalty,
    "drift": Drift,
    "matching_aware": MatchingAware,
}


def get(penalty: Any):
    """Return the penalty that a name, a dict or a penalty stands for.

    Raises: `GanzooError` for unknown names and settings, or an interval below 1.

    Example:
        >>> get({"name": "r1", "gamma": 10.0})
        R1(gamma=10.0, every=1)
    """
    if isinstance(penalty, tuple(PENALTIES.values())):
        return penalty
    settings = {"name": penalty} if isinstance(penalty, str) else dict(penalty)
    name = settings.pop("name", None)
    if name not in PENALTIES:
        raise unknown("penalty", name, PENALTIES)
    accepted = [field.name for field in dataclasses.fields(PENALTIES[name])]
    for key in settings:
        if key not in accepted:
            raise unknown(f"setting of the penalty {name!r}", key, accepted)
    if "gamma" in settings:
        settings["gamma"] = schedules.get(f"gamma of {name!r}", settings["gamma"])
    made = PENALTIES[name](**settings)
    if made.every < 1:
        raise GanzooError(f"every must be at least 1 step, received {made.every}.")
    return made


def spec(penalty: Any) -> dict:
    """Return the dict that `get` turns back into this penalty."""
    names = {kind: name for name, kind in PENALTIES.items()}
    return {"name": names[type(penalty)], **dataclasses.asdict(penalty)}


def total(penalties: Iterable, evidence: Evidence):
    """Return the sum of the penalties that are due at this step: a scalar."""
    return sum((_due(each, evidence) for each in penalties), ops.zeros(()))


def _due(penalty, evidence):
    if penalty.every == 1:
        return penalty(evidence)
    due = ops.equal(evidence.step % penalty.every, 0)
    return backends.only_if(due, lambda: penalty.every * penalty(evidence))


def _square_slope(judge, images):
    """|grad D|^2 of each sample: (batch,)."""
    slope = backends.input_gradient(judge, images)
    return ops.sum(ops.square(slope), axis=tuple(range(1, len(images.shape))))


def _mean_square_slope(judge, images):
    return ops.mean(_square_slope(judge, images))
