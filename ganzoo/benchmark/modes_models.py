"""Many small GANs trained as one: the seeds lie side by side in the batch.

A batch holds `seeds * n` examples, the first n of the first seed. The networks take it
apart, multiply each seed's part by the seed's own weights, and put it together again.
No other operation mixes examples: the losses are means over the batch, the penalties
look at one sample at a time, Adam at one weight. So the step of `ganzoo.GAN` trains all
seeds at once, each as if it were alone.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from ganzoo.errors import GanzooError
from ganzoo.gan import GAN

__all__ = ["SeedwiseGAN", "SeedwiseMLP", "draw", "finite"]

_BLOCK = 500  # samples of a seed in one call of the generator
# What a seed's generators of random numbers are for.
_WEIGHTS, _SAMPLES = 10, 20


class SeedwiseMLP(layers.Layer):
    """One ReLU network a seed: (seeds * n, ...) -> (seeds * n, *shape).

    Args:
        seeds: training seeds; a seed's first weights depend on it alone.
        widths: of the hidden layers.
        shape: of one output.
        role: 0 for generators, 1 for discriminators, whose weights differ.
        scale: what the input is multiplied by.
        bias: first biases of hidden layers are from U[-bias, bias]. With 0 all kinks of
            the first layer pass through the origin, and a grid is hardly learned.

    First weights are He-normal, those of the last layer smaller by sqrt(2).

    Example:
        >>> SeedwiseMLP(range(10), (64, 64), (1,), role=1)
    """

    def __init__(
        self,
        seeds: Sequence[int],
        widths: Sequence[int],
        shape: Sequence[int],
        *,
        role: int,
        scale: float = 1.0,
        bias: float = 0.0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.seeds = [int(seed) for seed in seeds]
        self.widths, self.shape = list(widths), tuple(shape)
        self.role, self.scale, self.bias = role, scale, bias

    def build(self, input_shape):
        units = [int(np.prod(input_shape[1:])), *self.widths, int(np.prod(self.shape))]
        drawn = [
            _first_weights(seed, self.role, units, self.bias) for seed in self.seeds
        ]
        for values in zip(*drawn, strict=True):
            self._add(np.stack(values))

    def _add(self, values):
        # Weights and biases in turn: `self.weights` keeps that order.
        self.add_weight(
            shape=values.shape,
            initializer=lambda shape, dtype=None: ops.convert_to_tensor(values, dtype),
        )

    def call(self, x):
        weights = self.weights
        inputs = weights[0].shape[1]
        x = self.scale * ops.reshape(x, (len(self.seeds), -1, inputs))
        for i in range(0, len(weights), 2):
            x = ops.matmul(x, weights[i]) + weights[i + 1]
            if i + 2 < len(weights):
                x = ops.relu(x)
        return ops.reshape(x, (-1, *self.shape))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *self.shape)


class SeedwiseGAN(GAN):
    """A fully connected GAN for each seed, trained by the one step of `GAN`.

    Args:
        seeds: training seeds, whole numbers from 0. Weights, latents and all noise of a
            seed depend on it alone, not on those beside it.
        g_widths, d_widths: of the hidden layers.
        scale, bias: of `SeedwiseMLP`; the scale is the discriminator's.
        ema_half_life_kimg: in thousands of images of one seed.

    Adam's epsilon is divided by the number of seeds, as the gradients are by the mean
    over the batch: the steps are exactly those of a seed alone.

    Raises: `GanzooError` without seeds.

    Example:
        >>> gan = SeedwiseGAN(seeds=range(10), image_shape=(1, 2, 1), latent_dim=2)
    """

    refuses_mismatches = False  # the suite shows what becomes of them

    def __init__(
        self,
        *,
        seeds: Sequence[int],
        g_widths: Sequence[int] = (64, 64, 64),
        d_widths: Sequence[int] = (64, 64, 64),
        scale: float = 1.0,
        bias: float = 0.0,
        ema_half_life_kimg: float = 10.0,
        **kwargs: Any,
    ):
        if not seeds:
            raise GanzooError(
                f"seeds must hold at least one whole number, received {seeds!r}."
            )
        self.seeds = [int(seed) for seed in seeds]
        self.g_widths, self.d_widths = list(g_widths), list(d_widths)
        self.scale, self.bias = scale, bias
        half_life = len(self.seeds) * ema_half_life_kimg
        super().__init__(ema_half_life_kimg=half_life, **kwargs)
        self.streams = [keras.random.SeedGenerator(seed) for seed in self.seeds]

    def build_generator(self, name):
        latents = keras.Input((self.latent_dim,), name="latents")
        mlp = SeedwiseMLP(
            self.seeds, self.g_widths, self.image_shape, role=0, bias=self.bias
        )
        return keras.Model({"latents": latents}, mlp(latents), name=name)

    def build_discriminator(self, name):
        image = keras.Input(self.image_shape, name="image")
        mlp = SeedwiseMLP(
            self.seeds, self.d_widths, (1,), role=1, scale=self.scale, bias=self.bias
        )
        return keras.Model({"image": image}, mlp(image), name=name)

    def build_optimizer(self, player):
        optimizer = super().build_optimizer(player)
        optimizer.epsilon /= len(self.seeds)
        return optimizer

    def draw_latents(self, count):
        shape = (count // len(self.seeds), self.latent_dim)
        return self._each(keras.random.normal, shape)

    def draw_uniform(self, shape):
        return self._each(
            keras.random.uniform, (shape[0] // len(self.seeds), *shape[1:])
        )

    def _each(self, function, shape):
        return ops.concatenate([function(shape, seed=each) for each in self.streams])


def draw(gan: SeedwiseGAN, count: int) -> Iterator[np.ndarray]:
    """Yield samples of the averaged generators, float32 (seeds, block, h, w, c).

    The blocks hold `count` samples of each seed in all, of latents that depend on the
    seed alone.

    Example:
        >>> np.concatenate(list(draw(gan, 2500)), axis=1).shape
        (10, 2500, 1, 2, 1)
    """
    rngs = [np.random.default_rng([seed, _SAMPLES]) for seed in gan.seeds]
    for start in range(0, count, _BLOCK):
        shape = (_BLOCK, gan.latent_dim)
        latents = np.concatenate([rng.standard_normal(shape) for rng in rngs])
        inputs = {"latents": latents.astype("float32")}
        images = np.asarray(gan.generator_ema.predict_on_batch(inputs))
        images = images.reshape(len(rngs), _BLOCK, *gan.image_shape)
        yield images[:, : count - start]


def finite(gan: SeedwiseGAN) -> np.ndarray:
    """Return for each seed whether all its weights are finite numbers: bool (seeds,).

    A loss that is not finite leaves weights that are not, for good.
    """
    networks = (gan.generator, gan.discriminator, gan.generator_ema)
    values = [value for network in networks for value in network.get_weights()]
    rows = [np.isfinite(value).reshape(len(gan.seeds), -1) for value in values]
    return np.concatenate(rows, axis=1).all(axis=1)


def _first_weights(seed, role, units, bias):
    """Weights (in, out) and biases (1, out) of each layer in turn."""
    rng = np.random.default_rng([seed, _WEIGHTS, role])
    last = len(units) - 2
    for i, (inputs, outputs) in enumerate(zip(units, units[1:], strict=False)):
        gain = 1.0 if i == last else 2.0
        weights = rng.standard_normal((inputs, outputs)) * np.sqrt(gain / inputs)
        yield weights.astype("float32")
        limit = 0.0 if i == last else bias
        yield rng.uniform(-limit, limit, (1, outputs)).astype("float32")
