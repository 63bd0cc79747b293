"""The `config.json` of a model's folder: which variant, which arguments and weights."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ganzoo import files, paths, registry
from ganzoo.errors import GanzooError

__all__ = [
    "CONFIG",
    "FORMAT",
    "LONGEST",
    "TRAINING",
    "WEIGHTS",
    "parse",
    "read",
    "record_of",
    "write_config",
]

FORMAT = 1  # of the folders that `save_folder` writes
CONFIG = "config.json"
WEIGHTS = paths.WEIGHTS
TRAINING = paths.TRAINING

LONGEST = 1_000_000  # bytes; those of the zoo have a thousand
_SHAPE = {"format": int, "variant": str, "config": dict, "weights": dict}


def write_config(gan, folder: Path, /, **extra: Any) -> Path:
    """Write the `config.json` of a folder whose weights are there; return the folder.

    `extra` is added to the config: origin, licences, dates.
    """
    config = {
        "format": FORMAT,
        "variant": registry.name_of(type(gan)),
        "config": gan.get_config(),
        "weights": record_of(folder / WEIGHTS),
        "kimg": round(int(gan.seen.value) / 1000, 3),
    }
    with files.replacing(folder / CONFIG) as temporary:
        temporary.write_text(json.dumps(config | extra, indent=2) + "\n")
    return folder


def record_of(path: Path) -> dict:
    """Return what a config notes of a file: its name, sha256 and size."""
    size = path.stat().st_size
    return {"file": path.name, "sha256": files.sha256_of(path), "bytes": size}


def read(path: Path) -> dict:
    """Return the checked config in a file.

    Raises: `GanzooError` for a file that cannot be read, and as `parse` does.
    """
    try:
        with open(path, "rb") as file:
            return parse(file.read(LONGEST + 1), str(path))
    except OSError as error:
        raise _none(path, error) from error


def parse(text: bytes, place: str) -> dict:
    """Return the config that `text` holds; `place` is where it is from, for errors.

    Raises: `GanzooError` for text that is no model's config, and for a format that this
    ganzoo does not know.

    Example:
        >>> parse(Path("runs/mine/config.json").read_bytes(), "mine")["variant"]
        'dcgan'
    """
    if len(text) > LONGEST:
        raise _none(place, f"it has more than {LONGEST:,} bytes")
    try:
        config = json.loads(text.decode("utf-8"))
        _check(config)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _none(place, repr(error)) from error
    if config["format"] != FORMAT:
        raise GanzooError(
            f"{place} has format {config['format']!r}, this ganzoo reads format "
            f"{FORMAT}. Upgrade ganzoo: pip install --upgrade ganzoo."
        )
    return config


def _check(config):
    """Hold the parts that every later step rests on against their types."""
    for key, kind in _SHAPE.items():
        if not isinstance(config[key], kind):
            raise TypeError(f"{key!r} must be of type {kind.__name__}")
    if config["format"] == FORMAT:
        _check_record(config["weights"])
        _check_record(config.get("training") or config["weights"])


def _check_record(record: Mapping):
    digest, size = record["sha256"], record["bytes"]
    if len(digest) != 64 or set(digest) - set("0123456789abcdef"):
        raise ValueError("a sha256 must be 64 digits of 0-9 and a-f")
    if type(size) is not int or size < 0:
        raise ValueError("bytes must be a count")


def _none(place, reason):
    return GanzooError(f"{place} is no model's config ({reason}). Fetch it again.")
