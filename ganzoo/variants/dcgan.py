"""DCGAN: deep convolutional networks that first made GANs train steadily.

Paper: Radford, Metz, Chintala, "Unsupervised Representation Learning with Deep
Convolutional Generative Adversarial Networks", 2015, arXiv:1511.06434.
Written from the paper; no code was ported.

Where it deviates:
- depth follows the resolution (the paper: 64x64), with its widths from the largest
  map inwards: 128, 256, 512, 1024 by default;
- batch normalisation keeps running statistics with momentum 0.9 for sampling, so
  that short runs have true ones; the paper does not say how it samples;
- what is published is the average of the generator, which the paper has not.
"""

import keras
from keras import layers

from ganzoo.gan import GAN
from ganzoo.layers.basic import doublings
from ganzoo.layers.fast import BatchNormalization, Conv2DTranspose
from ganzoo.registry import register

# ---------------------------------------------------------------------------- blocks


def normal_init():
    """Weights from N(0, 0.02) (section 4)."""
    return keras.initializers.RandomNormal(0.0, 0.02)


def batch_norm(x):
    """Batch normalisation whose gains start as N(1, 0.02)."""
    gains = keras.initializers.RandomNormal(1.0, 0.02)
    return BatchNormalization(momentum=0.9, epsilon=1e-5, gamma_initializer=gains)(x)


def upsample(x, filters, use_bias=False):
    """5x5 transposed convolution of stride 2: (h, w, c) -> (2h, 2w, filters)."""
    return Conv2DTranspose(
        filters, 5, 2, "same", use_bias=use_bias, kernel_initializer=normal_init()
    )(x)


def downsample(x, filters, use_bias=False):
    """5x5 convolution of stride 2: (h, w, c) -> (h/2, w/2, filters)."""
    return layers.Conv2D(
        filters, 5, 2, "same", use_bias=use_bias, kernel_initializer=normal_init()
    )(x)


def to_images(x, channels):
    """The last layer of a generator: transposed convolution and tanh, in float32."""
    x = upsample(x, channels, use_bias=True)
    return layers.Activation("tanh", dtype="float32", name="image")(x)


def to_logit(x):
    """The last layer of a discriminator: one linear unit, in float32."""
    x = layers.Flatten()(x)
    return layers.Dense(
        1, kernel_initializer=normal_init(), dtype="float32", name="logit"
    )(x)


# ------------------------------------------------------------------------- networks


def generator(image_shape, latent_dim, channels, name):
    """z (latent_dim) -> image (h, w, c) in [-1, 1] (figure 1)."""
    count, (height, width) = doublings(image_shape)
    latents = keras.Input((latent_dim,), name="latents")
    filters = channels << (count - 1)
    x = layers.Dense(
        height * width * filters, use_bias=False, kernel_initializer=normal_init()
    )(latents)
    x = layers.Reshape((height, width, filters))(x)
    x = layers.ReLU()(batch_norm(x))
    for _ in range(count - 1):
        filters //= 2
        x = layers.ReLU()(batch_norm(upsample(x, filters)))
    return keras.Model({"latents": latents}, to_images(x, image_shape[2]), name=name)


def discriminator(image_shape, channels, name):
    """image (h, w, c) in [-1, 1] -> logit (1); no normalisation on the input layer."""
    count, _ = doublings(image_shape)
    image = keras.Input(image_shape, name="image")
    x = layers.LeakyReLU(0.2)(downsample(image, channels, use_bias=True))
    for i in range(1, count):
        x = layers.LeakyReLU(0.2)(batch_norm(downsample(x, channels << i)))
    return keras.Model({"image": image}, to_logit(x), name=name)


# ---------------------------------------------------------------------------- class


@register(
    "dcgan",
    title="Deep convolutional GAN",
    paper="arXiv:1511.06434",
    year=2015,
    default_tag="fashion_mnist",
)
class DCGAN(GAN):
    """Strided convolutions, batch normalisation, Adam at 2e-4 with beta_1 = 0.5.

    Args:
        channels: width of the largest feature map; it doubles as the maps shrink.
    """

    latent_distribution = "uniform"
    discriminator_norm = "batch"

    def __init__(self, *, channels: int = 128, latent_dim: int = 100, **kwargs):
        self.channels = channels
        super().__init__(latent_dim=latent_dim, **kwargs)

    def build_generator(self, name):
        return generator(self.image_shape, self.latent_dim, self.channels, name)

    def build_discriminator(self, name):
        return discriminator(self.image_shape, self.channels, name)
