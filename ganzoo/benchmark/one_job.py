"""One job of a queue, in a process of its own: train, score, measure, keep."""

import contextlib
import dataclasses
import json
import math
import multiprocessing
import os
import time
import traceback
from pathlib import Path

from ganzoo import files
from ganzoo.benchmark import parcel
from ganzoo.benchmark import rows as rows_
from ganzoo.benchmark.suites import Job, Suite

__all__ = ["Terminated", "apart", "do", "folder_of", "guarded", "slug_of"]

_GRACE = 30  # seconds in which a process that is told to stop may write a checkpoint


class Terminated(KeyboardInterrupt):
    """SIGTERM: like Ctrl-C, but only this process has had it."""


def slug_of(job: Job) -> str:
    """Return the job's name in file names: "dcgan.mnist-seed0"."""
    return f"{job.name}.{job.tag}-seed{job.recipe.seed}"


def folder_of(work: Path, job: Job) -> Path:
    """Return the folder of the job's own rows and entry, until they are all there."""
    return Path(work) / "jobs" / slug_of(job)


def do(job: Job, suite: Suite, work: Path, minutes: float) -> None:
    """Train for at most that many minutes, score, and keep the model.

    Writes `rows.csv` and `entry.json` into `folder_of`, and the model into
    `models/<slug>`. The entry comes last.

    Raises: `GanzooError` for what is wrong with the recipe, its data, or its feature
    network.

    Example:
        >>> do(job, suite, Path("runs/gpu-queue"), minutes=2.0)
    """
    from ganzoo.benchmark import jobs
    from ganzoo.metrics import networks

    # A feature network that is missing is found out before the training, not after.
    networks.get(networks.for_dataset(job.recipe.dataset))
    folder = files.writable_folder(folder_of(work, job))
    path = folder / parcel.ROWS
    _forget_ends(path)
    made = jobs.perform(job, path, work / "runs", minutes=minutes, verbose=2)
    if not _has_floor(work / parcel.ROWS, job.recipe.dataset):
        there = dataclasses.replace(suite, dataset=job.recipe.dataset)
        rows_.append(path, jobs.floor(there))
    entry = _entry(job, suite, made)
    if made[0].status != "diverged":
        entry |= _measured(job, work, made[0])
    with files.replacing(folder / "entry.json") as temporary:
        temporary.write_text(json.dumps(entry), "utf-8")


def _forget_ends(path):
    """Drop the final rows of an attempt that was cut before it was kept."""
    if path.exists():
        partway = [row for row in rows_.read(path) if row.checkpoint == "partway"]
        path.unlink()
        rows_.append(path, partway)


def _has_floor(path, dataset):
    known = rows_.read(path) if path.exists() else []
    return any(row.name == "real" and row.dataset == dataset for row in known)


def _entry(job, suite, made):
    row = made[0]
    first = next(
        each for each in suite.jobs() if (each.name, each.tag) == (job.name, job.tag)
    )
    return {
        "slug": slug_of(job),
        "label": job.label,
        "name": job.name,
        "tag": job.tag,
        "seed": row.seed,
        "status": row.status,
        "kimg": row.kimg,
        "train_seconds": row.train_seconds,
        "images_per_second": row.images_per_second,
        "flops_per_image": 0.0,
        "flops_per_second": 0.0,
        "peak_flops": 0.0,
        "share_of_peak": 0.0,
        "precision": row.precision,
        "batch_size": row.batch_size,
        "backend": row.backend,
        "device": row.device,
        "peak_memory_mb": row.peak_memory_mb,
        # A tag has one model: that of the first seed, if it came out well, and if it
        # has a first line of metrics to tell of.
        "publish": row.status == "ok"
        and row.seed == first.recipe.seed
        and row.train_seconds > 0,
        "weights": "",
        "scores": {r.metric: r.value for r in made if math.isfinite(r.value)},
        "finished": time.time(),
    }


def _measured(job, work, row):
    """Keep the model; its arithmetic and what share of the device's peak it reached."""
    from ganzoo import backends, hub
    from ganzoo.benchmark import flops

    device, run = backends.device_name(), work / "runs" / job.run
    model = work / "models" / slug_of(job)
    difference = parcel.keep_model(run, model, device=device)
    work_done = flops.per_image(hub.load(run))
    peak = flops.peak(device, row.precision)
    speed = work_done * row.images_per_second
    return {
        "flops_per_image": work_done,
        "flops_per_second": speed,
        "peak_flops": peak,
        "share_of_peak": speed / peak if peak else 0.0,
        "half_precision_difference": difference,
    }


# ----------------------------------------------------------------------- processes


def guarded(job: Job, suite: Suite, work: Path, minutes: float) -> str:
    """Do the job; return what went wrong with it, or "".

    Whatever it is: the jobs after it are not to blame.
    """
    try:
        do(job, suite, work, minutes)
    except Exception as error:
        traceback.print_exc()
        return f"{type(error).__name__}: {error}"
    return ""


def apart(
    job: Job, suite: Suite, work: Path, minutes: float, log: Path, seconds: float
) -> str:
    """Do the job in a new process whose output goes to `log`; what went wrong, or "".

    After `seconds` it is told to stop, and writes a checkpoint if it is training.

    Raises: `KeyboardInterrupt` as the caller gets it; the process is told too.
    """
    context = multiprocessing.get_context("spawn")
    told = context.SimpleQueue()
    arguments = (told, log, job, suite, work, minutes)
    process = context.Process(target=_tell, args=arguments)
    process.start()
    error = ""
    try:
        process.join(seconds)
        if process.is_alive():
            process.terminate()
            error = f"it was stopped after {seconds / 60:.1f} minutes"
    except Terminated:
        process.terminate()
        raise
    finally:
        _wait(process)
    if not error and not told.empty():
        error = told.get()
    died = f"its process ended with {process.exitcode}" if process.exitcode else ""
    return error or died


def _wait(process):
    """Give a process that has been told to stop the time to do so."""
    with contextlib.suppress(KeyboardInterrupt):
        process.join(_GRACE)
    if process.is_alive():
        process.kill()
        process.join()


def _tell(told, log, *arguments):
    """Run in the new process: output goes to the log, an error is told."""
    with open(log, "ab", buffering=0) as file:
        for number in (1, 2):
            os.dup2(file.fileno(), number)
    error = guarded(*arguments)
    if error:
        told.put(error)
