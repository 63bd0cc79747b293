"""`ganzoo cache`: what is kept on this machine."""

import fnmatch
import json
import shutil

import click

from ganzoo import files, paths
from ganzoo.cli.shell import json_option
from ganzoo.errors import GanzooError

__all__ = ["cache"]


@click.group()
def cache():
    """List, verify or clear what is kept: decoded data, and weights.

    It lies in the folder of GANZOO_HOME, else in the user's cache folder.
    """


@cache.command("ls")
@json_option
def list_(as_json):
    """List what is kept, with its size in bytes."""
    rows = [*_data(), *_weights()]
    if as_json:
        return click.echo(json.dumps(rows, indent=2))
    from tabulate import tabulate

    if rows:
        shown = [row | {"bytes": f"{row['bytes']:,}"} for row in rows]
        click.echo(tabulate(shown, headers="keys", colalign=("left", "left", "right")))
    click.echo(f"{_total(rows)} in {paths.home()}")


@cache.command()
@click.option("--remove", is_flag=True, help="Remove the damaged ones.")
def verify(remove):
    """Hold each weight file against the sha256 in its name.

    What is removed is fetched again when it is needed.

    \b
    ganzoo cache verify --remove
    """
    found = _weight_files()
    damaged = [path for path in found if files.sha256_of(path) != path.name[:64]]
    for path in damaged if remove else ():
        path.unlink()
        click.echo(f"removed {path}")
    if damaged and not remove:
        raise GanzooError(
            f"{len(damaged)} of {len(found)} weight files are damaged: "
            f"{', '.join(map(str, damaged))}. Remove them by `ganzoo cache verify "
            "--remove`; they are fetched again when needed."
        )
    click.echo(f"{len(found) - len(damaged)} of {len(found)} weight files are sound")


@cache.command()
@click.argument("pattern", default="*")
def clear(pattern):
    """Remove what matches a glob; all of it by default.

    \b
    ganzoo cache clear
    ganzoo cache clear 'cifar10-*'
    """
    from ganzoo.data import cache as data_cache

    removed = [{"bytes": entry.bytes} for entry in data_cache.clear(pattern)]
    for path in _weight_files(parts=True):
        if fnmatch.fnmatch(path.name.lstrip("."), pattern):
            removed.append({"bytes": path.stat().st_size})
            path.unlink()
    if pattern == "*":  # configs of models that came from an address
        shutil.rmtree(paths.home() / "models", ignore_errors=True)
    click.echo(f"removed {_total(removed)}")


def _data():
    from ganzoo.data import cache as data_cache

    for entry in data_cache.entries():
        kind = "data" if entry.complete else "data, incomplete"
        yield {"kind": kind, "name": entry.name, "bytes": entry.bytes}


def _weights():
    for path in _weight_files(parts=True):
        kind = "weights, incomplete" if path.suffix == ".part" else "weights"
        name = path.name.removeprefix(".")
        yield {"kind": kind, "name": name, "bytes": path.stat().st_size}


def _weight_files(parts=False):
    """The kept weight files, and what broken downloads left if it is asked for."""
    folder = paths.home() / "weights"
    found = sorted(folder.glob("[!.]*.h5"))
    return found + sorted(folder.glob(".*.part")) * parts


def _total(rows):
    count = f"{len(rows)} {'entry' if len(rows) == 1 else 'entries'}"
    return f"{count}, {sum(row['bytes'] for row in rows):,} bytes"
