"""Layers by which a network is told a text: fusion, conditioning, planes, gains."""

import keras
from keras import layers, ops

__all__ = ["Affine", "Gain", "Split", "Tiled"]


@keras.saving.register_keras_serializable("ganzoo")
class Affine(layers.Layer):
    """Scales and shifts each channel by what the text says: gain(t) * x + bias(t).

    (batch, height, width, c), t (batch, d) -> (batch, height, width, c). Gain and bias
    each come from a network of one hidden layer; they start at 1 and 0, whatever t is.

    Args:
        units: of each hidden layer.

    Source: Tao et al. 2022, arXiv:2008.05865, section 3.3, equations 4 to 6.

    Example:
        >>> Affine(256)(maps, sentences)
    """

    def __init__(self, units: int, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, x_shape, told_shape):
        # The hidden layers of gain and bias side by side: one product for both.
        size = (told_shape[-1], 2 * self.units)
        self.hidden = self.add_weight(shape=size, name="hidden")
        self.hidden_bias = self.add_weight(
            shape=size[1:], initializer="zeros", name="hidden_bias"
        )
        size = (2, self.units, x_shape[-1])
        self.heads = self.add_weight(shape=size, initializer="zeros", name="heads")
        self.gain = self.add_weight(shape=size[2:], initializer="ones", name="gain")
        self.bias = self.add_weight(shape=size[2:], initializer="zeros", name="bias")

    def call(self, x, told):
        told = ops.cast(told, x.dtype)
        hidden = ops.relu(
            ops.matmul(told, ops.cast(self.hidden, x.dtype))
            + ops.cast(self.hidden_bias, x.dtype)
        )
        heads = ops.cast(self.heads, x.dtype)
        gain, bias = (
            (ops.matmul(hidden[:, i * self.units : (i + 1) * self.units], heads[i]) + b)
            for i, b in enumerate(
                (ops.cast(self.gain, x.dtype), ops.cast(self.bias, x.dtype))
            )
        )
        return gain[:, None, None, :] * x + bias[:, None, None, :]

    def compute_output_shape(self, x_shape, told_shape):
        return x_shape

    def get_config(self):
        return super().get_config() | {"units": self.units}


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
class Tiled(layers.Layer):
    """Appends a row to each pixel: (b, h, w, c), (b, d) -> (b, h, w, c + d)."""

    def call(self, x, rows):
        rows = ops.cast(rows, x.dtype)[:, None, None, :] * ops.ones_like(x[..., :1])
        return ops.concatenate([x, rows], axis=-1)

    def compute_output_shape(self, x_shape, rows_shape):
        return (*x_shape[:-1], x_shape[-1] + rows_shape[-1])


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
