"""Layers of Keras whose results stay and whose time falls.

They keep the name, the weights and the configuration of the layer they stand in for,
so that weights saved from the one load into the other.
"""

import keras
from keras import ops

from ganzoo import backends

__all__ = ["BatchNormalization", "Conv2DTranspose", "GroupedConv2D"]


@keras.saving.register_keras_serializable("ganzoo")
class BatchNormalization(keras.layers.BatchNormalization):
    """Keras's layer; in training it runs as one kernel where the backend has one.

    (batch, height, width, channels) -> the same shape and dtype. Keras composes it of
    some ten operations, each of which walks through the whole map; and on TensorFlow
    its moments stop the gradient at the mean, so that penalties on the slope of a
    discriminator with this layer had wrong gradients. These are right.
    """

    def call(self, inputs, training=None, mask=None):
        if not (training and self.trainable and self._fits(inputs, mask)):
            return super().call(inputs, training=training, mask=mask)
        width = inputs.shape[-1:]
        gain = ops.cast(self.gamma, "float32") if self.scale else ops.ones(width)
        bias = ops.cast(self.beta, "float32") if self.center else ops.zeros(width)
        outputs, mean, variance = backends.batch_norm(inputs, gain, bias, self.epsilon)
        for moving, now in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + now * (1.0 - self.momentum))
        return outputs

    def _fits(self, inputs, mask):
        return (
            backends.batch_norm is not None
            and mask is None
            and len(inputs.shape) == 4
            and self.axis in (-1, 3)
            and not (self.renorm or self.synchronized)
            and keras.backend.standardize_dtype(inputs.dtype) in _FUSED_TYPES
        )


_FUSED_TYPES = ("float32", "bfloat16")


@keras.saving.register_keras_serializable("ganzoo")
class Conv2DTranspose(keras.layers.Conv2DTranspose):
    """Keras's layer; 5x5 of stride 2 into few channels, it runs as a convolution.

    (batch, h, w, c) -> (batch, 2h, 2w, filters). Each 2x2 block of the output depends
    on a 3x3 window of the input: a convolution of stride 1 makes the block's pixels as
    4 * filters channels. The transposed kernels for 1 or 3 channels are several times
    slower than that.
    """

    def call(self, inputs):
        if not self._is_thin():
            return super().call(inputs)
        batch, height, width = (
            size if size is not None else ops.shape(inputs)[axis]
            for axis, size in enumerate(inputs.shape[:3])
        )
        blocks = ops.conv(inputs, self._block_kernel(), padding="same")
        blocks = ops.reshape(blocks, (batch, height, width, 2, 2, self.filters))
        outputs = ops.reshape(
            ops.transpose(blocks, (0, 1, 3, 2, 4, 5)),
            (batch, 2 * height, 2 * width, self.filters),
        )
        return self.activation(outputs + self.bias if self.use_bias else outputs)

    def _is_thin(self):
        return (
            self.filters <= 4
            and (self.kernel_size, self.strides) == ((5, 5), (2, 2))
            and (self.padding, self.dilation_rate) == ("same", (1, 1))
            and self.data_format == "channels_last"
            and self.output_padding is None
        )

    def _block_kernel(self):
        """(5, 5, filters, c) -> (3, 3, c, 4 * filters), in the order of the pixels."""
        # Output 2m + p takes tap a of input m + e where a = 1 + p - 2e.
        taps = ops.pad(self.kernel, ((1, 0), (1, 0), (0, 0), (0, 0)))
        taps = ops.reshape(taps, (3, 2, 3, 2, *self.kernel.shape[2:]))
        taps = ops.transpose(ops.flip(taps, (0, 2)), (0, 2, 5, 1, 3, 4))
        return ops.reshape(taps, (3, 3, self.kernel.shape[3], 4 * self.filters))


@keras.saving.register_keras_serializable("ganzoo")
class GroupedConv2D(keras.layers.Conv2D):
    """Keras's Conv2D; with groups by the kernel that is the fastest on the backend.

    Keras computes it by XLA on TensorFlow too, whose grouped kernels for processors are
    several times slower, their second gradients by two orders of magnitude.
    """

    def convolution_op(self, inputs, kernel):
        if self.groups == 1 or self.data_format != "channels_last":
            return super().convolution_op(inputs, kernel)
        return backends.grouped_conv(
            inputs,
            kernel,
            self.groups,
            strides=list(self.strides),
            padding=self.padding,
            dilation_rate=self.dilation_rate,
        )
