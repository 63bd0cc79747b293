"""Players: who moves which variables, by which loss, and how often a step."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import keras

__all__ = ["Player", "Team"]


@dataclass
class Player:
    """One player of the game.

    `loss(batch)` returns a scalar and a dict of scalars whose names stand in `logs`.
    In one step the player takes `turns` turns, each on a fresh part of the batch.

    Example:
        >>> Player("generator", [gan.generator], gan.generator_loss, Adam(2e-4))
    """

    name: str
    networks: Sequence[keras.Model]
    loss: Callable
    optimizer: keras.optimizers.Optimizer
    turns: int = 1
    logs: Sequence[str] = ()
    variables: list = field(init=False)

    def __post_init__(self):
        self.variables = [
            variable
            for network in self.networks
            for variable in network.trainable_variables
        ]
        self.optimizer.build(self.variables)


class Team(keras.optimizers.Optimizer):
    """The players' optimisers as one, so that Keras finds their variables.

    Keras trains a model that has one optimiser: JAX's `fit` carries only
    `model.optimizer.variables`, and saving walks `model.optimizer`. The members are
    built with their players and applied by them, never through the team.
    """

    def __init__(self, players: Sequence[Player]):
        super().__init__(learning_rate=0.0, name="team")
        self.members = [player.optimizer for player in players]
        self.built = True

    @property
    def variables(self):
        """The variables of all members, in the order of the players."""
        return [variable for each in self.members for variable in each.variables]

    def build(self, variables):
        """The members are built with their players."""

    def save_own_variables(self, store):
        """The members save themselves."""

    def load_own_variables(self, store):
        """The members load themselves."""
