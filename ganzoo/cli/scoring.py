"""`ganzoo compare`: trainings held side by side."""

from pathlib import Path

import click

from ganzoo.cli.shell import backend_option

__all__ = ["compare"]


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="RUN_OR_TAG RUN_OR_TAG ...")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("comparison"),
    show_default=True,
    help="Folder of the tables and pictures.",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Of the pictures that tags draw.",
)
@backend_option
def compare(sources, out, seed):
    """Hold runs or tags side by side.

    Shown are their last figures, what differs in their recipes, the curves, and grids
    after equal numbers of images seen.

    \b
    ganzoo compare runs/a runs/b
    ganzoo compare dcgan.fashion_mnist wgan_gp.fashion_mnist runs/mine --out mine
    """
    from ganzoo.benchmark.compare import compare as hold

    folder = hold(sources, out.expanduser(), seed=seed)
    told = (folder / "compare.md").read_text(encoding="utf-8")
    click.echo(told.partition("## Curves")[0])  # what a terminal can show
    for name in ("compare.md", "curves.png", "grids.png"):
        click.echo(f"wrote {folder / name}")
