"""Layers by which a network is told a text: fusion, conditioning, planes, gains."""

import keras
from keras import layers, ops

__all__ = ["Affine", "Drawn", "Gain", "Split", "divergence"]


@keras.saving.register_keras_serializable("ganzoo")
class Affine(layers.Layer):
    """Scales and shifts each channel by what a row says: gain * x + bias.

        gain = 1 + h_1 A + a,  bias = h_2 B + b,  h_1 and h_2 the halves of the row

    (batch, height, width, c), (batch, 2 * units) -> (batch, height, width, c). A, B, a
    and b start at 0: at first nothing is changed, whatever the row is.

    Example:
        >>> hidden = layers.Dense(2 * 256, activation="relu")(sentences)
        >>> Affine()(maps, hidden)
    """

    def build(self, x_shape, rows_shape):
        size = (2, rows_shape[-1] // 2, x_shape[-1])
        self.heads = self.add_weight(shape=size, initializer="zeros", name="heads")
        self.rest = self.add_weight(
            shape=(2, x_shape[-1]), initializer="zeros", name="rest"
        )

    def call(self, x, rows):
        halves = ops.split(ops.cast(rows, x.dtype), 2, axis=-1)
        heads, rest = (ops.cast(each, x.dtype) for each in (self.heads, self.rest))
        gain, bias = (ops.matmul(halves[i], heads[i]) + rest[i] for i in (0, 1))
        return (1.0 + gain[:, None, None, :]) * x + bias[:, None, None, :]

    def compute_output_shape(self, x_shape, rows_shape):
        return x_shape


@keras.saving.register_keras_serializable("ganzoo")
class Gain(layers.Layer):
    """One learnt number times x; 0 at first, a branch begins as if not there.

    Args:
        start: the number at first.
    """

    def __init__(self, start: float = 0.0, **kwargs):
        super().__init__(**kwargs)
        self.start = start

    def build(self, shape):
        start = keras.initializers.Constant(self.start)
        self.gain = self.add_weight(shape=(), initializer=start, name="gain")

    def call(self, x):
        return ops.cast(self.gain, x.dtype) * x

    def compute_output_shape(self, shape):
        return shape

    def get_config(self):
        return super().get_config() | {"start": self.start}


@keras.saving.register_keras_serializable("ganzoo")
class Split(layers.Layer):
    """The first numbers of a row, and the others: (b, n) -> (b, first), (b, n - first).

    Args:
        first: how many.
    """

    def __init__(self, first: int, **kwargs):
        super().__init__(**kwargs)
        self.first = first

    def call(self, rows):
        return rows[:, : self.first], rows[:, self.first :]

    def compute_output_shape(self, shape):
        return (shape[0], self.first), (shape[0], shape[1] - self.first)

    def get_config(self):
        return super().get_config() | {"first": self.first}


@keras.saving.register_keras_serializable("ganzoo")
class Drawn(layers.Layer):
    """mu + sigma * e of a row (mu, log sigma): (n, 2c), e (n, c) -> (n, c).

    Source: Zhang et al. 2017, arXiv:1612.03242, section 3.2.

    Example:
        >>> Drawn()(rows, noise)
    """

    def call(self, row, noise):
        mean, log_sigma = ops.split(row, 2, axis=-1)
        return mean + ops.exp(log_sigma) * ops.cast(noise, row.dtype)

    def compute_output_shape(self, row_shape, noise_shape):
        return noise_shape


def divergence(row):
    """The mean KL(N(mu, sigma) | N(0, 1)) of a row (mu, log sigma): a scalar.

    -log sigma + (sigma^2 + mu^2 - 1) / 2, the mean over its numbers.

    Example:
        >>> float(divergence(np.zeros((1, 256))))
        0.0
    """
    mean, log_sigma = ops.split(ops.cast(row, "float32"), 2, axis=-1)
    square = ops.exp(2.0 * log_sigma) + ops.square(mean)
    return ops.mean(-log_sigma + 0.5 * (square - 1.0))
