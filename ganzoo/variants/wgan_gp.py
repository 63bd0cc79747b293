"""WGAN-GP: a critic that is kept smooth by a penalty on its gradient.

Paper: Gulrajani et al., "Improved Training of Wasserstein GANs", 2017,
arXiv:1704.00028; the residual networks of its CIFAR-10 runs (appendix F).
Written from the paper; no code was ported.

Where it deviates:
- the number of doublings follows the resolution (the paper: 32x32); the critic
  halves the maps until a side has 8 pixels or fewer;
- the decay of the learning rates is counted in thousands of real images
  (`lr_decay_kimg`), 0 by default: the length of a run is not known to a model;
- what is published is the average of the generator, which the paper has not.
"""

import keras
from keras import layers

from ganzoo.gan import GAN
from ganzoo.layers.basic import doublings
from ganzoo.layers.fast import BatchNormalization
from ganzoo.registry import register

# ---------------------------------------------------------------------------- blocks


def conv(x, filters, size=3, init="he_uniform"):
    """A convolution of stride 1 with bias, He-initialised."""
    return layers.Conv2D(filters, size, padding="same", kernel_initializer=init)(x)


def shortcut_conv(x, filters):
    """1x1 convolution of a shortcut, Glorot-initialised."""
    return conv(x, filters, size=1, init="glorot_uniform")


def norm_relu(x):
    """Batch normalisation, ReLU: the generator's only."""
    return layers.ReLU()(BatchNormalization(momentum=0.9, epsilon=1e-5)(x))


def up_block(x, filters):
    """Residual block that doubles the map: (h, w, c) -> (2h, 2w, filters)."""
    shortcut = shortcut_conv(layers.UpSampling2D(2)(x), filters)
    x = conv(layers.UpSampling2D(2)(norm_relu(x)), filters)
    x = conv(norm_relu(x), filters)
    return layers.Add()([x, shortcut])


def first_down_block(image, filters):
    """The critic's first block: no activation before its first convolution."""
    shortcut = shortcut_conv(layers.AveragePooling2D(2)(image), filters)
    x = layers.ReLU()(conv(image, filters))
    x = layers.AveragePooling2D(2)(conv(x, filters))
    return layers.Add()([x, shortcut])


def down_block(x, filters):
    """Residual block that halves the map: (h, w, c) -> (h/2, w/2, filters)."""
    shortcut = layers.AveragePooling2D(2)(shortcut_conv(x, filters))
    x = conv(layers.ReLU()(x), filters)
    x = layers.AveragePooling2D(2)(conv(layers.ReLU()(x), filters))
    return layers.Add()([x, shortcut])


def flat_block(x, filters):
    """Residual block that keeps the map, with an identity shortcut."""
    shortcut = x
    x = conv(layers.ReLU()(x), filters)
    x = conv(layers.ReLU()(x), filters)
    return layers.Add()([x, shortcut])


# ------------------------------------------------------------------------- networks


def generator(image_shape, latent_dim, channels, name):
    """z (latent_dim) -> image (h, w, c) in [-1, 1]."""
    count, (height, width) = doublings(image_shape)
    latents = keras.Input((latent_dim,), name="latents")
    x = layers.Dense(height * width * channels)(latents)
    x = layers.Reshape((height, width, channels))(x)
    for _ in range(count):
        x = up_block(x, channels)
    x = conv(norm_relu(x), image_shape[2], init="glorot_uniform")
    image = layers.Activation("tanh", dtype="float32", name="image")(x)
    return keras.Model({"latents": latents}, image, name=name)


def critic(image_shape, channels, name):
    """image (h, w, c) -> score (1); no normalisation: the penalty is per sample."""
    count, _ = doublings(image_shape)
    image = keras.Input(image_shape, name="image")
    x = first_down_block(image, channels)
    for _ in range(count - 1):
        if min(x.shape[1:3]) > 8:
            x = down_block(x, channels)
    x = flat_block(flat_block(x, channels), channels)
    x = layers.GlobalAveragePooling2D()(layers.ReLU()(x))
    # A bias would drop out of the loss, so there is none.
    score = layers.Dense(1, use_bias=False, dtype="float32", name="logit")(x)
    return keras.Model({"image": image}, score, name=name)


# ---------------------------------------------------------------------------- class


@register(
    "wgan_gp",
    title="Wasserstein GAN with gradient penalty",
    paper="arXiv:1704.00028",
    year=2017,
    default_tag="fashion_mnist",
)
class WGANGP(GAN):
    """Residual networks, Wasserstein loss, gradient penalty, five critic turns.

    Args:
        channels: width of all feature maps.
    """

    def __init__(
        self,
        *,
        channels: int = 128,
        latent_dim: int = 128,
        loss: str = "wasserstein",
        penalties=("gradient_penalty",),
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
            penalties=penalties,
            n_critic=n_critic,
            g_batch_scale=g_batch_scale,
            beta_1=beta_1,
            beta_2=beta_2,
            **kwargs,
        )

    def build_generator(self, name):
        return generator(self.image_shape, self.latent_dim, self.channels, name)

    def build_discriminator(self, name):
        return critic(self.image_shape, self.channels, name)

    def prepare(self, batch):
        """Dequantise the real images: noise below one grey level (U[0, 1/128))."""
        image = batch["image"]
        noise = self.draw_uniform(keras.ops.shape(image)) / 128.0
        return batch | {"image": image + noise}
