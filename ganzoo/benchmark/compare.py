"""compare(runs or tags): recipes, last figures, curves and grids side by side."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from tabulate import tabulate

from ganzoo import files, hub, pictures, registry
from ganzoo.benchmark import summary
from ganzoo.benchmark.plots import INK, MARKERS
from ganzoo.errors import GanzooError
from ganzoo.recipe import FILE_NAME, Recipe
from ganzoo.records import Tag
from ganzoo.runs import read_metrics

__all__ = ["compare"]

_NEAR = 0.05  # of the images seen: grids that are no further apart stand together
_MOST = 4  # grids of a run
_CELL = 560  # most pixels of a grid
_TEXT, _GAP = 16, 16  # pixels
_FIRST = ("kimg", "minutes", "d_loss", "g_loss", "diversity")
_AXES = {"diversity": "diversity (grey levels)"}


@dataclass(frozen=True)
class _Side:
    """A run or a tag: what is compared of it.

    curves: by name, [(thousands of images seen, value)]; of a tag, its last ones.
    figures: last values by name.
    grids: thousands of images seen -> PNG file; a model's folder for what is drawn.
    """

    name: str
    recipe: Recipe
    curves: dict[str, list[tuple[float, float]]]
    figures: dict[str, Any]
    grids: dict[float, Path]


def compare(sources: Sequence[str | Path], out: str | Path, *, seed: int = 0) -> Path:
    """Write what tells runs or tags apart into a folder, and return it.

    Args:
        sources: two or more run folders, or tags as `ganzoo.load` takes them.
        out: gets `compare.md` (last figures, differences of the recipes),
            `curves.png`, and `grids.png`, grids at equal numbers of images seen.
        seed: of the pictures of tags. Those of runs are there: their fixed latents.

    Raises: `GanzooError` for fewer than two, for what is neither a run nor a tag, and
    if no grids were drawn after about the same number of images (within 5 %).

    Example:
        >>> compare(["runs/narrow", "dcgan.fashion_mnist"], "comparison")
    """
    names = [str(source) for source in sources]
    if len(set(names)) < max(2, len(names)):
        raise GanzooError(
            "a comparison takes two or more different runs or tags, such as runs/mine "
            f"dcgan.fashion_mnist; received {', '.join(names) or 'none'}."
        )
    shown = [Path(name).name for name in names]
    if len(set(shown)) < len(shown):
        shown = names
    sides = [_side(*each) for each in zip(names, shown, strict=True)]
    moments = _common_moments(sides)
    out = files.writable_folder(out)
    _draw_grids(sides, moments, seed, out / "grids.png")
    _draw_curves(sides, out / "curves.png")
    with files.replacing(out / "compare.md") as temporary:
        temporary.write_text(_report(sides), encoding="utf-8")
    return out


# ------------------------------------------------------------------- what there is


def _side(name, shown):
    """The run or tag of that name; names of variants go before folders."""
    is_tag = name.partition(".")[0] in registry.list_models()
    folder = registry.tag_folder(name) if is_tag else Path(name).expanduser()
    if not (folder / FILE_NAME).is_file():
        raise GanzooError(
            f"{name} is neither a run folder, which holds {FILE_NAME} and samples, nor "
            "a tag. `ganzoo list` names the variants and their tags."
        )
    return (_run if (folder / "samples").is_dir() else _tag)(shown, folder)


def _run(name, folder):
    lines = read_metrics(folder)
    curves: dict[str, list[tuple[float, float]]] = {}
    for line in lines:
        for key, value in line.items():
            if key == "diversity" or key.endswith("_loss"):
                curves.setdefault(key, []).append((line["kimg"], value))
    for line in _scores(folder / "scores.jsonl"):
        curves.setdefault(line["metric"], []).append((line["kimg"], line["value"]))
    figures = {key: points[-1][1] for key, points in curves.items()}
    if lines:
        figures["kimg"] = lines[-1]["kimg"]
        figures["minutes"] = lines[-1]["seconds"] / 60
        figures["health"] = lines[-1].get("health", "")
    grids = {int(path.stem) / 1000: path for path in folder.glob("samples/*.png")}
    grids.pop(0.0, None)  # of noise alone, which all have in common
    return _Side(name, Recipe.read(folder), curves, figures, grids)


def _scores(path):
    """The lines of a run's scores, one a score: kimg, seconds, metric, value."""
    try:
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        return [json.loads(line) for line in text.splitlines()]
    except ValueError as error:
        raise GanzooError(
            f"{path} has a line that is no JSON ({error}). Repair or remove it."
        ) from error


