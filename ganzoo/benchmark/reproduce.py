"""reproduce(tag): train its recipe again and hold the scores against its claim."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tabulate import tabulate

from ganzoo import training
from ganzoo.errors import GanzooError
from ganzoo.evaluation import evaluate
from ganzoo.recipe import Recipe

__all__ = ["Finding", "Reproduction", "reproduce"]

# A score further from its claim than so many standard deviations is not reproduced.
LIMIT = 3.0


@dataclass(frozen=True)
class Finding:
    """A score that was claimed, and what came of training again.

    Args:
        metric: with its feature network.
        claimed: the value in the recipe's claim.
        found: one value a training seed.
        spread: standard deviation over training seeds that the claim states, or over
            sampler seeds where only one training was done for it.
        lower: whether less is better.

    Example:
        >>> Finding("fd[mnist-cnn]", 10.0, [11.0], 0.5, True).deviations
        2.0
    """

    metric: str
    claimed: float
    found: Sequence[float]
    spread: float
    lower: bool

    @property
    def deviations(self) -> float:
        """How many spreads the mean that was found is worse than claimed."""
        worse = float(np.mean(self.found)) - self.claimed
        worse = worse if self.lower else -worse
        if self.spread:
            return worse / self.spread
        return math.copysign(math.inf, worse) if worse else 0.0

    @property
    def holds(self) -> bool:
        """Whether the score is at most three spreads worse than claimed."""
        return self.deviations <= LIMIT


@dataclass(frozen=True)
class Reproduction:
    """What came of training a tag's recipe again.

    Args:
        name: the tag.
        seeds: training seeds.
        findings: one a claimed score.
    """

    name: str
    seeds: Sequence[int]
    findings: Sequence[Finding]

    @property
    def holds(self) -> bool:
        """Whether every claimed score was reached."""
        return all(each.holds for each in self.findings)

    def __str__(self) -> str:
        headers = ("score", "claimed", "spread", "found", "worse by", "")
        told = tabulate(map(_line, self.findings), headers, disable_numparse=True)
        verdict = "reproduced" if self.holds else "NOT reproduced"
        seeds = ", ".join(map(str, self.seeds))
        return f"{told}\n\n{self.name}, training seed {seeds}: {verdict}"


def _line(finding):
    found = ", ".join(f"{value:.4g}" for value in finding.found)
    return (
        finding.metric,
        f"{finding.claimed:.4g}",
        f"{finding.spread:.2g}",
        found,
        f"{finding.deviations:+.1f} spreads",
        "holds" if finding.holds else "does not hold",
    )


def reproduce(
    name: str,
    runs: Path = Path("runs"),
    *,
    seeds: Sequence[int] = (),
    verbose: Any = 0,
    progress: Callable[[str], None] = print,
) -> Reproduction:
    """Train a tag's recipe and hold the result against the claim in it.

    Args:
        name: a tag, or a recipe file with a claim.
        runs: folder of run folders; a training that was cut goes on there.
        seeds: training seeds, the recipe's own by default. Several show the spread.
        verbose: as in Keras's `fit`.
        progress: is given a line before each training.

    Raises: `GanzooError` for a recipe that claims no score.

    Example:
        >>> print(reproduce("dcgan.fashion_mnist"))
    """
    recipe = Recipe.of(name)
    claim = recipe.claim
    if not claim.get("scores"):
        raise GanzooError(
            f"the recipe of {name} claims no scores, so there is nothing to hold a "
            f"training against. Train it by `ganzoo train {name}` and score it by "
            "`ganzoo evaluate RUN`."
        )
    seeds = list(seeds) or [recipe.seed]
    found: dict[str, list[float]] = {metric: [] for metric in claim["scores"]}
    lower: dict[str, bool] = {}
    for seed in seeds:
        progress(f"{name}, seed {seed}: {recipe.kimg:g} thousand images of training")
        for score in _scored(recipe, seed, Path(runs), name, verbose):
            if score.metric in found:
                found[score.metric].append(score.value)
                lower[score.metric] = score.lower
    findings = [
        Finding(metric, value, found[metric], _spread(claim, metric), lower[metric])
        for metric, value in claim["scores"].items()
        if found[metric]
    ]
    return Reproduction(name, seeds, findings)


def _scored(recipe, seed, runs, name, verbose):
    values = recipe.to_dict() | {"seed": seed, "claim": {}}
    called = Path(name).stem if name.endswith(".toml") else name
    folder = runs / f"reproduce-{called}-seed{seed}"
    again = Recipe.from_dict(values)
    resume = (folder / "recipe.toml").exists()
    gan = training.train(again, folder, resume=resume, verbose=verbose)
    claim = recipe.claim
    wanted = dict.fromkeys(metric.partition("[")[0] for metric in claim["scores"])
    count = claim.get("count", 10_000)
    samplers = claim.get("sampler_seeds", [0, 1, 2])
    metrics = [metric for metric in wanted if metric != "cas_real"]
    return evaluate(gan, recipe.dataset, metrics, count=count, seeds=samplers)


def _spread(claim, metric):
    return float(claim.get("spread", {}).get(metric, 0.0))
