"""The queue of a borrowed machine: jobs in order of worth, each with a share of time.

What is finished is written out after each job, so that the machine may go at any time.
"""

import contextlib
import json
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganzoo import files
from ganzoo.benchmark import parcel
from ganzoo.benchmark import rows as rows_
from ganzoo.benchmark.one_job import Terminated, apart, folder_of, guarded, slug_of
from ganzoo.benchmark.runner import owed
from ganzoo.benchmark.suites import Job, Suite

__all__ = ["Queue", "owed_jobs", "share"]

_LINES = 40  # of a job's own output that the log keeps


def owed_jobs(suite: Suite, *results: str | Path) -> list[Job]:
    """Return the jobs of which no CSV file has final rows, in the order of worth.

    Example:
        >>> owed_jobs(read("gpu"), "benchmarks/results/gpu.csv", "out/rows.csv")
    """
    lists = [{job.label for job in owed(suite, Path(path))} for path in results]
    return [job for job in suite.jobs() if all(job.label in each for each in lists)]


def share(
    jobs: Sequence[Job], minutes: float, beside: float, least: float = 0.5
) -> tuple[Job | None, float]:
    """Return the next job and the minutes it may train; (None, 0) if none fits.

    Args:
        jobs: those owed, in order of worth.
        minutes: that are left.
        beside: minutes that a job takes beside its training: start, scores, packing.
        least: a job gets at least this part of its own `minutes` (1 where it names
            none), and where there is time for all, more of it than that. The first job
            for which that much is left is next.

    Example:
        >>> job, its_minutes = share(jobs, 20.0, beside=1.0)
    """
    wanted = sum(_weight(job) for job in jobs)
    scale = max(least, (minutes - beside * len(jobs)) / wanted) if jobs else 0.0
    for job in jobs:
        if scale * _weight(job) + beside <= minutes:
            return job, scale * _weight(job)
    return None, 0.0


def _weight(job):
    return job.minutes or 1.0


