"""What the sources of variants and the folders of the zoo say, as plain records.

Nothing is imported to learn it: the arguments of `@register(...)` are read from the
source with `ast`, so that a listing is pure data and loads no backend.
"""

import ast
import functools
import json
import re
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ganzoo import paths
from ganzoo.errors import GanzooError, unknown

__all__ = ["TASKS", "Tag", "Variant", "scan", "tag_folders"]

TASKS = ("image", "text-to-image", "image-to-image", "attribute-editing", "molecule")

_NAME = re.compile(r"[a-z][a-z0-9_]*")
# From the decorator to its class: all of a module that a listing needs to parse.
_DECORATED = re.compile(
    r"^@(?:\w+\.)*register\(.*?^(?=class )", re.MULTILINE | re.DOTALL
)

_HEAD = re.compile(r"\A---\n.*?\n---\n\s*", re.DOTALL)


@dataclass(frozen=True)
class Variant:
    """What the registry knows of a variant without importing it.

    Example:
        >>> ganzoo.info("dcgan").paper
        'arXiv:1511.06434'
    """

    name: str
    title: str
    paper: str
    year: int
    tasks: Sequence[str] = ("image",)
    conditional: bool = False
    default_tag: str = ""
    module: str = ""

    def __post_init__(self):
        tasks = [self.tasks] if isinstance(self.tasks, str) else self.tasks
        object.__setattr__(self, "tasks", tuple(tasks))
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise GanzooError(
                "a variant's name is made of a-z, 0-9 and _, and starts with a "
                f"letter; received {self.name!r}."
            )
        for task in self.tasks:
            if task not in TASKS:
                raise unknown("task", task, TASKS)

    @property
    def tags(self) -> list[str]:
        """The tags of this variant, the default one first."""
        return sorted(tag_folders(self.name), key=lambda tag: tag != self.default_tag)

    def __str__(self):
        return _table(
            {
                "name": self.name,
                "title": self.title,
                "paper": f"{self.paper} ({self.year})",
                "tasks": ", ".join(self.tasks),
                "labels": "yes" if self.conditional else "no",
                "tags": ", ".join(self.tags) or "none yet",
                "module": self.module,
            }
        )


@dataclass(frozen=True)
class Tag:
    """A tag: its folder in the zoo, its published config, and its recipe.

    `config` is what `config.json` holds, empty while no weights are published; `recipe`
    is what `recipe.toml` holds.
    """

    name: str
    folder: Path
    config: dict
    recipe: dict

    @classmethod
    def read(cls, name: str, folder: Path) -> "Tag":
        """Return the record of the tag in a folder of the zoo.

        Raises: `GanzooError` for a file that cannot be read.
        """
        config = _read(folder / "config.json", json.loads)
        recipe = _read(folder / "recipe.toml", tomllib.loads)
        return cls(name, folder, config, recipe)

    @property
    def variant(self) -> str:
        """The name of the variant that it is a tag of."""
        return self.name.partition(".")[0]

    @property
    def card(self) -> str:
        """The card as it is published, without its head of YAML; "" where none is."""
        path = self.folder / "card.md"
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        return _HEAD.sub("", text)

    @property
    def listing(self) -> dict:
        """What its zoo's `index.json` says of it, {} where it is not listed.

        Raises: `GanzooError` for a listing that cannot be read.
        """
        index = _read(self.folder.parents[1] / "index.json", json.loads)
        return index.get("tags", {}).get(self.name, {})

    def __str__(self):
        weights = "published" if self.config else "not published yet"
        return "\n".join(
            [
                _table({"name": self.name, "weights": weights, "folder": self.folder}),
                *_section("config", self.config),
                *_section("recipe", self.recipe),
            ]
        )


def tag_folders(variant: str, *, pretrained: bool = False) -> dict[str, Path]:
    """Return a variant's folders in the zoos by tag: all, or those with weights.

    Example:
        >>> list(tag_folders("dcgan"))
        ['fashion_mnist']
    """
    marks = ("config.json",) if pretrained else ("config.json", "recipe.toml")
    found: dict[str, Path] = {}
    for zoo in paths.zoos():
        for path in sorted((zoo / variant).glob("*/*")):
            if path.name in marks:
                found.setdefault(path.parent.name, path.parent)
    return found


def scan() -> dict[str, Variant]:
    """Return the variants of all folders by name, without importing any.

    Raises: `GanzooError` for unreadable registrations and names given twice.

    Example:
        >>> scan()["dcgan"].year
        2015
    """
    found: dict[str, Variant] = {}
    files: dict[str, Path] = {}
    for file in _modules():
        stamp = file.stat()
        for record in _parse(file, stamp.st_mtime_ns, stamp.st_size):
            if record.name in found:
                raise GanzooError(
                    f"two files register the variant {record.name!r}: "
                    f"{files[record.name]} and {file}. Rename or remove one."
                )
            found[record.name], files[record.name] = record, file
    return found


def _modules() -> Iterator[Path]:
    stems: dict[str, Path] = {}
    for folder in paths.variant_dirs():
        for file in sorted(folder.glob("[a-z]*.py")):
            if stems.setdefault(file.stem, file) != file:
                raise GanzooError(
                    f"two modules of variants are named {file.stem!r}: "
                    f"{stems[file.stem]} and {file}. Rename one."
                )
            yield file


@functools.lru_cache(maxsize=256)
def _parse(file: Path, mtime_ns: int, size: int) -> tuple[Variant, ...]:
    """The variants that a file registers; its time and size say when to read again."""
    text = file.read_text(encoding="utf-8")
    try:
        return tuple(
            Variant(**keywords, module=f"ganzoo.variants.{file.stem}")
            for found in _DECORATED.finditer(text)
            for keywords in _keywords(found[0])
        )
    except (SyntaxError, TypeError, ValueError) as error:
        raise GanzooError(
            f"the @register(...) of {file} cannot be read: {error} Its arguments must "
            "be literals: name, title=, paper=, year=, and what else register() takes."
        ) from error


def _keywords(decorators: str) -> Iterator[dict]:
    """The literal arguments of each register(...) above a class."""
    for call in ast.parse(f"{decorators}class _: pass").body[0].decorator_list:
        if isinstance(call, ast.Call) and _last_name(call.func) == "register":
            given = [ast.literal_eval(each) for each in call.args]
            named = {each.arg: ast.literal_eval(each.value) for each in call.keywords}
            yield dict(zip(["name"][: len(given)], given, strict=True)) | named


def _last_name(function):
    return ast.unparse(function).rpartition(".")[2]


def _read(path: Path, parse: Callable[[str], dict]) -> dict:
    if not path.is_file():
        return {}
    try:
        return parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise GanzooError(f"{path} cannot be read: {error}.") from error


def _table(rows: dict) -> str:
    return "\n".join(f"{key:<12}{value}" for key, value in rows.items())


def _section(title, values: dict, prefix="") -> Iterator[str]:
    """The lines of a nested dict, each with its dotted key."""
    if title and values:
        yield f"\n{title}"
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _section("", value, f"{prefix}{key}.")
        else:
            yield f"  {prefix + key:<28}{value}"
