"""Plots of a suite: quality as training goes on, speed, memory; of its rows alone."""

import math
import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ganzoo import files
from ganzoo.benchmark import summary
from ganzoo.benchmark.rows import Row

__all__ = ["INK", "MARKERS", "draw"]

# Paul Tol's "muted" colours, which stay apart for all kinds of colour vision.
INK = (
    *("#332288", "#CC6677", "#117733", "#999933", "#882255"),
    *("#44AA99", "#AA4499", "#DDCC77", "#88CCEE"),
)
MARKERS = "osD^vPX*"
_GREY = "#666666"
_WIDTH, _PANEL, _BAR = 9.0, 4.4, 0.34  # inches
_LEAST = 0.055  # between two names beside a panel, as a part of its height


def draw(rows: Iterable[Row], folder: str | Path) -> list[Path]:
    """Draw what the rows of one suite allow as PNG files; return their paths.

    `<suite>-images.png` and `<suite>-seconds.png` show the first metric against images
    seen and seconds of training: the median over training seeds, with a band from the
    least to the greatest. `<suite>-speed.png` and `<suite>-memory.png` are bars.

    The same rows give the same pictures.

    Raises: `GanzooError` where the folder cannot be written.

    Example:
        >>> draw(rows.read("benchmarks/results/smoke.csv"), "benchmarks/plots")
    """
    from matplotlib import style

    kept = summary.newest(row for row in rows if row.suite != "modes")
    looks = _looks(kept)
    name = "-".join(sorted({row.suite for row in kept}))
    figures: dict[str, Callable[[], Any]] = {
        "images": lambda: _quality(kept, looks, by_device=False),
        "seconds": lambda: _quality(kept, looks, by_device=True),
        "speed": lambda: _bars(kept, looks, "images_per_second", "images a second"),
        "memory": lambda: _bars(kept, looks, "peak_memory_mb", "peak memory (MB)"),
    }
    written = []
    with style.context("default"):  # whatever the user's own settings are
        for kind, make in figures.items():
            if (figure := make()) is not None:
                written.append(_save(figure, Path(folder) / f"{name}-{kind}.png"))
    return written


def _save(figure, path):
    with files.replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=100, metadata={"Software": None})
    return path


def _looks(rows):
    """A colour and a marker for each model, the same in all plots."""
    labels = sorted(summary.by_model(rows))
    return {
        label: {
            "color": INK[i % len(INK)],
            "marker": MARKERS[i % len(MARKERS)],
        }
        for i, label in enumerate(labels)
    }


# --------------------------------------------------------------------- the curves


def _quality(rows, looks, by_device):
    """Panels, a data set each, and a device each where seconds are compared."""
    panels = list(_panels(rows, by_device))
    if not panels:
        return None
    figure, all_axes = _stack([_PANEL] * len(panels), right=0.75)
    for axes, (title, column, floor, curves) in zip(all_axes, panels, strict=True):
        names = [_draw_curve(axes, *curve, looks[curve[0]]) for curve in curves]
        arrow = "lower" if column.lower else "higher"
        axes.set(
            xscale="log", yscale="log", ylabel=f"{column.metric}, {arrow} is better"
        )
        axes.set(xlabel=_axis(by_device))
        axes.set_title(title, loc="left", fontsize=10)
        if floor:
            axes.axhline(floor, color=_GREY, linestyle="--", linewidth=1.2)
            names.append((axes.get_xlim()[1], floor, "real test pictures", _GREY))
        _number(axes)
        _name_lines(axes, names)
    return figure


def _axis(by_device):
    return "seconds of training" if by_device else "images seen (thousands)"


def _panels(rows, by_device) -> Iterator[tuple]:
    """(title, column, the floor's value, curves) of each panel that has a curve."""
    for dataset in sorted({row.dataset for row in rows}):
        mine = [row for row in rows if row.dataset == dataset]
        column = next(iter(summary.columns(mine)), None)
        if column is None:
            continue
        found = [row for row in mine if column.holds(row) and row.checkpoint != "best"]
        floor = [row.value for row in found if row.name == summary.FLOOR]
        devices = sorted({row.device for row in mine}) if by_device else [None]
        for device in devices:
            curves = _curves(found, mine, device, by_device)
            title = f"{dataset}, {device}" if device else dataset
            if curves:
                yield title, column, floor[0] if floor else None, curves


def _curves(rows, all_rows, device, by_seconds):
    """(label, what failed, points) of each model; a point has x and three values."""
    here = [row for row in rows if device in (None, row.device)]
    failed = {
        label: summary.failures(mine)
        for label, mine in summary.by_model(all_rows).items()
    }
    curves = []
    for label, mine in summary.by_model(here).items():
        moments: dict[float, list[Row]] = {}
        for row in mine:
            moments.setdefault(float(f"{row.kimg:.3g}"), []).append(row)
        points = [_point(kimg, moments[kimg], by_seconds) for kimg in sorted(moments)]
        points = [point for point in points if min(point) > 0]
        if points:
            curves.append((label, failed[label], points))
    return curves


