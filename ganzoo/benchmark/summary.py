"""What the rows of a suite say of each model: which count, their means and spreads."""

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ganzoo.benchmark.rows import Row

__all__ = [
    "FLOOR",
    "Column",
    "Figure",
    "by_model",
    "columns",
    "failures",
    "figure",
    "final",
    "lower_is_better",
    "newest",
    "seeds",
]

FLOOR = "real"  # the name of rows that hold real pictures against real ones
ORDER = (
    *("fid", "fd", "fid_infinity", "fd_infinity", "kid", "kd", "is"),
    *("precision", "recall", "density", "coverage", "authenticity"),
    *("intra_fd", "cas", "cas_real", "r_precision", "caption_diversity"),
)
_LOWER = {"fid", "fd", "fid_infinity", "fd_infinity", "kid", "kd", "intra_fd"}


@dataclass(frozen=True)
class Column:
    """A metric in one feature network: values of another never stand beside them.

    Example:
        >>> Column("fd[mnist-cnn]", "5f0c9ab1d2e3").lower
        True
    """

    metric: str
    network_sha256: str

    @property
    def lower(self) -> bool:
        """Whether less is better."""
        return lower_is_better(self.metric)

    def holds(self, row: Row) -> bool:
        """Whether a row is a value of this column."""
        mine = (self.metric, self.network_sha256)
        return mine == (row.metric, row.network_sha256) and math.isfinite(row.value)


@dataclass(frozen=True)
class Figure:
    """A mean and its spread.

    Args:
        mean: over the training seeds that finished.
        spread: standard deviation (ddof 1), or not a number where there is none.
        over: what it is over: "training" seeds, "sampler" seeds, or "" for neither.

    Example:
        >>> Figure(10.0, 1.0, "training").clearly_better(Figure(13.0, 1.0, "sampler"))
        True
    """

    mean: float
    spread: float = math.nan
    over: str = ""

    def clearly_better(self, other: "Figure", lower: bool = True) -> bool:
        """Whether it is better by more than both spreads together."""
        gain = other.mean - self.mean if lower else self.mean - other.mean
        return gain > self.spread + other.spread


def lower_is_better(metric: str) -> bool:
    """Return which way a metric points, by its name with or without its network.

    Example:
        >>> lower_is_better("kd[mnist-cnn]"), lower_is_better("recall[mnist-cnn]")
        (True, False)
    """
    return _base(metric) in _LOWER


def newest(rows: Iterable[Row]) -> list[Row]:
    """Return the rows that count, sorted: of several for one score, the newest.

    A training that was done again with another recipe, or that has diverged now and
    not before (or the other way round), leaves nothing of the older one.
    """
    found: dict[tuple, Row] = {}
    for row in rows:
        on_the_way = row.kimg if row.checkpoint == "partway" else None
        key = (*_training(row), row.metric, row.checkpoint, on_the_way)
        if key not in found or row.date >= found[key].date:
            found[key] = row
    last = {_training(row): row for row in sorted(found.values(), key=_age)}
    kept = [row for row in found.values() if _goes_with(row, last[_training(row)])]
    return sorted(kept, key=lambda row: (*_training(row), row.metric, row.kimg))


def _age(row):
    return (row.date, row.checkpoint == "final")


def _training(row):
    return (row.dataset, row.label, row.seed)


def _goes_with(row, last):
    same_end = (row.status == "diverged") == (last.status == "diverged")
    return row.recipe_hash == last.recipe_hash and (
        same_end or row.checkpoint != "final"
    )


def by_model(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Return the rows by label, those of the floor left out."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        if row.name != FLOOR:
            found.setdefault(row.label, []).append(row)
    return found


def final(rows: Iterable[Row]) -> list[Row]:
    """Return the rows of final checkpoints."""
    return [row for row in rows if row.checkpoint == "final"]


def columns(rows: Iterable[Row]) -> list[Column]:
    """Return the columns that have values, the first metric first."""
    found = {
        Column(row.metric, row.network_sha256)
        for row in rows
        if math.isfinite(row.value)
    }
    return sorted(found, key=_place)


def _place(column):
    base = _base(column.metric)
    place = ORDER.index(base) if base in ORDER else len(ORDER)
    return (place, column.metric, column.network_sha256)


def _base(metric):
    return metric.partition("[")[0]


def figure(rows: Sequence[Row]) -> Figure | None:
    """Return the mean of rows of one column, one a training seed; None of none.

    The spread is that over training seeds if there are two or more, else that over the
    sampler seeds of the one.
    """
    values = [row.value for row in rows if math.isfinite(row.value)]
    if not values:
        return None
    if len(values) > 1:
        return Figure(statistics.mean(values), statistics.stdev(values), "training")
    if rows[0].repeats > 1:
        return Figure(values[0], rows[0].std, "sampler")
    return Figure(values[0])


def seeds(rows: Iterable[Row]) -> list[int]:
    """Return the training seeds of final rows, those that diverged among them."""
    return sorted({row.seed for row in final(rows)})


def failures(rows: Sequence[Row]) -> str:
    """Return how many training seeds of a model failed: "1 of 3 diverged", or "".

    Example:
        >>> failures([Row("smoke", "dcgan", status="collapsed")])
        '1 of 1 collapsed'
    """
    all_ = len(seeds(rows))
    told = []
    for status in ("collapsed", "diverged"):
        failed = {row.seed for row in final(rows) if row.status == status}
        told += [f"{len(failed)} of {all_} {status}"] if failed else []
    return ", ".join(told)
