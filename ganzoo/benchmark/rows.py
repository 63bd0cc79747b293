"""Rows of results: one line of CSV a score, appended as it is measured."""

import csv
import dataclasses
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_type_hints

from filelock import FileLock

from ganzoo import backends, files
from ganzoo.errors import GanzooError
from ganzoo.runs import environment

__all__ = ["Row", "append", "read", "surroundings"]


@dataclass(frozen=True)
class Row:
    """One score of one model, with all that the number depends on.

    Args:
        suite: what measured it, such as "fashion".
        name: variant, such as "dcgan"; "real" for the floor, test against train.
        tag: the tag whose recipe it is, or the suite's name for a recipe of its own.
        dataset, split: the pictures that it is held against.
        metric: with the feature network, such as "fd[fashion_mnist-cnn]".
        value: the mean over the sampler seeds; not a number for a diverged run.
        std: standard deviation over the sampler seeds (ddof 1), 0 for one.
        repeats: how many sampler seeds.
        sampler_seeds: them, parted by spaces.
        status: "ok", "collapsed" or "diverged".
        checkpoint: "final"; "best", of all measured; "partway", for curves.
        kimg: thousands of images that the model has seen.
        seed: training seed.
        n_real, n_fake: sizes of the samples.
        network, network_sha256: the feature network and its weights.
        resize: rule by which pictures were made to fit it, "none" if they did.
        weights_sha256, recipe_hash: of the model.
        batch_size, precision: of its training.
        train_seconds, images_per_second: of its training on `device`; 0 if unknown.
        peak_memory_mb: of the process that trained, or of the GPU; 0 if unknown.
        backend, device, devices: where it was trained.
        commit, dirty: of the code that measured; "" outside a checkout.
        packages: versions, such as "ganzoo 0.1.0, keras 3.15.1".
        date: when it was measured, UTC.

    Example:
        >>> Row(suite="smoke", name="dcgan", metric="fd[mnist-cnn]", value=12.5).label
        'dcgan'
    """

    suite: str
    name: str
    tag: str = ""
    dataset: str = ""
    split: str = ""
    metric: str = ""
    value: float = float("nan")
    std: float = 0.0
    repeats: int = 1
    sampler_seeds: str = "0"
    status: str = "ok"
    checkpoint: str = "final"
    kimg: float = 0.0
    seed: int = 0
    n_real: int = 0
    n_fake: int = 0
    network: str = ""
    network_sha256: str = ""
    resize: str = "none"
    weights_sha256: str = ""
    recipe_hash: str = ""
    batch_size: int = 0
    precision: str = "float32"
    train_seconds: float = 0.0
    images_per_second: float = 0.0
    peak_memory_mb: float = 0.0
    backend: str = ""
    device: str = ""
    devices: int = 1
    commit: str = ""
    dirty: bool = False
    packages: str = ""
    date: str = ""

    @property
    def label(self) -> str:
        """Name and tag as they are typed: "dcgan.fashion_mnist"."""
        return f"{self.name}.{self.tag}" if self.tag else self.name

    def with_values(self, **values: Any) -> "Row":
        """Return the row with some values replaced."""
        return dataclasses.replace(self, **values)


COLUMNS = [each.name for each in dataclasses.fields(Row)]
_TYPES = get_type_hints(Row)


def surroundings() -> dict[str, Any]:
    """Return what a row depends on beside its job: code, packages, machine.

    Example:
        >>> surroundings()["backend"]
        'tensorflow'
    """
    told = environment()
    versions = {name: each for name, each in told["versions"].items() if each}
    return {
        "backend": told["backend"],
        "device": backends.device_name()
        or f"{told['cpus']} cores of {told['processor']}",
        "commit": told["commit"] or "",
        "dirty": bool(told["dirty"]),
        "packages": ", ".join(f"{name} {each}" for name, each in versions.items()),
        "date": told["date"],
    }


def append(path: str | Path, rows: Iterable[Row]) -> None:
    """Append rows to a CSV file, which gets its header when it is new.

    They are written in one piece under a lock, so that several runs may share a file.
    A line that a kill has cut is dropped first.

    Raises: `GanzooError` for a file with other columns, or that cannot be written.

    Example:
        >>> append("results.csv", [Row(suite="smoke", name="dcgan")])
    """
    path = Path(path)
    files.writable_folder(path.parent)
    with FileLock(f"{path}.lock"):
        text = _whole_lines(path)
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        if not text:
            writer.writerow(COLUMNS)
        writer.writerows([_written(getattr(row, c)) for c in COLUMNS] for row in rows)
        with files.replacing(path) as temporary:
            temporary.write_text(text + buffer.getvalue(), encoding="utf-8")


def read(*paths: str | Path) -> list[Row]:
    """Return the rows of one or more CSV files, in their order.

    Raises: `GanzooError` for other columns and for values that are none.

    Example:
        >>> read("benchmarks/results/fashion.csv")[0].metric
    """
    return [row for path in paths for row in _read(Path(path))]


def _read(path: Path) -> Iterable[Row]:
    text = _whole_lines(path)
    for number, values in enumerate(csv.DictReader(io.StringIO(text)), 2):
        try:
            yield Row(**{key: _parsed(key, values[key]) for key in COLUMNS})
        except (KeyError, TypeError, ValueError) as error:
            raise GanzooError(
                f"line {number} of {path} is no row of results: {error!r}. Repair or "
                "remove the line."
            ) from error


def _whole_lines(path: Path) -> str:
    if not path.exists():
        return ""
    text = path.read_text(encoding="utf-8")
    text = text[: text.rfind("\n") + 1]
    header = text.partition("\n")[0].split(",")
    if text and header != COLUMNS:
        differing = sorted(set(header) ^ set(COLUMNS)) or ["their order"]
        raise GanzooError(
            f"{path} has other columns than this ganzoo writes ({', '.join(differing)})"
            ". Keep it under another name and start a new file."
        )
    return text


def _written(value: Any) -> str:
    return f"{value:.8g}" if isinstance(value, float) else str(value)


def _parsed(key: str, text: str) -> Any:
    kind = _TYPES[key]
    return text == "True" if kind is bool else kind(text)
