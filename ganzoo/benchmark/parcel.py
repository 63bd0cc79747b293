"""What a queue of trainings brings home: at most eight files, and how they are read.

rows.csv                    the scores
queue.json                  of each job: status, speed, arithmetic, share of the peak
grids.png                   all models' pictures, with their names
log.txt
weights-1.zip .. -4.zip     models: a folder each, named variant.tag
"""

import hashlib
import io
import json
import operator
import shutil
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ganzoo import files, hub, pictures
from ganzoo.benchmark import rows as rows_
from ganzoo.benchmark.halves import halved
from ganzoo.benchmark.rows import Row
from ganzoo.errors import GanzooError
from ganzoo.paths import WEIGHTS

__all__ = [
    "BAGS",
    "LIMIT",
    "MODEL_FILES",
    "keep_model",
    "merge_rows",
    "read_all_models",
    "read_models",
    "read_state",
    "write",
]

BAGS, LIMIT = 4, 15_000_000  # zip files, and bytes in each
LARGEST = 64_000_000  # bytes of one unpacked file: more is no model of this zoo
ROWS, STATE, LOG, GRIDS = "rows.csv", "queue.json", "log.txt", "grids.png"
MODEL_FILES = (
    WEIGHTS,
    "config.json",
    "recipe.toml",
    "metrics.jsonl",
    "environment.json",
    "samples.png",
)
_KEY = ("suite", "name", "tag", "dataset", "split", "seed", "recipe_hash", "metric")
_MOMENT = ("checkpoint", "kimg")


# -------------------------------------------------------------------------- models


def keep_model(run: str | Path, folder: str | Path, *, device: str = "") -> int:
    """Write a finished run as a model folder: half-precision weights, grid, origin.

    Returns the largest difference of a pixel, in grey levels, that half precision
    makes. The folder is there as a whole or not at all.

    Example:
        >>> keep_model("runs/gpu-dcgan-seed0", "models/dcgan.mnist")
    """
    run, folder = Path(run), Path(folder)
    building = folder.with_name(f".{folder.name}.building")
    for old in (building, folder):
        shutil.rmtree(old, ignore_errors=True)
    building.mkdir(parents=True)
    gan = hub.load(run)
    halved(run / WEIGHTS, building / WEIGHTS)
    hub.write_config(gan, building, **_origin(run))
    for name in ("recipe.toml", "metrics.jsonl"):
        shutil.copyfile(run / name, building / name)
    environment = json.loads((run / "environment.json").read_text("utf-8"))
    text = json.dumps(environment | {"device": device}, indent=2)
    (building / "environment.json").write_text(text + "\n", "utf-8")
    difference = _draw(gan, building)
    building.rename(folder)
    return difference


def _origin(run):
    config = json.loads((run / "config.json").read_text("utf-8"))
    return {"kimg": config["kimg"], "trained_sha256": config["weights"]["sha256"]}


def _draw(gan, folder):
    """The grid of the half-precision model; its largest distance from the other."""
    count = 10 * gan.num_classes or 100
    half = hub.load(folder).generate(count, seed=0)
    path = folder / "samples.png"
    pictures.save_grid(path, half, columns=10, scale=2, texts=gan.captions)
    exact = gan.generate(count, seed=0)
    return int(np.abs(exact.astype(int) - half.astype(int)).max())


def read_models(path: str | Path) -> dict[str, dict[str, bytes]]:
    """Return the models in a zip file: "variant.tag" -> file name -> bytes.

    Raises: `GanzooError` for a file that is damaged, that has members other than
    `variant.tag/<file of a model>`, or whose weights are not as its config says.

    Example:
        >>> list(read_models("out/weights-1.zip"))
    """
    path, models = Path(path), {}
    try:
        with zipfile.ZipFile(path) as bag:
            for member in bag.infolist():
                label, name = _checked_member(path, member)
                models.setdefault(label, {})[name] = bag.read(member)
    except (OSError, zipfile.BadZipFile, EOFError, RuntimeError) as error:
        raise GanzooError(f"{path} is damaged: {error}. Fetch it again.") from error
    for label, found in models.items():
        _check_model(path, label, found)
    return models


def read_all_models(out: str | Path) -> dict[str, dict[str, bytes]]:
    """Return the models in all zip files of a parcel; raises as `read_models` does."""
    paths = (Path(out) / f"weights-{number}.zip" for number in range(1, BAGS + 1))
    found = {}
    for path in paths:
        found |= read_models(path) if path.exists() else {}
    return found


def _checked_member(path, member):
    """The member's model and file name, both plain."""
    label, slash, name = member.filename.partition("/")
    plain = label.replace(".", "").replace("_", "").isalnum() and label[:1].isalpha()
    if not (slash and plain and name in MODEL_FILES and label.count(".") == 1):
        raise GanzooError(
            f"{path} has a member that is no file of a model: {member.filename!r}. "
            "Nothing of it was taken."
        )
    if member.file_size > LARGEST:
        raise GanzooError(f"{path}: {member.filename!r} is larger than any model.")
    return label, name


