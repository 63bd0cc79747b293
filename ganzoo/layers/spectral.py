"""Spectral normalisation: layers whose largest singular value is held at 1.

    y = (W / sigma(W)) x,  sigma = u^T W v

W is the kernel as a matrix (inputs, outputs). u and v follow its largest singular
vectors by one power iteration at each training call, from where the last one stopped.
They are constants to the gradient, which so goes through W / sigma in both places.

Source: Miyato et al. 2018, arXiv:1802.05957, algorithm 1. Training and inference are
one function: inference takes u and v as they are. Keras's own wrapper assigns the
normalised kernel, which on TensorFlow cuts the gradient of sigma, and on JAX is lost.
"""

import keras
from keras import ops

__all__ = ["SpectralConv2D", "SpectralDense", "SpectralEmbedding"]

_EPSILON = 1e-12


def _unit(x):
    """The vector (n,) at length 1."""
    return x / (ops.sqrt(ops.sum(ops.square(x))) + _EPSILON)


class _Spectral:
    """What the layers share: u, v, and the kernel over its largest singular value."""

    def _add_vectors(self, shape):
        outputs, inputs = shape[-1], 1
        for size in shape[:-1]:
            inputs *= size
        start = keras.initializers.RandomNormal(stddev=1.0)
        for name, size in (("u", outputs), ("v", inputs)):
            vector = self.add_weight(
                shape=(size,), initializer=start, trainable=False, name=name
            )
            setattr(self, name, vector)

    def save_own_variables(self, store):
        """Save all: Keras's Dense and Conv2D know of their kernel and bias alone."""
        keras.layers.Layer.save_own_variables(self, store)

    def load_own_variables(self, store):
        """Load what `save_own_variables` saved."""
        keras.layers.Layer.load_own_variables(self, store)

    def _affine(self, apply, inputs, training):
        """What the layer does with its normalised kernel: apply, bias, activation."""
        kernel = ops.cast(self._normalised(self.kernel, training), inputs.dtype)
        outputs = apply(inputs, kernel)
        if self.use_bias:
            outputs = outputs + ops.cast(self.bias, inputs.dtype)
        return self.activation(outputs)

    def _normalised(self, kernel, training):
        """The kernel at a largest singular value of 1, in its own shape."""
        matrix = ops.reshape(kernel, (-1, kernel.shape[-1]))  # (inputs, outputs)
        u, v = (ops.convert_to_tensor(each) for each in (self.u, self.v))
        if training:
            fixed = ops.stop_gradient(matrix)
            v = _unit(ops.matmul(fixed, u))
            u = _unit(ops.matmul(v, fixed))
            self.u.assign(u)
            self.v.assign(v)
        sigma = ops.sum(ops.matmul(v, matrix) * u)
        return kernel / sigma


@keras.saving.register_keras_serializable("ganzoo")
class SpectralDense(_Spectral, keras.layers.Dense):
    """Keras's Dense, its kernel spectrally normalised: (batch, n) -> (batch, units).

    Example:
        >>> SpectralDense(1, use_bias=False)(features)
    """

    def build(self, shape):
        super().build(shape)
        self._add_vectors(self.kernel.shape)

    def call(self, inputs, training=None):
        return self._affine(ops.matmul, inputs, training)


@keras.saving.register_keras_serializable("ganzoo")
class SpectralConv2D(_Spectral, keras.layers.Conv2D):
    """Keras's Conv2D with its kernel spectrally normalised.

    The kernel (height, width, in, out) is taken as a matrix (height * width * in, out),
    as the paper does; that is not the norm of the convolution itself.
    (batch, h, w, in) -> (batch, h', w', filters).

    Example:
        >>> SpectralConv2D(128, 3, padding="same")(images)
    """

    def build(self, shape):
        super().build(shape)
        self._add_vectors(self.kernel.shape)

    def call(self, inputs, training=None):
        return self._affine(self.convolution_op, inputs, training)


@keras.saving.register_keras_serializable("ganzoo")
class SpectralEmbedding(_Spectral, keras.layers.Embedding):
    """Keras's Embedding with its table spectrally normalised: (batch,) -> (batch, n).

    Example:
        >>> SpectralEmbedding(10, 128)(labels)
    """

    def build(self, shape=None):
        super().build(shape)
        self._add_vectors(self.embeddings.shape)

    def call(self, inputs, training=None):
        table = self._normalised(self.embeddings, training)
        return ops.cast(ops.take(table, inputs, axis=0), self.compute_dtype)
