"""`ganzoo interpolate`, `truncate`, `project`, `directions`: a model's latents."""

import contextlib
from pathlib import Path

import click

from ganzoo.cli.models import stem
from ganzoo.cli.shell import backend_option, check_writable
from ganzoo.errors import GanzooError

__all__ = ["directions", "interpolate", "project", "truncate"]

_FRAMES = 24  # pictures of a projection's film, less where it has fewer steps


def _numbers(kind):
    """A parser of numbers with commas between them."""

    def parse(ctx, parameter, text):
        try:
            return [kind(each) for each in text.split(",")]
        except ValueError:
            raise GanzooError(
                f"{parameter.opts[0]} takes numbers with commas between them, such as "
                f"{parameter.get_default(ctx)}; received {text!r}."
            ) from None

    return parse


def _target(out, endings=(".png", ".gif")):
    """The file to write, before any work is done."""
    path = Path(out).expanduser()
    if path.suffix.lower() not in endings:
        raise GanzooError(f"takes a {' or a '.join(endings)} file, received {out!r}.")
    check_writable([path])
    return path


seed_option = click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Of the latents: the same seed, the same ones.",
)
labels_option = click.option(
    "--label",
    "labels",
    multiple=True,
    help="A class, by name or number: one for all, or one each.  [default: the first]",
)
text_option = click.option(
    "--text",
    "text",
    multiple=True,
    help="What a text-to-image model draws: one for all, or one each.",
)
one_label_option = click.option(
    "--label", help="The class, by name or number.  [default: the first]"
)


# ----------------------------------------------------------------------- interpolate


@click.command()
@click.argument("name")
@click.option(
    "--seeds",
    default="0,1,2,3",
    show_default=True,
    callback=_numbers(int),
    help="Where the path leads through.",
)
@click.option(
    "--steps",
    type=click.IntRange(1),
    default=16,
    show_default=True,
    help="Pictures from one seed to the next.",
)
@labels_option
@text_option
@click.option("--open", "is_open", is_flag=True, help="End at the last seed.")
@click.option("--out", help="A .gif, or a .png grid.  [default: NAME-path.gif]")
@backend_option
def interpolate(name, seeds, steps, labels, text, is_open, out):
    """Go from seed to seed, and back to the first.

    \b
    ganzoo interpolate dcgan --seeds 0,1,2
    ganzoo interpolate cgan --label Sneaker --label Bag --seeds 0,1 --out both.png
    ganzoo interpolate dfgan --text "red apple" --text "green apple" --seeds 7,7
    """
    target = _target(out or f"{stem(name)}-path.gif")
    from ganzoo import hub, latents

    frames = latents.interpolate(
        hub.load(name),
        seeds,
        steps=steps,
        labels=labels or None,
        text=text or None,
        loop=not is_open,
    )
    latents.save(target, frames, columns=0 if target.suffix == ".gif" else steps)
    click.echo(f"wrote {target}: {len(frames)} pictures through {len(seeds)} seeds")


# -------------------------------------------------------------------------- truncate


@click.command()
@click.argument("name")
@click.option(
    "--values",
    default="0.2,0.4,0.6,0.8,1.0",
    show_default=True,
    callback=_numbers(float),
    help="A row each, in (0, 1].",
)
@click.option(
    "--count",
    type=click.IntRange(1),
    default=8,
    show_default=True,
    help="Pictures a row.",
)
@seed_option
@labels_option
@text_option
@click.option("--out", help="A .png or .gif.  [default: NAME-truncation.png]")
@backend_option
def truncate(name, values, count, seed, labels, text, out):
    """Draw the same latents nearer and nearer to the middle.

    \b
    ganzoo truncate dcgan --values 0.3,0.6,1 --count 10
    """
    target = _target(out or f"{stem(name)}-truncation.png")
    from ganzoo import hub, latents

    gan = hub.load(name)
    told = {"labels": labels or None, "text": text or None}
    rows = latents.truncations(gan, seed, values, count, **told)
    # In a film the values pass, and the pictures stand beside each other.
    latents.save(target, rows.swapaxes(0, 1) if target.suffix == ".gif" else rows)
    click.echo(f"wrote {target}: {count} latents at {len(values)} truncations")


# --------------------------------------------------------------------------- project


