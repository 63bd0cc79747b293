"""The losses and scores of a run as a picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ganzoo import files

__all__ = ["save_curves"]

_PANELS = {
    "loss": ("d_loss", "g_loss"),
    "mean logit": ("real_score", "fake_score"),
    "diversity (grey levels)": ("diversity",),
}


def save_curves(path: str | Path, lines: Sequence[dict[str, Any]]) -> Path:
    """Write the lines of `metrics.jsonl` as curves over thousands of images: a PNG.

    Example:
        >>> save_curves("curves.png", [{"kimg": 1.0, "d_loss": 1.3, "g_loss": 0.8}])
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 3.2), layout="constrained")
    for axes, (label, keys) in zip(
        figure.subplots(1, len(_PANELS)), _PANELS.items(), strict=True
    ):
        for key in keys:
            points = [(line["kimg"], line[key]) for line in lines if key in line]
            if points:
                axes.plot(*zip(*points, strict=True), label=key.replace("_", " "))
                axes.legend(frameon=False)
        axes.set(xlabel="images seen (thousands)", ylabel=label)
    with files.replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=80)
    return Path(path)
