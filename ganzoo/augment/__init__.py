"""Augmentations of what the discriminator sees, reals and fakes alike.

An augmentation is a frozen dataclass; called with images (n, h, w, c), a source of
uniform noise and a probability it gives images of the same shape and kind.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from ganzoo.augment.ada import ADA
from ganzoo.augment.diffaugment import DiffAugment
from ganzoo.errors import unknown

__all__ = ["ADA", "AUGMENTATIONS", "DiffAugment", "get", "spec"]

AUGMENTATIONS: dict[str, type] = {"ada": ADA, "diffaugment": DiffAugment}


def get(augment: Any) -> ADA | DiffAugment | None:
    """Return the augmentation that a name, a dict or an augmentation stands for.

    None and "" stand for none.

    Raises: `GanzooError` for unknown names and settings.

    Example:
        >>> get({"name": "ada", "target": 0.7})
        ADA(pipe='bgc', p=0.0, target=0.7, kimg=500.0, interval=4)
    """
    if augment is None or augment == "":
        return None
    if isinstance(augment, tuple(AUGMENTATIONS.values())):
        return augment
    settings = dict(augment) if isinstance(augment, Mapping) else {"name": augment}
    name = settings.pop("name", None)
    if not isinstance(name, str) or name not in AUGMENTATIONS:
        raise unknown("augmentation", name, AUGMENTATIONS)
    accepted = [field.name for field in dataclasses.fields(AUGMENTATIONS[name])]
    for key in settings:
        if key not in accepted:
            raise unknown(f"setting of the augmentation {name!r}", key, accepted)
    return AUGMENTATIONS[name](**settings)


def spec(augment: ADA | DiffAugment | None) -> dict | str:
    """Return what `get` turns back into this augmentation: a dict, "" for none.

    Example:
        >>> spec(DiffAugment("cutout"))
        {'name': 'diffaugment', 'policy': 'cutout'}
    """
    if augment is None:
        return ""
    names = {kind: name for name, kind in AUGMENTATIONS.items()}
    return {"name": names[type(augment)], **dataclasses.asdict(augment)}
