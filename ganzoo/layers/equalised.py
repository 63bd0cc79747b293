"""Equalised learning rate: layers that scale their kernel when they run.

    y = (W * gain / sqrt(fan_in)) x + b,  W ~ N(0, 1)

Adam's steps do not depend on the size of a gradient, so a weight moves at a speed that
its layer's range does not know. Here all kernels have one range, and one speed.

Source: Karras et al. 2018, arXiv:1710.10196, section 4.1.
"""

import math
from typing import Any

import keras
from keras import ops

__all__ = ["EqualisedConv2D", "EqualisedDense"]

_ROOT_2 = math.sqrt(2)


def _standard_normal():
    return keras.initializers.RandomNormal(stddev=1.0)


class _Equalised:
    """What the layers share: the kernel at run time, and the gain in the config."""

    def _affine(self, apply, inputs):
        fan_in = math.prod(self.kernel.shape[:-1])
        outputs = apply(inputs, self.kernel * (self.gain / math.sqrt(fan_in)))
        if self.use_bias:
            outputs = outputs + self.bias
        return self.activation(outputs)

    def get_config(self):
        """Return the configuration of Keras's layer, and the gain."""
        return super().get_config() | {"gain": self.gain}


@keras.saving.register_keras_serializable("ganzoo")
class EqualisedDense(_Equalised, keras.layers.Dense):
    """Keras's Dense at an equalised learning rate: (batch, n) -> (batch, units).

    Args:
        units: length of the output.
        gain: of He's initialiser; sqrt 2 for a layer before a leaky ReLU.

    Example:
        >>> EqualisedDense(1, gain=1.0)(features)
    """

    def __init__(self, units: int, gain: float = _ROOT_2, **kwargs: Any):
        kwargs.setdefault("kernel_initializer", _standard_normal())
        super().__init__(units, **kwargs)
        self.gain = gain

    def call(self, inputs):
        return self._affine(ops.matmul, inputs)


@keras.saving.register_keras_serializable("ganzoo")
class EqualisedConv2D(_Equalised, keras.layers.Conv2D):
    """Keras's Conv2D at an equalised learning rate.

    (batch, h, w, in) -> (batch, h', w', filters); the fan-in is
    kernel height * kernel width * in.

    Args:
        filters: number of feature maps of the output.
        kernel_size: side of the kernel, or (height, width).
        gain: of He's initialiser; sqrt 2 for a layer before a leaky ReLU.

    Example:
        >>> EqualisedConv2D(64, 3, padding="same")(maps)
    """

    def __init__(
        self, filters: int, kernel_size: Any, gain: float = _ROOT_2, **kwargs: Any
    ):
        kwargs.setdefault("kernel_initializer", _standard_normal())
        super().__init__(filters, kernel_size, **kwargs)
        self.gain = gain

    def call(self, inputs):
        return self._affine(self.convolution_op, inputs)
