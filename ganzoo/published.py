"""Networks that come with a zoo, in folders of their own: their configs and files."""

import json
from pathlib import Path

from ganzoo import files, paths
from ganzoo.errors import GanzooError

__all__ = ["configs", "verified"]


def configs(folder: str) -> dict[str, dict]:
    """Return the configs in a folder of all zoos by name, each with its `folder`.

    Example:
        >>> configs("feature_networks")["mnist-cnn"]["accuracy"]
        0.9965
    """
    found: dict[str, dict] = {}
    for zoo in paths.zoos():
        for path in sorted((zoo / folder).glob("*/config.json")):
            config = json.loads(path.read_text(encoding="utf-8"))
            found.setdefault(path.parent.name, config | {"folder": path.parent})
    return found


def verified(path: Path, digest: str) -> Path:
    """Return the path of a file whose sha256 is as the config beside it says.

    Raises: `GanzooError` for one that is missing or damaged.
    """
    if not path.exists() or files.sha256_of(path) != digest:
        raise GanzooError(
            f"{path} is missing or damaged: its sha256 is not {digest}, which the "
            "config beside it names. Install ganzoo again."
        )
    return path
