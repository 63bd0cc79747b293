"""SNGAN with a projection discriminator: the class as an inner product.

Paper: Miyato, Koyama, "cGANs with Projection Discriminator", 2018, arXiv:1802.05637,
on the residual networks of Miyato et al. 2018, arXiv:1802.05957. Written from the
papers; no code was ported.

    logit = <embedding[label], features(image)> + linear(features(image))

The generator is told the class by the gains and biases of its normalisations.

Where it deviates: as `sngan` does.
"""

import functools

import keras
from keras import layers

from ganzoo.errors import GanzooError
from ganzoo.layers.conditional import ConditionalBatchNormalization
from ganzoo.layers.spectral import SpectralEmbedding
from ganzoo.registry import register
from ganzoo.variants import sngan

# ------------------------------------------------------------------------- networks


def generator(image_shape, latent_dim, channels, num_classes, name):
    """z (latent_dim), label -> image (h, w, c) in [-1, 1]."""
    latents = keras.Input((latent_dim,), name="latents")
    label = keras.Input((), dtype="int32", name="label")

    def norm_relu(x):
        return layers.ReLU()(ConditionalBatchNormalization(num_classes)(x, label))

    block = functools.partial(sngan.up_block, norm_relu=norm_relu)
    x, count = sngan.first_map(latents, image_shape, channels)
    for _ in range(count):
        x = block(x, channels)
    images = sngan.to_images(sngan.norm_relu(x), image_shape[2])
    return keras.Model({"latents": latents, "label": label}, images, name=name)


def discriminator(image_shape, channels, num_classes, name):
    """image (h, w, c), label -> logit (1)."""
    image = keras.Input(image_shape, name="image")
    label = keras.Input((), dtype="int32", name="label")
    x = sngan.features(image, channels)
    table = SpectralEmbedding(
        num_classes, channels, embeddings_initializer=sngan.glorot(), name="embedding"
    )
    projected = layers.Dot(axes=1, dtype="float32")([table(label), x])
    logit = layers.Add(dtype="float32")([sngan.to_logit(x), projected])
    return keras.Model({"image": image, "label": label}, logit, name=name)


# ---------------------------------------------------------------------------- class


@register(
    "sngan_projection",
    title="SNGAN with a projection discriminator",
    paper="arXiv:1802.05637",
    year=2018,
    conditional=True,
    default_tag="fashion_mnist",
)
class ProjectionSNGAN(sngan.SNGAN):
    """SNGAN that draws the class it is asked for.

    Args:
        num_classes: number of labels, at least 2.
        channels: width of the discriminator's maps; the generator's are twice as wide.
    """

    def build_generator(self, name):
        if self.num_classes < 2:
            raise GanzooError(
                f"a conditional GAN needs num_classes of at least 2, received "
                f"{self.num_classes}: give num_classes or class_names."
            )
        return generator(
            self.image_shape, self.latent_dim, 2 * self.channels, self.num_classes, name
        )

    def build_discriminator(self, name):
        return discriminator(self.image_shape, self.channels, self.num_classes, name)
