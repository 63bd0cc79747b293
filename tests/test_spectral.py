"""Spectral normalisation: the norm it promises, its gradient, one function always."""

import keras
import numpy as np
import pytest
from keras import ops

from ganzoo import backends
from ganzoo.layers.conditional import ConditionalBatchNormalization
from ganzoo.layers.spectral import SpectralConv2D, SpectralDense, SpectralEmbedding

LAYERS = {
    "dense": (lambda: SpectralDense(5), (4, 7), "kernel"),
    "conv": (lambda: SpectralConv2D(5, 3, padding="same"), (2, 6, 6, 4), "kernel"),
    "embedding": (lambda: SpectralEmbedding(6, 5), (4,), "embeddings"),
}


def built(name, scale=20.0):
    """A layer whose kernel is far from norm 1, inputs for it, and the kernel."""
    make, shape, kernel = LAYERS[name]
    keras.utils.set_random_seed(0)
    layer = make()
    rng = np.random.default_rng(0)
    x = rng.standard_normal(shape).astype("float32")
    x = np.arange(4) % 6 if name == "embedding" else x
    layer.build(x.shape)
    weight = getattr(layer, kernel)
    weight.assign(scale * rng.standard_normal(weight.shape))
    return layer, x, weight


def matrix(weight):
    return ops.convert_to_numpy(weight).reshape(-1, weight.shape[-1])


@pytest.mark.backend
@pytest.mark.parametrize("name", LAYERS)
def test_the_largest_singular_value_becomes_one(name):
    layer, x, weight = built(name)
    before = matrix(weight).copy()
    for _ in range(200):
        layer(x, training=True)
    assert np.array_equal(matrix(weight), before), "the kernel itself stays"
    normal = layer._normalised(weight.value, training=False)
    values = np.linalg.svd(matrix(normal), compute_uv=False)
    assert values[0] == pytest.approx(1, abs=1e-4)
    sigma = np.linalg.svd(before, compute_uv=False)[0]
    assert np.allclose(matrix(normal), before / sigma, rtol=1e-3, atol=1e-5)


@pytest.mark.backend
@pytest.mark.parametrize("name", LAYERS)
def test_training_and_inference_are_one_function(name):
    """Also right after the first call, when the vectors are still far off."""
    layer, x, _ = built(name)
    trained = ops.convert_to_numpy(layer(x, training=True))
    vectors = [ops.convert_to_numpy(each) for each in (layer.u, layer.v)]
    for _ in range(2):
        assert np.allclose(ops.convert_to_numpy(layer(x, training=False)), trained)
    now = [ops.convert_to_numpy(each) for each in (layer.u, layer.v)]
    assert all(map(np.array_equal, vectors, now)), "inference moves nothing"


@pytest.mark.backend
def test_the_gradient_goes_through_the_norm():
    """It is that of W / sigma(W): a longer W changes nothing, so <dL/dW, W> = 0."""
    layer, x, weight = built("dense")
    for _ in range(300):
        layer(x, training=True)
    target = ops.convert_to_tensor(np.ones((4, 5), "float32"))

    def loss():
        return ops.sum(ops.square(layer(x, training=False) - target)), {}

    _, _, (slope,) = backends.value_and_gradients(loss, [weight])
    slope, kernel = map(ops.convert_to_numpy, (slope, weight.value))
    size = np.linalg.norm(slope) * np.linalg.norm(kernel)
    assert abs((slope * kernel).sum()) < 1e-4 * size

    def exact(kernel):
        normal = kernel / np.linalg.svd(kernel, compute_uv=False)[0]
        return np.square(x @ normal - 1).sum()

    draw = np.random.default_rng(1).standard_normal(kernel.shape)
    step = 1e-3 * draw
    wanted = (exact(kernel + step) - exact(kernel - step)) / 2e-3
    assert (slope * draw).sum() == pytest.approx(wanted, rel=1e-2)


def test_a_class_has_its_own_gain_and_bias():
    layer = ConditionalBatchNormalization(3)
    x = np.random.default_rng(0).normal(5, 2, (12, 4, 4, 2)).astype("float32")
    labels = np.arange(12) % 3
    plain = ops.convert_to_numpy(layer(x, labels, training=True))
    assert np.allclose(plain.mean((0, 1, 2)), 0, atol=1e-5)
    assert np.allclose(plain.std((0, 1, 2)), 1, atol=1e-3)
    layer.gain.assign(np.array([[1, 1], [2, 2], [1, 1]], "float32"))
    layer.bias.assign(np.array([[0, 0], [0, 0], [7, 7]], "float32"))
    changed = ops.convert_to_numpy(layer(x, labels, training=True))
    wanted = plain * np.array([1, 2, 1])[labels][:, None, None, None]
    wanted += np.array([0, 0, 7])[labels][:, None, None, None]
    assert np.allclose(changed, wanted, atol=1e-5)
