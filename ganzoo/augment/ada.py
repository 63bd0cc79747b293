"""ADA: adaptive discriminator augmentation.

Source: Karras et al. 2020, arXiv:2006.06676; written from the paper alone. Ours has no
low-pass filter around the geometric part, and none of the paper's later parts (filters,
noise, cutout), which its pipe "bgc" leaves out too.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from keras import ops

from ganzoo import schedules
from ganzoo.augment.colour import COLOUR_DRAWS, coloured
from ganzoo.augment.draws import Draws
from ganzoo.augment.geometry import (
    BLIT_DRAWS,
    GENERAL_DRAWS,
    Map,
    blitted,
    generalised,
    sampled,
)
from ganzoo.errors import GanzooError, unknown
from ganzoo.schedules import Schedule

__all__ = ["ADA"]

_DRAWS = {"b": BLIT_DRAWS, "g": GENERAL_DRAWS, "c": COLOUR_DRAWS}


@dataclass(frozen=True)
class ADA:
    """Augmentations chosen with a probability p that follows the overfitting.

    Args:
        pipe: the parts, any of "b" (flips, quarter turns, whole pixels), "g" (scales,
            rotations, parts of pixels) and "c" (colours).
        p: where the probability starts, or a schedule of it, for a target of 0.
        target: mean sign of the logits of reals that p is steered to; 0: p stays.
        kimg: thousands of real images in which p may go from 0 to 1.
        interval: steps from one change of p to the next.

    Called with images (n, h, w, c), c of 1 or 3, in [-1, 1], with `uniform(shape)`
    which draws from U[0, 1), and with p, it returns images of the same shape and kind
    (colours may leave [-1, 1]). At p = 0 they are the same, to the bit.

    Raises: `GanzooError` for unknown parts and values out of range.

    Example:
        >>> gan = ganzoo.create("dcgan", augment={"name": "ada", "target": 0.6})
        >>> ADA(pipe="b")(images, gan.draw_uniform, p=0.3)
    """

    pipe: str = "bgc"
    p: float | Schedule = 0.0
    target: float = 0.6
    kimg: float = 500.0
    interval: int = 4

    def __post_init__(self):
        object.__setattr__(self, "p", schedules.get("p of ADA", self.p))
        _check_pipe(self.pipe)
        for p in _ends(self.p):
            _check("p", p, 0 <= p <= 1, "in [0, 1]")
        for name in ("target", "kimg"):
            _check(name, getattr(self, name), True, "a number")
        _check("target", self.target, 0 <= self.target < 1, "in [0, 1)")
        _check("kimg", self.kimg, self.kimg > 0, "above 0")
        whole = isinstance(self.interval, int) and self.interval >= 1
        _check("interval", self.interval, whole, "a whole number of steps from 1 on")
        if self.adaptive and isinstance(self.p, Schedule):
            raise GanzooError(
                f"p of ADA is a schedule, and the target {self.target} would move it "
                "too. Give target = 0 to follow the schedule, or a number as p."
            )

    @property
    def adaptive(self) -> bool:
        """Whether p follows the discriminator."""
        return self.target > 0

    def __call__(self, images: Any, uniform: Callable, p: Any):
        columns = sum(_DRAWS[part] for part in self.pipe)
        count = images.shape[0] or ops.shape(images)[0]
        draws = Draws(uniform, count, columns)
        height, width = images.shape[1:3]
        found, result = Map(), ops.cast(images, "float32")
        if "b" in self.pipe:
            found = blitted(found, draws, p, height, width)
        if "g" in self.pipe:
            found = generalised(found, draws, p, height, width)
        if self.pipe != "c":
            result = sampled(result, found, whole="g" not in self.pipe)
        if "c" in self.pipe:
            result = coloured(result, draws, p)
        return ops.cast(result, images.dtype)

    def adjusted(self, p: Any, sign_mean: Any, images: Any):
        """Return p after so many images whose logits had that mean sign, in [-1, 1].

        p + sign(sign_mean - target) * images / (1000 * kimg), clipped to [0, 1]
        (arXiv:2006.06676, section 3.1).

        Example:
            >>> ADA(target=0.6, kimg=500).adjusted(0.1, sign_mean=0.8, images=5000)
            0.11
        """
        step = ops.cast(images, "float32") / (1000.0 * self.kimg)
        way = ops.sign(ops.cast(sign_mean, "float32") - self.target)
        return ops.clip(ops.cast(p, "float32") + way * step, 0.0, 1.0)


def _ends(p):
    return (p.start, p.end) if isinstance(p, Schedule) else (p,)


def _check_pipe(pipe):
    if not isinstance(pipe, str) or not pipe or len({*pipe}) < len(pipe):
        raise GanzooError(
            "pipe of ADA must be a text of one to three of the letters b, g and c, "
            f"each once, as in 'bgc'; received {pipe!r}."
        )
    for part in pipe:
        if part not in _DRAWS:
            raise unknown("part of the pipe of ADA", part, _DRAWS)


def _check(name, value, holds, accepted):
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not (number and holds):
        raise GanzooError(f"{name} of ADA must be {accepted}, received {value!r}.")
