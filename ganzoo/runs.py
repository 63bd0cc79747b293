"""The run folder: what a training leaves behind, and finds again after a kill.

recipe.toml               what was asked for
environment.json          what it ran on: versions, device, commit, command
metrics.jsonl             one line a sample grid: losses, kimg, seconds
samples/00000060.png      the same latents as the training goes on; images seen
training.gif              the grids as a film
checkpoint.weights.h5     all networks, optimisers, counters, random states
config.json, generator_ema.weights.h5     what `ganzoo.load(run)` reads
"""

import contextlib
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ganzoo import backends, files, hub, pictures
from ganzoo.curves import save_curves
from ganzoo.errors import GanzooError
from ganzoo.paths import TRAINING
from ganzoo.recipe import FILE_NAME, Recipe

__all__ = ["Run", "environment", "peak_memory", "read_metrics"]

_PACKAGES = ("ganzoo", "keras", "numpy", "tensorflow", "jax", "torch")


class Run:
    """A run folder, ready to be written to.

    Raises: `GanzooError` for a folder that cannot be written, that holds a run already
    (unless it is resumed), or that holds the run of another recipe.

    Example:
        >>> run = Run("runs/mine", Recipe.of("dcgan"), resume=False)
    """

    def __init__(self, folder: str | Path, recipe: Recipe, *, resume: bool):
        self.folder = Path(folder)
        self.recipe = recipe
        self._refuse_other(resume)
        files.writable_folder(self.folder / "samples")
        self.seconds = 0.0
        recipe.write(self.folder / FILE_NAME)

    @property
    def checkpoint(self) -> Path:
        """The file of the whole training state."""
        return self.folder / TRAINING

    def _refuse_other(self, resume):
        if not (self.folder / FILE_NAME).exists():
            return
        differences = Recipe.read(self.folder).differences(self.recipe)
        if differences:
            told = ", ".join(
                f"{key}: {old!r} there, {new!r} here"
                for key, (old, new) in differences.items()
            )
            raise GanzooError(
                f"{self.folder} holds the run of another recipe ({told}). Choose "
                "another folder with --out, or resume with the run's own recipe."
            )
        if not resume:
            raise GanzooError(
                f"{self.folder} holds a run of this recipe. Go on with it by --resume, "
                "or choose another folder with --out."
            )

    def begin(self, gan) -> None:
        """Load the checkpoint, if there is one; drop what was written after it."""
        if self.checkpoint.exists():
            _load_checkpoint(gan, self.checkpoint)
        environment_file = self.folder / "environment.json"
        with files.replacing(environment_file) as temporary:
            temporary.write_text(json.dumps(environment(), indent=2) + "\n")
        self._forget_after(int(gan.step.value))

    def _forget_after(self, step):
        lines = [line for line in self.metrics() if line["step"] <= step]
        self.seconds = lines[-1]["seconds"] if lines else 0.0
        with files.replacing(self.folder / "metrics.jsonl") as temporary:
            temporary.write_text("".join(json.dumps(line) + "\n" for line in lines))

    def metrics(self) -> list[dict[str, Any]]:
        """Return the lines of `metrics.jsonl`; a line cut by a kill is left out."""
        return read_metrics(self.folder)

    def log(self, line: dict[str, Any]) -> None:
        """Append one line to `metrics.jsonl`."""
        try:
            with open(self.folder / "metrics.jsonl", "a") as file:
                file.write(json.dumps(line) + "\n")
        except OSError as error:
            raise GanzooError(
                f"cannot write {file.name}: {error.strerror}. The last checkpoint "
                "stands; free some space and go on with --resume."
            ) from error

    def save(self, gan) -> None:
        """Write the checkpoint and the averaged generator, each whole or not at all."""
        with files.replacing(self.checkpoint, ".weights.h5") as temporary:
            gan.save_weights(temporary)
        hub.save_folder(gan, self.folder)

    def sample(self, gan) -> np.ndarray:
        """Write the grid of the fixed latents under the number of images seen.

        Returns the pictures, uint8 (n, h, w, c).
        """
        images = gan.generate(*_grid_size(gan), seed=self.recipe.seed)
        name = f"{int(gan.seen.value):08d}.png"
        path = self.folder / "samples" / name
        pictures.save_grid(path, images, columns=gan.num_classes)
        return images

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """Give a context whose time is no part of the run's seconds."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.seconds -= time.monotonic() - began

    def film(self) -> None:
        """Write the grids so far as `training.gif`, and `curves.png`."""
        frames = sorted((self.folder / "samples").glob("*.png"))
        # A film needs no more frames than the eye can follow.
        step = -(-len(frames) // 80)
        frames = frames[:-1:step] + frames[-1:]
        pictures.save_film(self.folder / "training.gif", frames)
        save_curves(self.folder / "curves.png", self.metrics())


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """Return the lines of a run's `metrics.jsonl`, up to one that a kill has cut."""
    path = folder / "metrics.jsonl"
    lines = []
    for line in path.read_text().splitlines() if path.exists() else []:
        try:
            lines.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return lines


def _grid_size(gan):
    """Ten rows with a column a class, or a square of 64."""
    return (10 * gan.num_classes,) if gan.num_classes else (64,)


def _load_checkpoint(gan, path):
    try:
        gan.load_weights(path)
    except (OSError, ValueError, KeyError) as error:
        raise GanzooError(
            f"{path} is no checkpoint of this recipe ({error}). It may be damaged: "
            "move it away to start from the beginning."
        ) from error


def peak_memory() -> float:
    """Return the most MB used so far: of the accelerator, else of this process."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    unit = 1 if sys.platform == "darwin" else 1024
    return (backends.peak_memory() or peak * unit) / 1e6


def environment() -> dict[str, Any]:
    """Return what the numbers of a run depend on: versions, device, commit, command."""
    return {
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "backend": keras.backend.backend(),
        "versions": {name: _version(name) for name in _PACKAGES},
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": _processor(),
        "cpus": os.cpu_count(),
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
        **_commit(),
    }


def _version(name):
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _processor():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2] for line in lines if line.startswith("model name")]
    return names[0].strip() if names else platform.processor()


def _commit():
    """The commit of the checkout that the package lies in, if it lies in one.

    Dirty is said of the package alone: results that are written beside it while a suite
    runs do not change what measures them.
    """

    def git(*arguments):
        command = ["git", "-C", str(Path(__file__).parent), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    try:
        return {
            "commit": git("rev-parse", "HEAD"),
            "dirty": bool(git("status", "--porcelain", "--untracked-files=no", ".")),
        }
    except (OSError, subprocess.CalledProcessError):
        return {"commit": None, "dirty": None}