def _check_model(path, label, found):
    missing = [name for name in MODEL_FILES if name not in found]
    if missing:
        raise GanzooError(f"{path}: {label} lacks {', '.join(missing)}.")
    try:
        wanted = json.loads(found["config.json"])["weights"]["sha256"]
    except (ValueError, KeyError, TypeError) as error:
        raise GanzooError(f"{path}: the config of {label} is damaged.") from error
    if hashlib.sha256(found[WEIGHTS]).hexdigest() != wanted:
        raise GanzooError(
            f"{path}: the weights of {label} are damaged: their sha256 is not {wanted}."
        )


# ----------------------------------------------------------------------- the folder


def write(work: str | Path, out: str | Path, jobs: Iterable[Mapping]) -> list[dict]:
    """Write the parcel of a work folder; return what it says of each job.

    Args:
        work: holds `rows.csv`, `log.txt`, `queue.json`, and `models/<slug>` of each
            job: a model's files, or its grid alone.
        out: each file is replaced as a whole, the rows last: a job that has rows here
            has all the rest here.
        jobs: what is known of them, in the order in which they were finished.

    The `weights` of a job is then the zip file that holds its model: "" for those that
    are not to be published, and for those for which there was no room.

    Example:
        >>> write("runs/gpu-queue", "out", jobs)
    """
    work, out = Path(work), files.writable_folder(out)
    told = [dict(job) for job in jobs]
    bags = _bags(work, told)
    for number in range(1, BAGS + 1):
        path = out / f"weights-{number}.zip"
        if bags[number - 1]:
            _replace(path, bags[number - 1])
        else:
            path.unlink(missing_ok=True)
    sheet = pictures.contact_sheet(
        {job["label"]: work / "models" / job["slug"] / "samples.png" for job in told}
    )
    if sheet is not None:
        _replace(out / GRIDS, sheet)
    state = json.loads((work / STATE).read_text("utf-8")) | {"jobs": told}
    _replace(out / STATE, (json.dumps(state, indent=1) + "\n").encode())
    for name in (LOG, ROWS):
        if (work / name).exists():
            _replace(out / name, (work / name).read_bytes())
    return told


def read_state(out: str | Path) -> dict[str, Any]:
    """Return what `queue.json` of a parcel says.

    Raises: `GanzooError` where it is missing or damaged.
    """
    path = Path(out) / STATE
    try:
        state = json.loads(path.read_text("utf-8"))
        for job in state["jobs"]:
            operator.itemgetter("slug", "label", "name", "tag", "weights")(job)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise GanzooError(f"{path} is missing or damaged: {error!r}.") from error
    return state


def merge_rows(path: str | Path, rows: Iterable[Row]) -> list[Row]:
    """Append the rows that a CSV file has not yet; return them.

    Two rows are one result if model, data, seed, recipe, metric and moment agree.

    Example:
        >>> merge_rows("benchmarks/results/gpu.csv", rows.read("out/rows.csv"))
    """
    path = Path(path)
    known = {_identity(row) for row in (rows_.read(path) if path.exists() else [])}
    new = {_identity(row): row for row in rows if _identity(row) not in known}
    if new:
        rows_.append(path, new.values())
    return list(new.values())


def _bags(work, jobs):
    """The zip files' bytes; says in each job which one holds its weights."""
    packed, sizes = [[] for _ in range(BAGS)], [0] * BAGS
    for job in jobs:
        folder = work / "models" / job["slug"]
        job["weights"] = ""
        if not (job["publish"] and (folder / WEIGHTS).exists()):
            continue
        members = [(name, (folder / name).read_bytes()) for name in MODEL_FILES]
        # Local header, central entry and both names: under 300 bytes a member.
        size = sum(len(data) + 300 for _, data in members)
        place = next((i for i in range(BAGS) if sizes[i] + size < LIMIT), None)
        if place is not None:
            sizes[place] += size
            label = f"{job['name']}.{job['tag']}"
            packed[place] += [(f"{label}/{name}", data) for name, data in members]
            job["weights"] = f"weights-{place + 1}.zip"
    return [_zipped(members) if members else b"" for members in packed]


def _zipped(members):
    """Stored, for the weights are compressed already; the same bytes at each call."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as bag:
        for name, data in members:
            bag.writestr(zipfile.ZipInfo(name), data)
    return buffer.getvalue()


def _identity(row):
    return tuple(getattr(row, key) for key in (*_KEY, *_MOMENT))


def _replace(path, data):
    if path.exists() and path.read_bytes() == data:
        return
    with files.replacing(path) as temporary:
        temporary.write_bytes(data)
