"""Real pictures as scores see them: their features, computed once and kept."""

import functools
import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from filelock import FileLock

from ganzoo import files, paths
from ganzoo.errors import GanzooError
from ganzoo.metrics.moments import Moments
from ganzoo.metrics.networks import FeatureNetwork

__all__ = ["Reference", "cached", "digest", "measure"]

_CHUNK = 1000  # pictures whose features are computed at a time
_FACTS = ("dataset", "split", "digest", "network", "network_sha256", "resize")


@dataclass(frozen=True)
class Reference:
    """The features of a data set's split in one feature network.

    Args:
        dataset, split: where the pictures are from.
        digest: sha256 of their pixels and labels.
        network, network_sha256, resize: the feature network, and how pictures were
            made to fit it.
        features: float32 (n, d).
        labels: int32 (n,), or None.

    Example:
        >>> cached(networks.get("mnist-cnn"), data.load("mnist")).moments.count
        60000
    """

    dataset: str
    split: str
    digest: str
    network: str
    network_sha256: str
    resize: str
    features: np.ndarray = field(repr=False)
    labels: np.ndarray | None = field(default=None, repr=False)

    @functools.cached_property
    def moments(self) -> Moments:
        """Mean and covariance of all features."""
        return Moments(self.features.shape[1]).update(self.features)

    @functools.cached_property
    def per_class(self) -> dict[int, Moments]:
        """Mean and covariance of each class's features."""
        if self.labels is None:
            raise GanzooError(f"{self.dataset!r} has no labels to score classes by.")
        return {
            int(label): Moments(self.features.shape[1]).update(
                self.features[self.labels == label]
            )
            for label in np.unique(self.labels)
        }

    def subset(self, count: int) -> np.ndarray:
        """Return the features of `count` examples, the same at each call."""
        if count >= len(self.features):
            return self.features
        rows = np.random.default_rng(0).permutation(len(self.features))[:count]
        return self.features[np.sort(rows)]

    def require(self, network: FeatureNetwork, resize: str) -> None:
        """Refuse a comparison with features of another network or resize rule.

        Raises: `GanzooError`, naming both sides.
        """
        if (network.name, network.sha256) != (self.network, self.network_sha256):
            raise GanzooError(
                f"these statistics were taken in {self.network} "
                f"({self.network_sha256[:12]}), the pictures in {network.name} "
                f"({network.sha256[:12]}). Distances between two networks mean "
                f"nothing: measure both in one."
            )
        if resize != self.resize:
            raise GanzooError(
                f"these statistics were taken with the resize rule {self.resize!r}, "
                f"the pictures would be resized by {resize!r}. The rule changes the "
                "score: make both alike."
            )

    def write(self, path: str | Path) -> None:
        """Write the reference as an .npz file.

        Raises: `GanzooError` where it cannot be written.
        """
        facts = {key: np.array(getattr(self, key)) for key in _FACTS}
        labels = {} if self.labels is None else {"labels": self.labels}
        with files.replacing(path, ".npz") as temporary:
            np.savez(temporary, features=self.features, **labels, **facts)

    @classmethod
    def read(cls, path: str | Path) -> "Reference":
        """Return the reference in an .npz file.

        Raises: `GanzooError` for a file that is none.
        """
        try:
            with open(path, "rb") as file, np.load(file, allow_pickle=False) as stored:
                facts = {key: str(stored[key]) for key in _FACTS}
                labels = stored["labels"] if "labels" in stored else None
                return cls(**facts, features=stored["features"], labels=labels)
        except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
            raise GanzooError(
                f"{path} holds no statistics of real pictures ({error}). Write them "
                "by Reference.write, or name a data set instead."
            ) from error


def cached(network: FeatureNetwork, images: Any) -> Reference:
    """Return the features of real pictures, from the cache where they are known.

    Args:
        network: the feature network.
        images: what `ganzoo.data.load` returns.

    The cache is keyed by the checksums of the pictures and the network and by the
    resize rule, so that statistics of other pictures are never taken for these.
    """
    facts = {
        "dataset": images.name,
        "split": images.split,
        "digest": digest(images),
        "network": network.name,
        "network_sha256": network.sha256,
        "resize": network.resize_rule(images.image_shape),
    }
    key = hashlib.sha256(repr(sorted(facts.items())).encode()).hexdigest()[:16]
    path = paths.home() / "features" / f"{Path(images.name).name}-{key}.npz"
    files.writable_folder(path.parent)
    with FileLock(f"{path}.lock"):
        if path.exists():
            return Reference.read(path)
        made = Reference(**facts, **_measured(network, images))
        made.write(path)
    return made


def measure(network: FeatureNetwork, images: np.ndarray) -> np.ndarray:
    """Return features float32 (n, d) of uint8 pictures (n, h, w, c), in chunks."""
    starts = range(0, len(images), _CHUNK)
    return np.concatenate(
        [network.features(np.asarray(images[at : at + _CHUNK])) for at in starts]
    )


def _measured(network, images):
    labels = images.fields.get("label")
    return {
        "features": measure(network, images.fields["image"]),
        "labels": None if labels is None else np.asarray(labels, "int32"),
    }


def digest(images: Any) -> str:
    """Return the sha256 of pixels and labels, read piece by piece."""
    total = hashlib.sha256()
    for name in ("image", "label"):
        values = images.fields.get(name, np.empty(0))
        total.update(f"{name} {values.shape} {values.dtype}".encode())
        for at in range(0, len(values), _CHUNK):
            total.update(np.ascontiguousarray(values[at : at + _CHUNK]).tobytes())
    return total.hexdigest()
