"""Recipe: all that determines a training run, as one frozen dataclass.

In the zoo and in every run folder it is a TOML file, `recipe.toml`:

    variant = "dcgan"
    dataset = "fashion_mnist"
    kimg = 600.0

    [model]
    loss = "non_saturating"
    penalties = [{name = "r1", gamma = 1.0}]
"""

import dataclasses
import hashlib
import json
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_type_hints

import tomli_w

from ganzoo import files, registry
from ganzoo.errors import GanzooError, unknown

__all__ = ["FILE_NAME", "PRECISIONS", "Recipe"]

FILE_NAME = "recipe.toml"
PRECISIONS = ("float32", "mixed_bfloat16")

# Keys that say how long a run goes on and what it leaves behind, not which run it is.
_INCIDENTAL = {"kimg", "sample_kimg", "checkpoint_kimg", "checkpoint_minutes", "claim"}
_WORDS = {
    bool: "true or false",
    dict: "a table",
    float: "a number",
    int: "a whole number",
    str: "a text",
}


@dataclass(frozen=True)
class Recipe:
    """All that determines a training run.

    Args:
        variant: name of the model, out of `ganzoo.list_models()`.
        dataset: what `ganzoo.data.load` takes: a name, or a folder of images.
        split: part of the dataset to learn from, such as "train" or "train[:1000]".
        image_size: height and width in pixels; 0 keeps the dataset's own.
        channels: 1 for grey, 3 for colour; 0 keeps the dataset's own.
        batch_size: images in a step, over all devices, at least 1.
        kimg: length of the run, in thousands of images shown.
        seed: seed of the weights, the order of the data and all noise, at least 0.
        precision: "float32" or "mixed_bfloat16".
        sample_kimg: thousands of images between two sample grids.
        checkpoint_kimg: thousands of images between two checkpoints.
        checkpoint_minutes: minutes after which a checkpoint is due in any case.
        model: keyword arguments of the variant.
        claim: what the run reached, on what, how long it took; changes nothing.

    Raises: `GanzooError` for values of the wrong type or out of range.

    Example:
        >>> recipe = Recipe.of("dcgan").with_overrides(["kimg=20", "model.loss=hinge"])
    """

    variant: str
    dataset: str = "fashion_mini"
    split: str = "train"
    image_size: int = 0
    channels: int = 0
    batch_size: int = 64
    kimg: float = 200.0
    seed: int = 0
    precision: str = "float32"
    sample_kimg: float = 10.0
    checkpoint_kimg: float = 50.0
    checkpoint_minutes: float = 10.0
    model: dict[str, Any] = field(default_factory=dict)
    claim: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self):
        for key, type_ in _types().items():
            value = _checked(key, getattr(self, key), type_)
            object.__setattr__(self, key, value)
        _check_ranges(self)

    # ------------------------------------------------------------ reading, writing

    @classmethod
    def of(cls, source: "str | os.PathLike | Recipe") -> "Recipe":
        """Return the recipe of a tag, a variant's default tag, a file or a folder.

        A folder that is named like a variant is written with its path: "./dcgan".

        Raises: `GanzooError` if there is none, or if it cannot be read.

        Example:
            >>> Recipe.of("dcgan.fashion_mnist") == Recipe.of("dcgan")
            True
        """
        if isinstance(source, Recipe):
            return source
        return cls.read(_locate(source))

    @classmethod
    def read(cls, path: str | os.PathLike) -> "Recipe":
        """Return the recipe in a TOML file, or in a folder's `recipe.toml`.

        Raises: `GanzooError`, naming the file, for what is no recipe.
        """
        path = Path(path)
        path = path / FILE_NAME if path.is_dir() else path
        try:
            return cls.from_dict(tomllib.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            raise GanzooError(
                f"there is no recipe at {path}. Name a tag (`ganzoo list`), a .toml "
                f"file, or a folder that holds {FILE_NAME}."
            ) from None
        except (OSError, ValueError) as error:
            raise GanzooError(f"{path} is no valid recipe: {error}") from error

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Recipe":
        """Return the recipe of these values.

        Raises: `GanzooError` for unknown keys, wrong types, and a missing variant.
        """
        for key in values:
            if key not in _types():
                raise unknown("recipe key", key, _types())
        if "variant" not in values:
            raise GanzooError('a recipe needs a variant, as in variant = "dcgan".')
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """Return all values, defaults filled in."""
        return dataclasses.asdict(self)

    def write(self, path: str | os.PathLike) -> None:
        """Write the recipe as TOML, whole or not at all.

        Raises: `GanzooError` if the place cannot be written to.
        """
        with files.replacing(path) as temporary:
            temporary.write_text(tomli_w.dumps(self.to_dict()), encoding="utf-8")

    # ------------------------------------------------------------------- changing

    def with_overrides(self, overrides: Iterable[str]) -> "Recipe":
        """Return the recipe with values replaced, each given as "key=value".

        Values are TOML; a bare word is a text. The variant's own arguments are reached
        as `model.<argument>`.

        Raises: `GanzooError` for unknown keys, and values of the wrong type.

        Example:
            >>> recipe.with_overrides(["kimg=20", "model.loss=hinge"])
        """
        values = self.to_dict()
        for override in overrides:
            key, equals, text = override.partition("=")
            if not equals:
                raise GanzooError(
                    f"an override is written key=value, as in kimg=20; received "
                    f"{override!r}."
                )
            _override(values, key.strip(), text.strip())
        changed = Recipe.from_dict(values)
        if (changed.variant, changed.model) != (self.variant, self.model):
            _check_model(changed)
        return changed

    def differences(self, other: "Recipe") -> dict[str, tuple[Any, Any]]:
        """Return what makes the other recipe another run: key -> (this, other's).

        How long a run goes on, and what it leaves behind, makes it no other run.

        Example:
            >>> Recipe("dcgan", seed=1).differences(Recipe("dcgan", kimg=20))
            {'seed': (1, 0)}
        """
        mine, others = _flat(self), _flat(other)
        return {
            key: (mine.get(key), others.get(key))
            for key in dict.fromkeys([*mine, *others])
            if mine.get(key) != others.get(key)
        }

    def hash(self) -> str:
        """Return 12 hexadecimal digits that two recipes of the same run share."""
        text = json.dumps(_flat(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def _locate(source: str | os.PathLike) -> Path:
    """The file or folder meant; names of variants go before folders of that name."""
    path = Path(source).expanduser()
    if not isinstance(source, str) or path.name != source or path.suffix == ".toml":
        return path
    known = source.partition(".")[0] in registry.list_models()
    return registry.tag_folder(source) if known or not path.exists() else path


def _types() -> dict[str, type]:
    """The type of each field, in their order."""
    hints = get_type_hints(Recipe)
    return {
        each.name: getattr(hints[each.name], "__origin__", hints[each.name])
        for each in dataclasses.fields(Recipe)
    }


def _checked(key: str, value: Any, type_: type) -> Any:
    """The value, if it is of the type; a whole number is fine as a float."""
    if type_ is float and type(value) is int:
        return float(value)
    if type_ is dict and isinstance(value, Mapping):
        return {name: _plain(f"{key}.{name}", each) for name, each in value.items()}
    if type(value) is not type_:
        raise GanzooError(f"{key} must be {_WORDS[type_]}, received {value!r}.")
    return value


def _plain(key: str, value: Any) -> Any:
    """A copy of the value made of what TOML can hold."""
    if isinstance(value, (list, tuple)):
        return [_plain(key, each) for each in value]
    if isinstance(value, Mapping):
        return {name: _plain(f"{key}.{name}", each) for name, each in value.items()}
    if not isinstance(value, (bool, int, float, str)):
        raise GanzooError(
            f"{key} must be a text, a number, true or false, a list or a table, so "
            f"that a recipe file can hold it; received {value!r}."
        )
    return value


def _check_ranges(recipe: Recipe) -> None:
    if "float16" in recipe.precision.replace("bfloat16", ""):
        raise GanzooError(
            f"precision {recipe.precision!r} is refused: with float16 each player "
            "would need a loss scale of its own. Use mixed_bfloat16 or float32."
        )
    if recipe.precision not in PRECISIONS:
        raise unknown("precision", recipe.precision, PRECISIONS)
    if recipe.channels not in (0, 1, 3):
        raise GanzooError(
            "channels must be 1 (grey), 3 (colour) or 0 (the dataset's own), received "
            f"{recipe.channels}."
        )
    for key, least in {"batch_size": 1, "image_size": 0, "seed": 0}.items():
        if getattr(recipe, key) < least:
            raise GanzooError(
                f"{key} must be at least {least}, received {getattr(recipe, key)}."
            )
    for key in ("kimg", "sample_kimg", "checkpoint_kimg", "checkpoint_minutes"):
        if not 0 < getattr(recipe, key) < float("inf"):
            raise GanzooError(
                f"{key} must be above 0 and finite, received {getattr(recipe, key)}."
            )


def _override(values: dict, key: str, text: str) -> None:
    """Set the key, which may lie in a table (`model.loss`), to the text's value."""
    types = _types()
    table, dot, inner = key.partition(".")
    if table not in types or (dot and types[table] is not dict):
        raise unknown("recipe key", key, types)
    value = _parse(key, text)
    if dot:
        values[table][inner] = value
    elif types[table] is str and not isinstance(value, str):
        values[table] = text  # a split or a folder may look like a number
    else:
        values[table] = value


def _parse(key: str, text: str) -> Any:
    """The text as a TOML value; a text that is none and is not quoted, as it is."""
    try:
        parsed = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError as error:
        if re.match(r"[\[{\"']", text):
            raise GanzooError(
                f"the value of {key} is no valid TOML: {text} ({error}). Written well: "
                '{name="r1", gamma=1.0}, [1, 2], "a text".'
            ) from None
        return text
    return parsed["value"] if len(parsed) == 1 else text


def _check_model(recipe: Recipe) -> None:
    """Hold the `model` table against the arguments of the variant's class."""
    accepted = registry.accepted_arguments(registry.get_class(recipe.variant))
    for key, value in recipe.model.items():
        if key not in accepted:
            raise unknown(f"argument of {recipe.variant!r}", f"model.{key}", accepted)
        if accepted[key].annotation in _WORDS:
            _checked(f"model.{key}", value, accepted[key].annotation)


def _flat(recipe: Recipe) -> dict[str, Any]:
    """What determines the run, with the keys of `model` beside the others."""
    values = recipe.to_dict()
    model = {f"model.{key}": value for key, value in values.pop("model").items()}
    kept = {key: value for key, value in values.items() if key not in _INCIDENTAL}
    return _canonical(kept | model)


def _canonical(value: Any) -> Any:
    """Whole floats as ints: 1 and 1.0 mean the same in a recipe."""
    if isinstance(value, dict):
        return {key: _canonical(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_canonical(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
