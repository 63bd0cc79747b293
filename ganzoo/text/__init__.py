"""Text: from words to tokens, from tokens to the vectors that networks read."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ganzoo.text.encoders import TextEncoder, get, names, register

__all__ = ["TextEncoder", "get", "names", "register"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'ganzoo.text' has no attribute {name!r}")
    return getattr(importlib.import_module("ganzoo.text.encoders"), name)
