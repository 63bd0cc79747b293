"""The command line. What is heavy is imported inside the command that needs it."""

import os

import click

from ganzoo import __version__
from ganzoo.cli import (
    benchmarks,
    hubs,
    latents,
    making,
    models,
    pushing,
    scoring,
    storing,
)
from ganzoo.cli.shell import PlainErrors

__all__ = ["main"]


@click.group(cls=PlainErrors, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ganzoo", message="%(prog)s %(version)s")
def main():
    """Generative adversarial networks in Keras, trained and ready to use.

    \b
    ganzoo list                        what there is; * marks weights that are here
    ganzoo sample dcgan                a grid of pictures, dcgan.png
    ganzoo train dcgan --set kimg=50   one of your own, in runs/
    ganzoo evaluate runs/mine          its scores

    NAME is a variant (its default tag is meant), variant.tag, a run folder or another
    folder with a model's config.json, a .keras file, or an address: hf://org/repo,
    https://host/folder.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


for command in (
    models.list_,
    models.info,
    models.sample,
    models.export,
    latents.interpolate,
    latents.truncate,
    latents.project,
    latents.directions,
    pushing.push,
    making.train,
    making.new,
    benchmarks.evaluate,
    benchmarks.benchmark,
    benchmarks.reproduce,
    scoring.compare,
    storing.cache,
    hubs.hub,
):
    main.add_command(command)