def _tag(name, folder):
    tag = Tag.read(name, folder)
    recipe = Recipe.read(folder)
    kimg = tag.config.get("kimg", recipe.claim.get("kimg"))
    if kimg is None or not tag.config:
        raise GanzooError(
            f"{name} has no published weights yet, so there is nothing to compare but "
            f"its recipe. Train it by `ganzoo train {name}` and compare the run."
        )
    claim = recipe.claim
    values = {key: claim[key] for key in ("diversity",) if key in claim}
    values |= claim.get("scores", {})
    curves = {key: [(kimg, value)] for key, value in values.items()}
    figures = {"kimg": kimg, "minutes": claim.get("minutes")} | values
    return _Side(name, recipe, curves, figures, {kimg: folder})


def _common_moments(sides) -> list[list[float]]:
    """Up to four numbers of images seen, each as it is in the grids of each side."""
    fewest = min((side.grids for side in sides), key=len)
    moments = [
        [_nearest(side.grids, kimg) for side in sides] for kimg in sorted(fewest)
    ]
    moments = [each for each in moments if max(each) <= (1 + _NEAR) * min(each)]
    if not moments:
        told = "; ".join(f"{side.name}: {_seen(side.grids)}" for side in sides)
        raise GanzooError(
            "no grids were drawn after the same number of images. There are, after "
            f"thousands of images, {told}. Train on by `ganzoo train RUN --resume "
            "--set kimg=...`, or compare runs with the same sample_kimg."
        )
    ends = moments[0][0], moments[-1][0]
    wanted = np.geomspace(*ends, _MOST) if len(moments) > _MOST else []
    chosen = [min(moments, key=lambda each: abs(each[0] - kimg)) for kimg in wanted]
    return sorted(chosen) or moments


def _nearest(grids, kimg):
    return min(grids, key=lambda each: abs(each - kimg), default=np.inf)


def _seen(grids):
    counts = sorted(grids)
    if len(counts) > 2:
        return f"{counts[0]:g} to {counts[-1]:g} ({len(counts)} grids)"
    return ", ".join(f"{count:g}" for count in counts) or "none"


# --------------------------------------------------------------------- the pictures


def _draw_grids(sides, moments, seed, path):
    """Write a picture with a line a side and a column a number of images seen.

    Where there is but one number, the sides stand beside each other.
    """
    cells = []
    for i, side in enumerate(sides):
        grids = {each[i]: _grid(side.grids[each[i]], seed) for each in moments}
        cells.append([_captioned(side.name, *grid) for grid in grids.items()])
    if len(moments) == 1:
        cells = [[cell for line in cells for cell in line]]
    widths = [max(cell.width for cell in column) for column in zip(*cells, strict=True)]
    heights = [max(cell.height for cell in line) for line in cells]
    size = (sum(widths) + _GAP * (len(widths) + 1), sum(heights) + _GAP * len(heights))
    full = Image.new("RGB", size, "white")
    for i, line in enumerate(cells):
        for j, cell in enumerate(line):
            x = _GAP * (j + 1) + sum(widths[:j])
            full.paste(cell, (x, _GAP * i + sum(heights[:i])))
    with files.replacing(path) as temporary:
        full.save(temporary, format="PNG")


def _grid(source, seed):
    """The picture in a file, or that of a model's folder: drawn, else its samples."""
    if source.is_dir():
        try:
            return _drawn(hub.load(source), seed)
        except GanzooError:
            if not (source / "samples.png").is_file():
                raise
            source = source / "samples.png"
    with Image.open(source) as picture:
        return picture.convert("RGB")


def _drawn(gan, seed):
    """A grid like those of runs: a column a class, or a square of 64."""
    columns, rows = (gan.num_classes, 10) if gan.num_classes else (8, 8)
    grid = pictures.grid(gan.generate(columns * rows, seed=seed), columns)
    scale = max(1, round(64 * columns / grid.shape[1]))
    grid = grid.repeat(scale, axis=0).repeat(scale, axis=1)
    return Image.fromarray(grid[..., 0] if grid.shape[-1] == 1 else grid).convert("RGB")


