"""Game: the playing half of `GAN`: one step, what moves with it, stages that grow.

Written once in `keras.ops`; what differs on TensorFlow, JAX and torch is in `backends`.
"""

from typing import Any

import keras
from keras import ops

from ganzoo import backends, schedules
from ganzoo.checks import as_batch

__all__ = ["Game"]


class Game:
    """The step that every model shares: each player takes its turns on a batch."""

    def train_step(self, *args):
        """Take one step of the game, as Keras calls it on this backend."""
        return backends.run_step(self, *args)

    def play(self, data: Any) -> dict:
        """Let every player take its turns on a batch; return the logs."""
        batch = self.prepare(as_batch(self, data))
        logs = {}
        for player in self.players:
            for turn in range(player.turns):
                logs |= self._move(player, self._part(batch, turn))
        images = ops.shape(batch["image"])[0]
        with backends.updating():
            self.step.assign_add(1)
            self.seen.assign_add(ops.cast(images, "int32"))
            self._set_rates()
            self._average_generator(images)
            self.adjust(logs, images)
            return self._track(logs)

    def _move(self, player, batch):
        variables = self.trained(player)
        loss, logs, gradients = backends.value_and_gradients(
            lambda: player.loss(batch), variables
        )
        with backends.updating():
            player.optimizer.apply(gradients, variables)
            self._watch(player, loss)
        return {f"{player.name[0]}_loss": loss, **logs}

    def _part(self, batch, turn):
        """The turn's own share of the batch: each has the same size."""
        if self.turns == 1:
            return batch

        def share(x):
            return ops.reshape(x, (self.turns, -1, *x.shape[1:]))[turn]

        return {key: share(value) for key, value in batch.items()}

    def _watch(self, player, loss):
        first = self.broken[player.name]
        broke = ops.logical_and(ops.logical_not(ops.isfinite(loss)), first.value < 0)
        first.assign(ops.where(broke, self.step.value, first.value))

    def _set_rates(self):
        """Learning rates, and beta_2 where it changes, for the next step."""
        left = 1.0
        if self.lr_decay_kimg:
            seen = ops.cast(self.seen, "float32") / (1000 * self.lr_decay_kimg)
            left = ops.maximum(0.0, 1.0 - seen)
        for player in self.players:
            rate = self.rates[player.name]
            if self.lr_decay_kimg or isinstance(rate, schedules.Schedule):
                rate = schedules.at(rate, self.seen.value) * left
                player.optimizer.learning_rate.assign(rate)
            if isinstance(self.betas[1], schedules.Schedule):
                player.optimizer.beta_2.assign(self.betas[1](self.seen.value))

    def _average_generator(self, images):
        """EMA: decay = 0.5 ^ (images / half-life); what is no weight is copied."""
        half_life = 1000 * schedules.at(self.ema_half_life_kimg, self.seen.value)
        # Early on the half-life is short, so that the first noise is forgotten.
        half_life = ops.minimum(0.05 * ops.cast(self.seen, "float32"), half_life)
        decay = ops.power(0.5, ops.cast(images, "float32") / (half_life + 1e-6))
        trained = {id(variable) for variable in self.generator.trainable_variables}
        pairs = zip(self.generator.weights, self.generator_ema.weights, strict=True)
        for live, average in pairs:
            if id(live) in trained:
                average.assign(live + decay * (average - live))
            else:
                average.assign(live)

    def _track(self, logs):
        for name, tracker in self.trackers.items():
            tracker.update_state(logs[name])
        return {name: tracker.result() for name, tracker in self.trackers.items()}

    @property
    def metrics(self):
        """The trackers of the losses and scores."""
        return list(self.trackers.values())

    # -------------------------------------------------------------------- stages

    def fit(self, *args, callbacks=None, **kwargs):
        """Train as Keras does; a model that grows goes from stage to stage in it."""
        if self.grows:
            growth = Growth()
            if isinstance(callbacks, keras.callbacks.CallbackList):
                callbacks.append(growth)
            else:
                callbacks = [growth, *(callbacks or [])]
        return super().fit(*args, callbacks=callbacks, **kwargs)


class Growth(keras.callbacks.Callback):
    """Takes a growing model from stage to stage, between two steps.

    A stage is a graph of its own: the step is traced and compiled anew.
    """

    def on_train_begin(self, logs=None):
        """Take up the stage that the model's state is in."""
        self._enter(int(self.model.stage_entered.value))

    def on_train_batch_begin(self, batch, logs=None):
        """Enter the next stage as soon as it is due."""
        gan = self.model
        if hasattr(gan, "jax_state_sync"):
            gan.jax_state_sync()  # else `seen` is what it was when `fit` began
        due = gan.stage_at(int(gan.seen.value))
        if due != int(gan.stage_entered.value):
            gan.enter_stage(due)
            gan.stage_entered.assign(due)
            self._enter(due)

    def _enter(self, stage):
        if stage != self.model.stage:
            self.model.stage = stage
            self.model.make_train_function(force=True)
