"""Train the suite's owed jobs on a machine with a GPU, no network and no TensorFlow.

    python benchmarks/gpu/run.py --minutes 25 --trip trip --out out

Unpacks the trip's wheels and data, then trains in order of worth, each job for its
share of the minutes; scores it; brings OUT up to date. Stop it when you like.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parent.parent.parent


@click.command(help=__doc__)
@click.option("--minutes", type=float, required=True, help="All the time there is.")
@click.option(
    "--trip",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="What pack.py made.  [default: everything is here already]",
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="A folder.")
@click.option("--suite", default="gpu", show_default=True, help="Name or TOML file.")
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    default=ROOT / "benchmarks" / "results",
    help="Folder of the committed rows.  [default: this checkout's]",
)
@click.option(
    "--work",
    type=click.Path(path_type=Path),
    default=Path("runs/gpu-queue"),
    show_default=True,
    help="Folder of run folders; a stopped queue goes on from there.",
)
@click.option(
    "--backend",
    type=click.Choice(["jax", "torch", "tensorflow"]),
    default="jax",
    show_default=True,
    help="What computes.",
)
@click.option("--reserve", default=0.5, show_default=True, help="Minutes to pack.")
@click.option(
    "--beside",
    default=1.0,
    show_default=True,
    help="Minutes a job takes beside its training, until that is known.",
)
def main(minutes, trip, out, suite, results, work, backend, reserve, beside):
    began = time.monotonic()
    prepare(trip, work.absolute(), backend)
    # Only now: the wheels may hold what ganzoo imports.
    from ganzoo.benchmark import queue, suites
    from ganzoo.errors import GanzooError

    try:
        wanted = suites.read(suite)
        there = results / f"{wanted.name}.csv"
        unpack_data(trip, queue.owed_jobs(wanted, there))
        spent = (time.monotonic() - began) / 60
        left = queue.Queue(
            wanted,
            out,
            work,
            there,
            minutes=minutes - spent,
            reserve=reserve,
            beside=beside,
            progress=click.echo,
        ).run()
    except GanzooError as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        sys.exit(130)
    click.echo(f"{len(left)} jobs are still owed; take {out} by benchmarks/gpu/take.py")


def prepare(trip, work, backend):
    """Make ganzoo and the trip's wheels importable, here and in processes to come."""
    os.environ["KERAS_BACKEND"] = backend
    os.environ.setdefault("GANZOO_HOME", str(work / "home"))
    os.environ.setdefault("MPLBACKEND", "agg")
    os.environ.setdefault("TQDM_DISABLE", "1")
    places = [str(ROOT)]
    wheels = sorted((trip / "wheels").glob("*.whl")) if trip else []
    if wheels:
        site = work / "site"
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index"]
        command += ["--no-deps", "--no-compile", "--upgrade", "--target", str(site)]
        subprocess.run([*command, *map(str, wheels)], check=True)
        places.append(str(site))
    sys.path[:0] = places
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([*places, *([before] if before else [])])


def unpack_data(trip, jobs):
    """Decode the trip's data sets in each shape that the jobs will ask for."""
    from ganzoo.data import encoded

    for path in sorted((trip / "data").glob("*.npz")) if trip else []:
        shapes = {(0, 0)}
        for recipe in (job.recipe for job in jobs):
            if recipe.dataset.replace("/", "_") == path.stem and recipe.image_size:
                shapes.add((recipe.image_size, recipe.channels))
                # Scores ask for the model's size and its number of channels.
                shapes |= {(recipe.image_size, recipe.channels or c) for c in (1, 3)}
        for image_size, channels in sorted(shapes):
            encoded.unpack(path, image_size, channels)
        click.echo(f"unpacked {path.stem}")


if __name__ == "__main__":
    main()
