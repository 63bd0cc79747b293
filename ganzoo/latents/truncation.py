"""The same draws, nearer and nearer to the middle of the distribution."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ganzoo.errors import GanzooError

__all__ = ["truncations"]


def truncations(
    gan,
    seed: int = 0,
    values: Sequence[float] = (0.2, 0.4, 0.6, 0.8, 1.0),
    count: int = 8,
    *,
    labels: Sequence[Any] | None = None,
    text: Sequence[str] | str | None = None,
) -> np.ndarray:
    """Return uint8 pictures (values, count, height, width, channels).

    Row i is `gan.generate(count, seed=seed, truncation=values[i])`: the same latents,
    scaled by the value; normal ones were cut at +-2 before, also for 1.
    Source: BigGAN, arXiv:1809.11096, section 3.1.

    Raises: `GanzooError` for no values, values outside (0, 1], unknown labels,
        texts that cannot be read.

    Example:
        >>> save("truncation.png", truncations(ganzoo.load("dcgan"), seed=7))
    """
    if not len(values):
        raise GanzooError("values are numbers above 0 and at most 1, received none.")
    rows = [
        gan.generate(count, seed=seed, labels=labels, text=text, truncation=value)
        for value in values
    ]
    return np.stack(rows)
