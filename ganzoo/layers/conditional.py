"""Class-conditional batch normalisation: a gain and a bias for each class."""

import keras
from keras import ops

from ganzoo.layers.fast import BatchNormalization

__all__ = ["ConditionalBatchNormalization"]


@keras.saving.register_keras_serializable("ganzoo")
class ConditionalBatchNormalization(keras.layers.Layer):
    """Normalises a map over the batch, then scales and shifts it by its class.

    y = gain[label] * (x - mean) / sqrt(variance + epsilon) + bias[label]

    (batch, height, width, c), labels (batch,), int -> (batch, height, width, c). Gains
    start at 1, biases at 0, so that all classes start alike.

    Source: Dumoulin et al. 2017, arXiv:1610.07629, section 2.2; in a GAN: Miyato &
    Koyama 2018, arXiv:1802.05637, section 4.

    Example:
        >>> ConditionalBatchNormalization(10)(maps, labels)
    """

    def __init__(
        self, num_classes: int, momentum: float = 0.9, epsilon: float = 2e-5, **kwargs
    ):
        super().__init__(**kwargs)
        self.num_classes, self.momentum, self.epsilon = num_classes, momentum, epsilon
        self.norm = BatchNormalization(
            momentum=momentum,
            epsilon=epsilon,
            center=False,
            scale=False,
            dtype=self.dtype_policy,
            name="norm",
        )

    def build(self, x_shape, labels_shape):
        self.norm.build(x_shape)
        size = (self.num_classes, x_shape[-1])
        self.gain = self.add_weight(shape=size, initializer="ones", name="gain")
        self.bias = self.add_weight(shape=size, initializer="zeros", name="bias")

    def call(self, x, labels, training=None):
        x = self.norm(x, training=training)
        gain, bias = (
            ops.cast(ops.take(each, labels, axis=0), x.dtype)[:, None, None, :]
            for each in (self.gain, self.bias)
        )
        return gain * x + bias

    def compute_output_shape(self, x_shape, labels_shape):
        return x_shape

    def get_config(self):
        return super().get_config() | {
            "num_classes": self.num_classes,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
        }
