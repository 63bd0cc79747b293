"""Pack what a machine with a GPU, no network and no TensorFlow needs beside the code.

    python benchmarks/gpu/pack.py --data fashion_mnist --data cifar10_jpeg --out trip

Data sets come out of the prepared tensorflow-datasets folders (GANZOO_DATA), wheels
from the package index.
"""

import importlib.metadata
import shutil
import subprocess
import sys
from pathlib import Path

import click

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from ganzoo.data import encoded  # noqa: E402
from ganzoo.errors import GanzooError  # noqa: E402

# What ganzoo needs beyond numpy, JAX, h5py, Pillow, matplotlib, tqdm, click, tabulate,
# filelock, rich, absl-py, ml-dtypes and packaging, which such machines tend to have.
WHEELS = ("keras", "optree", "namex", "platformdirs", "tomli_w")
PLATFORMS = ("2_28", "2_27", "2_17")


@click.command(help=__doc__)
@click.option("--data", multiple=True, help="A data set; may be given several times.")
@click.option(
    "--wheel",
    "wheels",
    multiple=True,
    help=f"A package, or name==version.  [default: {', '.join(WHEELS)}]",
)
@click.option("--no-wheels", is_flag=True, help="That machine has all packages.")
@click.option("--python", default="3.12", show_default=True, help="That machine's.")
@click.option("--processor", default="x86_64", show_default=True, help="Likewise.")
@click.option("--megabytes", default=62.0, show_default=True, help="The most it holds.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="A folder.")
def main(data, wheels, no_wheels, python, processor, megabytes, out):
    try:
        sizes = pack(
            out,
            data,
            () if no_wheels else [pinned(each) for each in wheels or WHEELS],
            python=python,
            processor=processor,
            megabytes=megabytes,
        )
    except GanzooError as error:
        raise click.ClickException(str(error)) from error
    click.echo(listed(sizes))


def pack(out, data, wheels, *, python="3.12", processor="x86_64", megabytes=62.0):
    """Write the folder; return the bytes of each of its files.

    Raises: `GanzooError` for a folder that holds something else, for wheels that
    cannot be had, and where it does not fit: then the folder is not made.
    """
    building = out.with_name(f".{out.name}.building")
    if out.exists() and any(
        each.name not in ("data", "wheels") for each in out.iterdir()
    ):
        raise GanzooError(
            f"{out} holds other things than a trip; choose another --out."
        )
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    try:
        for name in data:
            encoded.write(name, building / "data" / f"{name.replace('/', '_')}.npz")
        if wheels:
            download(building / "wheels", wheels, python, processor)
        sizes = {
            path.relative_to(building).as_posix(): path.stat().st_size
            for path in sorted(building.rglob("*"))
            if path.is_file()
        }
        if sum(sizes.values()) > 1e6 * megabytes:
            raise GanzooError(
                f"this does not fit into {megabytes:g} MB; leave something out:\n"
                f"{listed(sizes)}"
            )
        shutil.rmtree(out, ignore_errors=True)
        building.rename(out)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return sizes


def pinned(wheel):
    """The version that is installed here, so that both machines run the same."""
    if "=" in wheel:
        return wheel
    try:
        return f"{wheel}=={importlib.metadata.version(wheel)}"
    except importlib.metadata.PackageNotFoundError:
        return wheel


def download(folder, wheels, python, processor):
    """Fetch wheels for that machine, and nothing that they depend on."""
    platforms = [f"--platform=manylinux_{each}_{processor}" for each in PLATFORMS]
    command = [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"),
        *("--only-binary=:all:", f"--python-version={python}", "--implementation=cp"),
        *platforms,
        f"--platform=manylinux2014_{processor}",
        f"--dest={folder}",
        *wheels,
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        told = done.stderr.strip().splitlines()
        raise GanzooError(f"pip could not fetch the wheels: {told[-1] if told else ''}")


def listed(sizes):
    lines = [f"{size / 1e6:8.2f} MB  {name}" for name, size in sizes.items()]
    return "\n".join([*lines, f"{sum(sizes.values()) / 1e6:8.2f} MB  in all"])


if __name__ == "__main__":
    main()
