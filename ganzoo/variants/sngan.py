"""SNGAN: a residual GAN whose discriminator is spectrally normalised.

Paper: Miyato et al., "Spectral Normalization for Generative Adversarial Networks",
2018, arXiv:1802.05957; the residual networks of its CIFAR-10 runs (appendix B.4,
table 3b). Written from the paper; no code was ported.

Where it deviates:
- the number of doublings follows the resolution (the paper: 32x32); the discriminator
  halves the maps until a side has 8 pixels or fewer;
- the linear decay of the learning rates is counted in thousands of real images
  (`lr_decay_kimg`), 0 by default: the length of a run is not known to a model;
- what is published is the average of the generator, which the paper has not.
"""

import math

import keras
from keras import layers

from ganzoo.gan import GAN
from ganzoo.layers.basic import GlobalSumPooling2D, doublings
from ganzoo.layers.fast import BatchNormalization
from ganzoo.layers.spectral import SpectralConv2D, SpectralDense
from ganzoo.registry import register
from ganzoo.variants.wgan_gp import WGANGP

ROOT_2 = math.sqrt(2)

# ---------------------------------------------------------------------------- blocks


def glorot(gain=1.0):
    """Glorot's uniform initialiser, times a gain."""
    return keras.initializers.VarianceScaling(gain**2, "fan_avg", "uniform")


def conv(x, filters, size=3, gain=ROOT_2, layer=layers.Conv2D):
    """A convolution of stride 1 with bias; in a residual its gain is sqrt 2."""
    return layer(filters, size, padding="same", kernel_initializer=glorot(gain))(x)


def spectral_conv(x, filters, **kwargs):
    """The discriminator's convolution."""
    return conv(x, filters, layer=SpectralConv2D, **kwargs)


def norm_relu(x):
    """Batch normalisation, ReLU: the generator's only."""
    return layers.ReLU()(BatchNormalization(momentum=0.9, epsilon=2e-5)(x))


def up_block(x, filters, norm_relu=norm_relu):
    """Residual block that doubles the map: (h, w, c) -> (2h, 2w, filters)."""
    shortcut = conv(layers.UpSampling2D(2)(x), filters, size=1, gain=1.0)
    x = conv(layers.UpSampling2D(2)(norm_relu(x)), filters)
    x = conv(norm_relu(x), filters)
    return layers.Add()([x, shortcut])


def first_down_block(image, filters):
    """The discriminator's first block: no activation before its first convolution."""
    shortcut = layers.AveragePooling2D(2)(image)
    shortcut = spectral_conv(shortcut, filters, size=1, gain=1.0)
    x = layers.ReLU()(spectral_conv(image, filters))
    x = layers.AveragePooling2D(2)(spectral_conv(x, filters))
    return layers.Add()([x, shortcut])


def block(x, filters, down=False):
    """Residual block, which halves the map: (h, w, c) -> (h/2, w/2, filters)."""
    shortcut = x
    x = spectral_conv(layers.ReLU()(x), filters)
    x = spectral_conv(layers.ReLU()(x), filters)
    if down:
        shortcut = spectral_conv(shortcut, filters, size=1, gain=1.0)
        x, shortcut = (layers.AveragePooling2D(2)(each) for each in (x, shortcut))
    return layers.Add()([x, shortcut])


def features(image, channels):
    """image (h, w, c) -> features (channels): the sum over the last map."""
    count, _ = doublings(image.shape[1:])
    x = first_down_block(image, channels)
    for _ in range(count - 1):
        if min(x.shape[1:3]) > 8:
            x = block(x, channels, down=True)
    x = layers.ReLU()(block(block(x, channels), channels))
    return GlobalSumPooling2D()(x)


def to_logit(x):
    """The last layer of a discriminator: one linear unit, in float32."""
    return SpectralDense(1, kernel_initializer=glorot(), dtype="float32", name="logit")(
        x
    )


# ------------------------------------------------------------------------- networks


def to_images(x, channels):
    """The last layer of a generator: a convolution and tanh, in float32."""
    x = conv(x, channels, gain=1.0)
    return layers.Activation("tanh", dtype="float32", name="image")(x)


def first_map(latents, image_shape, channels):
    """z -> the smallest map (h, w, channels), and how often it is to be doubled."""
    count, (height, width) = doublings(image_shape)
    x = layers.Dense(height * width * channels, kernel_initializer=glorot())(latents)
    return layers.Reshape((height, width, channels))(x), count


def generator(image_shape, latent_dim, channels, name):
    """z (latent_dim) -> image (h, w, c) in [-1, 1]."""
    latents = keras.Input((latent_dim,), name="latents")
    x, count = first_map(latents, image_shape, channels)
    for _ in range(count):
        x = up_block(x, channels)
    images = to_images(norm_relu(x), image_shape[2])
    return keras.Model({"latents": latents}, images, name=name)


def discriminator(image_shape, channels, name):
    """image (h, w, c) in [-1, 1] -> logit (1); each layer spectrally normalised."""
    image = keras.Input(image_shape, name="image")
    logit = to_logit(features(image, channels))
    return keras.Model({"image": image}, logit, name=name)


# ---------------------------------------------------------------------------- class


@register(
    "sngan",
    title="Spectrally normalised GAN",
    paper="arXiv:1802.05957",
    year=2018,
    default_tag="fashion_mnist",
)
class SNGAN(GAN):
    """Residual networks, hinge loss, spectral normalisation, five turns a step.

    Args:
        channels: width of the discriminator's maps; the generator's are twice as wide.
    """

    discriminator_norm = "spectral"
    conditionings = ()  # a plain embedding would be no layer of spectral norm 1

    def __init__(
        self,
        *,
        channels: int = 128,
        latent_dim: int = 128,
        loss: str = "hinge",
        n_critic: int = 5,
        g_batch_scale: int = 2,
        beta_1: float = 0.0,
        beta_2: float = 0.9,
        **kwargs,
    ):
        self.channels = channels
        super().__init__(
            latent_dim=latent_dim,
            loss=loss,
            n_critic=n_critic,
            g_batch_scale=g_batch_scale,
            beta_1=beta_1,
            beta_2=beta_2,
            **kwargs,
        )

    def build_generator(self, name):
        return generator(self.image_shape, self.latent_dim, 2 * self.channels, name)

    def build_discriminator(self, name):
        return discriminator(self.image_shape, self.channels, name)

    prepare = WGANGP.prepare  # dequantised reals