@dataclass
class Queue:
    """The queue of a suite on a machine that is lent for some minutes.

    Args:
        suite: the jobs.
        out: folder of the parcel (`parcel.write`), brought up to date after each job.
        work: folder of run folders and of all that the parcel is made of. A queue that
            was stopped goes on from there.
        results: the CSV file of the rows that the project has.
        minutes: all the time there is.
        reserve: minutes kept for the last packing.
        beside: first guess at the minutes a job takes beside its training; then it is
            what the last ones took.
        alone: give each job a process of its own: one that dies takes no other along.
        progress: is given each line of the log.

    Example:
        >>> Queue(read("gpu"), out, work, results, minutes=25).run()
    """

    suite: Suite
    out: Path
    work: Path
    results: Path
    minutes: float
    reserve: float = 0.5
    beside: float = 1.0
    alone: bool = True
    progress: Callable[[str], Any] = print

    def __post_init__(self):
        self.out, self.work = Path(self.out), files.writable_folder(self.work)
        self.ends = time.monotonic() + 60 * (self.minutes - self.reserve)
        self.failed: list[dict] = []
        self.tried: set[str] = set()

    @property
    def rows(self) -> Path:
        """The CSV file of the rows measured here."""
        return self.work / parcel.ROWS

    @property
    def left(self) -> float:
        """The minutes left for jobs."""
        return (self.ends - time.monotonic()) / 60

    def run(self) -> list[Job]:
        """Do what there is time for; return what is still owed.

        Raises: `KeyboardInterrupt` on Ctrl-C and SIGTERM, after the parcel is written.
        """
        self._take_back()
        self._say(f"{len(self._owed())} jobs owed, {self.left:.1f} minutes")
        with _terminable():
            try:
                self._work_off()
            except KeyboardInterrupt:
                self._say("stopped; what was finished is kept")
                raise
            finally:
                self._pack()
        return self._owed()

    def _work_off(self):
        while True:
            job, minutes = share(self._open(), self.left, self.beside)
            if job is None:
                self._say("no time is left for another job" if self._open() else "done")
                return
            self.tried.add(job.label)
            self._say(f"{job.label}: {minutes:.1f} minutes")
            began = time.monotonic()
            error = self._do(job, minutes)
            if error:
                self.failed.append({"label": job.label, "error": error})
                self._say(f"{job.label} failed: {error}")
            else:
                self._finish(job, minutes, (time.monotonic() - began) / 60)
            self._pack()

    def _owed(self):
        return owed_jobs(self.suite, self.results, self.rows)

    def _open(self):
        """The jobs owed, but for those that have failed by now."""
        return [job for job in self._owed() if job.label not in self.tried]

    def _do(self, job, minutes):
        """Do the job; what went wrong, or nothing."""
        if not self.alone:
            return guarded(job, self.suite, self.work, minutes)
        limit = min(minutes + 3 * self.beside + 2, self.left)
        log = self.work / "logs" / f"{slug_of(job)}.txt"
        log.parent.mkdir(exist_ok=True)
        try:
            return apart(job, self.suite, self.work, minutes, log, 60 * limit)
        finally:
            self._append(_last_lines(log))

    def _finish(self, job, minutes, took):
        """Make the job's rows and entry part of the queue's."""
        folder = folder_of(self.work, job)
        entry = json.loads((folder / "entry.json").read_text("utf-8"))
        self.beside = max(0.05, took - entry["train_seconds"] / 60)
        entry |= {"minutes": round(minutes, 2), "wall_minutes": round(took, 2)}
        self._keep(entry)
        parcel.merge_rows(self.rows, rows_.read(folder / parcel.ROWS))
        scores = ", ".join(f"{k} {v:.4g}" for k, v in entry["scores"].items())
        self._say(
            f"{job.label}: {entry['status']} at {entry['kimg']:g} kimg, "
            f"{entry['images_per_second']:.0f} img/s, "
            f"{100 * entry['share_of_peak']:.2g} % of the peak; {scores}"
        )

    def _pack(self):
        state = {
            "suite": self.suite.name,
            "minutes": self.minutes,
            "failed": self.failed,
            "owed": [job.label for job in self._owed()],
        }
        (self.work / parcel.STATE).write_text(json.dumps(state), "utf-8")
        untaken = {job.label for job in owed_jobs(self.suite, self.results)}
        entries = [each for each in self._entries() if each["label"] in untaken]
        parcel.write(self.work, self.out, entries)

    def _entries(self):
        """What is known of the finished jobs, in the order of their ends."""
        found = [
            json.loads(path.read_text("utf-8"))
            for path in (self.work / "done").glob("*.json")
        ]
        return sorted(found, key=lambda entry: (entry["finished"], entry["slug"]))

    def _take_back(self):
        """Take in what a parcel of another day holds that the project has not."""
        if not (self.out / parcel.STATE).exists():
            return
        known = {entry["slug"] for entry in self._entries()}
        untaken = {job.label for job in owed_jobs(self.suite, self.results)}
        models = parcel.read_all_models(self.out)
        for entry in parcel.read_state(self.out)["jobs"]:
            if entry["slug"] not in known and entry["label"] in untaken:
                held = models if entry["weights"] else {}
                self._keep(entry, held.get(f"{entry['name']}.{entry['tag']}", {}))
        rows = self.out / parcel.ROWS
        parcel.merge_rows(self.rows, rows_.read(rows) if rows.exists() else [])

    def _keep(self, entry, model=()):
        """Write what is known of a finished job, its model's files first."""
        for name, data in dict(model).items():
            with files.replacing(self.work / "models" / entry["slug"] / name) as path:
                path.write_bytes(data)
        with files.replacing(self.work / "done" / f"{entry['slug']}.json") as path:
            path.write_text(json.dumps(entry), "utf-8")

    def _say(self, line):
        self.progress(line)
        self._append(f"{time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime())} {line}\n")

    def _append(self, text):
        with open(self.work / parcel.LOG, "a", encoding="utf-8") as log:
            log.write(text)


def _last_lines(path):
    if not path.exists():
        return ""
    lines = path.read_text("utf-8", "replace").replace("\r", "\n").splitlines()
    return "".join(f"    {line[:200]}\n" for line in lines[-_LINES:])


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """A context in which SIGTERM interrupts like Ctrl-C, in the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _terminated)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _terminated(number, frame):
    raise Terminated
