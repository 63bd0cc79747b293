"""The tables of the mode suite, made of its rows and of nothing else."""

import math
import statistics
from collections.abc import Iterable, Sequence

from tabulate import tabulate

from ganzoo.benchmark import modes_data
from ganzoo.benchmark.modes_settings import REAL, SUITE, TRIED, combinations
from ganzoo.benchmark.rows import Row

__all__ = ["latest", "table"]

_NONE = "–"
_DIGITS = {"modes": 1, "good": 3, "reverse_kl": 3}
_NOTES = """\
Means ± standard deviations over the training seeds that did not diverge, of the
averaged generator after the last step.

- Modes: how many hold at least one good sample.
- Good: share of samples within 3 standard deviations of a mode; for digits, of those
  each of whose three the classifier takes for one class rather than for any other.
- Reverse KL: from the modes of all samples, good or not, to equal shares, in nats; 0 is
  best, one mode alone has the logarithm of their number.
- Collapsed: share of the seeds that found fewer than half of the modes. Diverged: share
  of those whose weights or samples are no finite numbers.
- Real data: what a model without a flaw would score.

All lines of a data set share networks, first weights, batches, learning rates and
budget, one turn a player: no line is tuned. The Wasserstein papers take five turns of
the critic, and slower ones; here they have what the others have."""


def latest(rows: Iterable[Row]) -> list[Row]:
    """Return the rows of the suite's last training of each loss, penalty and data set.

    A later training with other settings replaces the earlier one.
    """
    mine = sorted((row for row in rows if row.suite == SUITE), key=lambda row: row.date)
    last = {(row.dataset, row.name, row.tag): row.recipe_hash for row in mine}
    kept = {
        (row.dataset, row.name, row.tag, row.seed, row.metric): row
        for row in mine
        if row.recipe_hash == last[row.dataset, row.name, row.tag]
    }
    return list(kept.values())


def table(rows: Iterable[Row]) -> str:
    """Return the Markdown tables of the mode suite: a section a data set.

    The same rows give the same text, in whatever order they come.

    Example:
        >>> print(table(rows.read("benchmarks/results/modes.csv")))
    """
    kept = latest(rows)
    parts = [f"# Benchmark: {SUITE}", _NOTES]
    for dataset in TRIED:
        mine = [row for row in kept if row.dataset == dataset]
        if mine:
            parts += _section(dataset, mine)
    return "\n\n".join(parts) + "\n"


def _section(dataset, rows):
    headers = (
        *("loss", "penalties", f"modes of {modes_data.get(dataset).modes} ↑"),
        *("good ↑", "reverse KL ↓", "collapsed", "diverged"),
    )
    order = [(c.loss, c.tag) for c in combinations() if c.dataset == dataset]
    groups: dict[tuple, list[Row]] = {}
    for row in rows:
        groups.setdefault((row.name, row.tag), []).append(row)
    lines = [_line(*key, groups[key]) for key in order if key in groups]
    align = ("left", "left", *["right"] * 5)
    # Numbers stay as they are written.
    text = tabulate(lines, headers, "pipe", colalign=align, disable_numparse=True)
    return [f"## {dataset}", text, _conditions(rows)]


def _line(name, tag, rows):
    status = {row.seed: row.status for row in rows}
    shares = [
        f"{sum(each == bad for each in status.values()) / len(status):.0%}"
        for bad in ("collapsed", "diverged")
    ]
    label = "real data" if name == REAL else name
    return [label, tag or _NONE, *(_figure(rows, each) for each in _DIGITS), *shares]


def _figure(rows, metric):
    values = [row.value for row in rows if row.metric == metric]
    values = sorted(value for value in values if math.isfinite(value))
    if not values:
        return _NONE
    spread = statistics.stdev(values) if len(values) > 1 else 0.0
    digits = _DIGITS[metric]
    return f"{statistics.fmean(values):.{digits}f} ± {spread:.{digits}f}"


def _conditions(rows: Sequence[Row]):
    """What the numbers of one data set depend on, in a line."""
    trained = [row for row in rows if row.name != REAL] or list(rows)
    seeds = len({row.seed for row in rows})
    seconds = statistics.median(sorted(row.train_seconds for row in trained))
    told = [
        f"{seeds} seeds",
        f"{_listed(f'{row.kimg:g}' for row in trained)} thousand examples a seed",
        f"batch {_listed(str(row.batch_size) for row in trained)}",
        f"{seconds:.1f} s a seed on {_listed(row.device for row in trained)}",
        f"{_listed(row.backend for row in trained)}",
        f"{_listed(str(row.n_fake) for row in rows)} samples",
    ]
    networks = {row.network for row in rows} - {""}
    if networks:
        made = _listed(row.resize for row in rows)
        told.append(f"judged by {_listed(networks)} (digits as {made})")
    return f"{', '.join(told)}."


def _listed(values):
    return " or ".join(sorted(set(values)))
