"""ProGAN: both networks grow while they learn, from the smallest maps to the largest.

Paper: Karras et al., "Progressive Growing of GANs for Improved Quality, Stability, and
Variation", 2018, arXiv:1710.10196. Written from the paper; no code was ported.

Stage s plays at 2^s times the smallest resolution. A new stage is faded in:

    image = (1 - alpha) * doubled(image of the stage below) + alpha * to_rgb(maps)

and so are the discriminator's first maps and the real images; alpha goes from 0 to 1.

Where it deviates:
- the number of stages follows the resolution (the smallest maps: 4 to 7 pixels a side;
  the paper: 4);
- the generator's first layer has a bias for each of its units, not for each map;
- the batch has one size, whatever the stage (the paper shrinks it);
- the average of the generator is counted by a half-life in real images
  (`ema_half_life_kimg`): 0.999 a step at batches of 16 is one of 11,000.
"""

import math
from typing import Any

import keras
from keras import layers, ops

from ganzoo.checks import check_positive, checked_kimg
from ganzoo.errors import GanzooError
from ganzoo.gan import GAN
from ganzoo.layers.basic import doublings
from ganzoo.layers.equalised import EqualisedConv2D, EqualisedDense
from ganzoo.layers.progressive import (
    Doubling2D,
    Fade,
    Ladder,
    MinibatchStandardDeviation,
    PixelNormalization,
    Stage,
    doubled,
    lerp,
    pooled,
)
from ganzoo.registry import register

# The engine's settings of an optimiser, which a new stage leaves as they are.
SETTINGS = ("learning_rate", "beta_2")

# ---------------------------------------------------------------------------- blocks


def convs(*filters, after=()):
    """A 3x3 convolution, leaky ReLU and what comes after it, for each width."""
    return [
        layer
        for width in filters
        for layer in (
            EqualisedConv2D(width, 3, padding="same"),
            layers.LeakyReLU(0.2),
            *(make() for make in after),
        )
    ]


def fades(alphas, **kwargs):
    """The fades of all stages but the first."""
    return [None] + [
        Fade(alpha, name=f"fade_{stage}", **kwargs)
        for stage, alpha in enumerate(alphas, 1)
    ]


def generator_ladder(first, widths, colours, alphas):
    """Latents -> maps; images are in float32, whatever the maps are in."""
    norm = PixelNormalization
    lowest = [
        norm(),
        EqualisedDense(math.prod(first) * widths[0], gain=math.sqrt(2) / 4),
        layers.Reshape((*first, widths[0])),
        layers.LeakyReLU(0.2),
        norm(),
        *convs(widths[0], after=[norm]),
    ]
    higher = [[Doubling2D(), *convs(w, w, after=[norm])] for w in widths[1:]]
    rgb = [[EqualisedConv2D(colours, 1, gain=1.0, dtype="float32")] for _ in widths]
    return Ladder([lowest, *higher], rgb, fades(alphas, dtype="float32"))


def discriminator_ladder(widths, alphas):
    """Maps -> maps of half the size; the lowest block ends in the logit."""
    lowest = [
        MinibatchStandardDeviation(4),
        *convs(widths[0]),
        layers.Flatten(),
        EqualisedDense(widths[0]),
        layers.LeakyReLU(0.2),
        EqualisedDense(1, gain=1.0, dtype="float32", name="logit"),
    ]
    higher = [
        [*convs(wide, narrow), layers.AveragePooling2D(2)]
        for narrow, wide in zip(widths, widths[1:], strict=False)
    ]
    rgb = [[EqualisedConv2D(w, 1), layers.LeakyReLU(0.2)] for w in widths]
    return Ladder([lowest, *higher], rgb, fades(alphas))


# ------------------------------------------------------------------------- networks


def generator(ladder, latent_dim, top, lowest, name):
    """z (latent_dim) -> image of stage `top`, around [-1, 1], with no tanh."""
    latents = keras.Input((latent_dim,), name="latents")
    image = ladder.draw(latents, top, lowest)
    return keras.Model({"latents": latents}, image, name=name)


def discriminator(ladder, image_shape, top, lowest, name):
    """Image of stage `top` -> logit (1)."""
    image = keras.Input(image_shape, name="image")
    logit = ladder.judge(image, top, lowest)
    return keras.Model({"image": image}, logit, name=name)


# ---------------------------------------------------------------------------- class


