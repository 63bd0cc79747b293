"""Resampling by a smoothing filter, and the rectifier with a bias of its own."""

import keras
import numpy as np
from keras import ops

__all__ = ["BiasedLeakyReLU", "FilteredDown", "FilteredUp"]

_TAPS = np.outer([1, 2, 1], [1, 2, 1]) / 16.0


def _kernel(channels, gain):
    """A filter a channel: (3, 3, channels, 1), summing to the gain."""
    taps = np.tile((gain * _TAPS)[:, :, None, None], (1, 1, channels, 1))
    return taps.astype("float32")


@keras.saving.register_keras_serializable("ganzoo")
class FilteredUp(keras.layers.Layer):
    """Doubles a map by linear interpolation: (batch, h, w, c) -> (batch, 2h, 2w, c).

    Zeros are put between the pixels and the filter [1, 2, 1] (x) [1, 2, 1] / 4 fills
    them. Outside the map there is 0.
    """

    def call(self, x):
        height, width, channels = x.shape[1:]
        x = ops.reshape(x, (-1, height, 1, width, 1, channels))
        x = ops.pad(x, ((0, 0), (0, 0), (0, 1), (0, 0), (0, 1), (0, 0)))
        x = ops.reshape(x, (-1, 2 * height, 2 * width, channels))
        kernel = ops.cast(_kernel(channels, 4.0), x.dtype)
        return ops.depthwise_conv(x, kernel, padding="same")

    def compute_output_shape(self, shape):
        return (shape[0], 2 * shape[1], 2 * shape[2], shape[3])


@keras.saving.register_keras_serializable("ganzoo")
class FilteredDown(keras.layers.Layer):
    """Halves a map, smoothed first: (batch, h, w, c) -> (batch, h/2, w/2, c).

    The filter is [1, 2, 1] (x) [1, 2, 1] / 16, at every second pixel. Outside the map
    there is 0.
    """

    def call(self, x):
        kernel = ops.cast(_kernel(x.shape[-1], 1.0), x.dtype)
        x = ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
        return ops.depthwise_conv(x, kernel, strides=2, padding="valid")

    def compute_output_shape(self, shape):
        return (shape[0], shape[1] // 2, shape[2] // 2, shape[3])


@keras.saving.register_keras_serializable("ganzoo")
class BiasedLeakyReLU(keras.layers.Layer):
    """y = leaky_relu(x + b), slope 0.2 below 0, a bias b for each channel."""

    def build(self, shape):
        self.bias = self.add_weight(shape=shape[-1:], initializer="zeros", name="bias")

    def call(self, x):
        return ops.leaky_relu(x + ops.cast(self.bias, x.dtype), negative_slope=0.2)

    def compute_output_shape(self, shape):
        return shape
