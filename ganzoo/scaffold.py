"""A new variant to start from: its module, and its folder in the zoo."""

import keyword
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from string import Template

from ganzoo import files, paths, registry
from ganzoo.errors import GanzooError

__all__ = ["Scaffold", "write"]

_PACKAGE = Path(__file__).resolve().parent
_TEMPLATES = _PACKAGE / "templates"
_TAG = "fashion_mini"  # what the scaffold's recipe learns from
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_LONGEST = 70  # characters of a title or paper, so that lines stay below 88


@dataclass(frozen=True)
class Scaffold:
    """What `write` has written, and what it takes for ganzoo to see it.

    `extra` is the folder that `GANZOO_EXTRA` must name, None where nothing is needed.
    """

    module: Path
    recipe: Path
    card: Path
    extra: Path | None


def write(
    name: str,
    *,
    into: str | os.PathLike | None = None,
    title: str = "",
    paper: str = "",
    year: int = 0,
    conditional: bool = False,
) -> Scaffold:
    """Write a small GAN that trains: `variants/<name>.py` and `zoo/<name>`.

    Args:
        name: of the variant and its module: a-z, 0-9 and _, not taken yet.
        into: the folder that gets `variants` and `zoo`; ganzoo's own in a checkout,
            else the current folder, by default.
        title: name of the method, up to 70 characters; made of `name` by default.
        paper: where it was published, such as "arXiv:1511.06434".
        year: of publication; this year by default.
        conditional: whether it learns from labels.

    Existing files are never overwritten: all files are written, or none.

    Raises: `GanzooError` for names that are taken or cannot be a module's, files that
    exist, and folders that cannot be written.

    Example:
        >>> write("my_gan", into="mine", paper="arXiv:1511.06434", year=2015).module
        PosixPath('mine/variants/my_gan.py')
    """
    _check_name(name)
    values = {
        "name": name,
        "title": _one_line("title", title or _title_of(name)),
        "paper": _one_line("paper", paper or "unpublished"),
        "year": year or date.today().year,
        "class_name": _class_name(name),
    }
    made = _places(name, into)
    template = "conditional.py.txt" if conditional else "variant.py.txt"
    # The module comes last: with it the variant is listed.
    _write_all(
        {
            made.recipe: _filled("recipe.toml.txt", values),
            made.card: _filled("card.md.txt", values),
            made.module: _filled(template, values),
        }
    )
    return made


def _check_name(name):
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise GanzooError(
            "a variant's name is a module's name: a-z, 0-9 and _, a letter first, no "
            f"word of Python's own; received {name!r}. {_suggestion(name)}"
        )
    if name in registry.list_models():
        raise GanzooError(
            f"the variant {name!r} exists: {registry.info(name).module}. Choose "
            f"another name, such as {name}_2."
        )


def _suggestion(name):
    """A name near to this one that would do."""
    plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    plain = re.sub(r"^(?=[0-9])", "gan_", plain)
    if not plain or keyword.iskeyword(plain):
        plain = f"{plain or 'my'}_gan"
    return f"Accepted would be {plain!r}."


def _title_of(name):
    """my_gan -> My GAN."""
    words = ["GAN" if word == "gan" else word for word in name.split("_") if word]
    return " ".join([words[0][0].upper() + words[0][1:], *words[1:]])


def _class_name(name):
    """my_gan -> MyGAN, tiny -> TinyGAN: never GAN, which the module imports."""
    words = name.removesuffix("gan").split("_")
    return "".join(word.capitalize() for word in words) + "GAN"


def _one_line(what, text):
    if len(text) > _LONGEST or re.search(r"[\"\\]", text) or not text.isprintable():
        raise GanzooError(
            f"the {what} is one line of at most {_LONGEST} characters without "
            f'" and \\, received {text!r}. It can be edited in the module later.'
        )
    return text.strip().rstrip(".")


def _places(name, into) -> Scaffold:
    checkout = _PACKAGE.parent
    is_checkout = (checkout / "setup.cfg").is_file() and (checkout / "zoo").is_dir()
    if into is None and is_checkout:
        variants, zoo, extra = _PACKAGE / "variants", checkout / "zoo", None
    else:
        extra = Path(into or ".").expanduser().absolute()
        variants, zoo = extra / "variants", extra / "zoo"
        if variants in paths.variant_dirs():
            extra = None
    tag = zoo / name / _TAG
    return Scaffold(
        variants / f"{name}.py", tag / "recipe.toml", zoo / name / "card.md", extra
    )


def _filled(template, values):
    text = (_TEMPLATES / template).read_text(encoding="utf-8")
    return Template(text).substitute(values)


def _write_all(texts: dict[Path, str]) -> None:
    if existing := [str(path) for path in texts if os.path.lexists(path)]:
        raise GanzooError(
            f"{', '.join(existing)} would be overwritten. Move it away, or choose "
            "another name."
        )
    written = []
    try:
        for path, text in texts.items():
            with files.replacing(path) as temporary:
                temporary.write_text(text, encoding="utf-8")
            written.append(path)
    except GanzooError:
        for path in written:
            with suppress(OSError):
                path.unlink()
        raise
