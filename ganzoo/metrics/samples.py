"""What is scored: pictures of a model or given ones, as moments and features."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ganzoo.metrics.moments import Moments
from ganzoo.metrics.networks import FeatureNetwork

__all__ = ["Sample", "draw", "pictures"]

CHUNK = 1000  # pictures drawn and looked at together


@dataclass(frozen=True)
class Sample:
    """Pictures as scores see them.

    Args:
        moments: of the features of all pictures.
        features: float32 (m, d) of the first m pictures.
        logits: float32 (m, classes) of the same.
        labels: int32 (m,), what they were drawn as; None for models without.
    """

    moments: Moments
    features: np.ndarray = field(repr=False)
    logits: np.ndarray = field(repr=False)
    labels: np.ndarray | None = field(repr=False)


def pictures(
    source: Any,
    count: int,
    seed: int,
    labels: np.ndarray | None = None,
    texts: Sequence[str] = (),
) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    """Yield uint8 pictures (n, h, w, c) and their labels (n,), `count` in all.

    Args:
        source: a GAN, or an array of pictures, of which the first `count` are taken.
        count: how many.
        seed: of the latents and labels of a GAN.
        labels: of real pictures; a conditional model draws its labels from these, so
            that both sides have them equally often.
        texts: of real pictures, for a model that is told texts.

    Memory does not grow with the count: a chunk is drawn when it is asked for.
    """
    for number, start in enumerate(range(0, count, CHUNK)):
        size = min(CHUNK, count - start)
        if isinstance(source, np.ndarray):
            part = None if labels is None else labels[start : start + size]
            yield source[start : start + size], part
            continue
        rng = np.random.default_rng([seed, number])
        if source.told_text:
            told = [texts[i] for i in rng.integers(len(texts), size=size)]
            yield source.generate(text=told, seed=int(rng.integers(2**31))), None
            continue
        wanted = None
        if source.num_classes:
            wanted = rng.choice(labels, size) if labels is not None else None
            wanted = (
                rng.integers(source.num_classes, size) if wanted is None else wanted
            )
        chosen = int(rng.integers(2**31))
        yield source.generate(size, seed=chosen, labels=wanted), wanted


def draw(
    source: Any,
    network: FeatureNetwork,
    count: int,
    *,
    seed: int = 0,
    keep: int = 10_000,
    labels: np.ndarray | None = None,
    texts: Sequence[str] = (),
) -> Sample:
    """Return `count` pictures of the source as moments, and the first `keep` whole.

    Example:
        >>> draw(ganzoo.load("dcgan"), networks.get("fashion_mnist-cnn"), 10_000)
    """
    moments = Moments(network.dims)
    kept: list[dict] = []
    for images, wanted in pictures(source, count, seed, labels, texts):
        seen = network(images)
        moments.update(seen["features"])
        room = keep - sum(len(part["features"]) for part in kept)
        if room > 0:
            seen["labels"] = wanted
            kept.append({k: None if v is None else v[:room] for k, v in seen.items()})
    return Sample(
        moments, *(_joined(kept, k) for k in ("features", "logits", "labels"))
    )


def _joined(parts, key):
    values = [part[key] for part in parts]
    return None if values[0] is None else np.concatenate(values)