@register(
    "progan",
    title="Progressive growing of GANs",
    paper="arXiv:1710.10196",
    year=2018,
    default_tag="avatar_faces",
)
class ProGAN(GAN):
    """Growing networks, equalised learning rates, Wasserstein loss with penalties.

    The schedule goes by real images shown: the first stage is stable for `stable_kimg`;
    each next one is faded in for `fade_kimg` and then stable for `stable_kimg`. Images
    of n doublings (28: 2, 32: 3, 64: 4) are whole after n * (stable_kimg + fade_kimg)
    thousand; with both at 0 they are so from the start.

    Args:
        channels: width of the widest maps.
        channel_base: the maps of stage s have min(channel_base / 2^(s + 1), channels)
            channels, so that wide maps are narrow.
        stable_kimg: thousands of real images that a stage is stable for.
        fade_kimg: thousands of real images that a stage is faded in for.

    Example:
        >>> gan = ganzoo.create("progan", image_shape=(64, 64, 3), fade_kimg=100)
        >>> gan.stage_at(600_000)
        1
    """

    grows = True
    conditionings = ()

    def __init__(
        self,
        *,
        channels: int = 512,
        channel_base: int = 8192,
        stable_kimg: float = 600.0,
        fade_kimg: float = 600.0,
        latent_dim: int = 512,
        loss: str = "wasserstein",
        penalties=("gradient_penalty", "drift"),
        g_lr: Any = 1e-3,
        d_lr: Any = 1e-3,
        beta_1: float = 0.0,
        beta_2: Any = 0.99,
        **kwargs,
    ):
        self.channels, self.channel_base = channels, channel_base
        self.stable_kimg = checked_kimg("stable_kimg", stable_kimg)
        self.fade_kimg = checked_kimg("fade_kimg", fade_kimg)
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
        self.stage = self.stage_at(0)
        self.stage_entered.assign(self.stage)

    def build_optimizer(self, player):
        """Return the engine's Adam, at the paper's epsilon."""
        adam = super().build_optimizer(player)
        adam.epsilon = 1e-8
        return adam

    # -------------------------------------------------------------- the networks

    def build_generator(self, name):
        first, widths = self._sizes()
        ladder = generator_ladder(first, widths, self.image_shape[2], self._alphas())

        def network(top, lowest, name):
            return generator(ladder, self.latent_dim, top, lowest, name)

        whole = network(len(widths) - 1, 0, name)
        if name == "generator":
            self._generators = self._of_stages(network, name)
        return whole

    def build_discriminator(self, name):
        (height, width), widths = self._sizes()
        ladder = discriminator_ladder(widths, self._alphas())

        def network(top, lowest, name):
            shape = (height << top, width << top, self.image_shape[2])
            return discriminator(ladder, shape, top, lowest, name)

        whole = network(len(widths) - 1, 0, name)
        self._discriminators = self._of_stages(network, name)
        return whole

    def _sizes(self):
        """The smallest maps' (height, width), and the maps' channels by stage."""
        check_positive(channels=self.channels, channel_base=self.channel_base)
        count, first = doublings(self.image_shape)
        least = 2 << count
        if self.channel_base < least:
            raise GanzooError(
                "channel_base is divided by 2 at each stage: images of "
                f"{self.image_shape[0]}x{self.image_shape[1]} need at least {least}, "
                f"received {self.channel_base}."
            )
        widths = (self.channel_base >> (stage + 1) for stage in range(count + 1))
        return first, [min(width, self.channels) for width in widths]

    def _of_stages(self, network, name):
        """The networks of all stages; with no fade each has its own colours only."""
        below = 1 if self.fade_kimg else 0
        return [
            Stage(network(stage, max(0, stage - below), f"{name}_{stage}"))
            for stage in range(self.top + 1)
        ]

    @property
    def top(self) -> int:
        """The last stage; the first is 0."""
        return doublings(self.image_shape)[0]

    def active_generator(self) -> Stage:
        """Return the network of the stage: latents -> images of its resolution."""
        return self._generators[self.stage]

    def active_discriminator(self) -> Stage:
        """Return the network of the stage: images of its resolution -> logits."""
        return self._discriminators[self.stage]

    def trained(self, player):
        """Return the variables of the stage's network."""
        active = {
            "generator": self.active_generator(),
            "discriminator": self.active_discriminator(),
        }
        return active[player.name].network.trainable_variables

    # -------------------------------------------------------------- the schedule

    def _start(self, stage):
        """The number of real images at which a stage begins."""
        if not stage:
            return 0
        return round(1000 * (stage * self.stable_kimg + (stage - 1) * self.fade_kimg))

    def stage_at(self, seen: int) -> int:
        """Return the stage after so many real images.

        Example:
            >>> ganzoo.create("progan", image_shape=(28, 28, 1)).stage_at(600_000)
            1
        """
        return sum(seen >= self._start(stage) for stage in range(1, self.top + 1))

    def alpha_at(self, stage: int, seen: Any):
        """Return how far a stage is faded in after so many real images: in [0, 1].

        alpha = clip((seen - start of the stage) / fade, 0, 1), a scalar tensor.

        Example:
            >>> float(gan.alpha_at(1, 900_000))
            0.5
        """
        over = ops.cast(seen, "float32") - self._start(stage)
        if not self.fade_kimg:
            return ops.cast(over >= 0, "float32")
        return ops.clip(over / (1000 * self.fade_kimg), 0.0, 1.0)

    def _alphas(self):
        return [float(self.alpha_at(stage, 0)) for stage in range(1, self.top + 1)]

    def enter_stage(self, stage):
        """Begin with new moments in both optimisers, as the paper does."""
        for player in self.players:
            for variable in player.optimizer.variables:
                if variable.name not in SETTINGS:
                    variable.assign(ops.zeros(variable.shape, variable.dtype))

    def adjust(self, logs, images):
        """Fade all networks, the average too, as far as the images seen say."""
        super().adjust(logs, images)
        for stage in range(1, self.top + 1):
            alpha = self.alpha_at(stage, self.seen.value)
            for network in (self.generator, self.discriminator, self.generator_ema):
                network.get_layer(f"fade_{stage}").alpha.assign(alpha)

    def prepare(self, batch):
        """Return the real images at the stage's resolution, faded as the fakes are."""
        image, stage = batch["image"], self.stage
        image = pooled(image, 1 << (self.top - stage))
        if stage and self.fade_kimg:
            alpha = self.discriminator.get_layer(f"fade_{stage}").alpha.value
            image = lerp(doubled(pooled(image, 2)), image, alpha)
        return batch | {"image": image}
