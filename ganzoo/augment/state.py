"""What an augmentation keeps in a model: its probability, and what ADA goes by."""

from typing import Any

import keras
from keras import ops

from ganzoo import schedules

__all__ = ["State"]


class State:
    """The augmentation of a model in training.

    ADA's probability p follows the discriminator: it rises while the mean sign of its
    logits of reals is above the target, that is while it overfits (arXiv:2006.06676,
    section 3.1). p and the signs since its last change are variables of the model, so
    they are saved with it.

    Args:
        gan: the model that gets the variables.
        augment: an augmentation.
    """

    def __init__(self, gan: Any, augment: Any):
        self.gan, self.augment = gan, augment
        self.adaptive = augment.adaptive
        if self.adaptive:
            self.p = _scalar(gan, "augment_p", augment.p)
            self.signs = _scalar(gan, "augment_signs", 0.0)

    @property
    def log_names(self) -> tuple[str, ...]:
        """The names of `logs`."""
        return ("real_sign", "augment_p") if self.adaptive else ()

    def applied(self, images):
        """Return the images (n, h, w, c) as the discriminator sees them."""
        return self.augment(images, self.gan.draw_uniform, self.probability())

    def probability(self):
        """Return p in [0, 1]: a number, or a scalar tensor."""
        if self.adaptive:
            return self.p.value
        return schedules.at(self.augment.p, self.gan.seen.value)

    def logs(self, real_logits) -> dict:
        """Return the mean sign of the logits of reals, in [-1, 1], and p."""
        if not self.adaptive:
            return {}
        sign = ops.mean(ops.sign(ops.stop_gradient(real_logits)))
        return {"real_sign": sign, "augment_p": ops.convert_to_tensor(self.p)}

    def adjust(self, logs: dict, images) -> None:
        """Count a step's signs; each `interval` steps move p by what they say."""
        if not self.adaptive:
            return
        interval = self.augment.interval
        signs = self.signs.value + logs["real_sign"]
        due = ops.equal(self.gan.step.value % interval, 0)
        moved = self.augment.adjusted(
            self.p.value, signs / interval, interval * ops.cast(images, "float32")
        )
        self.p.assign(ops.where(due, moved, self.p.value))
        self.signs.assign(ops.where(due, 0.0, signs))


def _scalar(gan, name, value):
    start = keras.initializers.Constant(value)
    return gan.add_weight(
        shape=(), initializer=start, trainable=False, dtype="float32", name=name
    )
