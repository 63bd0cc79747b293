"""DiffAugment: differentiable augmentations of every picture, reals and fakes alike.

Source: Zhao et al. 2020, arXiv:2006.10738, section 3.2; written from the paper alone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from keras import ops

from ganzoo.augment.draws import Draws
from ganzoo.augment.sampling import picked
from ganzoo.errors import GanzooError, unknown

__all__ = ["DiffAugment"]


@dataclass(frozen=True)
class DiffAugment:
    """Every picture changed at random, in the order of the policy.

    Args:
        policy: parts, with commas between: "color" (brightness, saturation, contrast),
            "translation" (by up to an eighth of a side), "cutout" (half a side's
            square set to 0).

    Called with images (n, h, w, c), c of 1 or 3, in [-1, 1], and with `uniform(shape)`
    which draws from U[0, 1), it returns images of the same shape and kind (colours may
    leave [-1, 1]). The paper knows no probability: p is not looked at.

    Raises: `GanzooError` for a policy with unknown parts, twice the same, or none.

    Example:
        >>> gan = ganzoo.create("dcgan", augment="diffaugment")
        >>> DiffAugment("translation,cutout")(images, gan.draw_uniform)
    """

    policy: str = "color,translation,cutout"

    adaptive: ClassVar[bool] = False
    p: ClassVar[float] = 1.0

    def __post_init__(self):
        if not isinstance(self.policy, str):
            raise GanzooError(
                "policy of DiffAugment must be a text such as 'color,translation', "
                f"received {self.policy!r}."
            )
        for part in self._parts:
            if part not in _PARTS:
                raise unknown("part of the policy of DiffAugment", part, _PARTS)
        if len({*self._parts}) < len(self._parts):
            raise GanzooError(
                f"policy of DiffAugment has a part twice, received {self.policy!r}. "
                "Name each once."
            )

    @property
    def _parts(self):
        return [part.strip() for part in self.policy.split(",")]

    def __call__(self, images: Any, uniform: Callable, p: Any = 1.0):
        columns = sum(_PARTS[part][1] for part in self._parts)
        count = images.shape[0] or ops.shape(images)[0]
        draws = Draws(uniform, count, columns)
        result = ops.cast(images, "float32")
        for part in self._parts:
            result = _PARTS[part][0](result, draws)
        return ops.cast(result, images.dtype)


def _color(images, draws):
    """Brightness + U(-.5, .5), saturation x U(0, 2), contrast x U(.5, 1.5).

    With brightness b, saturation s about a pixel's mean m over its channels, and
    contrast g about the mean M of the whole picture, one after the other, this is

        y = g (s x + (1 - s) m) + (1 - g) M + b
    """
    shift, saturation, gain = (
        _each(draws.uniform(low, high))
        for low, high in ((-0.5, 0.5), (0, 2), (0.5, 1.5))
    )
    whole = ops.mean(images, axis=(1, 2, 3), keepdims=True)
    if images.shape[3] > 1:
        mean = ops.mean(images, axis=3, keepdims=True)
        images = saturation * images + (1.0 - saturation) * mean
    return gain * images + ((1.0 - gain) * whole + shift)


def _translation(images, draws):
    """By whole pixels, up to an eighth of each side either way; zeros come in."""
    places, inside = zip(
        *(_moved(size, draws) for size in images.shape[1:3]), strict=True
    )
    rows, columns = places[0][:, :, None], places[1][:, None, :]
    known = inside[0][:, :, None] & inside[1][:, None, :]
    known = ops.cast(known, "float32")[..., None]
    return picked(images, rows, columns) * known


def _moved(size, draws):
    """Where each of `size` pixels comes from (n, size), and whether from inside."""
    most = int(size / 8 + 0.5)
    places = ops.arange(size, dtype="float32") - draws.whole(-most, most)[:, None]
    inside = (places >= 0) & (places <= size - 1)
    return ops.clip(places, 0.0, size - 1.0), inside


def _cutout(images, draws):
    """A square of half of each side set to 0; its middle is any pixel, so that at a
    border a part of it may lie outside."""
    rows, columns = (_cut(size, draws) for size in images.shape[1:3])
    cut = rows[:, :, None] & columns[:, None, :]
    return images * (1.0 - ops.cast(cut, "float32")[..., None])


def _cut(size, draws):
    """Which of `size` pixels the square covers: (n, size)."""
    side = int(size / 2 + 0.5)
    first = draws.whole(0, size - 1)[:, None] - side // 2
    places = ops.arange(size, dtype="float32")
    return (places >= first) & (places < first + side)


def _each(numbers):
    """The numbers (n,) as (n, 1, 1, 1)."""
    return ops.reshape(numbers, (-1, 1, 1, 1))


# What each part of a policy does, and the columns of noise that it takes.
_PARTS = {
    "color": (_color, 3),
    "translation": (_translation, 2),
    "cutout": (_cutout, 2),
}
