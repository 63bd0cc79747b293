"""R3GAN: a plain modern convolutional network, held by a regularised relativistic loss.

Paper: Huang et al., "The GAN is dead; long live the GAN! A Modern GAN Baseline", 2024,
arXiv:2501.05441, configuration E. Written from the paper; no code was ported.

Players are paid by pairs (real, fake) alone, and the discriminator's slope is held both
at reals (R1) and at fakes (R2), at each step. The networks have no normalisation:
residual blocks of 1x1, grouped 3x3 and 1x1 convolutions, their last one starting at 0,
the others' initial size falling with the depth (Fixup, arXiv:1901.09321).

Pictures leave the generator unbounded; `generate` clips them. The paper's cosine
schedules of the learning rates, beta_2, gamma, the average's half-life and the share of
augmented pictures are settings of a recipe: see `ganzoo.schedules`.

Where it deviates:
- the number of stages follows the resolution, and the smallest map is 4 to 7 pixels;
- told the label (`conditioning="projection"`), the discriminator adds the inner product
  of the label's embedding and the features to its own logit; the paper has it alone.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops

from ganzoo.checks import check_positive
from ganzoo.errors import GanzooError
from ganzoo.gan import GAN
from ganzoo.layers.basic import doublings
from ganzoo.layers.fast import GroupedConv2D
from ganzoo.layers.resampling import BiasedLeakyReLU, FilteredDown, FilteredUp
from ganzoo.registry import register

SLOPE = 0.2  # of the rectifier below 0
RECTIFIED = (2 / (1 + SLOPE**2)) ** 0.5  # what keeps a rectified variance

# ---------------------------------------------------------------------------- blocks


def normal(gain):
    """He's normal initialiser, times a gain; zeros for a gain of 0."""
    if not gain:
        return "zeros"
    return keras.initializers.VarianceScaling(gain**2, "fan_in", "untruncated_normal")


def conv(x, filters, size=1, gain=1.0, groups=1):
    """A convolution of stride 1 without bias."""
    return GroupedConv2D(
        filters,
        size,
        padding="same",
        groups=groups,
        use_bias=False,
        kernel_initializer=normal(gain),
    )(x)


