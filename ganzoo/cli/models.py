"""`ganzoo list`, `info`, `sample`, `export`: the models that are there."""

import json
import os
from dataclasses import asdict
from pathlib import Path

import click

from ganzoo import paths, registry
from ganzoo.cli.shell import backend_option, check_writable, json_option
from ganzoo.errors import GanzooError
from ganzoo.records import TASKS, Tag

__all__ = ["export", "info", "list_", "sample", "stem"]

FORMATS = ("tf_saved_model", "onnx", "openvino", "litert", "torch")


# ------------------------------------------------------------------------ list, info


@click.command("list")
@click.argument("pattern", default="*")
@click.option("--task", type=click.Choice(TASKS), help="Only what does this.")
@click.option("--pretrained", is_flag=True, help="Only tags with published weights.")
@json_option
def list_(pattern, task, pretrained, as_json):
    """List the variants, or the tags, that match a glob.

    A PATTERN with a dot lists tags: trained, or with a recipe to train by.

    \b
    ganzoo list '*gan*'
    ganzoo list 'dcgan.*'
    ganzoo list --task image --pretrained
    """
    names = registry.list_models(pattern, task=task, pretrained=pretrained)
    rows = [_row(name) for name in names]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    elif not rows:
        click.echo(f"nothing matches {pattern!r}; `ganzoo list` shows all.")
    else:
        click.echo(_listing(rows))


def _row(name):
    """What the listing says of a variant, or of one tag."""
    variant, _, tag = name.partition(".")
    record = registry.info(variant)
    tags = [tag] if tag else record.tags
    return {
        "name": name,
        "title": record.title,
        "year": record.year,
        "paper": record.paper,
        "tasks": list(record.tasks),
        "labels": record.conditional,
        "tags": {each: _state(f"{variant}.{each}") for each in tags},
    }


def _state(name):
    """Whether the weights of a tag are "here", "published" or "none"."""
    tag = registry.info(name)
    if not tag.config:
        return "none"
    digest = tag.config.get("weights", {}).get("sha256")
    places = (tag.folder / paths.WEIGHTS, paths.cached_weights(digest))
    here = any(path.exists() for path in places)
    return "here" if here else "published"


def _listing(rows):
    from tabulate import tabulate

    table = tabulate([_cells(row) for row in rows], headers="keys")
    if any("here" in row["tags"].values() for row in rows):
        table += "\n\n* its weights are here: ganzoo sample NAME.TAG"
    return table


def _cells(row):
    marks = (tag + "*" * (state == "here") for tag, state in row["tags"].items())
    return row | {
        "tasks": ", ".join(row["tasks"]),
        "labels": "yes" if row["labels"] else "no",
        "tags": " ".join(marks) or "none yet",
    }


@click.command()
@click.argument("name")
@json_option
def info(name, as_json):
    """Show what is known of a variant, or the card of a tag.

    As JSON, a tag is its config, its recipe, and its entry in the zoo's listing.

    \b
    ganzoo info dcgan
    ganzoo info dcgan.fashion_mnist
    """
    record = registry.info(name)
    is_tag = isinstance(record, Tag)
    if not as_json:
        return click.echo(_card(record) if is_tag and record.card else record)
    more = {"listing": record.listing} if is_tag else {"tags": record.tags}
    values = asdict(record) | more
    click.echo(json.dumps(values, indent=2, default=str))


def _card(tag):
    """The card, its grid by the path that it has here."""
    place = tag.folder / "samples.png"
    return tag.card.replace("![samples](samples.png)", f"samples: {place}").rstrip()


# ---------------------------------------------------------------------------- sample


@click.command()
@click.argument("name")
@click.option(
    "--count",
    type=click.IntRange(1),
    help="Pictures.  [default: 16, or one a text]",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="The same seed draws the same pictures.",
)
@click.option(
    "--label",
    "labels",
    multiple=True,
    help="A class, by name or number; several take turns.  [default: all do]",
)
@click.option(
    "--text",
    "text",
    multiple=True,
    help="What a text-to-image model is to draw; several take turns.",
)
@click.option(
    "--truncation",
    type=click.FloatRange(0, 1, min_open=True),
    help="Below 1: likelier pictures, less varied.  [default: none]",
)
@click.option("--out", help="A .png, or a FOLDER/ for one each.  [default: NAME.png]")
@click.option(
    "--columns", type=click.IntRange(0), default=0, help="[default: about square]"
)
@backend_option
def sample(name, count, seed, labels, text, truncation, out, columns):
    """Draw pictures with a trained model.

    \b
    ganzoo sample dcgan --count 64 --seed 7
    ganzoo sample cgan --label Sneaker --label Bag --columns 2
    ganzoo sample dfgan --text "red apple" --text "green apple"
    ganzoo sample runs/dcgan.fashion_mini --out pictures/

    Below pictures of texts the texts are written.
    """
    count = count or len(text) or 16
    apart = bool(out) and (out.endswith(("/", os.sep)) or Path(out).is_dir())
    targets = _targets(out or f"{stem(name)}.png", count if apart else 0)
    check_writable(targets)
    from ganzoo import hub, pictures

    gan = hub.load(name)
    wanted = [labels[i % len(labels)] for i in range(count)] if labels else None
    images = gan.generate(
        count, seed=seed, labels=wanted, text=text or None, truncation=truncation
    )
    if not apart:
        below = text or gan.captions
        pictures.save_grid(targets[0], images, columns=columns, texts=below)
        return click.echo(f"wrote {targets[0]}: {count} pictures of seed {seed}")
    for target, image in zip(targets, images, strict=True):
        pictures.save_grid(target, image[None], scale=1)
    click.echo(f"wrote {targets[0]} to {targets[-1].name}: {count} of seed {seed}")


def _targets(out, count):
    """The files to write: the grid's, or those of `count` single pictures."""
    path = Path(out).expanduser()
    if count:
        return [path / f"{i:05d}.png" for i in range(count)]
    if path.suffix.lower() != ".png":
        raise GanzooError(
            "--out takes a .png file for a grid, or a folder, ending in /, for one "
            f"file a picture; received {out!r}."
        )
    return [path]


def stem(name):
    """What a model's pictures are called: runs/mine -> mine, dcgan.mnist as it is."""
    path = Path(name).resolve()
    return path.stem if path.suffix == ".keras" else path.name


# ---------------------------------------------------------------------------- export


@click.command()
@click.argument("name")
@click.option(
    "--format",
    type=click.Choice(FORMATS),
    default="tf_saved_model",
    show_default=True,
    help="Some need a package of their own, or a certain backend.",
)
@click.option("--out", required=True, help="File or folder to write, not there yet.")
@backend_option
def export(name, format, out):
    """Export a generator for other programs.

    It is the averaged one, from latents (and labels) to images in [-1, 1].

    \b
    ganzoo export dcgan --out dcgan_saved_model
    ganzoo export dcgan --format onnx --out dcgan.onnx
    """
    target = Path(out).expanduser()
    if target.exists():
        raise GanzooError(f"{out} exists. Remove it, or choose another --out.")
    check_writable([target])
    from ganzoo import hub

    hub.load(name).export(target, format=format, verbose=False)
    click.echo(f"wrote {out}")
