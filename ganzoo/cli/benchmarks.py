"""`ganzoo evaluate`, `benchmark`, `reproduce`: scores, and how to get them again."""

import sys
from pathlib import Path

import click

from ganzoo.cli.shell import backend_option, json_option

__all__ = ["benchmark", "evaluate", "reproduce"]

METRICS = "fd,kd,prdc"

_runs = click.option(
    "--runs",
    type=click.Path(path_type=Path),
    default=Path("runs"),
    show_default=True,
    help="Folder of the run folders.",
)


def _numbers(context, option, text):
    """Whole numbers parted by commas."""
    try:
        return [int(each) for each in text.split(",") if each]
    except ValueError:
        raise click.BadParameter(f"{text!r} is not like 0,1,2") from None


@click.command()
@click.argument("name")
@click.option("--data", help="Real pictures.  [default: what it was trained on]")
@click.option("--split", default="train", show_default=True, help="Of the data.")
@click.option(
    "--metrics",
    default=METRICS,
    show_default=True,
    help="Of fd, fd_infinity, kd, is, prdc, precision, recall, density, coverage, "
    "authenticity, intra_fd, cas; fid, kid in Inception's space.",
)
@click.option("--network", help="Feature network.  [default: the data set's own]")
@click.option("--count", default=10_000, show_default=True, help="Pictures a seed.")
@click.option(
    "--seeds",
    default="0,1,2",
    show_default=True,
    callback=_numbers,
    help="Sampler seeds: the scores are their means.",
)
@click.option(
    "--neighbours",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also draw pictures beside their nearest training pictures, as a grid.",
)
@json_option
@backend_option
def evaluate(name, data, split, metrics, network, count, seeds, neighbours, as_json):
    """Score a model's pictures against real ones.

    \b
    ganzoo evaluate dcgan
    ganzoo evaluate runs/mine --metrics fd,prdc,authenticity --json
    ganzoo evaluate cgan --metrics cas,intra_fd
    ganzoo evaluate dcgan --neighbours neighbours.png
    """
    from ganzoo import evaluation

    scores = evaluation.evaluate(
        name,
        data,
        [each.strip() for each in metrics.split(",") if each.strip()],
        split=split,
        network=network,
        count=count,
        seeds=seeds,
    )
    click.echo(scores.to_json() if as_json else scores)
    if neighbours:
        evaluation.draw_neighbours(name, neighbours, data)
        click.echo(f"wrote {neighbours}", err=as_json)


class _WithSuites(click.Command):
    """Its help ends with the suites that there are."""

    def format_epilog(self, context, formatter):
        from ganzoo.benchmark import suites

        told = [(name, suites.read(name).title) for name in suites.names()]
        told += [("modes", "Modes found on toy data")]
        told += [("report", "Tables and plots anew")]
        with formatter.section("Suites"):
            formatter.write_dl(told)


@click.command(cls=_WithSuites)
@click.argument("suite")
@click.option("--only", default="", help="Only jobs whose label holds this text.")
@click.option("--list", "listing", is_flag=True, help="Show what is owed, and stop.")
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    default=Path("benchmarks/results"),
    show_default=True,
    help="Folder of the rows, one CSV file a suite.",
)
@_runs
@backend_option
def benchmark(suite, only, listing, results, runs):
    """Train and score a suite; write its rows, tables and plots.

    SUITE is one of those below, a .toml file of your own, or "report": tables and plots
    from the rows that are there. "smoke" takes minutes, others hours: their files begin
    with how many. Stop it when you like: what is finished is kept, the rest goes on
    from where it was.

    \b
    ganzoo benchmark smoke --results my/results
    ganzoo benchmark fashion --only dcgan
    ganzoo benchmark report
    """
    from ganzoo.benchmark import runner, suites

    if listing:
        found = suites.read(suite)
        for job in runner.owed(found, results / f"{found.name}.csv"):
            click.echo(job.label)
        return
    if suite == "modes":
        from ganzoo.benchmark import modes

        modes.run(results, only=only or None, progress=click.echo)
    elif suite != "report":
        runner.run_suite(suite, results, runs, only=only, progress=click.echo)
    _report(results)


def _report(results):
    from ganzoo.benchmark import tables

    for path in tables.write(results, results.parent):
        click.echo(f"wrote {path}")


@click.command()
@click.argument("name")
@click.option(
    "--seeds",
    default="",
    callback=_numbers,
    help="Training seeds.  [default: the recipe's]",
)
@_runs
@backend_option
def reproduce(name, seeds, runs):
    """Train a tag's recipe again and hold its scores against the claim.

    Ends with 1 if a score is more than three spreads worse than claimed.

    \b
    ganzoo reproduce dcgan.fashion_mnist
    ganzoo reproduce dcgan.fashion_mnist --seeds 0,1,2
    """
    from ganzoo.benchmark import reproduce as again

    verbose = "auto" if sys.stdout.isatty() else 2
    told = again.reproduce(
        name, runs, seeds=seeds, verbose=verbose, progress=click.echo
    )
    click.echo(told)
    sys.exit(0 if told.holds else 1)
