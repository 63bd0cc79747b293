"""Data sets that tensorflow-datasets has prepared here, found without importing it."""

import fnmatch
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ganzoo import paths
from ganzoo.errors import GanzooError

__all__ = ["Reference", "downloads", "find", "hint", "names", "parse"]

_PART = re.compile(r"[\w.+-]+")
_VERSION = re.compile(r"\d+\.\d+\.\d+")
_WANTED_VERSION = re.compile(r"(\d+|\*)\.(\d+|\*)\.(\d+|\*)")


class Reference(NamedTuple):
    """Which data set: config and version are empty where the default is meant."""

    name: str
    config: str = ""
    version: str = ""

    @property
    def title(self) -> str:
        """`name`, or `name/config`."""
        return f"{self.name}/{self.config}" if self.config else self.name


def parse(text: str) -> Reference:
    """Read "name", "name/config", "name:1.0.0", "name/config:1.*.*" or "name/1.0.0".

    Raises:
        GanzooError: the text is none of these.
    """
    path, colon, version = text.partition(":")
    parts = path.split("/")
    if not colon and len(parts) > 1 and _VERSION.fullmatch(parts[-1]):
        colon, version = "/", parts.pop()
    good = len(parts) <= 2 and all(_PART.fullmatch(part) for part in parts)
    if not good or (colon and not _WANTED_VERSION.fullmatch(version)):
        raise GanzooError(
            f"{text!r} is not the name of a data set. Accepted: 'name', 'name/config', "
            "'name:1.0.0', 'name/config:1.0.0'. For a folder of images write its path "
            "with './' or '/' in front."
        )
    return Reference(*parts, *([""] * (2 - len(parts))), version)


def downloads() -> Path:
    """Return the folder into which data sets are downloaded."""
    return paths.home() / "tfds"


def find(wanted: Reference) -> tuple[Reference, Path] | None:
    """Return the newest fitting version that is prepared, in the first folder with one.

    Raises:
        GanzooError: several configs are there and none is the default.
    """
    for base in _bases(wanted.name):
        config = wanted.config
        if not config and not _versions(base):
            config = _default_config(wanted, base)
        found = [
            version
            for version in _versions(base / config if config else base)
            if fnmatch.fnmatch(version.name, wanted.version or "*")
        ]
        if found:
            newest = max(found, key=lambda each: [int(n) for n in each.name.split(".")])
            return Reference(wanted.name, config, newest.name), newest
    return None


def names() -> list[str]:
    """Return the names of all data sets that are prepared here."""
    return sorted(
        {
            base.name
            for root in _roots()
            for base in _folders(root)
            if _versions(base) or _configs(base)
        }
    )


def hint(name: str = "") -> str:
    """Return a sentence saying what is prepared here, of all or of one data set."""
    if not name:
        return f"Prepared here: {', '.join(names()) or 'none'}."
    have = [
        version.relative_to(base).as_posix()
        for base in _bases(name)
        for folder in (base, *_configs(base))
        for version in _versions(folder)
    ]
    return f"Prepared here of {name!r}: {', '.join(have) or 'none'}."


def _roots() -> list[Path]:
    return [*paths.data_dirs(), downloads()]


def _bases(name: str) -> list[Path]:
    return [root / name for root in _roots() if (root / name).is_dir()]


def _default_config(wanted: Reference, base: Path) -> str:
    configs = [each.name for each in _configs(base)]
    if len(configs) < 2:
        return "".join(configs)
    try:
        metadata = json.loads((base / ".config" / "metadata.json").read_text("utf-8"))
        return str(metadata["default_config_name"])
    except (OSError, ValueError, KeyError):
        raise GanzooError(
            f"data set {wanted.name!r} is prepared in several configs and none is the "
            f"default. Accepted: {', '.join(configs)}; received none. Write "
            f"'{wanted.name}/{configs[0]}'."
        ) from None


def _configs(base: Path) -> list[Path]:
    return sorted(each for each in _folders(base) if _versions(each))


def _versions(folder: Path) -> list[Path]:
    return [
        each
        for each in _folders(folder)
        if _VERSION.fullmatch(each.name) and (each / "dataset_info.json").is_file()
    ]


def _folders(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from (each for each in sorted(folder.iterdir()) if each.is_dir())
