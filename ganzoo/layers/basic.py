"""Small parts that most variants share: resolutions, labels, maxout."""

import random

import keras
from keras import ops

from ganzoo.errors import GanzooError

__all__ = [
    "GlobalSumPooling2D",
    "LabelPlanes",
    "Maxout",
    "OneHot",
    "doublings",
    "dropout",
]


def doublings(image_shape: tuple[int, int, int]) -> tuple[int, tuple[int, int]]:
    """Return how often the first feature map doubles, and its (height, width).

    The first map's shorter side has 4 to 7 pixels: 28 -> 7, 32 -> 4, 64 -> 4, 96 -> 6.

    Raises: `GanzooError` if a side is no such number times a power of two.

    Example:
        >>> doublings((28, 28, 1))
        (2, (7, 7))
    """
    height, width = image_shape[:2]
    count, short = 0, min(height, width)
    while short > 7:
        count, short = count + 1, short // 2
    first = (height >> count, width >> count)
    if short < 4 or (first[0] << count, first[1] << count) != (height, width):
        near = _nearest(min(height, width))
        raise GanzooError(
            "this network doubles its feature maps, so each side of the image must "
            "be 4 to 7 times a power of two (28, 32, 48, 64, 96, 128, ...); received "
            f"{height}x{width}. Load the data with image_size={near}."
        )
    return count, first


def _nearest(side):
    sizes = [start << count for count in range(9) for start in (4, 5, 6, 7)]
    return min(sizes, key=lambda size: abs(size - side))


def dropout(x, rate: float):
    """Return x with a share `rate` of its units off in training.

    The layer gets a seed of its own (from Python's generator, which
    `keras.utils.set_random_seed` sets): without one, torch draws from a state that no
    checkpoint keeps, and a resumed run would be another.
    """
    return keras.layers.Dropout(rate, seed=random.randint(1, 2**31 - 1))(x)


@keras.saving.register_keras_serializable("ganzoo")
class OneHot(keras.layers.Layer):
    """Labels (batch,), int -> one-hot rows (batch, num_classes)."""

    def __init__(self, num_classes: int, **kwargs):
        super().__init__(**kwargs)
        self.num_classes = num_classes

    def call(self, labels):
        return ops.one_hot(labels, self.num_classes, dtype=self.compute_dtype)

    def compute_output_shape(self, shape):
        return (*shape, self.num_classes)

    def get_config(self):
        return super().get_config() | {"num_classes": self.num_classes}


@keras.saving.register_keras_serializable("ganzoo")
class LabelPlanes(keras.layers.Layer):
    """Appends a row, such as a one-hot label, to a map as constant planes, or to a row.

    (batch, height, width, c), (batch, k) -> (batch, height, width, c + k).
    """

    def call(self, x, rows):
        if len(x.shape) == 4:
            rows = rows[:, None, None, :] * ops.ones_like(x[..., :1])
        return ops.concatenate([x, ops.cast(rows, x.dtype)], axis=-1)

    def compute_output_shape(self, x_shape, rows_shape):
        return (*x_shape[:-1], x_shape[-1] + rows_shape[-1])


@keras.saving.register_keras_serializable("ganzoo")
class GlobalSumPooling2D(keras.layers.Layer):
    """The sum over a map: (batch, height, width, c) -> (batch, c)."""

    def call(self, x):
        return ops.sum(x, axis=(1, 2))

    def compute_output_shape(self, shape):
        return (shape[0], shape[-1])


@keras.saving.register_keras_serializable("ganzoo")
class Maxout(keras.layers.Layer):
    """max over `pieces` affine maps: (batch, n) -> (batch, units) (arXiv:1302.4389).

    h_i = max_j (x W_ij + b_ij), j = 1..pieces.
    """

    def __init__(self, units: int, pieces: int, kernel_initializer=None, **kwargs):
        super().__init__(**kwargs)
        self.units, self.pieces = units, pieces
        self.affine = keras.layers.Dense(
            units * pieces,
            kernel_initializer=kernel_initializer or "glorot_uniform",
            dtype=self.dtype_policy,
            name="affine",
        )

    def build(self, shape):
        self.affine.build(shape)

    def call(self, x):
        pieces = ops.reshape(self.affine(x), (-1, self.units, self.pieces))
        # Over the first axis the maximum runs in vectors: twice as fast, copy included.
        return ops.max(ops.transpose(pieces, (2, 0, 1)), axis=0)

    def compute_output_shape(self, shape):
        return (*shape[:-1], self.units)

    def get_config(self):
        return super().get_config() | {
            "units": self.units,
            "pieces": self.pieces,
            "kernel_initializer": keras.initializers.serialize(
                self.affine.kernel_initializer
            ),
        }
