"""GAN: the first one, of fully connected networks.

Paper: Goodfellow et al., "Generative Adversarial Nets", 2014, arXiv:1406.2661.
Written from the paper and the settings it publishes; no code was ported.

Where it deviates:
- the generator's output biases start at 0, not at the marginals of the data, since a
  network is made before it sees data;
- pictures go in and out as [-1, 1], like everywhere here; inside they are [0, 1];
- what is published is the average of the generator, which the paper has not.
"""

import math

import keras
from keras import layers

from ganzoo.gan import GAN
from ganzoo.layers.basic import Maxout, dropout
from ganzoo.optimizers import RampedSGD
from ganzoo.registry import register

# ---------------------------------------------------------------------------- blocks


def uniform_init(limit):
    """Weights from U(-limit, limit)."""
    return keras.initializers.RandomUniform(-limit, limit)


def dense_relu(x, units):
    """A rectified layer of the generator, weights from U(-0.05, 0.05)."""
    return layers.Dense(units, "relu", kernel_initializer=uniform_init(0.05))(x)


def to_images(x, image_shape):
    """Sigmoid units (h*w*c) -> image (h, w, c) in [-1, 1]."""
    x = layers.Dense(
        math.prod(image_shape),
        "sigmoid",
        kernel_initializer=uniform_init(0.05),
        dtype="float32",
    )(x)
    x = layers.Rescaling(2.0, -1.0, dtype="float32")(x)
    return layers.Reshape(image_shape, dtype="float32", name="image")(x)


def maxout(x, units, pieces, rate):
    """Dropout, then maxout units with weights from U(-0.005, 0.005)."""
    x = dropout(x, rate)
    return Maxout(units, pieces, kernel_initializer=uniform_init(0.005))(x)


def to_logit(x):
    """Dropout, then one linear unit in float32."""
    x = dropout(x, 0.5)
    return layers.Dense(
        1, kernel_initializer=uniform_init(0.005), dtype="float32", name="logit"
    )(x)


def from_image(image):
    """image (h, w, c) in [-1, 1] -> row (h*w*c) in [0, 1]."""
    return layers.Flatten()(layers.Rescaling(0.5, 0.5)(image))


# ------------------------------------------------------------------------- networks


def generator(image_shape, latent_dim, units, name):
    """z (latent_dim) -> two rectified layers -> image (h, w, c)."""
    latents = keras.Input((latent_dim,), name="latents")
    x = dense_relu(dense_relu(latents, units), units)
    return keras.Model({"latents": latents}, to_images(x, image_shape), name=name)


def discriminator(image_shape, units, pieces, name):
    """image (h, w, c) -> two maxout layers -> logit (1)."""
    image = keras.Input(image_shape, name="image")
    x = maxout(from_image(image), units, pieces, rate=0.2)
    x = maxout(x, units, pieces, rate=0.5)
    return keras.Model({"image": image}, to_logit(x), name=name)


# ---------------------------------------------------------------------------- class


@register(
    "gan",
    title="Generative adversarial nets",
    paper="arXiv:1406.2661",
    year=2014,
    default_tag="mnist",
)
class VanillaGAN(GAN):
    """Fully connected generator, maxout discriminator, SGD with rising momentum.

    Args:
        g_units: width of the generator's two layers.
        d_units, d_pieces: width of the discriminator's maxout layers.
        g_lr, d_lr: first learning rates; they fall by 1.000004 each update.
        momentum_ramp: updates in which the momentum rises from 0.5 to 0.7.
    """

    def __init__(
        self,
        *,
        g_units: int = 1200,
        d_units: int = 240,
        d_pieces: int = 5,
        latent_dim: int = 100,
        g_lr: float = 0.1,
        d_lr: float = 0.1,
        momentum_ramp: int = 125_000,
        **kwargs,
    ):
        self.g_units, self.d_units, self.d_pieces = g_units, d_units, d_pieces
        self.momentum_ramp = momentum_ramp
        super().__init__(latent_dim=latent_dim, g_lr=g_lr, d_lr=d_lr, **kwargs)

    def build_generator(self, name):
        return generator(self.image_shape, self.latent_dim, self.g_units, name)

    def build_discriminator(self, name):
        return discriminator(self.image_shape, self.d_units, self.d_pieces, name)

    def build_optimizer(self, player):
        return RampedSGD(self.rates[player], ramp_updates=self.momentum_ramp)
