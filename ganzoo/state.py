"""What a GAN writes down and reads back: its arguments, and all its state."""

from pathlib import Path
from typing import Any

import keras
from keras import ops

from ganzoo import augment, hub, registry, schedules
from ganzoo.penalties import spec as penalty_spec

__all__ = ["SCHEDULED", "Saved"]

# Arguments that may be a schedule.
SCHEDULED = ("g_lr", "d_lr", "beta_2", "ema_half_life_kimg")


class Saved:
    """The saving half of `GAN`: `.keras` files, weight files, exports."""

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        keras.saving.register_keras_serializable("ganzoo")(cls)

    def get_config(self) -> dict:
        """Return all arguments of the constructor, defaults filled in."""
        config = _defaults(type(self)) | self._arguments
        config |= {"image_shape": self.image_shape, "class_names": self.class_names}
        config["loss"] = self.objective.name
        config["penalties"] = [penalty_spec(each) for each in self.penalties]
        config["augment"] = augment.spec(self.augment)
        for name in SCHEDULED:
            config[name] = schedules.spec(schedules.get(name, config[name]))
        # As JSON gives them back.
        config = {k: list(v) if type(v) is tuple else v for k, v in config.items()}
        return config | {"name": self.name}

    def __new__(cls, *args, **kwargs):
        self = super().__new__(cls, *args, **kwargs)
        self._arguments = kwargs
        return self

    def save(self, filepath: str | Path, **kwargs):
        """Save to a `.keras` file, all of it, or else to a folder, to be loaded from.

        A folder gets what `ganzoo.load` reads: `config.json` and the weights of the
        averaged generator; with `training_state=True` also what training goes on from.

        Example:
            >>> gan.save("my_gan")
            >>> ganzoo.load("my_gan").generate(16)
        """
        if Path(filepath).suffix == ".keras":
            return super().save(filepath, **kwargs)
        return hub.save_folder(self, filepath, **kwargs)

    def push(self, place: str | Path, **kwargs: Any) -> str:
        """Push to hf://org/repo or to a shared folder; see `hub.push` for the rest.

        Example:
            >>> gan.push("hf://me/my-gan", licence="mit")
            'https://huggingface.co/me/my-gan'
        """
        return hub.push(self, place, **kwargs)

    def get_compile_config(self) -> dict:
        """Return nothing: the constructor compiles the model from its own config."""
        return {}

    def compile_from_config(self, config):
        """Keep what the constructor compiled."""

    def save_own_variables(self, store):
        """Save counters, and the states of all seeds, which Keras leaves out."""
        super().save_own_variables(store)
        for i, state in enumerate(self._seed_states()):
            store[f"seed_{i}"] = ops.convert_to_numpy(state)

    def load_own_variables(self, store):
        """Load what `save_own_variables` saved."""
        states = {key: store[key] for key in store.keys() if key.startswith("seed_")}
        rest = {key: store[key] for key in store.keys() if key not in states}
        super().load_own_variables(rest)
        for i, state in enumerate(self._seed_states()):
            state.assign(states[f"seed_{i}"])

    def _seed_states(self):
        weights = {id(weight) for weight in self.weights}
        return [each for each in self.variables if id(each) not in weights]

    def export(self, filepath: str | Path, format: str = "tf_saved_model", **kwargs):
        """Export the averaged generator: latents (and labels) -> images in [-1, 1].

        Example:
            >>> gan.export("generator.onnx", format="onnx")
        """
        self.generator_ema.export(filepath, format=format, **kwargs)


def _defaults(cls):
    accepted = registry.accepted_arguments(cls).items()
    return {name: each.default for name, each in accepted if name != "image_shape"}
