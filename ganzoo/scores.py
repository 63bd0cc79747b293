"""A score and what it depends on; a list of them that prints as a table."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from tabulate import tabulate

__all__ = ["Score", "Scores", "score"]


@dataclass(frozen=True)
class Score:
    """One score, and what it depends on.

    Args:
        metric: with its feature network, such as "fd[mnist-cnn]".
        value: the mean over the sampler seeds.
        std: their standard deviation (ddof 1), 0 for one.
        values: one a sampler seed.
        seeds: the sampler seeds.
        lower: whether less is better.
        dataset, split, n_real, n_fake: what was compared, and how much of it.
        network, network_sha256, resize: the feature network and the resize rule.

    Example:
        >>> evaluate("dcgan", metrics=["fd"])[0].value
    """

    metric: str
    value: float
    std: float
    values: Sequence[float]
    seeds: Sequence[int]
    lower: bool
    dataset: str
    split: str
    n_real: int
    n_fake: int
    network: str
    network_sha256: str
    resize: str


class Scores(list):
    """A list of scores that prints as a table.

    Example:
        >>> print(evaluate("dcgan", metrics=["fd", "kd"]))
    """

    def __str__(self) -> str:
        rows = [
            (each.metric, f"{each.value:.4g}", f"{each.std:.2g}", _better(each))
            for each in self
        ]
        headers = ("score", "mean", "std", "better")
        told = tabulate(rows, headers, disable_numparse=True)
        return "\n\n".join([told, *dict.fromkeys(_fine_print(each) for each in self)])

    def to_json(self) -> str:
        """Return the scores as JSON: a list of objects."""
        return json.dumps([asdict(each) for each in self], indent=2)


def _better(score):
    return "lower" if score.lower else "higher"


def _fine_print(score):
    return (
        f"{score.n_fake} pictures, sampler seeds {', '.join(map(str, score.seeds))}, "
        f"against {score.n_real} of {score.dataset} ({score.split}); features of "
        f"{score.network} {score.network_sha256[:12]}, resize rule: {score.resize}."
    )


def score(
    metric: str,
    values: Sequence[float],
    seeds: Sequence[int],
    lower: bool,
    facts: Mapping[str, Any],
) -> Score:
    """Return the score of values, one a sampler seed; `facts` is what else it knows.

    Example:
        >>> score("fd[mnist-cnn]", [1.0, 1.2], [0, 1], True, facts).value
        1.1
    """
    spread = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    mean = float(np.mean(values))
    return Score(metric, mean, spread, values, seeds, lower, **facts)
