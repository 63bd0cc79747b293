"""Loading a trained model: nothing in its files is trusted before it was looked at."""

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import keras

from ganzoo import registry
from ganzoo.errors import GanzooError
from ganzoo.hub import sources, weights

__all__ = ["load"]

_KERAS_FILE = {"config.json", "metadata.json", "model.weights.h5"}
_SPARE = 50_000_000  # numbers of a model beside 20 times those of its weight file


def load(name: str | Path, *, training_state: bool = False) -> Any:
    """Return a trained model.

    Args:
        name: "variant" (its default tag), "variant.tag", a folder that holds
            `config.json` and weights (a run folder is one), "hf://org/repo[@revision]",
            "https://host/folder", or a `.keras` file.
        training_state: load also what training goes on from, where it was saved:
            both players, and the states of optimizers and random numbers.

    Weights that are not on this machine are downloaded once and kept in the cache.
    The averaged generator has the published weights; the generator starts from them.
    Nothing in the files is run.

    Raises: `GanzooError` for unknown names, weights that are not to be had, and files
    that are damaged or belong to another model.

    Example:
        >>> gan = ganzoo.load("dcgan.fashion_mnist")
        >>> gan.generate(16, seed=7).shape
        (16, 28, 28, 1)
    """
    if str(name).endswith(".keras") and "://" not in str(name):
        return _load_keras(Path(name).expanduser())
    source = sources.find(name)
    cls = registry.get_class(source.config["variant"])
    path = source.weights()
    state = source.training_state() if training_state else None
    found = weights.inspect(path)
    gan = _built(cls, _arguments(cls, source), source, found)
    weights.assign(gan.generator_ema, path, f"{gan.name} generator")
    gan.generator.set_weights(gan.generator_ema.get_weights())
    if state:
        weights.inspect(state)
        weights.assign(gan, state, f"{gan.name} in training")
    return gan


def _arguments(cls, source):
    config = source.config["config"]
    unknown = sorted(set(config) - set(registry.accepted_arguments(cls)))
    if unknown:
        raise GanzooError(
            f"{source.place} has arguments that {cls.__name__} does not know: "
            f"{', '.join(unknown)}. It was written by another version of ganzoo."
        )
    return config


def _built(cls, arguments, source, found):
    """Return the model, if it is of a size that its weight file explains."""
    try:
        with weights.at_most(_SPARE + 20 * found):
            return cls(**arguments)
    except GanzooError as error:
        raise GanzooError(f"{source.place}: {error}") from error
    except Exception as error:  # a constructor may fail in any way on a wrong argument
        raise GanzooError(
            f"{source.place} has arguments that {cls.__name__} cannot take: {error}"
        ) from error


# ---------------------------------------------------------------------- .keras files


def _load_keras(path):
    if not path.is_file():
        raise GanzooError(f"there is no file {path}. Save a model by gan.save(path).")
    for name in registry.list_models():
        registry.get_class(name)  # so that Keras knows the classes
    try:
        _check_keras(path)
        return keras.saving.load_model(path)
    except Exception as error:  # a zip, JSON, HDF5 or config may be wrong in any way
        raise GanzooError(
            f"{os.fspath(path)} is no saved model of this zoo: {error}"
        ) from error


def _check_keras(path):
    """Refuse what `gan.save` never writes: other files, other classes."""
    with zipfile.ZipFile(path) as archive:
        if strange := set(archive.namelist()) - _KERAS_FILE:
            raise ValueError(f"it has a file {min(strange)!r}, which none of ours has")
        config = json.loads(archive.read("config.json"))
    if not str(config["registered_name"]).startswith("ganzoo>"):
        raise ValueError(
            f"it holds {config['registered_name']!r}, no class of this zoo"
        )
    _refuse_classes(config["config"])


def _refuse_classes(part):
    """A GAN's arguments are plain values: one that names a class is not ours."""
    if isinstance(part, dict):
        if "class_name" in part:
            raise ValueError(f"its arguments name the class {part['class_name']!r}")
        part = part.values()
    elif not isinstance(part, list):
        return
    for each in part:
        _refuse_classes(each)
