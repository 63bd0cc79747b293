"""Pixels of pictures taken from elsewhere in them: by gathers, of which all derivatives
exist on every backend (TensorFlow's resizing operations have no second one).

Pictures are (n, h, w, c), float32. Places are in pixels from the top left one's centre,
float32, of a shape that goes with (n, h, w), such as (n, h, 1) for rows.
"""

from typing import Any

from keras import ops

__all__ = ["interpolated", "picked", "reflected"]


def reflected(places: Any, size: int):
    """Return places in [0, size - 1]: mirrored at the centres of the border's pixels.

    Example:
        >>> reflected(ops.array([-1.0, 4.5]), size=4)  # [1.0, 1.5]
    """
    period = max(2 * (size - 1), 1)
    places = ops.mod(places, float(period))
    return ops.minimum(places, period - places) if size > 1 else 0.0 * places


def picked(images: Any, rows: Any, columns: Any):
    """Return images (n, h, w, c) of the pixels at whole rows and columns, within them.

    Example:
        >>> picked(images, ops.full((n, 1, 1), 0.0), ops.full((n, 1, 1), 3.0))
    """
    height, width, channels = images.shape[1:]
    count = images.shape[0] or ops.shape(images)[0]
    first = ops.reshape(height * width * ops.arange(count), (-1, 1, 1))
    places = width * ops.cast(rows, "int32") + ops.cast(columns, "int32")
    places = ops.cast(first, "int32") + places
    # The leading axis of one makes TensorFlow's gradient a dense tensor; along axis 0
    # it would be slices, and a warning of what turning them into a tensor may cost.
    pixels = ops.reshape(images, (1, -1, channels))
    taken = ops.take(pixels, ops.reshape(places, (-1,)), axis=1)
    return ops.reshape(taken, (-1, height, width, channels))


def interpolated(images: Any, rows: Any, columns: Any):
    """Return images (n, h, w, c) at any rows and columns within them, bilinearly.

    At whole places it returns the pixels themselves, not only up to rounding.

    Example:
        >>> interpolated(images, rows - 0.5, columns)
    """
    channels = images.shape[3]
    down = ops.concatenate([images[:, 1:], images[:, -1:]], axis=1)
    # One gather takes a pixel and its three neighbours, below, right and between.
    left = ops.concatenate([images, down], axis=3)
    right = ops.concatenate([left[:, :, 1:], left[:, :, -1:]], axis=2)
    row, column = ops.floor(rows), ops.floor(columns)
    taken = picked(ops.concatenate([left, right], axis=3), row, column)
    left, right = taken[..., : 2 * channels], taken[..., 2 * channels :]
    both = left + ops.expand_dims(columns - column, -1) * (right - left)
    above, below = both[..., :channels], both[..., channels:]
    return above + ops.expand_dims(rows - row, -1) * (below - above)
