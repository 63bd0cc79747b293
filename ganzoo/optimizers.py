"""Optimisers that papers use and Keras has not."""

import keras
from keras import ops

__all__ = ["RampedSGD", "SteeredAdam"]


@keras.saving.register_keras_serializable("ganzoo")
class RampedSGD(keras.optimizers.SGD):
    """SGD whose rate falls and whose momentum rises with the updates t.

    rate = max(learning_rate / decay^t, floor); momentum goes linearly from `momentum`
    to `final_momentum` within `ramp_updates` updates.
    Source: arXiv:1406.2661 (the settings of its published MNIST run).

    Example:
        >>> RampedSGD(0.1, decay=1.000004, ramp_updates=125_000)
    """

    def __init__(
        self,
        learning_rate: float = 0.1,
        momentum: float = 0.5,
        *,
        decay: float = 1.000004,
        floor: float = 1e-6,
        final_momentum: float = 0.7,
        ramp_updates: int = 125_000,
        name: str = "ramped_sgd",
        **kwargs,
    ):
        super().__init__(learning_rate, momentum=momentum, name=name, **kwargs)
        self.decay, self.floor = decay, floor
        self.final_momentum, self.ramp_updates = final_momentum, ramp_updates

    def update_step(self, gradient, variable, learning_rate):
        """Move the variable: v = momentum * v - rate * gradient; w = w + v."""
        updates = ops.cast(self.iterations, "float32")
        rate = learning_rate * ops.power(self.decay, -updates)
        rate = ops.maximum(rate, self.floor)
        ramp = ops.minimum(updates / self.ramp_updates, 1.0)
        momentum = self.momentum + (self.final_momentum - self.momentum) * ramp
        velocity = self.momentums[self._get_variable_index(variable)]
        self.assign(velocity, momentum * velocity - rate * gradient)
        self.assign_add(variable, velocity)

    def get_config(self):
        """Return all settings."""
        return super().get_config() | {
            "decay": self.decay,
            "floor": self.floor,
            "final_momentum": self.final_momentum,
            "ramp_updates": self.ramp_updates,
        }


@keras.saving.register_keras_serializable("ganzoo")
class SteeredAdam(keras.optimizers.Adam):
    """Keras's Adam, its `beta_2` a variable, so that it can follow a schedule.

    Example:
        >>> SteeredAdam(2e-4, beta_1=0.0, beta_2=0.9).beta_2.assign(0.99)
    """

    def __init__(self, *args, beta_2: float = 0.999, **kwargs):
        super().__init__(*args, **kwargs)
        start = keras.initializers.Constant(beta_2)
        self.beta_2 = self.add_variable((), start, name="beta_2")

    def get_config(self):
        """Return all settings, `beta_2` as it is now."""
        return super().get_config() | {"beta_2": float(self.beta_2.value)}
