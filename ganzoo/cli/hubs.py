"""`ganzoo hub`: the listing of a zoo, its check, and a server for a team."""

import ipaddress
import socket
import sys
from pathlib import Path

import click

from ganzoo import paths
from ganzoo.cli.shell import json_option
from ganzoo.errors import GanzooError

__all__ = ["hub"]

_zoo = click.argument(
    "zoo", required=False, type=click.Path(path_type=Path, file_okay=False)
)


@click.group()
def hub():
    """List, check and serve a zoo: a folder of VARIANT/TAG with weights.

    ZOO is ganzoo's own where none is named.
    """


@hub.command()
@_zoo
def index(zoo):
    """Write a zoo's listing, index.json: each tag and file with its sha256.

    \b
    ganzoo hub index
    ganzoo hub index path/to/zoo
    """
    from ganzoo.hub import listing

    zoo = zoo or paths.zoo()
    path = listing.write(zoo)
    click.echo(f"wrote {path}: {_counted(listing.read(zoo))}")


@hub.command()
@_zoo
@json_option
def check(zoo, as_json):
    """Hold every file of a zoo against its listing.

    Each difference is a line: a file that is missing, has another size or sha256, or is
    not listed. Ends with 1 if there is any.

    \b
    ganzoo hub check
    ganzoo hub check path/to/zoo
    """
    import json

    from ganzoo.hub import listing

    zoo = zoo or paths.zoo()
    found = listing.check(zoo)
    if as_json:
        click.echo(json.dumps(found, indent=2))
    else:
        told = _counted(listing.read(zoo))
        click.echo("\n".join(found) or f"{told}: all as {zoo / listing.INDEX} says")
    sys.exit(1 if found else 0)


def _counted(told):
    entries = [each for part in list(told)[1:] for each in told[part].values()]
    files = sum(len(each["files"]) for each in entries)
    parts = (f"{len(told[part])} {part.replace('_', ' ')}" for part in list(told)[1:])
    return ", ".join([*parts, f"{files} files"])


@hub.command()
@_zoo
@click.option("--host", default="127.0.0.1", show_default=True, help="To listen at.")
@click.option("--port", default=8000, show_default=True, help="0 takes a free one.")
@click.option(
    "--certificate",
    type=click.Path(path_type=Path, exists=True),
    help="PEM file, for https://: other machines need it.",
)
@click.option(
    "--key", type=click.Path(path_type=Path, exists=True), help="Of the certificate."
)
def serve(zoo, host, port, certificate, key):
    """Serve a zoo over HTTP, so that a team loads its models by name.

    Prints the line that the others set. ganzoo takes plain http:// from its own machine
    only: for a team give a certificate, or put a server with one in front. Everybody
    who reaches the port can read the zoo. Ctrl-C ends it.

    \b
    ganzoo hub serve
    ganzoo hub serve path/to/zoo --host 0.0.0.0 --certificate zoo.pem --key zoo.key
    """
    from ganzoo.hub import serving

    if bool(certificate) != bool(key):
        raise GanzooError("--certificate and --key go together; give both or neither.")
    tls = (certificate, key) if certificate else ()
    with serving.server(zoo or paths.zoo(), host, port, tls=tls) as made:
        address = _address(host, made.server_port, "https" if tls else "http")
        click.echo(f"export GANZOO_HUB={address}")
        if not tls and not _is_loopback(host):
            click.echo(_PLAIN, err=True)
        try:
            made.serve_forever()
        except KeyboardInterrupt:
            click.echo("stopped", err=True)


_PLAIN = (
    "ganzoo elsewhere takes https:// only: see --certificate, or put it behind one."
)


def _address(host, port, scheme):
    """What others write, who cannot know a machine as "any address"."""
    everywhere = host in ("", "0.0.0.0", "::")
    name = socket.gethostname() if everywhere else host
    return f"{scheme}://{f'[{name}]' if ':' in name else name}:{port}"


def _is_loopback(host):
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
