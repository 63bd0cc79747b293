"""`ganzoo push`: a model to where others load it from."""

from pathlib import Path

import click

from ganzoo.cli.shell import backend_option

__all__ = ["push"]


@click.command()
@click.argument("name")
@click.argument("place")
@click.option("--private", is_flag=True, help="A new repository is for you alone.")
@click.option("--message", help="Of the commit.  [default: variant and images seen]")
@click.option("--licence", help="Of the weights: mit, apache-2.0, cc-by-4.0, ...")
@click.option(
    "--training-state", is_flag=True, help="Push also what training goes on from."
)
@click.option("--overwrite", is_flag=True, help="Replace another model in a folder.")
@backend_option
def push(name, place, **options):
    """Push a model to the Hugging Face Hub, or to a folder that others share.

    PLACE is hf://org/repo[@branch][/folder], a folder, or file:///folder. Weights, card
    and a grid of pictures arrive as a whole. The Hub knows you by HF_TOKEN or
    `hf auth login`.

    \b
    ganzoo push runs/mine hf://me/my-gan --licence mit
    ganzoo push runs/mine hf://me/my-gan@v2 --private
    ganzoo push runs/mine /shared/models/mine
    """
    from ganzoo import hub
    from ganzoo.hub import pushing, sources

    pushing.place_of(place)  # a wrong one is told before a model is built
    alone = Path(name).suffix == ".keras" and "://" not in name
    source = None if alone else sources.find(name)
    where = pushing.push(hub.load(name), place, source=source, **options)
    click.echo(f"pushed to {where}")
    name = place if place.startswith("hf://") else where
    click.echo(f"to load  ganzoo.load({name!r})")
