"""The mode suite: which losses and penalties find all modes of data whose modes are known.

`benchmarks/results/modes.csv` gets a row a training seed and score; beside it lie
samples of the points, which `draw` makes into pictures:

    modes/grid25-hinge-r1.npz     "points": float16 (seeds, 500, 2)

Every combination has the same data in the same order, the same networks with the same
first weights, the same learning rates and the same budget. Runs that fail keep their
rows: "collapsed" with fewer than half of the modes, "diverged" with weights or samples
that are no finite numbers, which have no score.
"""

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ganzoo import backends, files
from ganzoo.benchmark import modes_data
from ganzoo.benchmark import rows as rows_
from ganzoo.benchmark.modes_models import SeedwiseGAN, draw as draw_samples, finite
from ganzoo.benchmark.modes_picture import draw
from ganzoo.benchmark.modes_table import table
from ganzoo.benchmark.rows import Row
from ganzoo.errors import GanzooError
from ganzoo.losses import LOSSES
from ganzoo.runs import environment

__all__ = [
    "NOT_TRIED",
    "PENALTIES",
    "SETTINGS",
    "Combination",
    "Setting",
    "combinations",
    "draw",
    "run",
    "table",
]

SUITE = "modes"
METRICS = ("modes", "good", "reverse_kl")
REAL = "real"  # the name of rows of real examples, scored like generated ones
KEPT = 500  # points of a seed that are kept for the picture
_DATA = 30  # what a seed's generator of random numbers is for

# Penalties by the tag of their rows; the weights are the data set's.
PENALTIES = {
    "none": (),
    "r1": ("r1",),
    "r1+r2": ("r1", "r2"),
    "gradient_penalty": ("gradient_penalty",),
    "gradient_penalty+drift": ("gradient_penalty", "drift"),
}
_FIXED = "the loss itself holds the level of the logits, which drift is for"
_MINUTES = "minutes: points show it, and an image network takes longer"
# What is left out, and why: (data set, loss, penalties), "" for any.
NOT_TRIED = {
    **{
        ("", loss, "gradient_penalty+drift"): _FIXED
        for loss in ("minimax", "non_saturating", "least_squares", "hinge")
    },
    **{
        ("stacked_mnist", loss, tag): _MINUTES
        for loss in LOSSES
        for tag in ("r1+r2", "gradient_penalty", "gradient_penalty+drift")
        if (loss, tag) not in {("wasserstein", tag), ("relativistic", "r1+r2")}
        or tag == "r1+r2" != (loss == "relativistic")
    },
}


@dataclass(frozen=True)
class Setting:
    """What all combinations of one data set share.

    Args:
        steps: of training, each with `batch` real examples a seed.
        samples: of each seed that are scored.
        weights: of the penalties: name -> arguments.
        model: arguments of `SeedwiseGAN`.
    """

    steps: int
    batch: int
    samples: int
    weights: Mapping[str, Mapping[str, float]]
    model: Mapping[str, Any] = field(default_factory=dict)


_POINT_WEIGHTS = {
    "r1": {"gamma": 0.1},
    "r2": {"gamma": 0.1},
    # 0.1 is what the authors of WGAN-GP take for toys.
    "gradient_penalty": {"weight": 0.1},
    "drift": {"weight": 0.001},
}
_POINT_MODEL = {
    "latent_dim": 2,
    "g_widths": (64, 64, 64),
    "d_widths": (64, 64, 64),
    "g_lr": 2e-3,
    "d_lr": 2e-3,
    "beta_1": 0.5,
    "scale": 0.5,
    "bias": 1.0,
}
SETTINGS = {
    "ring8": Setting(3000, 128, 2500, _POINT_WEIGHTS, _POINT_MODEL),
    "grid25": Setting(5000, 128, 2500, _POINT_WEIGHTS, _POINT_MODEL),
    "stacked_mnist": Setting(
        4000,
        64,
        10_000,
        {
            "r1": {"gamma": 1.0},
            "r2": {"gamma": 1.0},
            "gradient_penalty": {"weight": 10.0},
            "drift": {"weight": 0.001},
        },
        {
            "latent_dim": 64,
            "g_widths": (128, 256),
            "d_widths": (256, 128),
            "g_lr": 5e-4,
            "d_lr": 5e-4,
            "beta_1": 0.5,
            "bounded": True,
        },
    ),
}


