"""The draws of an augmentation: columns (n,) of one table of uniform noise.

All of a call's noise is drawn at once: a draw for each would cost more than its use.
"""

import math
from collections.abc import Callable
from typing import Any

from keras import ops

__all__ = ["Draws"]

# Uniform draws hold 0, where the normal quantile is infinite: this is some 5 sigma.
_SMALLEST = 1e-6


class Draws:
    """The next column of noise, one value a picture, as uniform, normal or a choice.

    Args:
        uniform: maps a shape to draws from U[0, 1).
        pictures: n, of the batch.
        columns: how many columns the call will take, no more.

    Example:
        >>> draws = Draws(gan.draw_uniform, pictures=64, columns=2)
        >>> ops.where(draws.chosen(0.5), draws.normal(), 0.0)
    """

    def __init__(self, uniform: Callable, pictures: Any, columns: int):
        table = ops.cast(uniform((pictures, columns)), "float32")
        self._columns = iter([table[:, i] for i in range(columns)])

    def uniform(self, low: float = 0.0, high: float = 1.0):
        """Return (n,) from U[low, high)."""
        return low + (high - low) * next(self._columns)

    def whole(self, low: int, high: int):
        """Return (n,) whole numbers, as floats, each from low to high as likely."""
        drawn = ops.floor(self.uniform(low, high + 1))
        return ops.minimum(drawn, float(high))  # where rounding reached high + 1

    def normal(self, deviation: float = 1.0):
        """Return (n,) from N(0, deviation^2): the quantiles of a uniform draw."""
        share = ops.clip(self.uniform(), _SMALLEST, 1.0 - _SMALLEST)
        return deviation * math.sqrt(2.0) * ops.erfinv(2.0 * share - 1.0)

    def factor(self, deviation: float):
        """Return (n,) factors 2^N(0, deviation^2)."""
        return ops.exp(math.log(2.0) * self.normal(deviation))

    def chosen(self, p: Any):
        """Return (n,) booleans, each True with probability p."""
        return next(self._columns) < ops.cast(p, "float32")
