"""One job of a suite: train or load, score, and append the rows."""

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ganzoo import data, files, health, hub, registry, training
from ganzoo.benchmark import rows as rows_
from ganzoo.benchmark.rows import Row, surroundings
from ganzoo.benchmark.suites import Job, Suite
from ganzoo.errors import GanzooError
from ganzoo.evaluation import Scores, evaluate
from ganzoo.metrics import networks, table
from ganzoo.paths import WEIGHTS
from ganzoo.runs import read_metrics

__all__ = ["floor", "perform"]


class Scorer(keras.callbacks.Callback):
    """Scores the model on its way, at the job's points, outside the run's time."""

    def __init__(self, job: Job, results: Path):
        super().__init__()
        self.job, self.results = job, results
        self.run: Any = None  # given by training.train

    def on_epoch_end(self, epoch, logs=None):
        kimg = int(self.model.seen.value) / 1000
        if not _reached(self.job, kimg) or self.model.stop_training:
            return
        with self.run.aside():
            scoring = self.job.scoring
            scores = evaluate(
                self.model,
                self.job.recipe.dataset,
                scoring.metrics[:1],
                count=scoring.count,
                seeds=scoring.sampler_seeds[:1],
            )
            facts = _facts(self.job) | _training_facts(self.run.folder)
            facts |= {"kimg": kimg, "checkpoint": "partway"}
            rows_.append(self.results, _rows(scores, facts))


def _reached(job, kimg):
    """Whether a point lies within half a tick of here, and the end does not."""
    near = job.recipe.sample_kimg / 2
    if kimg >= job.recipe.kimg - near:
        return False
    return any(-near < kimg - point <= near for point in job.scoring.points)


class Deadline(keras.callbacks.Callback):
    """Ends the training at the first step after its minutes are over.

    The run's own seconds count: those before a kill, and none that went into scoring.
    """

    def __init__(self, minutes: float):
        super().__init__()
        self.minutes = minutes
        self.began = time.monotonic()
        self.run: Any = None  # given by training.train

    def on_train_batch_end(self, batch, logs=None):
        seconds = time.monotonic() - self.began + self.run.seconds
        if seconds > 60 * self.minutes:
            self.model.stop_training = True


def perform(
    job: Job, results: Path, runs: Path, *, minutes: float = 0.0, verbose: Any = 0
) -> list[Row]:
    """Do the job and return its rows of the final model, which are in `results`.

    Args:
        job: what to train, or which published tag, and how to score it.
        results: the CSV file of the suite's rows.
        runs: folder of run folders. A run that a kill has cut goes on from its last
            checkpoint.
        minutes: the training ends then, as it is; 0 lets it go on to its kimg.
        verbose: as in Keras's `fit`.

    A run whose loss is no longer finite keeps a row, of status "diverged".

    Raises: `GanzooError` for what is wrong with the recipe or its data.

    Example:
        >>> perform(read("smoke").jobs()[0], Path("smoke.csv"), Path("runs"))
    """
    folder = Path(runs) / job.run
    if job.published:
        gan = hub.load(f"{job.name}.{job.tag}")
        made = _final(job, gan, _published_facts(job))
    else:
        try:
            gan = _train(job, folder, Path(results), minutes, verbose)
        except GanzooError as error:
            if "finite number" not in str(error):
                raise
            made = [_diverged(job, folder)]
        else:
            facts = _training_facts(folder)
            made = _final(job, gan, facts | {"kimg": int(gan.seen.value) / 1000})
    rows_.append(results, made)
    return made


def floor(suite: Suite) -> list[Row]:
    """Return rows of real test pictures against real training ones, named "real".

    No model can be expected to score better than this.
    """
    images = data.load(suite.dataset, "test", batch_size=1)
    metrics = suite.scoring.metrics
    if images.num_classes:
        conditional = suite.scoring.conditional_metrics
        metrics = [*metrics, *(name for name in conditional if name != "cas")]
    count = min(suite.scoring.count, images.num_examples)
    scores = evaluate(images, suite.dataset, metrics, count=count)
    about = {"suite": suite.name, "name": "real", "tag": "test"}
    return _rows(scores, about | surroundings())


