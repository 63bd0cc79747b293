"""Where trained models come from, and how they are written down for others.

Example:
    >>> from ganzoo import hub
    >>> hub.load("dcgan.fashion_mnist").generate(16)
"""

import importlib

__all__ = [
    "CONFIG",
    "FORMAT",
    "TRAINING",
    "WEIGHTS",
    "load",
    "push",
    "save_folder",
    "write_config",
]

_HOMES = {
    "CONFIG": "configs",
    "FORMAT": "configs",
    "TRAINING": "configs",
    "WEIGHTS": "configs",
    "load": "loading",
    "push": "pushing",
    "save_folder": "saving",
    "write_config": "configs",
}


def __getattr__(name: str) -> object:
    """Import the public names at their first use: some bring Keras with them."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
