"""Data whose modes are known: a ring, a grid, and stacked digits, with their judges."""

import functools
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ganzoo import data
from ganzoo.errors import unknown

__all__ = ["DATASETS", "Points", "StackedDigits", "get", "scores"]

NETWORK = "mnist-cnn"
_LEVELS = np.float32(800)  # makes the widest component about one wide


@dataclass(frozen=True)
class Points:
    """A mixture of Gaussians in the plane, as images (1, 2, 1): x and y, unscaled.

    Args:
        centres: (modes, 2).
        std: of every mode, along each axis.

    A sample is good within 3 std of a mode; its mode is the nearest one (VEEGAN,
    arXiv:1705.07761, section 5.1; PacGAN, arXiv:1712.04086, section 4.1).

    Example:
        >>> get("ring8").draw(np.random.default_rng(0), 5).shape
        (5, 1, 2, 1)
    """

    centres: np.ndarray
    std: float
    image_shape = (1, 2, 1)
    facts = {"network": "", "network_sha256": "", "resize": "none"}

    @property
    def modes(self) -> int:
        """The number of modes."""
        return len(self.centres)

    def draw(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """Return real examples, float32 (count, 1, 2, 1)."""
        centres = self.centres[rng.integers(self.modes, size=count)]
        points = centres + self.std * rng.standard_normal((count, 2))
        return points.astype("float32").reshape(count, *self.image_shape)

    def test(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """Return real examples that no model has seen."""
        return self.draw(rng, count)

    def judge(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the mode (n,) of each image and whether it is good (n,)."""
        points = images.reshape(-1, 1, 2).astype("float64")
        distances = np.linalg.norm(points - self.centres, axis=-1)
        return distances.argmin(axis=1), distances.min(axis=1) < 3 * self.std


@dataclass(frozen=True)
class StackedDigits:
    """Three MNIST digits as the channels of one image: 10^3 modes (arXiv:1611.02163).

    The mode is the triple of classes that the feature network "mnist-cnn" sees; a
    sample is good where it holds each of the three for likelier than all others.

    Where it differs from the paper: a digit is given by its first 32 principal
    components, in units of 800 grey levels, so that ten small networks learn in
    minutes. Before it is judged it is made a picture of 28 x 28 pixels again. Real
    digits treated alike have rows of their own: what they lose thereby is in the table.

    Args:
        components: numbers that give a digit.
        classify: uint8 (n, 28, 28, 1) -> logits (n, 10); the network by default.

    Example:
        >>> get("stacked_mnist").modes, get("stacked_mnist").image_shape
        (1000, (32, 1, 3))
    """

    components: int = 32
    classify: Callable[[np.ndarray], np.ndarray] | None = None
    modes = 1000

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(components, 1, 3)."""
        return (self.components, 1, 3)

    @property
    def facts(self) -> dict[str, str]:
        """The network that judges, and how digits are made to fit it."""
        network = _network()
        return {
            "network": network.name,
            "network_sha256": network.sha256,
            "resize": f"pca-{self.components}",
        }

    def draw(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """Return real examples, float32 (count, components, 1, 3)."""
        return _stack(_coefficients("train", self.components), rng, count)

    def test(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """Return real examples that no model has seen."""
        return _stack(_coefficients("test", self.components), rng, count)

    def judge(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the mode (n,) of each image and whether it is good (n,)."""
        mean, directions = _principal_components()
        digits = np.moveaxis(images[:, :, 0], -1, 1).reshape(-1, self.components)
        levels = mean + _LEVELS * digits @ directions[:, : self.components].T
        pictures = np.clip(np.rint(levels), 0, 255).astype("uint8")
        classify = self.classify or _network().logits
        logits = np.float64(classify(pictures.reshape(-1, 28, 28, 1)))
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        sure = 2 * shares.max(axis=1) > shares.sum(axis=1)
        classes = logits.argmax(axis=1).reshape(-1, 3)
        return classes @ [100, 10, 1], sure.reshape(-1, 3).all(axis=1)


def _ring(modes: int = 8, radius: float = 2.0) -> np.ndarray:
    angles = 2 * np.pi * np.arange(modes) / modes
    return radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _grid() -> np.ndarray:
    return np.array(list(itertools.product((-4.0, -2.0, 0.0, 2.0, 4.0), repeat=2)))


DATASETS: dict[str, Any] = {
    "ring8": Points(_ring(), 0.02),
    "grid25": Points(_grid(), 0.05),
    "stacked_mnist": StackedDigits(),
}


def get(name: str) -> Any:
    """Return the data set of that name.

    Raises: `GanzooError` for an unknown name.

    Example:
        >>> get("grid25").modes
        25
    """
    if name not in DATASETS:
        raise unknown("data set of the mode suite", name, DATASETS)
    return DATASETS[name]


def scores(mode: np.ndarray, good: np.ndarray, modes: int) -> dict[str, float]:
    """Return the three scores of n samples: modes, good and reverse_kl.

    modes: how many modes hold a good sample, in 0..modes. good: share of good samples,
    in [0, 1]. reverse_kl: sum_k q_k ln(q_k * modes), where q_k is the share of samples,
    good or not, whose mode is k; 0 for equal shares, ln(modes) for a single mode.

    Where it differs: for stacked digits the papers count a mode for any sample, so that
    noise finds modes; here the sample must be good, as it must for points.

    Args:
        mode: (n,), whole numbers in 0..modes - 1.
        good: (n,), bool.

    Example:
        >>> scores(np.array([0, 1]), np.array([True, False]), 2)
        {'modes': 1.0, 'good': 0.5, 'reverse_kl': 0.0}
    """
    shares = np.bincount(mode, minlength=modes) / len(mode)
    held = shares[shares > 0]
    return {
        "modes": float(len(np.unique(mode[good]))),
        "good": float(np.mean(good)),
        "reverse_kl": float(np.sum(held * np.log(held * modes))),
    }


def _stack(digits, rng, count):
    chosen = digits[rng.integers(len(digits), size=(count, 3))]
    return np.moveaxis(chosen, 1, -1)[:, :, None]


def _digits(split):
    """All digits of a split, float32 (n, 784) in 0..255."""
    images = data.load("mnist", split, batch_size=1).fields["image"]
    return np.asarray(images, "float32").reshape(len(images), -1)


@functools.lru_cache(maxsize=1)
def _principal_components():
    """Mean (784,) and directions (784, 784) of the training digits, widest first."""
    digits = _digits("train")
    mean = digits.mean(axis=0)
    _, directions = np.linalg.eigh(np.cov((digits - mean).T))
    directions = directions[:, ::-1]
    # The sign of a direction is the solver's whim.
    signs = np.where(directions.sum(axis=0) < 0, -1, 1)
    return mean, (directions * signs).astype("float32")


@functools.lru_cache(maxsize=2)
def _coefficients(split, components):
    """The digits of a split, float32 (n, components)."""
    mean, directions = _principal_components()
    return (_digits(split) - mean) @ directions[:, :components] / _LEVELS


def _network():
    from ganzoo.metrics import networks

    return networks.get(NETWORK)