@click.command()
@click.argument("name")
@click.argument("image", type=click.Path(exists=True, dir_okay=False))
@click.option("--label", help="The class, by name or number.  [default: each is tried]")
@click.option("--text", help="What it shows, for a text-to-image model.")
@click.option(
    "--steps",
    type=click.IntRange(1),
    default=200,
    show_default=True,
    help="Of the descent.",
)
@click.option(
    "--starts",
    type=click.IntRange(1),
    default=8,
    show_default=True,
    help="Random latents to start from.",
)
@seed_option
@click.option("--out", help="A .png.  [default: NAME-found.png]")
@click.option("--gif", help="A .gif of the search.  [default: none]")
@backend_option
def project(name, image, label, text, steps, starts, seed, out, gif):
    """Find the latent that draws a picture, or the nearest to it.

    Written are the picture, as the model could have drawn it, and what was found.

    \b
    ganzoo project dcgan shirt.png --gif search.gif
    ganzoo project cgan shirt.png --label T-shirt/top
    """
    target = _target(out or f"{stem(name)}-found.png", (".png",))
    film = _target(gif, (".gif",)) if gif else None
    import numpy as np

    from ganzoo import hub, latents

    model = hub.load(name)
    with _bar() as progress:
        found = latents.project(
            model,
            image,
            steps=steps,
            labels=label,
            text=text,
            starts=starts,
            seed=seed,
            progress=progress,
        )
    latents.save(target, np.stack([found.target, found.picture]), columns=2)
    click.echo(f"wrote {target}: {_told(model, found)}")
    if film:
        latents.save(film, _search_film(model, found), back=False)
        click.echo(f"wrote {film}")


@contextlib.contextmanager
def _bar():
    """A progress bar where there is a terminal, as a function of the steps."""
    from tqdm import tqdm

    with tqdm(disable=None, unit="step", leave=False) as bar:

        def progress(done, total, distance):
            bar.total = total
            bar.update(done - bar.n)

        yield progress


def _told(gan, found):
    distances = (
        f"distance {found.distance:.4f}, {found.history[0]:.4f} where it started"
    )
    if found.label is None:
        return distances
    names = gan.class_names or range(gan.num_classes)
    return f"{distances}, class {names[found.label]}"


def _search_film(gan, found):
    """(2, n, height, width, channels): the target, and what is drawn at n steps."""
    import numpy as np

    from ganzoo.latents import drawing

    last = int(np.argmin(found.history))
    # The first steps are the longest, so more of them are shown.
    picked = np.unique(np.geomspace(1, last + 1, _FRAMES).astype(int)) - 1
    told = {key: np.repeat(row, len(picked), 0) for key, row in found.told.items()}
    images = drawing.draw_told(gan, found.path[picked], told)
    return np.stack([np.broadcast_to(found.target, images.shape), images])


# ------------------------------------------------------------------------ directions


@click.command()
@click.argument("name")
@click.option(
    "--count", type=click.IntRange(1), default=5, show_default=True, help="A row each."
)
@click.option(
    "--reach",
    type=click.FloatRange(0, min_open=True),
    default=3.0,
    show_default=True,
    help="How far to go to either side.",
)
@click.option(
    "--steps",
    type=click.IntRange(2),
    default=9,
    show_default=True,
    help="Pictures along a direction.",
)
@seed_option
@one_label_option
@click.option("--out", help="A .png or .gif.  [default: NAME-directions.png]")
@backend_option
def directions(name, count, reach, steps, seed, label, out):
    """Move a picture along the directions in which pictures change most.

    \b
    ganzoo directions dcgan --seed 7
    ganzoo directions cgan --count 3 --label Bag --out walk.gif
    """
    target = _target(out or f"{stem(name)}-directions.png")
    import numpy as np

    from ganzoo import hub, latents

    gan = hub.load(name)
    found = latents.directions(gan, count)
    distances = np.linspace(-reach, reach, steps)
    rows = [
        latents.walk(gan, vector, seed, distances=distances, labels=label)[0]
        for vector in found.vectors
    ]
    latents.save(target, np.stack(rows))
    told = ", ".join(f"{strength:.2f}" for strength in found.strengths)
    click.echo(f"wrote {target}: {count} directions, strengths {told}")
