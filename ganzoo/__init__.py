"""ganzoo: generative adversarial networks in Keras, trained and ready to use.

Example:
    >>> import ganzoo
    >>> ganzoo.list_models(pretrained=True)
    >>> ganzoo.load("dcgan").generate(16, seed=7).shape
    (16, 28, 28, 1)

Importing this package loads no backend: each name below is fetched at its first use.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ganzoo import data, latents, text
    from ganzoo.evaluation import evaluate
    from ganzoo.gan import GAN
    from ganzoo.hub import load
    from ganzoo.recipe import Recipe
    from ganzoo.registry import create, info, list_models, register
    from ganzoo.training import train

__version__ = "0.1.0"

__all__ = [
    "GAN",
    "Recipe",
    "__version__",
    "create",
    "data",
    "evaluate",
    "info",
    "latents",
    "list_models",
    "load",
    "register",
    "text",
    "train",
]

_HOMES = {
    "GAN": "gan",
    "Recipe": "recipe",
    "create": "registry",
    "evaluate": "evaluation",
    "info": "registry",
    "list_models": "registry",
    "load": "hub",
    "register": "registry",
    "train": "training",
}


def __getattr__(name: str) -> object:
    if name in ("data", "latents", "text"):
        return importlib.import_module(f"ganzoo.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'ganzoo' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"ganzoo.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
