"""The fast layers give what Keras's give, and right gradients of gradients."""

import keras
import numpy as np
import pytest
from keras import ops

from ganzoo import backends
from ganzoo.layers import fast

pytestmark = pytest.mark.backend

SHAPE = (6, 3, 3, 4)
_rng = np.random.default_rng(0)
X, UPSTREAM = (_rng.normal(size=SHAPE).astype("float32") for _ in range(2))
WEIGHTS = _rng.uniform(0, 2, SHAPE).astype("float32")


def norm(kind=fast.BatchNormalization):
    layer = kind(momentum=0.9, epsilon=1e-5)
    layer.build(SHAPE)
    rng = np.random.default_rng(1)
    layer.gamma.assign(rng.normal(1, 0.3, 4))
    layer.beta.assign(rng.normal(size=4))
    return layer


def numpy(x):
    return ops.convert_to_numpy(x)


def test_batch_normalisation_is_that_of_keras():
    mine, theirs = norm(), norm(keras.layers.BatchNormalization)
    x = ops.convert_to_tensor(X)
    for training in (True, True, False):
        with backends.updating():
            found, expected = (
                numpy(each(x, training=training)) for each in (mine, theirs)
            )
        assert np.allclose(found, expected, atol=1e-5)
    for one, other in zip(mine.weights, theirs.weights, strict=True):
        assert one.path.split("/")[-1] == other.path.split("/")[-1]
        assert np.allclose(numpy(one.value), numpy(other.value), atol=1e-5)


def composed(x, gain, bias):
    """Batch normalisation by its definition."""
    mean = ops.mean(x, axis=(0, 1, 2))
    variance = ops.mean(ops.square(x - mean), axis=(0, 1, 2))
    return (x - mean) / ops.sqrt(variance + 1e-5) * gain + bias


def penalty_gradients(layer, function):
    """Of a weighted penalty on the slope of a bent head behind the normalisation.

    Without the weights, the errors of a wrong second derivative cancel.
    """

    def loss():
        def judge(x):
            bent = ops.sin(function(x)) * ops.convert_to_tensor(UPSTREAM)
            return ops.sum(bent, axis=(1, 2, 3))

        slope = backends.input_gradient(judge, ops.convert_to_tensor(X))
        return ops.sum(ops.square(slope) * ops.convert_to_tensor(WEIGHTS)), {}

    variables = [layer.gamma, layer.beta]
    value, _, gradients = backends.value_and_gradients(loss, variables)
    return [numpy(each) for each in (value, *gradients)]


def test_a_penalty_through_batch_normalisation_has_the_right_gradient():
    """TensorFlow's moments stop the gradient at the mean: right only once."""
    layer = norm()
    found = penalty_gradients(layer, lambda x: layer(x, training=True))
    expected = penalty_gradients(
        layer, lambda x: composed(x, layer.gamma.value, layer.beta.value)
    )
    for one, other in zip(found, expected, strict=True):
        assert np.allclose(one, other, rtol=1e-3, atol=1e-3 * np.abs(other).max())


@pytest.mark.parametrize("filters", [1, 3, 8])
@pytest.mark.parametrize("side", [4, 7])
def test_transposed_convolution_is_that_of_keras(filters, side):
    rng = np.random.default_rng(2)
    x = ops.convert_to_tensor(rng.normal(size=(2, side, side + 1, 5)).astype("float32"))
    mine = fast.Conv2DTranspose(filters, 5, 2, "same")
    theirs = keras.layers.Conv2DTranspose(filters, 5, 2, "same")
    for layer in (mine, theirs):
        layer.build(x.shape)
    kernel, bias = rng.normal(size=(5, 5, filters, 5)), rng.normal(size=filters)
    mine.set_weights([kernel, bias])
    theirs.set_weights([kernel, bias])
    found, expected = numpy(mine(x)), numpy(theirs(x))
    assert found.shape == expected.shape == (2, 2 * side, 2 * side + 2, filters)
    assert np.allclose(found, expected, atol=1e-4)


def grouped(groups, kernel, strides=1):
    layer = fast.GroupedConv2D(8, 3, strides, "same", groups=groups, use_bias=False)
    layer.build(SHAPE)
    layer.kernel.assign(kernel)
    return layer


@pytest.mark.parametrize("strides", [1, 2])
@pytest.mark.parametrize("groups", [2, 4])
def test_a_convolution_in_groups_is_one_whose_kernel_has_blocks(groups, strides):
    """And so are the gradients of a penalty on its slope."""
    rng = np.random.default_rng(3)
    kernel = np.float32(rng.normal(size=(3, 3, 4 // groups, 8)))
    whole = np.zeros((3, 3, 4, 8), "float32")
    rows, columns = 4 // groups, 8 // groups
    for i in range(groups):
        block = np.s_[:, :, i * rows : (i + 1) * rows, i * columns : (i + 1) * columns]
        whole[block] = kernel[..., i * columns : (i + 1) * columns]
    mine, theirs = grouped(groups, kernel, strides), grouped(1, whole, strides)
    x = ops.convert_to_tensor(X)
    assert np.allclose(numpy(mine(x)), numpy(theirs(x)), atol=1e-5)
    found, expected = (kernel_gradient(layer) for layer in (mine, theirs))
    for i in range(groups):
        one = found[..., i * columns : (i + 1) * columns]
        other = expected[..., i * rows : (i + 1) * rows, :]
        other = other[..., i * columns : (i + 1) * columns]
        assert np.allclose(one, other, rtol=1e-3, atol=1e-4)


def kernel_gradient(layer):
    def loss():
        def judge(x):
            return ops.sum(ops.sin(layer(x)), axis=(1, 2, 3))

        slope = backends.input_gradient(judge, ops.convert_to_tensor(X))
        return ops.sum(ops.square(slope) * ops.convert_to_tensor(WEIGHTS)), {}

    return numpy(backends.value_and_gradients(loss, [layer.kernel])[2][0])
