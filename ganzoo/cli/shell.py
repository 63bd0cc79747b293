"""What the commands share: errors in plain words, options, checks of what to write."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from ganzoo import files
from ganzoo.errors import GanzooError

__all__ = ["PlainErrors", "backend_option", "check_writable", "json_option"]

BACKENDS = ("tensorflow", "jax", "torch")


class PlainErrors(click.Group):
    """A group whose errors are one line each; `GANZOO_DEBUG=1` keeps the tracebacks.

    What a user can mend ends with 2, Ctrl-C with 130.
    """

    def invoke(self, ctx):
        if os.environ.get("GANZOO_DEBUG", "0") not in ("", "0"):
            return super().invoke(ctx)
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise  # whoever read has had enough: click ends quietly
        except (GanzooError, OSError, ModuleNotFoundError) as error:
            click.echo(f"ganzoo: error: {_told(error)}", err=True)
            ctx.exit(2)
        except KeyboardInterrupt:
            click.echo("ganzoo: interrupted.", err=True)
            ctx.exit(130)


def _told(error):
    """The error's message as one line."""
    text = str(error)
    if isinstance(error, ModuleNotFoundError):
        if str(error.name).startswith("ganzoo"):
            raise error
        text = f"{error}: install it. The help tells what else can be chosen."
    elif isinstance(error, OSError) and error.filename:
        text = f"{error.filename}: {error.strerror}"
    return " ".join(text.split())


def _use_backend(ctx, parameter, backend):
    """Choose Keras's backend, which it reads when it is imported."""
    if not backend:
        return
    running = "keras" in sys.modules and sys.modules["keras"].config.backend()
    if running and running != backend:
        raise GanzooError(
            f"Keras runs on {running} in this process; {backend} needs a new one."
        )
    os.environ["KERAS_BACKEND"] = backend


backend_option = click.option(
    "--backend",
    type=click.Choice(BACKENDS),
    callback=_use_backend,
    expose_value=False,
    help="What computes.  [default: KERAS_BACKEND, else tensorflow]",
)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="As JSON, for programs."
)


def check_writable(targets: Sequence[Path]) -> None:
    """Make sure that files in one folder can be written, before work goes into them.

    Raises: `GanzooError` for a folder, a write-protected file, a folder without access.
    """
    for target in targets:
        if target.is_dir():
            raise GanzooError(f"{target} is a folder; choose another --out.")
        # It could be replaced all the same; whoever protected it would not like it.
        if target.exists() and not target.stat().st_mode & 0o222:
            raise GanzooError(f"{target} is write-protected; choose another --out.")
    folder = targets[0].absolute().parent
    while not folder.exists():  # what is missing is made once there is a file for it
        folder = folder.parent
    files.writable_folder(folder)
