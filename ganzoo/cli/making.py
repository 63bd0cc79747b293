"""`ganzoo train`, `new`: models of one's own."""

import os
import shlex
import sys
from pathlib import Path

import click

from ganzoo import paths
from ganzoo.cli.shell import backend_option

__all__ = ["new", "train"]


@click.command()
@click.argument("recipe")
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change a value of the recipe; may be given several times.",
)
@click.option(
    "--out", metavar="RUN", help="Run folder.  [default: runs/VARIANT.DATASET]"
)
@click.option("--resume", is_flag=True, help="Go on from the run's last checkpoint.")
@click.option("--tensorboard", is_flag=True, help="Log into RUN/tensorboard as well.")
@backend_option
def train(recipe, overrides, out, resume, tensorboard):
    """Train a model by a recipe.

    RECIPE is a variant (the recipe of its default tag), variant.tag, a .toml file, or
    a folder with a recipe.toml, such as a run's. Lengths are in kimg: thousands of
    images shown. Ctrl-C writes a checkpoint and stops.

    \b
    ganzoo train dcgan --set dataset=fashion_mini --set kimg=50
    ganzoo train dcgan --set dataset=path/to/pictures --set image_size=64
    ganzoo train wgan_gp --set model.channels=64 --set seed=1 --out runs/narrow
    ganzoo train runs/narrow --resume
    """
    from ganzoo.recipe import Recipe

    wanted = Recipe.of(recipe).with_overrides(overrides)
    from ganzoo import training

    run = _run_folder(recipe, out, resume) or training.default_run(wanted)
    # In a log file, a bar that moves would be a line a step.
    verbose = "auto" if sys.stdout.isatty() else 2
    try:
        training.train(
            wanted, run, resume=resume, tensorboard=tensorboard, verbose=verbose
        )
    except KeyboardInterrupt:
        again = shlex.join(["ganzoo", "train", str(run), "--resume"])
        click.echo(f"\nto go on: {again}")
        raise
    click.echo(_summary(run))


def _run_folder(recipe, out, resume):
    """The folder that is asked for: by --out, or by resuming a run of that name."""
    if out:
        return Path(out).expanduser()
    folder = Path(recipe).expanduser()
    # A tag's folder in the zoo has a recipe too, but no samples of a run.
    return folder if resume and (folder / "samples").is_dir() else None


def _summary(run):
    return "\n".join(
        [
            "",
            f"grids    {run / 'samples'}",
            f"film     {run / 'training.gif'}",
            f"weights  {run / paths.WEIGHTS}",
            f"to draw  {shlex.join(['ganzoo', 'sample', str(run)])}",
        ]
    )


@click.command()
@click.argument("name")
@click.option(
    "--into",
    metavar="DIR",
    help="Gets variants/ and zoo/.  [default: ganzoo's checkout, else this folder]",
)
@click.option("--title", default="", help="Of the method.  [default: made of NAME]")
@click.option(
    "--paper", default="", help="Such as arXiv:1511.06434.  [default: unpublished]"
)
@click.option(
    "--year", type=click.IntRange(2014, 2100), help="Of the paper.  [default: this one]"
)
@click.option("--conditional", is_flag=True, help="It learns from labels.")
def new(name, into, year, **details):
    """Write a GAN of your own to start from.

    It is a module and a folder in the zoo: small, complete, and it trains as it is.

    \b
    ganzoo new my_gan --title "My GAN" --paper arXiv:1511.06434 --year 2015
    ganzoo new my_gan --into ~/gans --conditional
    """
    from ganzoo import scaffold

    made = scaffold.write(name, into=into, year=year or 0, **details)
    for path in (made.module, made.recipe, made.card):
        click.echo(f"wrote {path}")
    if made.extra:
        setting = os.pathsep.join(
            filter(None, [os.environ.get("GANZOO_EXTRA"), str(made.extra)])
        )
        click.echo("\nganzoo finds it, in this shell, after")
        click.echo(f"  export GANZOO_EXTRA={shlex.quote(setting)}")
    click.echo(f"\nIt trains as it is; make it yours:\n  ganzoo train {name}")
