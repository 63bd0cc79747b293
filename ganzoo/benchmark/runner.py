"""Suites from beginning to end: job after job, each in a process of its own."""

import math
import multiprocessing
import time
from collections.abc import Callable
from pathlib import Path

from ganzoo import files, pictures, registry
from ganzoo.benchmark import rows as rows_
from ganzoo.benchmark.suites import Job, Suite, read
from ganzoo.errors import GanzooError

__all__ = ["best_rows", "draw_grids", "owed", "run_suite"]


def run_suite(
    name: str,
    results: Path = Path("benchmarks/results"),
    runs: Path = Path("runs"),
    *,
    only: str = "",
    progress: Callable[[str], None] = print,
    alone: bool = True,
) -> Path:
    """Do what is still owed of a suite; return the CSV file of its rows.

    Args:
        name: of the suite, or a TOML file.
        results: folder of `<suite>.csv`. Rows are appended as they are measured.
        runs: folder of run folders. A killed suite goes on where it was: finished
            jobs are known by their rows, an unfinished one by its run folder.
        only: do only the jobs whose label holds this text.
        progress: is given a line before and after each job, with the time left.
        alone: give each job a process of its own, so that its memory is its own, and
            a job that dies takes no other with it.

    Raises: `GanzooError` for an unknown suite, or when jobs have failed, in the end.

    Example:
        >>> run_suite("smoke")
    """
    suite = read(name)
    path = Path(results) / f"{suite.name}.csv"
    jobs = [job for job in owed(suite, path) if only in job.label]
    _floor_once(suite, path, progress)
    clock, failed = _Clock(jobs), []
    for number, job in enumerate(jobs, 1):
        progress(f"[{number}/{len(jobs)}] {job.label}{clock.left(number - 1)}")
        began = time.monotonic()
        error = (_apart if alone else _here)(job, path, Path(runs))
        clock.took(job, time.monotonic() - began)
        progress(f"    {error or _outcome(job, path)}")
        failed += [job.label] if error else []
    draw_grids(suite, path.parent.parent / "plots", Path(runs))
    if failed:
        raise GanzooError(
            f"{len(failed)} job(s) of {suite.name} failed: {', '.join(failed)}. The "
            "others are done; start again to try these once more."
        )
    return path


def owed(suite: Suite, path: Path) -> list[Job]:
    """Return the suite's jobs that have no final row of their recipe yet."""
    done = {
        (row.name, row.tag, row.seed, row.recipe_hash)
        for row in (rows_.read(path) if path.exists() else [])
        if row.checkpoint == "final"
    }
    return [
        job
        for job in suite.jobs()
        if (job.name, job.tag, job.recipe.seed, job.recipe.hash()) not in done
    ]


def draw_grids(suite: Suite, folder: Path, runs: Path) -> None:
    """Draw the last grids of the suite's first seed side by side, failures included.

    As `<suite>-grids.png`, from the run folders that are there and published tags.
    """
    grids = {}
    for job in suite.jobs():
        if job.recipe.seed == suite.jobs()[0].recipe.seed:
            found = sorted((runs / job.run / "samples").glob("*.png"))
            seen = [path for path in found if int(path.stem) <= 1000 * job.recipe.kimg]
            if job.published:
                seen = [registry.tag_folder(f"{job.name}.{job.tag}") / "samples.png"]
            if seen:
                grids[f"{job.name}.{job.tag}"] = seen[-1]
    sheet = pictures.contact_sheet(grids)
    if sheet:
        with files.replacing(folder / f"{suite.name}-grids.png") as temporary:
            temporary.write_bytes(sheet)


def _floor_once(suite, path, progress):
    known = rows_.read(path) if path.exists() else []
    if any(row.name == "real" for row in known):
        return
    progress("real test pictures against real training pictures")
    from ganzoo.benchmark import jobs

    rows_.append(path, jobs.floor(suite))


def _here(job, path, runs) -> str:
    from ganzoo.benchmark import jobs

    jobs.perform(job, path, runs)
    return ""


def _apart(job, path, runs) -> str:
    """Do the job in a new process; what went wrong, or nothing."""
    context = multiprocessing.get_context("spawn")
    told = context.SimpleQueue()
    process = context.Process(target=_tell, args=(told, job, path, runs))
    process.start()
    try:
        process.join()
    except KeyboardInterrupt:
        process.join()  # it has had the signal too, and writes its checkpoint
        raise
    if not told.empty():
        return told.get()
    return "" if process.exitcode == 0 else f"its process ended with {process.exitcode}"


def _tell(told, job, path, runs):
    try:
        _here(job, path, runs)
    except (GanzooError, OSError) as error:
        told.put(str(error))


def _outcome(job, path):
    """One line on what came of the job."""
    mine = [
        row
        for row in rows_.read(path)
        if (row.name, row.tag, row.seed) == (job.name, job.tag, job.recipe.seed)
        and row.checkpoint == "final"
    ]
    told = ", ".join(f"{row.metric} {row.value:.4g}" for row in mine[-8:])
    return f"{mine[-1].status}: {told}" if mine else "no rows"


def best_rows(rows: list[rows_.Row]) -> list[rows_.Row]:
    """Return, for each training that was scored on its way, its best score.

    Of the first metric that has rows on the way; status and facts are those of the
    moment, and `checkpoint` says "best".

    Example:
        >>> best_rows(rows_.read("benchmarks/results/fashion.csv"))
    """
    on_the_way: dict[tuple, list] = {}
    for row in rows:
        if not math.isfinite(row.value):
            continue
        key = (row.suite, row.name, row.tag, row.dataset, row.seed, row.metric)
        on_the_way.setdefault(key, []).append(row)
    return [
        min(found, key=lambda row: row.value).with_values(checkpoint="best")
        for found in on_the_way.values()
        if any(row.checkpoint == "partway" for row in found)
    ]


class _Clock:
    """How long the jobs that are left will take, judged by those that are done."""

    def __init__(self, jobs):
        self.jobs = jobs
        self.seconds = 0.0
        self.kimg = 0.0

    def took(self, job, seconds):
        self.seconds += seconds
        self.kimg += _weight(job)

    def left(self, done):
        if not self.kimg:
            return ""
        ahead = sum(_weight(job) for job in self.jobs[done:])
        minutes = self.seconds / self.kimg * ahead / 60
        return f" (about {minutes:.0f} min left)"


def _weight(job):
    """Thousands of images; a published tag only has to be scored."""
    return 5.0 if job.published else job.recipe.kimg
