"""Writing a model for others."""

from pathlib import Path
from typing import Any

from ganzoo import files, registry
from ganzoo.hub.configs import TRAINING, WEIGHTS, record_of, write_config

__all__ = ["save_folder"]


def save_folder(
    gan, folder: str | Path, /, *, training_state: bool = False, **extra: Any
) -> Path:
    """Write `config.json` and the averaged generator's weights; return the folder.

    `training_state` adds all that training goes on from: both players, the states of
    optimizers and random numbers. `extra` is added to the config: origin, licences.

    Raises: `GanzooError` where the folder cannot be written.
    """
    folder = Path(folder)
    registry.name_of(type(gan))  # a class without one is refused before a file is made
    _write(gan.generator_ema, folder / WEIGHTS)
    if training_state:
        _write(gan, folder / TRAINING)
        extra["training"] = record_of(folder / TRAINING)
    return write_config(gan, folder, **extra)


def _write(model, path):
    with files.replacing(path, ".weights.h5") as temporary:
        model.save_weights(temporary)
