"""Augmentations of what the discriminator sees, reals and fakes alike."""

from typing import Any

from ganzoo.errors import unknown

__all__ = ["AUGMENTATIONS", "get", "spec"]

AUGMENTATIONS: dict[str, type] = {}


def get(augment: Any) -> Any:
    """Return the augmentation that a name, a dict or an augmentation stands for.

    None and "" stand for none.

    Raises: `GanzooError` for unknown names.
    """
    if augment in (None, ""):
        return None
    name = augment if isinstance(augment, str) else dict(augment).get("name")
    raise unknown("augmentation", name, AUGMENTATIONS)


def spec(augment: Any) -> Any:
    """Return what `get` turns back into this augmentation: "" for none."""
    return ""