def block(x, group_size, expansion, depth):
    """Residual block: x + W3 r(W2 r(W1 x)), r the biased rectifier (figure 4, right).

    `depth` is the number of blocks in the network: with three convolutions a block,
    the first two start depth^(-1/4) times as large.
    """
    width = x.shape[-1]
    inner = expansion * width
    gain = RECTIFIED * depth**-0.25
    y = BiasedLeakyReLU()(conv(x, inner, gain=gain))
    y = conv(y, inner, size=3, gain=gain, groups=max(1, inner // group_size))
    y = conv(BiasedLeakyReLU()(y), width, gain=0)
    return layers.Add()([x, y])


def stage(x, blocks, depth, group_size, expansion):
    """So many residual blocks."""
    for _ in range(blocks):
        x = block(x, group_size, expansion, depth)
    return x


def resized(x, filters, layer, after=False):
    """A map resampled; a 1x1 convolution gives it its width, if that changes."""
    if filters == x.shape[-1]:
        return layer()(x)
    return conv(layer()(x), filters) if after else layer()(conv(x, filters))


@keras.saving.register_keras_serializable("ganzoo")
class Basis(layers.Layer):
    """A learnt map for each channel, times a row: (batch, c) -> (batch, *size, c)."""

    def __init__(self, size, **kwargs):
        super().__init__(**kwargs)
        self.size = tuple(size)

    def build(self, shape):
        start = keras.initializers.RandomNormal(stddev=1.0)
        size = (*self.size, shape[-1])
        self.maps = self.add_weight(shape=size, initializer=start, name="maps")

    def call(self, x):
        return ops.cast(self.maps, x.dtype) * x[:, None, None, :]

    def compute_output_shape(self, shape):
        return (shape[0], *self.size, shape[-1])

    def get_config(self):
        return super().get_config() | {"size": self.size}


@keras.saving.register_keras_serializable("ganzoo")
class Readout(layers.Layer):
    """Each channel's map against a learnt one: (batch, h, w, c) -> (batch, c)."""

    def build(self, shape):
        start = keras.initializers.RandomNormal(stddev=(shape[1] * shape[2]) ** -0.5)
        self.maps = self.add_weight(shape=shape[1:], initializer=start, name="maps")

    def call(self, x):
        return ops.sum(ops.cast(self.maps, x.dtype) * x, axis=(1, 2))

    def compute_output_shape(self, shape):
        return (shape[0], shape[-1])


def dense(x, units, gain=1.0, **kwargs):
    """A linear map without bias."""
    return layers.Dense(
        units, use_bias=False, kernel_initializer=normal(gain), **kwargs
    )(x)


def halving_widths(image_shape, channels):
    """The width of each stage, from the smallest map up: halved beyond 32 pixels."""
    count, _ = doublings(image_shape)
    # The smallest map has 4 to 7 pixels, the fourth 32 to 56.
    return [max(8, channels >> max(0, i - 3)) for i in range(count + 1)]


# ------------------------------------------------------------------------- networks


def generator(image_shape, latent_dim, widths, trunk, name):
    """z (latent_dim) -> image (h, w, c), about [-1, 1]."""
    latents = keras.Input((latent_dim,), name="latents")
    x = Basis(doublings(image_shape)[1])(dense(latents, widths[0]))
    x = trunk(x)
    for filters in widths[1:]:
        x = trunk(resized(x, filters, FilteredUp))
    image = layers.Activation("linear", dtype="float32", name="image")
    return keras.Model({"latents": latents}, image(conv(x, image_shape[2])), name=name)


def discriminator(image_shape, widths, trunk, name):
    """image (h, w, c) -> logit (1)."""
    image = keras.Input(image_shape, name="image")
    x = trunk(conv(image, widths[-1]))
    for filters in reversed(widths[:-1]):
        x = trunk(resized(x, filters, FilteredDown, after=True))
    logit = dense(Readout()(x), 1, dtype="float32", name="logit")
    return keras.Model({"image": image}, logit, name=name)


# ---------------------------------------------------------------------------- class


@register(
    "r3gan",
    title="Regularised relativistic GAN",
    paper="arXiv:2501.05441",
    year=2024,
    default_tag="fashion_mnist",
)
class R3GAN(GAN):
    """Relativistic pairing with R1 and R2 on plain residual networks.

    Args:
        channels: width of the maps up to 32 pixels; beyond, each doubling of the side
            halves it.
        widths: the width of each stage instead, from the smallest map to the largest.
        blocks: residual blocks a stage.
        expansion: by how much a block is wider inside.
        group_size: channels of a group of its 3x3 convolution.
    """

    def __init__(
        self,
        *,
        channels: int = 768,
        widths: Sequence[int] = (),
        blocks: int = 2,
        expansion: int = 2,
        group_size: int = 16,
        latent_dim: int = 64,
        loss: str = "relativistic",
        penalties=({"name": "r1", "gamma": 0.05}, {"name": "r2", "gamma": 0.05}),
        beta_1: float = 0.0,
        beta_2: Any = 0.99,
        **kwargs,
    ):
        check_positive(
            channels=channels, blocks=blocks, expansion=expansion, group_size=group_size
        )
        self.channels, self.widths = channels, list(widths)
        self.blocks, self.expansion = blocks, expansion
        self.group_size = group_size
        super().__init__(
            latent_dim=latent_dim,
            loss=loss,
            penalties=penalties,
            beta_1=beta_1,
            beta_2=beta_2,
            **kwargs,
        )

    def _trunk(self):
        """The widths of the stages, and what puts the blocks of one on a map."""
        sizes = checked_widths(self)
        depth = self.blocks * len(sizes)
        settings = (self.blocks, depth, self.group_size, self.expansion)
        return sizes, lambda x: stage(x, *settings)

    def build_generator(self, name):
        return generator(self.image_shape, self.latent_dim, *self._trunk(), name)

    def build_discriminator(self, name):
        return discriminator(self.image_shape, *self._trunk(), name)


def checked_widths(gan):
    """The widths of the stages, or `GanzooError` where they are no such."""
    sizes = gan.widths or halving_widths(gan.image_shape, gan.channels)
    count = doublings(gan.image_shape)[0] + 1
    if len(sizes) != count:
        raise GanzooError(
            f"pictures of {gan.image_shape[0]}x{gan.image_shape[1]} have {count} "
            f"stages, so widths needs as many numbers; received {list(sizes)}."
        )
    for size in sizes:
        check_positive(width=size)
        inner = gan.expansion * size
        if inner > gan.group_size and inner % gan.group_size:
            raise GanzooError(
                f"expansion * width must be a multiple of group_size "
                f"({gan.group_size}), received {gan.expansion} * {size}."
            )
    return sizes
