"""Schedules: settings that change with the real images shown, such as a learning rate.

A setting is a number or a `Schedule`; in a recipe it is a table:

    [model]
    g_lr = {start = 2e-4, end = 5e-5, kimg = 400}
"""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from keras import ops

from ganzoo.errors import GanzooError, unknown

__all__ = ["Schedule", "at", "first", "get", "spec"]

SHAPES = ("cosine", "linear")


@dataclass(frozen=True)
class Schedule:
    """A value that goes from `start` to `end` within `kimg`, and stays there.

    value = end + (start - end) * (1 + cos(pi * t)) / 2, or * (1 - t) for the shape
    "linear"; t = seen / (1000 * kimg), at most 1.

    Args:
        start, end: the values at the beginning and at the end.
        kimg: thousands of real images from the one to the other, above 0.
        shape: "cosine" or "linear".

    Raises: `GanzooError` for values that are no finite numbers, and unknown shapes.

    Example:
        >>> Schedule(start=2e-4, end=5e-5, kimg=400)
    """

    start: float
    end: float
    kimg: float
    shape: str = "cosine"

    def __post_init__(self):
        for name in ("start", "end", "kimg"):
            _checked_number(f"{name} of a schedule", getattr(self, name))
        if self.kimg <= 0:
            raise GanzooError(
                f"kimg of a schedule must be above 0, received {self.kimg}: it is the "
                "thousands of real images in which the value goes from start to end."
            )
        if self.shape not in SHAPES:
            raise unknown("shape of a schedule", self.shape, SHAPES)

    def __call__(self, seen: Any):
        """Return the value after so many real images: a scalar tensor, float32."""
        t = ops.cast(seen, "float32") / (1000.0 * self.kimg)
        left = 1.0 - ops.minimum(t, 1.0)
        if self.shape == "cosine":
            left = 0.5 * (1.0 - ops.cos(math.pi * left))
        return self.end + (self.start - self.end) * left


def at(setting: float | Schedule, seen: Any):
    """Return the setting's value after so many real images; a number is itself.

    Example:
        >>> at(0.5, 1000)
        0.5
    """
    return setting(seen) if isinstance(setting, Schedule) else setting


def first(setting: float | Schedule) -> float:
    """Return the setting's value before the first image."""
    return float(setting.start if isinstance(setting, Schedule) else setting)


def get(name: str, setting: Any) -> float | Schedule:
    """Return the number or the `Schedule` that a setting stands for.

    Args:
        name: what an error calls the setting.
        setting: a number, a `Schedule`, or a dict of its fields.

    Raises: `GanzooError` for anything else.

    Example:
        >>> get("g_lr", {"start": 2e-4, "end": 0.0, "kimg": 400})
    """
    if isinstance(setting, Schedule):
        return setting
    if not isinstance(setting, Mapping):
        return _checked_number(name, setting)
    accepted = [field.name for field in dataclasses.fields(Schedule)]
    for key in setting:
        if key not in accepted:
            raise unknown(f"field of the schedule of {name}", key, accepted)
    if missing := [key for key in accepted[:3] if key not in setting]:
        raise GanzooError(
            f"the schedule of {name} lacks {', '.join(missing)}. Write it as in "
            f"{name} = {{start = 2e-4, end = 0.0, kimg = 400}}; received "
            f"{dict(setting)}."
        )
    return Schedule(**setting)


def spec(setting: float | Schedule) -> float | dict:
    """Return what `get` turns back into this setting: a number or a dict."""
    return dataclasses.asdict(setting) if isinstance(setting, Schedule) else setting


def _checked_number(name, value):
    whole = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not whole or not math.isfinite(value):
        raise GanzooError(
            f"{name} must be a finite number, or a table of start, end and kimg; "
            f"received {value!r}."
        )
    return value