def _captioned(name, kimg, grid):
    """The grid, no larger than a cell, under a line of text."""
    from matplotlib.font_manager import findfont

    grid.thumbnail((_CELL, _CELL))
    font = ImageFont.truetype(findfont("DejaVu Sans"), _TEXT)
    text = f"{name}, {kimg:.4g} thousand images"
    while font.getlength(text) > grid.width and len(name) > 1:
        name = name[1:]
        text = f"…{name}, {kimg:.4g} thousand images"
    top = 2 * _TEXT
    cell = Image.new("RGB", (grid.width, grid.height + top), "white")
    ImageDraw.Draw(cell).text((0, _TEXT // 2), text, fill="black", font=font)
    cell.paste(grid, (0, top))
    return cell


def _draw_curves(sides, path):
    from matplotlib import style
    from matplotlib.figure import Figure

    keys = _ordered({key for side in sides for key in side.curves})
    lines = max(1, -(-len(keys) // 3))
    with style.context("default"):
        figure = Figure(figsize=(12, 3.2 * lines + 0.3 * len(sides)))
        for place, key in enumerate(keys, 1):
            axes = figure.add_subplot(lines, 3, place)
            _draw_panel(axes, sides, key)
        _name(figure, sides)
        figure.set_layout_engine("constrained")
        with files.replacing(path) as temporary:
            figure.savefig(
                temporary, format="png", dpi=100, metadata={"Software": None}
            )


def _look(i):
    return {"color": INK[i % len(INK)], "marker": MARKERS[i % len(MARKERS)]}


def _draw_panel(axes, sides, key):
    least = np.inf
    for i, side in enumerate(sides):
        if not side.curves.get(key):
            continue
        kimg, values = zip(*side.curves[key], strict=True)
        every = max(1, len(kimg) // 8)
        axes.plot(kimg, values, **_look(i), markersize=5, markevery=every)
        least = min(least, *values)
    if summary.lower_is_better(key) and least > 0:
        axes.set_yscale("log")
    axes.set(xlabel="images seen (thousands)")
    axes.set_title(_AXES.get(key, key.replace("_", " ")), loc="left", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#dddddd", linewidth=0.7)


def _name(figure, sides):
    """One legend for all panels, above them."""
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], **_look(i), label=s.name) for i, s in enumerate(sides)]
    figure.legend(handles=handles, loc="outside upper left", frameon=False)


# ----------------------------------------------------------------------- the tables


def _report(sides):
    parts = [
        f"# {' and '.join(side.name for side in sides)}",
        "## Last figures",
        _table(sides, _figures(sides)),
        "## What differs in the recipes",
        _table(sides, _differences(sides)),
        "## Curves",
        "![curves](curves.png)",
        "## Grids at equal numbers of images seen",
        "![grids](grids.png)",
    ]
    return "\n\n".join(parts) + "\n"


def _table(sides, lines):
    if not lines:
        return "Nothing that would make them different trainings."
    cells = [[key, *map(_written, values)] for key, values in lines.items()]
    headings = ["", *(side.name for side in sides)]
    return tabulate(cells, headings, tablefmt="github", disable_numparse=True)


def _figures(sides):
    keys = _ordered({key for side in sides for key in side.figures})
    return {key: [side.figures.get(key) for side in sides] for key in keys}


def _differences(sides):
    """key -> its value in each recipe, where they are not all the same."""
    first = sides[0].recipe
    others = [first.differences(side.recipe) for side in sides[1:]]
    found: dict[str, list[Any]] = {}
    for key in dict.fromkeys(key for each in others for key in each):
        (mine, *_) = (each[key][0] for each in others if key in each)
        found[key] = [mine, *(each.get(key, (mine, mine))[1] for each in others)]
    return {key: [_or_default(each) for each in found[key]] for key in found}


def _or_default(value):
    return "default" if value is None else value


def _ordered(keys):
    """The keys that all runs have, then scores in their order, then words."""
    first = [key for key in _FIRST if key in keys]
    losses = sorted(key for key in keys if key.endswith("_loss") and key not in first)
    rest = sorted(set(keys) - {*first, *losses}, key=lambda key: (key == "health", key))
    return [*first, *losses, *rest]


def _written(value):
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
