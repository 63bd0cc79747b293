"""The mode suite: which losses and penalties find all modes of data with known modes.

`modes.csv` gets a row a training seed and score; beside it lie samples of the points,
which `draw` makes into pictures:

    modes/grid25-hinge-r1.npz     "points": float16 (seeds, 500, 2)

Runs that fail keep their rows: "collapsed" with fewer than half of the modes;
"diverged", without a score, where weights or samples are no finite numbers.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ganzoo import files
from ganzoo.benchmark import modes_data, modes_models
from ganzoo.benchmark import rows as rows_
from ganzoo.benchmark.modes_picture import draw
from ganzoo.benchmark.modes_settings import METRICS, REAL, SUITE, combinations
from ganzoo.benchmark.modes_table import table
from ganzoo.benchmark.rows import Row, surroundings
from ganzoo.errors import GanzooError

__all__ = ["draw", "run", "table"]

KEPT = 500  # points of a seed that are kept for the picture
FAR = 1e4  # a sample farther out than this has diverged
# What a seed's generators of random numbers are for.
_TRAINING, _TESTING = 30, 31


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
    path = Path(results) / f"{SUITE}.csv"
    for each in chosen:
        length = each.setting.steps if steps is None else steps
        if not _is_done(each, path, length, seeds):
            made = _perform(each, path, length, range(seeds))
            rows_.append(path, made)
            progress(_line(each, made))


def _is_done(combination, path, steps, seeds):
    held = {
        (row.seed, row.metric)
        for row in (rows_.read(path) if path.exists() else [])
        if row.recipe_hash == combination.hash(steps)
    }
    return held >= {(seed, metric) for seed in range(seeds) for metric in METRICS}


def _perform(combination, path, steps, seeds):
    """The rows of one combination, after its points were kept."""
    setting = combination.setting
    facts = surroundings() | {"recipe_hash": combination.hash(steps)}
    if combination.loss == REAL:
        sound, blocks = np.ones(len(seeds), bool), [_real(combination, seeds)]
    else:
        began = time.monotonic()
        gan = _train(combination, seeds, steps)
        seconds = (time.monotonic() - began) / len(seeds)
        examples = steps * setting.batch
        facts |= {
            "batch_size": setting.batch,
            "kimg": examples / 1000,
            "train_seconds": seconds,
            "images_per_second": examples / seconds,
        }
        sound = modes_models.finite(gan)
        blocks = _kept(modes_models.draw(gan, setting.samples), combination, path)
    return _rows(combination, facts, seeds, _verdicts(combination, blocks, sound))


def _train(combination, seeds, steps):
    gan = combination.create(seeds)
    stream = _stream(combination, seeds)
    gan.fit(stream, steps_per_epoch=steps, epochs=1, verbose=0, shuffle=False)
    return gan


def _stream(combination, seeds) -> Iterator[tuple[dict]]:
    """Batches, each seed's part of its own; the same for all losses and penalties."""
    data, size = modes_data.get(combination.dataset), combination.setting.batch
    rngs = [np.random.default_rng([seed, _TRAINING]) for seed in seeds]
    while True:
        yield ({"image": np.concatenate([data.draw(rng, size) for rng in rngs])},)


def _real(combination, seeds):
    """Real examples, (seeds, samples, h, w, c)."""
    data = modes_data.get(combination.dataset)
    rngs = [np.random.default_rng([seed, _TESTING]) for seed in seeds]
    return np.stack([data.test(rng, combination.setting.samples) for rng in rngs])


def _kept(blocks, combination, path) -> Iterator[np.ndarray]:
    """The blocks as they are, after the first points of each seed were written."""
    for i, block in enumerate(blocks):
        if i == 0 and block.shape[2:] == modes_data.Points.image_shape:
            points = block[:, :KEPT].reshape(len(block), -1, 2)
            target = path.parent / SUITE / f"{combination.label}.npz"
            with files.replacing(target, ".npz") as temporary:
                # Half precision tells points apart that are 0.004 away from another.
                points = np.clip(points, -FAR, FAR).astype("float16")
                np.savez_compressed(temporary, points=points)
        yield block


def _verdicts(combination, blocks: Iterable[np.ndarray], sound):
    """Scores by metric of each seed, or None for one that has diverged."""
    data = modes_data.get(combination.dataset)
    judged = []
    for block in blocks:
        near = (np.abs(block) < FAR).reshape(len(block), -1).all(axis=1)
        sound = sound & near
        judged.append([data.judge(np.nan_to_num(images)) for images in block])
    return [
        modes_data.scores(*map(np.concatenate, zip(*held, strict=True)), data.modes)
        if fine
        else None
        for fine, held in zip(sound, zip(*judged, strict=True), strict=True)
    ]


def _rows(combination, facts, seeds, verdicts):
    data = modes_data.get(combination.dataset)
    row = Row(
        suite=SUITE,
        name=combination.loss,
        tag=combination.tag,
        dataset=combination.dataset,
        n_fake=combination.setting.samples,
        **facts,
        **data.facts,
    )
    return [
        row.with_values(
            seed=seed, metric=metric, **_outcome(scores, metric, data.modes)
        )
        for seed, scores in zip(seeds, verdicts, strict=True)
        for metric in METRICS
    ]


def _outcome(scores, metric, modes):
    if scores is None:
        return {"status": "diverged", "repeats": 0}
    collapsed = 2 * scores["modes"] < modes
    return {"value": scores[metric], "status": "collapsed" if collapsed else "ok"}


def _line(combination, made):
    """What the suite says when a combination is finished."""
    means = [
        f"{metric} {_mean(row.value for row in made if row.metric == metric):.3g}"
        for metric in METRICS
    ]
    seconds = sum(row.train_seconds for row in made) / len(METRICS)
    return f"{combination.label}: {', '.join(means)}; {seconds:.0f} s"


def _mean(values):
    finite = [value for value in values if np.isfinite(value)]
    return float(np.mean(finite)) if finite else float("nan")
