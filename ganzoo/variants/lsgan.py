"""LSGAN: least squares instead of the cross-entropy.

Paper: Mao et al., "Least Squares Generative Adversarial Networks", 2016,
arXiv:1611.04076. Written from the paper (equation 9, figure 3a); no code was ported.

Where it deviates:
- the paper's network draws 112x112 from 7x7; here the depth follows the resolution,
  and the two coarsest doublings keep the extra layer of stride 1;
- what is published is the average of the generator, which the paper has not.
"""

import keras
from keras import layers

from ganzoo.gan import GAN
from ganzoo.layers.basic import doublings
from ganzoo.registry import register
from ganzoo.variants import dcgan

# ---------------------------------------------------------------------------- blocks


def deconv(x, filters, stride):
    """3x3 transposed convolution, batch normalisation, ReLU."""
    x = layers.Conv2DTranspose(
        filters,
        3,
        stride,
        "same",
        use_bias=False,
        kernel_initializer=dcgan.normal_init(),
    )(x)
    return layers.ReLU()(dcgan.batch_norm(x))


# ------------------------------------------------------------------------- networks


def generator(image_shape, latent_dim, channels, name):
    """z (latent_dim) -> image (h, w, c) in [-1, 1] (figure 3a)."""
    count, (height, width) = doublings(image_shape)
    latents = keras.Input((latent_dim,), name="latents")
    filters = 4 * channels
    x = layers.Dense(
        height * width * filters,
        use_bias=False,
        kernel_initializer=dcgan.normal_init(),
    )(latents)
    x = layers.Reshape((height, width, filters))(x)
    x = layers.ReLU()(dcgan.batch_norm(x))
    for left in reversed(range(count)):
        # From the image inwards: channels, 2 * channels, then 4 * channels.
        filters = channels << min(left, 2)
        x = deconv(x, filters, stride=2)
        if left >= count - 2:
            x = deconv(x, filters, stride=1)
    x = layers.Conv2D(
        image_shape[2], 3, 1, "same", kernel_initializer=dcgan.normal_init()
    )(x)
    image = layers.Activation("tanh", dtype="float32", name="image")(x)
    return keras.Model({"latents": latents}, image, name=name)


# ---------------------------------------------------------------------------- class


@register(
    "lsgan",
    title="Least squares GAN",
    paper="arXiv:1611.04076",
    year=2016,
    default_tag="fashion_mnist",
)
class LSGAN(GAN):
    """Least squares losses, a generator with layers of stride 1, Adam at 1e-3.

    Args:
        channels: width of the largest feature map of both networks.
    """

    latent_distribution = "uniform"
    discriminator_norm = "batch"

    def __init__(
        self,
        *,
        channels: int = 64,
        latent_dim: int = 1024,
        loss: str = "least_squares",
        g_lr: float = 1e-3,
        d_lr: float = 1e-3,
        **kwargs,
    ):
        self.channels = channels
        super().__init__(
            latent_dim=latent_dim, loss=loss, g_lr=g_lr, d_lr=d_lr, **kwargs
        )

    def build_generator(self, name):
        return generator(self.image_shape, self.latent_dim, self.channels, name)

    def build_discriminator(self, name):
        return dcgan.discriminator(self.image_shape, self.channels, name)