def _train(job, folder, results, minutes, verbose):
    callbacks: list[Any] = [Scorer(job, results)]
    if minutes:
        callbacks.append(Deadline(minutes))
    seen = _training_facts(folder)["kimg"]
    if seen > job.recipe.kimg:
        raise GanzooError(
            f"{folder} has gone on to {seen:g} kimg, past the {job.recipe.kimg:g} of "
            f"{job.label}, whose rows are missing. Remove the folder to train it again."
        )
    resume = (folder / "recipe.toml").exists()
    return training.train(
        job.recipe, folder, resume=resume, callbacks=callbacks, verbose=verbose
    )


def _final(job, gan, facts):
    metrics = [*job.scoring.metrics]
    if gan.num_classes:
        metrics += job.scoring.conditional_metrics
    scores = evaluate(
        gan,
        job.recipe.dataset,
        metrics,
        count=job.scoring.count,
        seeds=job.scoring.sampler_seeds,
    )
    return _rows(scores, _facts(job) | facts | {"status": _status(gan, job)})


def _status(gan, job):
    """Collapsed where the run's health line would say that it repeats itself."""
    images = training.load_data(job.recipe).fields["image"][:256]
    drawn = gan.generate(256, seed=0)
    alike = health.diversity(drawn) < 0.35 * health.diversity(np.asarray(images))
    return "collapsed" if alike else "ok"


def _diverged(job, folder):
    network = networks.for_dataset(job.recipe.dataset)
    row = Row(**_facts(job) | _training_facts(folder))
    return row.with_values(
        dataset=job.recipe.dataset,
        metric=table.full_name(job.scoring.metrics[0], network),
        network=network,
        status="diverged",
        repeats=0,
    )


def _rows(scores: Scores, facts: dict) -> list[Row]:
    """A row a score, with what is common to all."""
    return [
        Row(
            **facts,
            dataset=each.dataset,
            split=each.split,
            metric=each.metric,
            value=each.value,
            std=each.std,
            repeats=len(each.values),
            sampler_seeds=" ".join(map(str, each.seeds)),
            n_real=each.n_real,
            n_fake=each.n_fake,
            network=each.network,
            network_sha256=each.network_sha256,
            resize=each.resize,
        )
        for each in scores
    ]


def _facts(job):
    return {
        "suite": job.suite,
        "name": job.name,
        "tag": job.tag,
        "kimg": job.recipe.kimg,
        "seed": job.recipe.seed,
        "recipe_hash": job.recipe.hash(),
        "batch_size": job.recipe.batch_size,
        "precision": job.recipe.precision,
        **surroundings(),
    }


def _training_facts(folder):
    """What a run folder says of its time, and the process of its memory."""
    lines = read_metrics(folder)
    weights = folder / WEIGHTS
    return {
        "kimg": lines[-1]["kimg"] if lines else 0.0,
        "train_seconds": lines[-1]["seconds"] if lines else 0.0,
        "images_per_second": round(_pace(lines), 2),
        "peak_memory_mb": lines[-1].get("peak_memory_mb", 0.0) if lines else 0.0,
        "weights_sha256": files.sha256_of(weights) if weights.exists() else "",
    }


def _published_facts(job):
    """What a tag's recipe claims of the training that made its weights."""
    tag = registry.info(f"{job.name}.{job.tag}")
    claim = tag.recipe.get("claim", {})
    return {
        "kimg": float(claim.get("kimg", job.recipe.kimg)),
        "train_seconds": 60.0 * claim.get("minutes", 0.0),
        "weights_sha256": tag.config["weights"]["sha256"],
        "backend": claim.get("backend", ""),
        "device": claim.get("hardware", ""),
    }


def _pace(lines: Iterable[dict]) -> float:
    """Median real images a second over the ticks, the first left out."""
    lines = list(lines)
    paces = [
        1000 * (new["kimg"] - old["kimg"]) / (new["seconds"] - old["seconds"])
        for old, new in zip(lines, lines[1:], strict=False)
        if new["seconds"] > old["seconds"]
    ]
    return float(np.median(paces)) if paces else 0.0
