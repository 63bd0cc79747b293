"""Take into the zoo what benchmarks/gpu/run.py brought home.

    python benchmarks/gpu/take.py out

New rows are appended to benchmarks/results/<suite>.csv, speeds to <suite>_speed.jsonl,
each model becomes a tag. A tag that has other weights is left alone and said so.
"""

import json
import sys
import tempfile
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

import tags  # noqa: E402

from ganzoo import hub, paths, records  # noqa: E402
from ganzoo.benchmark import parcel  # noqa: E402
from ganzoo.benchmark import rows as rows_  # noqa: E402
from ganzoo.errors import GanzooError  # noqa: E402

SPEED = (
    "label device backend precision batch_size kimg train_seconds images_per_second "
    "flops_per_image flops_per_second peak_flops share_of_peak peak_memory_mb"
).split()


@click.command(help=__doc__)
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    default=ROOT / "benchmarks" / "results",
    help="Folder of the committed rows.  [default: this checkout's]",
)
@click.option(
    "--zoo",
    type=click.Path(path_type=Path),
    default=None,
    help="Folder of the tags.  [default: this checkout's]",
)
def main(folder, results, zoo):
    refused = take(folder, results, zoo or paths.zoo())
    for reason in refused:
        click.echo(f"refused: {reason}", err=True)
    sys.exit(1 if refused else 0)


def take(folder, results, zoo):
    """Take what is sound; return why the rest was refused."""
    refused = []
    for taken in (take_rows, take_speeds):
        try:
            click.echo(taken(folder, results))
        except GanzooError as error:
            refused.append(str(error))
    for number in range(1, parcel.BAGS + 1):
        path = folder / f"weights-{number}.zip"
        try:
            models = parcel.read_models(path) if path.exists() else {}
        except GanzooError as error:
            refused.append(str(error))
            continue
        for label, found in models.items():
            try:
                click.echo(take_model(label, found, zoo))
            except (GanzooError, OSError) as error:
                refused.append(f"{label}: {error}")
    return refused


def take_rows(folder, results):
    """Append the rows that are new, each to its suite's file."""
    rows = rows_.read(folder / "rows.csv") if (folder / "rows.csv").exists() else []
    new = []
    for suite in dict.fromkeys(row.suite for row in rows):
        mine = (row for row in rows if row.suite == suite)
        new += parcel.merge_rows(results / f"{suite}.csv", mine)
    return f"{len(new)} of {len(rows)} rows are new"


def take_speeds(folder, results):
    """Append a line a training, with its speed and share of the peak."""
    state = parcel.read_state(folder)
    path = results / f"{state['suite']}_speed.jsonl"
    known = path.read_text("utf-8").splitlines() if path.exists() else []
    told = [json.dumps({key: job[key] for key in SPEED}) for job in state["jobs"]]
    new = [line for line in told if line not in known]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in [*known, *new]), "utf-8")
    return f"{len(new)} of {len(told)} speeds are new"


def take_model(label, found, zoo):
    """Write a model as a tag, if its files make a model that draws."""
    if label.partition(".")[0] not in records.scan():
        raise GanzooError("there is no such variant here.")
    with tempfile.TemporaryDirectory() as place:
        run = Path(place)
        for name, data in found.items():
            (run / name).write_bytes(data)
        try:
            hub.load(run)
            folder = tags.publish(run, label, zoo)
        except (ValueError, KeyError, IndexError, TypeError) as error:
            raise GanzooError(str(error)) from error
    return f"{label}: {'new' if folder else 'there already'}"


if __name__ == "__main__":
    main()
