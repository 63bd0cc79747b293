"""Scores of text to image: is it what the text says, and is it always the same?

R-precision: a judge that no generator learnt from ranks the true caption of a picture
among `CANDIDATES`, the others drawn from the held-out ones; the share of pictures whose
own caption is first. Chance is 1 / CANDIDATES.

Source: Xu et al. 2018, arXiv:1711.10485, section 4.1 (1 true and 99 mismatched
captions, cosines). There the judge was also the loss; here it is another network.

Caption diversity: the mean distance of two pictures of one caption over that of two
real pictures, in a feature network: 0 for a generator that draws a caption in one way,
about 1 for one that does not listen.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ganzoo.errors import GanzooError

__all__ = ["CANDIDATES", "METRICS", "caption_diversity", "draw_copies", "r_precision"]

METRICS = ("r_precision", "caption_diversity")
CANDIDATES = 100
COPIES = 4  # pictures a caption, of which the distances are taken


def r_precision(
    pictures: np.ndarray,
    texts: np.ndarray,
    *,
    candidates: int = CANDIDATES,
    seed: int = 0,
) -> float:
    """Return the share of pictures whose own text is the nearest of the candidates.

    `pictures` and `texts` are a judge's vectors (n, dims), of length 1, row by row of
    the same pairs. A tie with k others counts 1 / (k + 1).

    Raises: `GanzooError` for fewer texts than candidates.

    Example:
        >>> r_precision(np.eye(100), np.eye(100))
        1.0
    """
    if len(texts) < candidates:
        raise GanzooError(
            f"R-precision needs at least {candidates} captions, received {len(texts)}."
        )
    rng = np.random.default_rng(seed)
    cosines, hits = pictures @ texts.T, 0.0
    for row, own in zip(cosines, np.arange(len(texts)), strict=True):
        others = rng.choice(len(texts) - 1, candidates - 1, replace=False)
        others += others >= own  # all but the true one
        best = row[others].max()
        ties = (row[others] == row[own]).sum()
        hits += (row[own] >= best) / (1 + ties)
    return float(hits / len(texts))


def caption_diversity(copies: np.ndarray, real: np.ndarray, *, seed: int = 0) -> float:
    """Return how much the pictures of one caption differ, beside real pictures.

    The mean distance of two of `copies` (captions, copies, dims), of the same caption,
    over the mean distance of two of `real` (n, dims): features of one network.

    Example:
        >>> caption_diversity(np.ones((8, 4, 64)), np.random.rand(500, 64))
        0.0
    """
    apart = np.linalg.norm(copies[:, :, None] - copies[:, None], axis=-1)
    count = copies.shape[1]
    within = apart.sum((1, 2)) / (count * (count - 1))
    order = np.random.default_rng(seed).permutation(len(real))
    between = np.linalg.norm(real[order] - real[np.roll(order, 1)], axis=1)
    return float(within.mean() / between.mean())


def draw_copies(
    gan: Any, texts: Sequence[str], network: Callable, copies: int, seed: int
) -> np.ndarray:
    """Return features (texts, copies, d) of pictures drawn of the texts."""
    repeated = [text for text in texts for _ in range(copies)]
    images = gan.generate(text=repeated, seed=seed)
    return network(images).reshape(len(texts), copies, -1)
