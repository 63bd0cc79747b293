"""Where ganzoo finds and keeps its files."""

import os
from pathlib import Path

import platformdirs

__all__ = [
    "TRAINING",
    "WEIGHTS",
    "cached_weights",
    "data_dirs",
    "home",
    "offline",
    "variant_dirs",
    "zoo",
    "zoos",
]

WEIGHTS = "generator_ema.weights.h5"  # in the folder of a tag, a run, a model
TRAINING = "checkpoint.weights.h5"  # beside it: all that training goes on from

_PACKAGE = Path(__file__).resolve().parent


def home() -> Path:
    """Return the cache folder: `GANZOO_HOME`, else the user's cache for ganzoo.

    Weights lie in `home() / "weights"`, decoded data in `home() / "data"`.
    """
    default = platformdirs.user_cache_dir("ganzoo", appauthor=False)
    return Path(os.environ.get("GANZOO_HOME") or default).expanduser()


def zoo() -> Path:
    """Return the zoo folder: inside an installed package, beside it in a checkout."""
    packaged = _PACKAGE / "zoo"
    return packaged if packaged.is_dir() else _PACKAGE.parent / "zoo"


def zoos() -> list[Path]:
    """Return ganzoo's own zoo folder and those of `GANZOO_EXTRA`, in that order."""
    return [zoo(), *(root / "zoo" for root in _folders("GANZOO_EXTRA"))]


def variant_dirs() -> list[Path]:
    """Return ganzoo's own folder of variants and those of `GANZOO_EXTRA`."""
    roots = [_PACKAGE, *_folders("GANZOO_EXTRA")]
    return [root / "variants" for root in roots]


def data_dirs() -> list[Path]:
    """Return the tensorflow-datasets folders of `GANZOO_DATA`, in their order.

    They are read before anything is downloaded. Several are separated as in `PATH`.
    """
    return _folders("GANZOO_DATA")


def _folders(setting):
    value = os.environ.get(setting, "")
    folders = [Path(each).expanduser() for each in value.split(os.pathsep) if each]
    return [folder.absolute() for folder in folders]


def offline() -> bool:
    """Return whether `GANZOO_OFFLINE` forbids the network."""
    return os.environ.get("GANZOO_OFFLINE", "0") not in ("", "0")


def cached_weights(digest: str) -> Path:
    """Return where the cache keeps the weight file of that sha256."""
    return home() / "weights" / f"{digest}.weights.h5"
