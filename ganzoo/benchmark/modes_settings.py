"""What the mode suite trains: all its settings and combinations, in one place.

All combinations of a data set have the same data in the same order, the same networks
with the same first weights, the same learning rates and the same number of steps.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ganzoo.benchmark import modes_data
from ganzoo.benchmark.modes_models import SeedwiseGAN

__all__ = [
    "METRICS",
    "PENALTIES",
    "REAL",
    "SETTINGS",
    "SUITE",
    "TRIED",
    "Combination",
    "Setting",
    "combinations",
]

SUITE = "modes"
METRICS = ("modes", "good", "reverse_kl")
REAL = "real"  # the name of rows of real examples, scored like generated ones

# Penalties by the tag of their rows; how strong they are is the data set's setting.
PENALTIES = {
    "none": (),
    "r1": ("r1",),
    "r1+r2": ("r1", "r2"),
    "gradient_penalty": ("gradient_penalty",),
    "gradient_penalty+drift": ("gradient_penalty", "drift"),
}

_PLAIN = ("none", "r1", "r1+r2", "gradient_penalty")
# Drift holds the level of the logits, and only these two losses leave it free. R2 alone
# is left out: without R1 nothing flattens the discriminator at the data.
_FREE = (*_PLAIN, "gradient_penalty+drift")
_POINTS = {
    "minimax": _PLAIN,
    "non_saturating": _PLAIN,
    "least_squares": _PLAIN,
    "hinge": _PLAIN,
    "wasserstein": _FREE,
    "relativistic": _FREE,
}
# What is tried on each data set. Digits take longer, so there it is each loss without a
# penalty, but minimax and non_saturating share a discriminator and so one R1, and a
# Wasserstein critic needs its penalty.
TRIED: dict[str, Mapping[str, Sequence[str]]] = {
    "ring8": _POINTS,
    "grid25": _POINTS,
    "stacked_mnist": {
        "minimax": ("none",),
        "non_saturating": ("none", "r1"),
        "least_squares": ("none", "r1"),
        "hinge": ("none", "r1"),
        "wasserstein": ("gradient_penalty",),
        "relativistic": ("none", "r1+r2"),
    },
}


@dataclass(frozen=True)
class Setting:
    """What all combinations of one data set share.

    Args:
        steps: of training, each with `batch` real examples a seed.
        samples: of each seed that are scored.
        penalties: how strong each is: name -> arguments.
        model: arguments of `SeedwiseGAN`.
    """

    steps: int
    batch: int
    samples: int
    penalties: Mapping[str, Mapping[str, float]]
    model: Mapping[str, Any]


_STRENGTHS = {
    "r1": {"gamma": 0.1},
    "r2": {"gamma": 0.1},
    # What the authors of WGAN-GP take for points, in their published code.
    "gradient_penalty": {"weight": 0.1},
    "drift": {"weight": 0.001},
}
_POINT_MODEL = {
    "latent_dim": 2,
    "g_widths": (64, 64, 64),
    "d_widths": (64, 64, 64),
    "g_lr": 2e-3,
    "d_lr": 2e-3,
    "scale": 0.5,
    "bias": 1.0,
}
_DIGIT_MODEL = {
    "latent_dim": 64,
    "g_widths": (192, 192),
    "d_widths": (192, 192),
    "g_lr": 2e-3,
    "d_lr": 2e-3,
}
SETTINGS = {
    "ring8": Setting(3000, 128, 2500, _STRENGTHS, _POINT_MODEL),
    "grid25": Setting(5000, 128, 2500, _STRENGTHS, _POINT_MODEL),
    # The papers draw 26,000 samples, which take longer to classify than to learn from;
    # the rows of real digits show how many modes so few can hold.
    "stacked_mnist": Setting(6000, 64, 5000, _STRENGTHS, _DIGIT_MODEL),
}


@dataclass(frozen=True)
class Combination:
    """A data set, a loss and the tag of its penalties; "real" and "" for real examples.

    Example:
        >>> Combination("ring8", "hinge", "r1").label
        'ring8-hinge-r1'
    """

    dataset: str
    loss: str
    tag: str

    @property
    def label(self) -> str:
        """The name of its files."""
        return "-".join(filter(None, (self.dataset, self.loss, self.tag)))

    @property
    def setting(self) -> Setting:
        """What it shares with all of its data set."""
        return SETTINGS[self.dataset]

    def hash(self, steps: int) -> str:
        """Return 12 hexadecimal digits that two trainings alike share."""
        setting = asdict(self.setting) | {"steps": steps}
        setting["penalties"] = self.penalties() if self.loss != REAL else []
        text = f"{asdict(self)} {setting}"
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def penalties(self) -> list[dict[str, Any]]:
        """Return its penalties as `ganzoo.GAN` takes them."""
        strengths = self.setting.penalties
        return [{"name": name, **strengths[name]} for name in PENALTIES[self.tag]]

    def create(self, seeds: Sequence[int]) -> SeedwiseGAN:
        """Return the untrained GANs of these seeds."""
        return SeedwiseGAN(
            seeds=seeds,
            image_shape=modes_data.get(self.dataset).image_shape,
            loss=self.loss,
            penalties=self.penalties(),
            **self.setting.model,
        )


def combinations() -> list[Combination]:
    """Return all that the suite trains, and the real examples of each data set.

    Example:
        >>> combinations()[1].label
        'ring8-minimax-none'
    """
    return [
        Combination(dataset, loss, tag)
        for dataset, losses in TRIED.items()
        for loss, tags in {REAL: ("",), **losses}.items()
        for tag in tags
    ]