def _point(kimg, rows, by_seconds):
    values = [row.value for row in rows]
    seconds = [row.train_seconds for row in rows if row.train_seconds > 0] or [0.0]
    x = statistics.median(seconds) if by_seconds else kimg
    return (x, min(values), statistics.median(values), max(values))


def _draw_curve(axes, label, failed, points, look):
    """Draw a model's line and band; return (x, y, name, colour) for its name."""
    x, least, middle, most = zip(*points, strict=True)
    axes.fill_between(x, least, most, color=look["color"], alpha=0.18, linewidth=0)
    axes.plot(x, middle, **look, markersize=4, linewidth=1.6)
    if len(points) == 1:
        axes.vlines(x, least, most, color=look["color"], linewidth=1.2)
    name = f"{label}\n{failed}" if failed else label
    return (x[-1], middle[-1], name, look["color"])


def _name_lines(axes, names):
    """Write names to the right of a panel, at their lines' heights where they can."""
    lower, upper = (math.log(limit) for limit in axes.get_ylim())
    names = sorted(names, key=lambda name: name[1])
    heights = [(math.log(name[1]) - lower) / (upper - lower) for name in names]
    lines = [name[2].count("\n") + 1 for name in names]
    for (x, y, name, colour), height in zip(names, _apart(heights, lines), strict=True):
        axes.annotate(
            name,
            xy=(x, y),
            xytext=(1.03, height),
            textcoords="axes fraction",
            color=colour,
            fontsize=9,
            verticalalignment="center",
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": colour,
                "linewidth": 0.7,
                "linestyle": ":",
                "shrinkA": 1,
            },
        )


def _apart(heights: Sequence[float], lines: Sequence[int]) -> list[float]:
    """Ascending heights, moved so that texts of so many lines do not overlap."""
    gaps = [_LEAST * (a + b) / 2 for a, b in zip(lines, lines[1:], strict=False)]
    moved = list(heights)
    for i, gap in enumerate(gaps):
        moved[i + 1] = max(moved[i + 1], moved[i] + gap)
    moved[-1] = min(moved[-1], 1.0)
    for i in reversed(range(len(gaps))):
        moved[i] = min(moved[i], moved[i + 1] - gaps[i])
    return moved


def _number(axes):
    """Plain numbers at 1, 2, 5, 10, ... of both axes."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=12))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())
    axes.grid(axis="y", color="#dddddd", linewidth=0.7)


# ----------------------------------------------------------------------- the bars


def _bars(rows, looks, field, name):
    """Bars of a field's median over training seeds, a panel a device."""
    panels = _measured(summary.final(rows), field)
    if not panels:
        return None
    heights = [1.1 + _BAR * len(panel) for panel in panels.values()]
    figure, all_axes = _stack(heights, left=0.25, right=0.93)
    for axes, (device, panel) in zip(all_axes, panels.items(), strict=True):
        for place, (label, values) in enumerate(panel.items()):
            _draw_bar(axes, place, values, looks[label]["color"])
        most = max(max(values) for values in panel.values())
        axes.set(xlabel=name, xlim=(0, 1.1 * most), ylim=(len(panel) - 0.4, -0.6))
        axes.set_yticks(range(len(panel)), list(panel))
        axes.tick_params(axis="y", length=0)
        axes.set_title(device or "unknown device", loc="left", fontsize=10)
    return figure


def _measured(rows, field):
    """{device: {label: values}}, the greatest median first."""
    found: dict[str, dict[str, dict[int, float]]] = {}
    for row in rows:
        if row.name != summary.FLOOR and getattr(row, field) > 0:
            mine = found.setdefault(row.device, {}).setdefault(row.label, {})
            mine[row.seed] = getattr(row, field)
    return {
        device: {
            label: sorted(values.values())
            for label, values in sorted(
                labels.items(),
                key=lambda each: (-statistics.median(each[1].values()), each[0]),
            )
        }
        for device, labels in sorted(found.items())
    }


def _draw_bar(axes, place, values, colour):
    middle = statistics.median(values)
    axes.barh(place, middle, height=0.66, color=colour)
    if len(values) > 1:
        axes.hlines(place, values[0], values[-1], color="#999999", linewidth=2)
    told = f"{middle:,.0f}" if middle >= 100 else f"{middle:.3g}"
    beside = {"xytext": (5, 0), "textcoords": "offset points", "fontsize": 9}
    axes.annotate(told, (values[-1], place), verticalalignment="center", **beside)


def _stack(heights, left=0.09, right=0.93):
    """A figure of panels above each other, placed in inches, and its axes."""
    from matplotlib.figure import Figure

    full = sum(heights)
    figure = Figure(figsize=(_WIDTH, full))
    all_axes, top = [], full
    for height in heights:
        bottom = top - height
        box = (left, (bottom + 0.55) / full, right - left, (height - 0.9) / full)
        axes = figure.add_axes(box)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=9)
        all_axes.append(axes)
        top = bottom
    return figure, all_axes
