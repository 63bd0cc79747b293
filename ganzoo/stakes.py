"""Stakes: the paying half of `GAN`: the players' losses, and what they log."""

from collections.abc import Mapping
from typing import Any

from keras import ops

from ganzoo.penalties import Evidence
from ganzoo.penalties import total as total_penalty

__all__ = ["Stakes"]


class Stakes:
    """The losses of a generator and a discriminator; a variant may override them."""

    def discriminator_loss(self, batch: Mapping):
        """Return the discriminator's loss and its logs on one part of the batch."""
        real = batch["image"]
        fake = ops.stop_gradient(ops.cast(self.imagine(batch), real.dtype))
        real_logits = self.judge(real, batch)
        fake_logits = self.judge(fake, batch)
        penalty = total_penalty(self.penalties, self.evidence(batch, fake, real_logits))
        loss = self.objective.discriminator(real_logits, fake_logits) + penalty
        return loss, self.discriminator_logs(real_logits, fake_logits, penalty)

    def evidence(self, batch: Mapping, fake: Any, real_logits: Any) -> Evidence:
        """Return what penalties may look at in a turn of the discriminator."""
        return Evidence(
            judge=lambda images: self.judge(images, batch),
            real=batch["image"],
            fake=fake,
            real_logits=real_logits,
            uniform=self.draw_uniform,
            step=self.step.value,
            seen=self.seen.value,
        )

    def discriminator_logs(self, real_logits: Any, fake_logits: Any, penalty: Any):
        """Return the scalars that a turn of the discriminator logs."""
        logs = {
            "real_score": ops.mean(real_logits),
            "fake_score": ops.mean(fake_logits),
            "penalty": penalty,
        }
        return logs | (self.augment_state.logs(real_logits) if self.augment else {})

    def discriminator_log_names(self) -> tuple[str, ...]:
        """Return the names of the discriminator's logs."""
        augmented = self.augment_state.log_names if self.augment else ()
        return ("real_score", "fake_score", "penalty", *augmented)

    def generator_loss(self, batch: Mapping):
        """Return the generator's loss on one part of the batch, and no logs."""
        fake_logits = self.judge(self.imagine(batch, self.g_batch_scale), batch)
        real_logits = None
        if self.objective.paired:
            real_logits = self.judge(batch["image"], batch)
        return self.objective.generator(real_logits, fake_logits), {}
