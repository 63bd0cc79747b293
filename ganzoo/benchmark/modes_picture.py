"""Pictures of the mode suite: what each loss and penalty makes of a ring and a grid."""

import statistics
from pathlib import Path

import numpy as np

from ganzoo import files
from ganzoo.benchmark import modes_data
from ganzoo.benchmark import rows as rows_
from ganzoo.benchmark.modes_settings import SUITE, TRIED, Combination
from ganzoo.benchmark.modes_table import latest
from ganzoo.errors import GanzooError

__all__ = ["draw"]

_INK, _GREY, _RED = "#332288", "#999999", "#AA3344"


def draw(results: str | Path, out: str | Path) -> list[Path]:
    """Draw the kept points of each data set as `modes-<dataset>.png`; return the paths.

    A row a loss, a column a set of penalties. Each panel shows 500 points of one seed
    over the real modes (grey): the middle one, when the seeds that did not diverge are
    put in order by modes found, then by reverse KL. Above stand its modes, so that is
    the median, and its share of good samples. The same files give the same pictures.

    Args:
        results: the folder of `modes.csv`.
        out: folder of the pictures.

    Raises: `GanzooError` where the points that belong to the rows are missing, or
    nothing can be written.

    Example:
        >>> draw("benchmarks/results", "benchmarks/plots")
    """
    results, out = Path(results), Path(out)
    path = results / f"{SUITE}.csv"
    kept = latest(rows_.read(path)) if path.exists() else []
    found: dict[Combination, dict[int, dict[str, float]]] = {}
    for row in kept:
        seeds = found.setdefault(Combination(row.dataset, row.name, row.tag), {})
        seeds.setdefault(row.seed, {})[row.metric] = row.value
    return [
        _draw(dataset, found, results / SUITE, out / f"{SUITE}-{dataset}.png")
        for dataset in TRIED
        if isinstance(modes_data.get(dataset), modes_data.Points)
        and any(each.dataset == dataset for each in found)
    ]


def _draw(dataset, found, folder, path):
    from matplotlib import style
    from matplotlib.figure import Figure

    losses = TRIED[dataset]
    tags = list(dict.fromkeys(tag for each in losses.values() for tag in each))
    with style.context("default"):  # whatever the user's own settings are
        size = (1.55 * len(tags), 1.75 * len(losses))
        figure = Figure(figsize=size, layout="constrained")
        panels = figure.subplots(len(losses), len(tags), squeeze=False)
        for i, loss in enumerate(losses):
            for j, tag in enumerate(tags):
                each = Combination(dataset, loss, tag)
                _panel(panels[i, j], each, found.get(each), folder)
                if i == 0:
                    _above(panels[i, j], tag)
            panels[i, 0].set_ylabel(loss.replace("_", " "), fontsize=8)
        with files.replacing(path) as temporary:
            figure.savefig(
                temporary, format="png", dpi=100, metadata={"Software": None}
            )
    return path


def _above(axes, tag):
    """The penalties' name, over the panel's own title."""
    axes.annotate(
        tag.replace("_", " ").replace("+", " + "),
        (0.5, 1.22),
        xycoords="axes fraction",
        ha="center",
        fontsize=8,
    )


def _panel(axes, combination, by_seed, folder):
    data = modes_data.get(combination.dataset)
    limit = 1.3 * np.abs(data.centres).max()
    axes.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal")
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set_color("#dddddd")
    if by_seed is None:
        owed = combination.tag in TRIED[combination.dataset][combination.loss]
        told = "no rows yet" if owed else "not tried"
        axes.set_title(told, fontsize=7, color=_GREY)
        return
    axes.scatter(*data.centres.T, s=28, color="#dddddd", linewidths=0)
    shown = _middle(by_seed)
    if shown is None:
        axes.set_title("diverged", fontsize=7, color=_RED)
        return
    points = _points(combination, folder)[shown].astype("float32")
    axes.scatter(*points.T, s=1.2, color=_INK, alpha=0.5, linewidths=0)
    modes, good = (by_seed[shown][metric] for metric in ("modes", "good"))
    failed = sum(not np.isfinite(each["modes"]) for each in by_seed.values())
    told = f"{modes:.0f} of {data.modes}, {good:.0%} good"
    told += f", {failed} diverged" if failed else ""
    color = _RED if 2 * modes < data.modes else "black"
    axes.set_title(told, fontsize=7, color=color, pad=2)


def _middle(by_seed):
    """The seed in the middle of those that did not diverge, or None."""
    finite = [seed for seed, each in by_seed.items() if np.isfinite(each["modes"])]

    def order(seed):
        return by_seed[seed]["modes"], -by_seed[seed]["reverse_kl"], seed

    return statistics.median_low(sorted(map(order, finite)))[-1] if finite else None


def _points(combination, folder):
    path = folder / f"{combination.label}.npz"
    try:
        with np.load(path) as stored:
            return stored["points"]
    except (OSError, KeyError, ValueError) as error:
        raise GanzooError(
            f"{path} is missing or damaged ({error}). Train that combination again: "
            "remove its rows, then ganzoo benchmark modes."
        ) from error
