"""Mean and covariance of features, gathered batch by batch."""

from pathlib import Path

import numpy as np

from ganzoo import files
from ganzoo.errors import GanzooError
from ganzoo.metrics import checks

__all__ = ["Moments"]

_CHUNK = 4096  # rows in float64 at a time
_KEYS = ("count", "mean", "scatter")


class Moments:
    """Count, mean and covariance of features, in float64.

    Batches are merged by their centred sums (Chan et al. 1979), so nothing cancels
    where the mean is large beside the spread; memory is d * d whatever the count.

    Args:
        dims: width d of the features.

    Raises: `GanzooError` for a width below 1.

    Example:
        >>> moments = Moments(64)
        >>> for batch in batches:
        ...     moments.update(network.features(batch))
        >>> moments.covariance.shape
        (64, 64)
    """

    def __init__(self, dims: int):
        if isinstance(dims, bool) or int(dims) != dims or dims < 1:
            raise GanzooError(f"dims must be an int of at least 1, received {dims!r}.")
        self.count = 0
        self.mean = np.zeros(int(dims))
        self.scatter = np.zeros((int(dims), int(dims)))

    def __repr__(self) -> str:
        return f"Moments({self.dims}) of {self.count} samples"

    @property
    def dims(self) -> int:
        """Width of the features."""
        return len(self.mean)

    @property
    def covariance(self) -> np.ndarray:
        """The covariance (d, d), divided by count - 1, as `numpy.cov`.

        Raises: `GanzooError` below 2 samples.
        """
        if self.count < 2:
            raise GanzooError(
                f"a covariance needs at least 2 samples, received {self.count}. Update "
                "the moments with more features."
            )
        return self.scatter / (self.count - 1)

    def update(self, features: np.ndarray) -> "Moments":
        """Take in features (n, d) of any real type; return self.

        Raises: `GanzooError` for another width, NaN or infinity; then nothing of the
        batch has been taken in.
        """
        features = checks.finite(features, "new", least=0)
        checks.same_width(features.shape[1], self.dims)
        for start in range(0, len(features), _CHUNK):
            chunk = np.float64(features[start : start + _CHUNK])
            mean = chunk.mean(axis=0)
            chunk = chunk - mean
            self._take_in(len(chunk), mean, chunk.T @ chunk)
        return self

    def merge(self, other: "Moments") -> "Moments":
        """Take in all that `other` has seen; return self.

        Raises: `GanzooError` for another width.
        """
        checks.same_width(other.dims, self.dims)
        if other.count:
            self._take_in(other.count, other.mean, other.scatter)
        return self

    def _take_in(self, count, mean, scatter):
        total = self.count + count
        step = mean - self.mean
        apart = np.outer(step, step * (self.count * count / total))
        apart += scatter
        self.scatter += apart
        self.mean = self.mean + step * (count / total)
        self.count = total

    def save(self, path: str | Path) -> None:
        """Write the moments as an .npz file.

        Raises: `GanzooError` where it cannot be written.
        """
        with files.replacing(path, ".npz") as temporary:
            np.savez(temporary, **{key: getattr(self, key) for key in _KEYS})

    @classmethod
    def load(cls, path: str | Path) -> "Moments":
        """Return the moments in an .npz file that `save` wrote.

        Raises: `GanzooError` for a file that is none.
        """
        try:
            with np.load(path, allow_pickle=False) as stored:
                count, mean, scatter = (stored[key] for key in _KEYS)
            moments = cls(len(mean))
            moments.count = int(count)
            moments.mean += mean
            moments.scatter += scatter
            return moments
        except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
            raise GanzooError(
                f"{path} holds no moments ({error}). Write them by Moments.save."
            ) from error
