"""ADA's part "c": what a picture's colours go through, as one formula.

The paper composes 4 x 4 matrices. All of them keep apart the mean m of a pixel over its
channels and what is left of it, d = x - m, so with gain g, brightness b, flip f of +-1,
saturation s and a hue turned by t about the grey axis v = (1, 1, 1) / sqrt(3):

    y = f g (m + b) + s g (cos(t) d + sin(t) v x d)

Source: Karras et al. 2020, arXiv:2006.06676, appendix B.
"""

import math
from typing import Any

from keras import ops

from ganzoo.augment.draws import Draws

__all__ = ["COLOUR_DRAWS", "coloured"]

COLOUR_DRAWS = 10


def coloured(images: Any, draws: Draws, p: Any):
    """Return images (n, h, w, c), float32, with other colours, one set a picture.

    In this order, each with probability p: brightness + N(0, 0.2^2); contrast
    x 2^N(0, 0.5^2) about 0; a flip of the luma, at half of the draws; the hue turned by
    U(-pi, pi); saturation x 2^N(0, 1). Grey pictures get the first two alone. A picture
    for which none is chosen stays as it is, exactly.
    """
    shift = ops.where(draws.chosen(p), draws.normal(0.2), 0.0)
    gain = ops.where(draws.chosen(p), draws.factor(0.5), 1.0)
    flip = ops.where(draws.chosen(p), 1.0 - 2.0 * draws.whole(0, 1), 1.0)
    turn = ops.where(draws.chosen(p), draws.uniform(-math.pi, math.pi), 0.0)
    saturation = ops.where(draws.chosen(p), draws.factor(1.0), 1.0)
    if images.shape[3] == 1:
        return _each(gain) * (images + _each(shift))
    own = saturation * gain * ops.cos(turn)
    # v x d is the difference of the two other channels over sqrt(3), in cyclic order.
    others = saturation * gain * ops.sin(turn) / math.sqrt(3.0)
    across = ops.roll(images, 1, axis=3) - ops.roll(images, -1, axis=3)
    mean = ops.mean(images, axis=3, keepdims=True)
    moved = _each(own) * images + _each(others) * across
    return moved + (_each(flip * gain - own) * mean + _each(flip * gain * shift))


def _each(numbers):
    """The numbers (n,) as (n, 1, 1, 1)."""
    return ops.reshape(numbers, (-1, 1, 1, 1))
