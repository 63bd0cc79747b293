"""ADA's geometric parts, "b" and "g", as one affine map a picture.

A transformation G moves a point to G * point; the pixel at a point of the result is
that of the original at the inverse of G. So each part adds its inverse on the right:

    inverse(G_k ... G_2 G_1) = inverse(G_1) inverse(G_2) ... inverse(G_k)

Points are (x, y) from the picture's middle, in pixels, so that a map without "g" takes
pixels to pixels exactly. A part that is not chosen is the identity, exactly.

There is no low-pass filter around the sampling, as the paper has (an orthogonal
wavelet): a picture made smaller is not smoothed first. Maps are kept as six columns
and multiplied out, for accelerators round the factors of a matrix product.

Source: Karras et al. 2020, arXiv:2006.06676, appendix B.
"""

import math
from dataclasses import dataclass
from typing import Any

from keras import ops

from ganzoo.augment.draws import Draws
from ganzoo.augment.sampling import interpolated, picked, reflected

__all__ = ["BLIT_DRAWS", "GENERAL_DRAWS", "Map", "blitted", "generalised", "sampled"]

BLIT_DRAWS, GENERAL_DRAWS = 7, 11


@dataclass(frozen=True)
class Map:
    """Affine maps, one a picture: (xx x + xy y + x0, yx x + yy y + y0) of (x, y).

    Each number is a scalar or (n,). The methods return the map of the parts so far
    and, before them, the inverse of one more.

    Example:
        >>> Map().moved(2.0, 0.0).x0
        -2.0
    """

    xx: Any = 1.0
    xy: Any = 0.0
    yx: Any = 0.0
    yy: Any = 1.0
    x0: Any = 0.0
    y0: Any = 0.0

    def _after(self, xx, xy, yx, yy, x0=0.0, y0=0.0):
        return Map(
            self.xx * xx + self.xy * yx,
            self.xx * xy + self.xy * yy,
            self.yx * xx + self.yy * yx,
            self.yx * xy + self.yy * yy,
            self.xx * x0 + self.xy * y0 + self.x0,
            self.yx * x0 + self.yy * y0 + self.y0,
        )

    def scaled(self, x: Any, y: Any):
        """Add a scaling by x and y."""
        return self._after(1.0 / x, 0.0, 0.0, 1.0 / y)

    def turned(self, cosine: Any, sine: Any):
        """Add a rotation by the angle of that cosine and sine."""
        return self._after(cosine, sine, -sine, cosine)

    def moved(self, x: Any, y: Any):
        """Add a translation by x and y pixels."""
        return self._after(1.0, 0.0, 0.0, 1.0, -x, -y)


def blitted(found: Map, draws: Draws, p: Any, height: int, width: int) -> Map:
    """Add "b": a flip of x, a quarter turn, a translation by whole pixels.

    Each is chosen with probability p: the flip then happens or not, the turn is by 0 to
    3 quarters, the translation by up to an eighth of a side. Quarter turns are for
    square pictures; others are left as they are.
    """
    flip = ops.where(draws.chosen(p), 1.0 - 2.0 * draws.whole(0, 1), 1.0)
    found = found.scaled(flip, 1.0)
    quarters = ops.where(draws.chosen(p), draws.whole(0, 3), 0.0)
    if height == width:
        odd = ops.mod(quarters, 2.0)
        sign = 1.0 - 2.0 * ops.floor(quarters / 2.0)
        found = found.turned(sign * (1.0 - odd), sign * odd)
    chosen = draws.chosen(p)
    shifts = [
        ops.where(chosen, ops.round(draws.uniform(-0.125, 0.125) * size), 0.0)
        for size in (width, height)
    ]
    return found.moved(*shifts)


def generalised(found: Map, draws: Draws, p: Any, height: int, width: int) -> Map:
    """Add "g": scalings, rotations and a translation by parts of pixels.

    In this order: a scaling by 2^N(0, 0.2^2); a rotation by U(-pi, pi); a scaling of x
    by s = 2^N(0, 0.2^2) and of y by 1 / s; a rotation again; a translation by
    N(0, 0.125^2) sides. Each is chosen with probability p, but the rotations with
    1 - sqrt(1 - p), so that p is the probability of any.
    """
    p_turn = 1.0 - ops.sqrt(1.0 - ops.cast(p, "float32"))
    scale = ops.where(draws.chosen(p), draws.factor(0.2), 1.0)
    found = _turned(found.scaled(scale, scale), draws, p_turn)
    scale = ops.where(draws.chosen(p), draws.factor(0.2), 1.0)
    found = _turned(found.scaled(scale, 1.0 / scale), draws, p_turn)
    chosen = draws.chosen(p)
    shifts = [
        ops.where(chosen, draws.normal(0.125) * size, 0.0) for size in (width, height)
    ]
    return found.moved(*shifts)


def sampled(images: Any, found: Map, whole: bool):
    """Return images (n, h, w, c) taken through the map, mirrored at the borders.

    `whole` says that the map takes pixels to pixels: then one is picked for each,
    otherwise four are interpolated.
    """
    height, width = images.shape[1:3]
    x, y = _from_middle(width), _from_middle(height)[:, None]
    column = _each(found.xx) * x + _each(found.xy) * y + _each(found.x0)
    row = _each(found.yx) * x + _each(found.yy) * y + _each(found.y0)
    row = reflected(row + 0.5 * (height - 1), height)
    column = reflected(column + 0.5 * (width - 1), width)
    return (picked if whole else interpolated)(images, row, column)


def _turned(found, draws, p):
    angle = ops.where(draws.chosen(p), draws.uniform(-math.pi, math.pi), 0.0)
    return found.turned(ops.cos(angle), ops.sin(angle))


def _from_middle(size):
    return ops.arange(size, dtype="float32") - 0.5 * (size - 1)


def _each(numbers):
    """The numbers (n,), or one for all, as (n, 1, 1)."""
    return ops.reshape(ops.convert_to_tensor(numbers, "float32"), (-1, 1, 1))
