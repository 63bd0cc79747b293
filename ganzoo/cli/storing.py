"""`ganzoo cache`: what is kept on this machine."""

import fnmatch
import json

import click

from ganzoo import paths
from ganzoo.cli.shell import json_option

__all__ = ["cache"]


@click.group()
def cache():
    """List or clear what is kept: decoded data, and weights.

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
@click.argument("pattern", default="*")
def clear(pattern):
    """Remove what matches a glob; all of it by default.

    \b
    ganzoo cache clear
    ganzoo cache clear 'cifar10-*'
    """
    from ganzoo.data import cache as data_cache

    removed = [{"bytes": entry.bytes} for entry in data_cache.clear(pattern)]
    for row in _weights():
        if fnmatch.fnmatch(row["name"], pattern):
            (paths.home() / "weights" / row["name"]).unlink(missing_ok=True)
            removed.append(row)
    click.echo(f"removed {_total(removed)}")


def _data():
    from ganzoo.data import cache as data_cache

    for entry in data_cache.entries():
        kind = "data" if entry.complete else "data, incomplete"
        yield {"kind": kind, "name": entry.name, "bytes": entry.bytes}


def _weights():
    for path in sorted((paths.home() / "weights").glob("*.h5")):
        yield {"kind": "weights", "name": path.name, "bytes": path.stat().st_size}


def _total(rows):
    count = f"{len(rows)} {'entry' if len(rows) == 1 else 'entries'}"
    return f"{count}, {sum(row['bytes'] for row in rows):,} bytes"