@dataclass(frozen=True)
class Combination:
    """A data set, a loss and a set of penalties; "real" and "" for real examples.

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
        text = f"{asdict(self)} {asdict(self.setting)} {steps}"
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def create(self, seeds: Sequence[int]) -> SeedwiseGAN:
        """Return the untrained GANs of these seeds."""
        weights = self.setting.weights
        penalties = [{"name": name, **weights[name]} for name in PENALTIES[self.tag]]
        return SeedwiseGAN(
            seeds=seeds,
            image_shape=modes_data.get(self.dataset).image_shape,
            loss=self.loss,
            penalties=penalties,
            **self.setting.model,
        )


def combinations() -> list[Combination]:
    """Return all that the suite trains, and the real examples of each data set.

    Example:
        >>> combinations()[1].label
        'ring8-minimax-none'
    """
    return [each for dataset in SETTINGS for each in _combinations(dataset)]


def run(
    results: str | Path,
    *,
    seeds: int = 10,
    only: str | None = None,
    steps: int | None = None,
    progress: Callable[[str], Any] = print,
) -> None:
    """Train and score what `modes.csv` in the folder `results` does not hold yet.

    Args:
        results: folder of the rows; the points go to its subfolder `modes`.
        seeds: how many, from 0.
        only: combinations whose label holds this text.
        steps: of each training, instead of the setting's.
        progress: called with one line for each combination.

    Rows are appended when a combination is finished: a kill loses no more than one.

    Raises: `GanzooError` where `only` fits no combination, or nothing can be written.

    Example:
        >>> run("benchmarks/results", only="grid25-hinge")
    """
    chosen = [each for each in combinations() if (only or "") in each.label]
    if not chosen:
        raise GanzooError(
            f"no combination of the mode suite holds {only!r}. Their labels are like "
            f"{combinations()[1].label!r}."
        )
    results = Path(results)
    for each in chosen:
        length = each.setting.steps if steps is None else steps
        if not _done(each, results, length, seeds):
            made = _perform(each, results, length, range(seeds))
            rows_.append(results / f"{SUITE}.csv", made)
            progress(_line(each, made))


def _combinations(dataset):
    yield Combination(dataset, REAL, "")
    for loss in LOSSES:
        for tag in PENALTIES:
            left_out = {("", loss, tag), (dataset, loss, tag)} & set(NOT_TRIED)
            if not left_out:
                yield Combination(dataset, loss, tag)


def _done(combination, results, steps, seeds):
    path = results / f"{SUITE}.csv"
    held = {
        (row.seed, row.metric)
        for row in (rows_.read(path) if path.exists() else [])
        if row.recipe_hash == combination.hash(steps)
    }
    return held >= {(seed, metric) for seed in range(seeds) for metric in METRICS}


def _perform(combination, results, steps, seeds):
    """The rows of one combination; its points are on the disk."""
    began = time.monotonic()
    if combination.loss == REAL:
        blocks, sound, seen = _real(combination, seeds), np.ones(len(seeds), bool), 0
        seconds = 0.0
    else:
        gan = _train(combination, seeds, steps)
        seconds = (time.monotonic() - began) / len(seeds)
        seen = steps * combination.setting.batch
        blocks, sound = draw_samples(gan, combination.setting.samples), finite(gan)
    found = _score(combination, blocks, sound, results)
    facts = _facts(combination, steps) | {
        "kimg": seen / 1000,
        "train_seconds": seconds,
        "images_per_second": seen / seconds if seconds else 0.0,
    }
    return [
        Row(**facts, seed=seed, metric=metric, value=values[metric], status=status)
        for seed, (values, status) in zip(seeds, found, strict=True)
        for metric in METRICS
    ]


def _train(combination, seeds, steps):
    gan = combination.create(seeds)
    stream = _stream(combination, seeds)
    gan.fit(stream, steps_per_epoch=steps, epochs=1, verbose=0, shuffle=False)
    return gan


def _stream(combination, seeds) -> Iterator[tuple[dict]]:
    """Batches, each seed's part of its own; the same for all losses and penalties."""
    data, size = modes_data.get(combination.dataset), combination.setting.batch
    rngs = [np.random.default_rng([seed, _DATA]) for seed in seeds]
    while True:
        yield ({"image": np.concatenate([data.draw(rng, size) for rng in rngs])},)


def _real(combination, seeds):
    data = modes_data.get(combination.dataset)
    rngs = [np.random.default_rng([seed, _DATA + 1]) for seed in seeds]
    yield np.stack([data.test(rng, combination.setting.samples) for rng in rngs])


def _score(combination, blocks, sound, results):
    """(values by metric, status) of each seed."""
    data = modes_data.get(combination.dataset)
    judged: list[list[tuple]] = [[] for _ in sound]
    kept: list[np.ndarray] = []
    for block in blocks:
        kept = kept or [block[:, :KEPT]]
        # Real numbers far out square to infinity: such a seed has diverged, too.
        sound = sound & (np.abs(block) < 1e9).reshape(len(block), -1).all(axis=1)
        for held, images in zip(judged, block, strict=True):
            if sound[len(held) and judged.index(held)]:
                held.append(data.judge(images))
    if combination.dataset != "stacked_mnist" and combination.loss != REAL:
        _keep(results / SUITE / f"{combination.label}.npz", kept[0])
    return [
        _verdict(held, fine, data.modes)
        for held, fine in zip(judged, sound, strict=True)
    ]
