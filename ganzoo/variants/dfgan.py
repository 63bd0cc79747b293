"""DF-GAN: one stage from text to image, the text fused into every block.

Paper: Tao et al., "DF-GAN: A Simple and Effective Baseline for Text-to-Image
Synthesis", 2022, arXiv:2008.05865. Written from the paper; no code was ported.

The generator has no normalisation: in each block the text, beside z, scales and shifts
the channels four times (deep fusion). The discriminator looks at the picture, then at
picture and text together, and says one thing (one-way output): real and matching, or
not. Its slope at matching real pairs is held to 0 (matching-aware gradient penalty).

Where it deviates:
- the number of blocks follows the resolution (the paper: 256 pixels, six blocks);
- texts are read by the zoo's own encoder; its vectors have entries about 1;
- z is drawn whole; `truncation` gives the cut draws that the paper scores.
"""

import math
from typing import Any

import keras
from keras import layers

from ganzoo.captioned import TextGAN
from ganzoo.checks import check_positive
from ganzoo.layers.basic import LabelPlanes, doublings
from ganzoo.layers.progressive import Doubling2D
from ganzoo.layers.told import Affine, Gain
from ganzoo.registry import register

WIDEST = 8  # times `channels`

# ---------------------------------------------------------------------------- blocks


def conv(x, filters, size=3, strides=1, use_bias=True):
    """A convolution that keeps the size, or halves it."""
    return layers.Conv2D(filters, size, strides, "same", use_bias=use_bias)(x)


def fused(x, told, units):
    """Twice: scale and shift by z and the text, leaky ReLU (section 3.3).

    Gain and bias each come from a network of one hidden layer.
    """
    for _ in range(2):
        # The hidden layers of gain and bias, side by side.
        hidden = layers.Dense(2 * units, activation="relu")(told)
        x = layers.LeakyReLU(0.2)(Affine()(x, hidden))
    return x


def up_block(x, told, filters, units):
    """Residual block: doubled, then two convolutions, each after a fusion."""
    x = Doubling2D()(x)
    y = conv(fused(x, told, units), filters)
    y = conv(fused(y, told, units), filters)
    if x.shape[-1] != filters:
        x = conv(x, filters, 1)
    return layers.Add()([x, y])


def down_block(x, filters, gain):
    """Residual block that halves the map; its branch starts at a gain."""
    y = layers.LeakyReLU(0.2)(conv(x, filters, 4, 2, use_bias=False))
    y = layers.LeakyReLU(0.2)(conv(y, filters, use_bias=False))
    if x.shape[-1] != filters:
        x = conv(x, filters, 1)
    return layers.Add()([layers.AveragePooling2D(2)(x), Gain(gain)(y)])


def widths(image_shape, channels):
    """The width of each map, from the largest to the smallest."""
    count, _ = doublings(image_shape)
    return [channels * min(2**i, WIDEST) for i in range(count + 1)]


# ------------------------------------------------------------------------- networks


def generator(image_shape, latent_dim, dims, channels, units, name):
    """z (latent_dim), sentence (dims) -> image (h, w, c) in [-1, 1]."""
    _, first = doublings(image_shape)
    latents = keras.Input((latent_dim,), name="latents")
    sentence = keras.Input((dims,), name="sentence")
    told = layers.Concatenate()([latents, sentence])
    *rest, widest = widths(image_shape, channels)
    x = layers.Dense(math.prod(first) * widest)(latents)
    x = layers.Reshape((*first, widest))(x)
    for filters in reversed(rest):
        x = up_block(x, told, filters, units)
    x = conv(layers.LeakyReLU(0.2)(x), image_shape[2])
    image = layers.Activation("tanh", dtype="float32", name="image")(x)
    inputs = {"latents": latents, "sentence": sentence}
    return keras.Model(inputs, image, name=name)


def trunk(image_shape, channels, gain):
    """image (h, w, c) -> its smallest map."""
    image = keras.Input(image_shape, name="image")
    first, *rest = widths(image_shape, channels)
    x = conv(image, first)
    for filters in rest:
        x = down_block(x, filters, gain)
    return keras.Model(image, x, name="trunk")


def head(map_shape, dims, channels):
    """map, sentence (dims) -> logit (1): what both say together."""
    x = keras.Input(map_shape, name="map")
    sentence = keras.Input((dims,), name="sentence")
    y = layers.LeakyReLU(0.2)(
        conv(LabelPlanes()(x, sentence), 2 * channels, use_bias=False)
    )
    logit = layers.Dense(1, use_bias=False, dtype="float32", name="logit")
    return keras.Model([x, sentence], logit(layers.Flatten()(y)), name="head")


def discriminator(image_shape, dims, channels, gain, name):
    """image (h, w, c), sentence (dims) -> logit (1)."""
    image = keras.Input(image_shape, name="image")
    sentence = keras.Input((dims,), name="sentence")
    seen = trunk(image_shape, channels, gain)(image)
    logit = head(seen.shape[1:], dims, channels)([seen, sentence])
    return keras.Model({"image": image, "sentence": sentence}, logit, name=name)


# ---------------------------------------------------------------------------- class


@register(
    "dfgan",
    title="Deep fusion GAN",
    paper="arXiv:2008.05865",
    year=2022,
    tasks=["text-to-image"],
    default_tag="emoji_captions",
)
class DFGAN(TextGAN):
    """Deep fusion of text and picture in one stage.

    Args:
        channels: width of the largest map; each halving of the side doubles it, up to
            8 times.
        d_channels: that of the discriminator, 0 for the same.
        branch_gain: what the branches of the discriminator's blocks start with. At 0,
            the paper's, it begins as a mean over pixels and takes tens of thousands of
            steps to see more; a short training starts it at 1.
        fusion_units: hidden units of each network that scales or shifts by the text.
    """

    def __init__(
        self,
        *,
        channels: int = 32,
        d_channels: int = 0,
        branch_gain: float = 0.0,
        fusion_units: int = 256,
        latent_dim: int = 100,
        loss: str = "hinge",
        penalties=("matching_aware",),
        g_lr: Any = 1e-4,
        d_lr: Any = 4e-4,
        beta_1: float = 0.0,
        beta_2: Any = 0.9,
        **kwargs,
    ):
        check_positive(
            channels=channels,
            d_channels=d_channels or channels,
            fusion_units=fusion_units,
        )
        self.channels, self.d_channels = channels, d_channels or channels
        self.fusion_units, self.branch_gain = fusion_units, branch_gain
        super().__init__(
            latent_dim=latent_dim,
            loss=loss,
            penalties=penalties,
            g_lr=g_lr,
            d_lr=d_lr,
            beta_1=beta_1,
            beta_2=beta_2,
            **kwargs,
        )

    def build_generator(self, name):
        sizes = (self.latent_dim, self.text.dims, self.channels, self.fusion_units)
        return generator(self.image_shape, *sizes, name)

    def build_discriminator(self, name):
        sizes = (self.text.dims, self.d_channels, self.branch_gain)
        return discriminator(self.image_shape, *sizes, name)
