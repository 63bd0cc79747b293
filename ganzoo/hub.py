"""Where trained models come from: the zoo, a folder, a run, a `.keras` file.

Weights that are not in the zoo's folder are looked up in the cache, then fetched from
the addresses in `GANZOO_HUB` (separated by spaces), which serve a zoo folder:
`<address>/<variant>/<tag>/generator_ema.weights.h5`. Their sha256 is checked.
"""

import functools
import hashlib
import json
import os
import warnings
from pathlib import Path
from typing import Any

import keras

from ganzoo import files, paths, registry
from ganzoo.errors import GanzooError

__all__ = ["FORMAT", "load", "save_folder", "sha256_of"]

FORMAT = 1  # of the folders that `save_folder` writes
CONFIG = "config.json"
WEIGHTS = paths.WEIGHTS


def load(name: str | Path) -> Any:
    """Return a trained model.

    Args:
        name: "variant" (its default tag), "variant.tag", a folder that holds
            `config.json` and weights (a run folder is one), or a `.keras` file.

    The averaged generator has the published weights; the generator starts from them.

    Raises: `GanzooError` for unknown names, weights that are not at hand, and files
    that are damaged or belong to another model.

    Example:
        >>> gan = ganzoo.load("dcgan.fashion_mnist")
        >>> gan.generate(16, seed=7).shape
        (16, 28, 28, 1)
    """
    path = Path(name).expanduser()
    if path.suffix == ".keras":
        return _load_keras(path)
    if path.is_dir() and (path / CONFIG).exists():
        return _load_folder(path)
    if len(path.parts) > 1 or path.is_dir():
        raise GanzooError(
            f"there is no model at {path}: a model's folder holds {CONFIG} and "
            f"{WEIGHTS}. A run has them from its first checkpoint on."
        )
    return _load_folder(registry.tag_folder(str(name)), str(name))


def save_folder(gan, folder: str | Path, **extra: Any) -> Path:
    """Write `config.json` and the averaged generator's weights; return the folder.

    `extra` is added to the config: origin, licences, dates.

    Raises: `GanzooError` where the folder cannot be written.
    """
    folder = Path(folder)
    registry.name_of(type(gan))  # a class without one is refused before a file is made
    with files.replacing(folder / WEIGHTS, ".weights.h5") as temporary:
        gan.generator_ema.save_weights(temporary)
    return write_config(gan, folder, **extra)


def write_config(gan, folder: Path, **extra: Any) -> Path:
    """Write the `config.json` of a folder whose weights are there."""
    weights = folder / WEIGHTS
    config = {
        "format": FORMAT,
        "variant": registry.name_of(type(gan)),
        "config": gan.get_config(),
        "weights": {
            "file": WEIGHTS,
            "sha256": sha256_of(weights),
            "bytes": weights.stat().st_size,
        },
        "kimg": round(int(gan.seen.value) / 1000, 3),
    }
    with files.replacing(folder / CONFIG) as temporary:
        temporary.write_text(json.dumps(config | extra, indent=2) + "\n")
    return folder


def sha256_of(path: str | Path) -> str:
    """Return the sha256 of a file in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _load_folder(folder, name=""):
    config = _read_config(folder, name)
    cls = registry.get_class(config["variant"])
    try:
        gan = cls(**_arguments(cls, config["config"], folder))
    except (TypeError, AttributeError) as error:
        raise GanzooError(
            f"{folder / CONFIG} has arguments that {cls.__name__} cannot take: {error}"
        ) from error
    _load_weights(gan, _weights_of(folder, config, name or str(folder)))
    return gan


def _read_config(folder, name):
    path = folder / CONFIG
    if not path.exists():
        raise GanzooError(
            f"{name} has a recipe but no published weights yet. Train it by "
            f"`ganzoo train {name}`, then load the run's folder."
        )
    try:
        config = json.loads(path.read_text())
        written = config["format"]
        for keys in (("variant",), ("weights", "sha256"), ("weights", "bytes")):
            functools.reduce(lambda values, key: values[key], keys, config)
        dict(config["config"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise GanzooError(
            f"{path} is no model's config ({error!r}). Fetch it again."
        ) from error
    if written != FORMAT:
        raise GanzooError(
            f"{path} has format {written!r}, this ganzoo reads format {FORMAT}. "
            "Upgrade ganzoo: pip install --upgrade ganzoo."
        )
    return config


def _arguments(cls, config, folder):
    accepted = registry.accepted_arguments(cls)
    unknown = sorted(set(config) - set(accepted))
    if unknown:
        raise GanzooError(
            f"{folder / CONFIG} has arguments that {cls.__name__} does not know: "
            f"{', '.join(unknown)}. It was written by another version of ganzoo."
        )
    return config


def _weights_of(folder, config, name):
    """The weight file of a folder: there, in the cache, or fetched; sha256 checked."""
    digest = config["weights"]["sha256"]
    cached = paths.cached_weights(digest)
    found = [each for each in (folder / WEIGHTS, cached) if each.exists()]
    path = found[0] if found else _fetch(folder, config, name, cached)
    if sha256_of(path) != digest:
        raise GanzooError(
            f"{path} is damaged or another file: its sha256 is not {digest}, which "
            f"the config of {name} names. Remove it and fetch it again."
        )
    return path


def _fetch(folder, config, name, target):
    """Download a tag's weights to `target` from the first address that has them."""
    failures = []
    for base in os.environ.get("GANZOO_HUB", "").split():
        url = f"{base.rstrip('/')}/{folder.parent.name}/{folder.name}/{WEIGHTS}"
        try:
            return Path(_retrieve(url, config["weights"]["sha256"], target))
        except (OSError, ValueError) as error:
            failures.append(f"{url}: {error}")
    told = "; ".join(failures) or "GANZOO_HUB names no address to fetch them from"
    raise GanzooError(
        f"the weights of {name} are not on this machine ({told}). Put {WEIGHTS} "
        f"({config['weights']['bytes']} bytes, sha256 "
        f"{config['weights']['sha256']}) at {target}."
    )


def _retrieve(url, digest, target):
    import pooch

    return pooch.retrieve(
        url,
        known_hash=f"sha256:{digest}",
        fname=target.name,
        path=target.parent,
        progressbar=True,
    )


def _load_weights(gan, path):
    try:
        with warnings.catch_warnings():
            # Keras only warns of layers that found nothing in the file.
            warnings.simplefilter("error", UserWarning)
            gan.generator_ema.load_weights(path)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, Warning) as error:
        raise GanzooError(
            f"{path} holds no weights of this {gan.name} generator: {error}"
        ) from error
    gan.generator.set_weights(gan.generator_ema.get_weights())


def _load_keras(path):
    if not path.is_file():
        raise GanzooError(f"there is no file {path}. Save a model by gan.save(path).")
    for name in registry.list_models():
        registry.get_class(name)  # so that Keras knows the classes
    try:
        return keras.saving.load_model(path)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise GanzooError(
            f"{os.fspath(path)} is no saved model of this zoo: {error}"
        ) from error
