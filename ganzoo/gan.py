"""GAN: the one training step, the average of the generator, pictures, saving.

A variant says what its networks are (`build_generator`, `build_discriminator`) and, if
it differs there, who plays (`make_players`), how a fake is made (`imagine`), how it is
judged (`judge`), what is done to a batch first (`prepare`), what follows a step
(`adjust`), and, if it grows, its stages. The playing is in `ganzoo.game`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from ganzoo import augment as augmentations
from ganzoo import conditioning as told
from ganzoo import losses, matching, sampling, schedules
from ganzoo.augment.state import State as AugmentState
from ganzoo.checks import (
    check_labels_are_used,
    check_positive,
    checked_names,
    checked_shape,
    inputs_of,
    refuse_float16,
    repeat_to,
)
from ganzoo.errors import GanzooError
from ganzoo.game import Game
from ganzoo.optimizers import SteeredAdam
from ganzoo.penalties import get as get_penalty
from ganzoo.players import Player, Team
from ganzoo.stakes import Stakes
from ganzoo.state import Saved

__all__ = ["GAN"]


class GAN(Game, Stakes, Saved, keras.Model):
    """A game between a generator and a discriminator, ready for `fit`.

    Args:
        image_shape: (height, width, channels) of the images.
        latent_dim: length of the latent vector z.
        num_classes: number of labels, 0 for a model without.
        class_names: names of the labels, in their order; may be empty.
        loss: name of an adversarial loss, or a `losses.Loss`.
        penalties: names, dicts (`{"name": "r1", "gamma": 1.0}`) or penalties.
        augment: name or dict of an augmentation of what the discriminator sees, such
            as "diffaugment" or `{"name": "ada", "target": 0.6}`; "" for none.
        conditioning: "projection" tells both players of an unconditional variant the
            label: z gets its embedding, the logit its inner product with the features.
        n_critic: turns of the discriminator in one step, each on its own part of
            the batch.
        g_batch_scale: size of the generator's batch over the discriminator's.
        g_lr, d_lr, beta_1, beta_2: settings of the players' Adam; all but beta_1 may
            be a schedule: `{"start": 2e-4, "end": 5e-5, "kimg": 400}`.
        lr_decay_kimg: thousands of real images over which the learning rates fall
            linearly to 0; 0 keeps them constant.
        ema_half_life_kimg: half-life of the generator's average, in thousands of
            real images, or a schedule; 0 makes it a copy.
        seed: seed of all noise in training.

    Batches are dicts: `image` (batch, height, width, channels), float in [-1, 1] or
    uint8, and `label` (batch,) for models with labels. A bare array of images, or a
    pair (images, labels), is taken as such a dict.

    Raises: `GanzooError` for impossible shapes, for losses, penalties, augmentations
    and conditionings that are unknown or do not go together (docs/mix-and-match.md),
    and under float16 (each player would need a loss scale of its own).

    Example:
        >>> gan = ganzoo.create("dcgan", image_shape=(28, 28, 1))
        >>> gan.fit(ganzoo.data.load("fashion_mini"), epochs=10)
        >>> gan.generate(16, seed=7).shape
        (16, 28, 28, 1)
    """

    latent_distribution = "normal"  # or "uniform", on [-1, 1]
    discriminator_norm = ""  # or "batch", "spectral": see `ganzoo.matching`
    conditionings = ("projection",)  # those that the keyword may ask for
    grows = False  # whether it has stages: see `stage_at`
    refuses_mismatches = True  # whether `ganzoo.matching` has a say
    captions: Sequence[str] = ()  # texts that one told texts draws by itself
    told_text = False  # whether it is told texts: see `ganzoo.captioned`

    def __init__(
        self,
        *,
        image_shape: Sequence[int],
        latent_dim: int = 128,
        num_classes: int = 0,
        class_names: Sequence[str] = (),
        loss: Any = "non_saturating",
        penalties: Sequence[Any] = (),
        augment: Any = "",
        conditioning: str = "",
        n_critic: int = 1,
        g_batch_scale: int = 1,
        g_lr: Any = 2e-4,
        d_lr: Any = 2e-4,
        beta_1: float = 0.5,
        beta_2: Any = 0.999,
        lr_decay_kimg: float = 0.0,
        ema_half_life_kimg: Any = 10.0,
        seed: int = 0,
        name: str | None = None,
    ):
        super().__init__(name=name or type(self).__name__.lower())
        refuse_float16()
        self.image_shape = checked_shape(image_shape)
        self.latent_dim = latent_dim
        self.class_names = checked_names(class_names)
        self.num_classes = num_classes or len(self.class_names)
        self.objective = losses.get(loss)
        self.penalties = [get_penalty(each) for each in penalties]
        self.augment = augmentations.get(augment)
        self.conditioning = conditioning
        if self.refuses_mismatches:
            matching.check(self)
        self.n_critic = n_critic
        self.g_batch_scale = g_batch_scale
        self.rates = {
            "generator": schedules.get("g_lr", g_lr),
            "discriminator": schedules.get("d_lr", d_lr),
        }
        self.betas = (beta_1, schedules.get("beta_2", beta_2))
        self.lr_decay_kimg = lr_decay_kimg
        self.ema_half_life_kimg = schedules.get(
            "ema_half_life_kimg", ema_half_life_kimg
        )
        check_positive(
            latent_dim=latent_dim, n_critic=n_critic, g_batch_scale=g_batch_scale
        )

        self.random = keras.random.SeedGenerator(seed)
        self.step = self._counter("step")  # steps taken
        self.seen = self._counter("seen")  # real images shown
        self.stage = 0
        if self.grows:
            self.stage_entered = self._counter("stage_entered")
        self.generator = told.generator(self, "generator")
        self.discriminator = told.discriminator(self, "discriminator")
        self.generator_ema = told.generator(self, "generator_ema")
        check_labels_are_used(self)
        self.generator_ema.trainable = False
        self.generator_ema.set_weights(self.generator.get_weights())

        self.augment_state = self.augment and AugmentState(self, self.augment)
        self.players = self.make_players()
        self.turns = max(player.turns for player in self.players)
        # The first step at which a player's loss was not finite, -1 for never.
        self.broken = {
            player.name: self._counter(f"broken_{player.name}", -1)
            for player in self.players
        }
        self.trackers = {
            log: keras.metrics.Mean(name=log)
            for player in self.players
            for log in (f"{player.name[0]}_loss", *player.logs)
        }
        self.built = True
        self.compile(optimizer=Team(self.players))

    def _counter(self, name, value=0):
        return self.add_weight(
            shape=(),
            dtype="int32",
            trainable=False,
            name=name,
            initializer=keras.initializers.Constant(value),
        )

    # ---------------------------------------------------------------- the hooks

    def build_generator(self, name: str) -> keras.Model:
        """Return a Functional model: dict with `latents` -> images in [-1, 1]."""
        raise GanzooError(f"{type(self).__name__} must define build_generator(name).")

    def build_discriminator(self, name: str) -> keras.Model:
        """Return a Functional model: dict with `image` -> logits (batch, 1)."""
        raise GanzooError(
            f"{type(self).__name__} must define build_discriminator(name)."
        )

    def make_players(self) -> list[Player]:
        """Return the players in the order of their turns."""
        return [
            Player(
                "discriminator",
                [self.discriminator],
                self.discriminator_loss,
                self.build_optimizer("discriminator"),
                turns=self.n_critic,
                logs=self.discriminator_log_names(),
            ),
            Player(
                "generator",
                [self.generator],
                self.generator_loss,
                self.build_optimizer("generator"),
            ),
        ]

    def build_optimizer(self, player: str) -> keras.optimizers.Optimizer:
        """Return the optimiser of the player of that name."""
        beta_1, beta_2 = self.betas
        moving = isinstance(beta_2, schedules.Schedule)
        return (SteeredAdam if moving else keras.optimizers.Adam)(
            schedules.first(self.rates[player]),
            beta_1=beta_1,
            beta_2=schedules.first(beta_2),
            name=f"{player}_adam",
        )

    def prepare(self, batch: dict) -> dict:
        """Return the batch as the players see it."""
        return batch

    def imagine(self, batch: Mapping, copies: int = 1):
        """Return fakes (copies * batch, height, width, channels) for the batch."""
        count = copies * ops.shape(batch["image"])[0]
        inputs = {"latents": self.draw_latents(count)}
        for key in inputs_of(self.generator):
            if key not in inputs:
                inputs[key] = ops.concatenate([batch[key]] * copies)
        return self.active_generator()(inputs, training=True)

    def judge(self, images, batch: Mapping):
        """Return the discriminator's logits (n, 1), float32, of n images.

        With an augmentation it sees them augmented, reals and fakes alike.
        """
        if self.augment:
            images = self.augment_state.applied(images)
        inputs = {"image": images}
        for key in inputs_of(self.discriminator):
            if key not in inputs:
                copies = images.shape[0] or ops.shape(images)[0]
                inputs[key] = repeat_to(batch[key], copies)
        return ops.cast(self.active_discriminator()(inputs, training=True), "float32")

    # Methods: what is a property of a model, Keras takes for a part of it in saving.
    def active_generator(self) -> keras.Model:
        """Return the network that plays now: of a model that grows, its stage's."""
        return self.generator

    def active_discriminator(self) -> keras.Model:
        """Return the network that plays now: of a model that grows, its stage's."""
        return self.discriminator

    def first_network(self) -> keras.Model:
        """Return the network that latents enter, of the averaged generator."""
        return self.generator_ema

    def trained(self, player: Player) -> list:
        """Return the player's variables that play now."""
        return player.variables

    def stage_at(self, seen: int) -> int:
        """Return the stage of a model that grows after so many real images."""
        return 0

    def enter_stage(self, stage: int) -> None:
        """Do what a new stage needs, such as new states of the optimisers."""

    def furnish(self, images: Any) -> Any:
        """Return data with the fields that this model learns from beside its own."""
        return images

    def adjust(self, logs: Mapping, images: Any) -> None:
        """Assign what follows from a step of so many images; `seen` is counted."""
        if self.augment:
            self.augment_state.adjust(logs, images)

    def draw_latents(self, count):
        """Return latents (count, latent_dim) drawn from the model's distribution."""
        shape = (count, self.latent_dim)
        if self.latent_distribution == "uniform":
            return keras.random.uniform(shape, -1.0, 1.0, seed=self.random)
        return keras.random.normal(shape, seed=self.random)

    def draw_uniform(self, shape):
        """Return noise of that shape from U[0, 1)."""
        return keras.random.uniform(shape, seed=self.random)

    # ------------------------------------------------------------------ pictures

    def generate(
        self,
        count: int | None = None,
        *,
        seed: int | None = None,
        labels: Sequence[Any] | None = None,
        text: Sequence[str] | str | None = None,
        truncation: float | None = None,
    ) -> np.ndarray:
        """Return pictures of the averaged generator: uint8 (count, H, W, C).

        Args:
            count: how many; as many as labels or texts, else 16, by default.
            seed: the same seed gives the same latents on every backend.
            labels: class names or numbers, one for all or one a picture.
            text: what text-to-image models are to draw; several take turns.
            truncation: in (0, 1]: latents nearer to the middle, less varied.

        Raises: `GanzooError` for labels, texts and truncations that the model has not.

        Example:
            >>> ganzoo.load("cgan").generate(labels=["Sneaker", "Bag"], seed=1)
            >>> ganzoo.load("dfgan").generate(text=["red apple", "green apple"])
        """
        return sampling.generate(self, count, seed, truncation, labels, text)

    def asked(self, count: int | None, labels: Any, text: Any) -> tuple[int, dict]:
        """Return how many pictures, and what the generator is told beside latents.

        Raises: `GanzooError` for a count, labels or texts that the model cannot have.
        """
        return sampling.asked_by_label(self, count, labels, text)
