"""Pictures as batches: tensorflow-datasets, folders, arrays and the embedded default.

Example:
    >>> import ganzoo.data
    >>> images = ganzoo.data.load("fashion_mini", batch_size=32)
    >>> images.batch_at(0)["image"].shape
    (32, 28, 28, 1)
"""

import importlib

__all__ = ["Images", "load"]

_HOMES = {"Images": "images", "load": "loading"}


def __getattr__(name: str) -> object:
    """Import the public names at their first use: they bring Keras with them."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
