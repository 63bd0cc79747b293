"""The listing of a zoo, `index.json`: tags, feature networks, text encoders, files.

It holds no date and is sorted, so that the same files give the same listing. Folders
with a `config.json` are listed; a recipe alone is nothing to download.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ganzoo import files, records
from ganzoo.errors import GanzooError
from ganzoo.hub import configs, origins
from ganzoo.recipe import Recipe
from ganzoo.records import Tag

__all__ = ["ENCODERS", "FORMAT", "INDEX", "build", "check", "read", "text", "write"]

FORMAT = 1
INDEX = "index.json"
ENCODERS = "text_encoders"
_NETWORKS = "feature_networks"
_PARTS = ("tags", _NETWORKS, ENCODERS)  # a part but the first is a folder of the zoo
_READER, _TOKENIZER = "text.weights.h5", "tokenizer.json"  # of a text encoder
_TOLD = ("text_encoder",)  # arguments that say what else a model needs
_UNLISTED = {"recipe.toml", "card.md"}  # of a variant that has no weights yet


def build(zoo: Path) -> dict[str, Any]:
    """Return the listing of a zoo folder, from its files.

    Raises: `GanzooError` for a folder whose config or recipe cannot be read.

    Example:
        >>> build(paths.zoo())["tags"]["dcgan.fashion_mnist"]["bytes"]
        1609009
    """
    folders = _folders(zoo)
    return {"format": FORMAT} | {
        part: {name: _entry(part, name, each) for name, each in folders[part].items()}
        for part in _PARTS
    }


def text(zoo: Path) -> str:
    """Return the listing of a zoo folder as its `index.json` should have it.

    Raises: `GanzooError`, as `build` does.
    """
    told = build(zoo)
    return json.dumps(told, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def write(zoo: Path) -> Path:
    """Write the `index.json` of a zoo folder; return its path.

    Raises: `GanzooError`, as `build` does, and where it cannot be written.
    """
    told = text(zoo)
    with files.replacing(zoo / INDEX) as temporary:
        temporary.write_text(told, encoding="utf-8")
    return zoo / INDEX


def read(zoo: Path) -> dict[str, Any]:
    """Return the listing that a zoo folder has.

    Raises: `GanzooError` where there is none, and for a format that is not known.
    """
    path = zoo / INDEX
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        version = told["format"]
        told.setdefault(ENCODERS, {})  # older listings know of none
        parts = {name: dict(told[name]) for name in _PARTS}
    except FileNotFoundError:
        raise GanzooError(
            f"there is no {path}. Write it by `ganzoo hub index {zoo}`."
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise GanzooError(f"{path} is no listing of a zoo: {error!r}.") from error
    if version != FORMAT:
        raise GanzooError(
            f"{path} has format {version!r}, this ganzoo reads format {FORMAT}. "
            "Upgrade ganzoo: pip install --upgrade ganzoo."
        )
    return {"format": version} | parts


# ------------------------------------------------------------------------- checking


def check(zoo: Path) -> list[str]:
    """Return every difference between a zoo's listing and its files, a line each.

    Raises: `GanzooError` where there is no listing.

    Example:
        >>> check(paths.zoo())
        []
    """
    told, folders = read(zoo), _folders(zoo)
    found = []
    for part in _PARTS:
        for name in sorted({*told[part], *folders[part]}):
            if name not in folders[part]:
                found.append(f"{name} is listed, and its folder has no config.json")
            elif name not in told[part]:
                found.append(f"{name} is not listed")
            else:
                found += _compare(part, name, folders[part][name], told[part][name])
    strays = sorted(_strays(zoo, folders))
    return found + [f"{path} belongs to nothing that is listed" for path in strays]


def _compare(part, name, folder, told) -> Iterator[str]:
    """The differences of one entry."""
    try:
        here = _entry(part, name, folder)
        named = _named(part, here, folder)
    except GanzooError as error:
        yield f"{name}: {error}"
        return
    listed = dict(told.get("files", {}))
    yield from _compare_files(name, here.pop("files"), listed)
    for key in sorted({*here, *told} - {"files"}):
        if here.get(key) != told.get(key):
            yield f"{name}: {key} is {here.get(key)!r}, listed as {told.get(key)!r}"
    for file, digest in named.items():
        if file not in listed:
            yield f"{name}: {file} is not listed"
        elif listed[file].get("sha256") != digest:
            yield f"{name}: config.json names another file than this {file}"


def _named(part, here, folder):
    """The sha256 of each file that a config names."""
    if part != ENCODERS:
        return {here["weights"]: here["sha256"]}
    named = _encoder_config(folder)["files"]
    return {file: record["sha256"] for file, record in named.items()}


def _compare_files(name, here, told):
    for file in sorted({*here, *told}):
        if file not in here:
            yield f"{name}: {file} is missing"
        elif file not in told:
            yield f"{name}: {file} is not listed"
        else:
            for key in ("bytes", "sha256"):
                if here[file][key] != told[file].get(key):
                    value = told[file].get(key)
                    yield f"{name}: {key} of {file}: {here[file][key]}, listed {value}"


def _strays(zoo, folders):
    """Files that are in no listed folder."""
    owned = {folder for part in folders.values() for folder in part.values()}
    for name in _names(zoo):
        path = zoo / name
        if not owned & {*path.parents} and path.name not in _UNLISTED | {INDEX}:
            yield name


# -------------------------------------------------------------------------- entries


def _folders(zoo: Path) -> dict[str, dict[str, Path]]:
    """The folders that have a config: part -> name -> folder."""
    if not zoo.is_dir():
        raise GanzooError(f"there is no folder {zoo}: a zoo is one of VARIANT/TAG/.")
    found: dict[str, dict[str, Path]] = {part: {} for part in _PARTS}
    for path in sorted(zoo.glob("[!.]*/[!.]*/config.json")):
        folder = path.parent
        if (part := folder.parent.name) in _PARTS[1:]:
            found[part][folder.name] = folder
        else:
            found["tags"][f"{part}.{folder.name}"] = folder
    return found


def _entry(part: str, name: str, folder: Path) -> dict[str, Any]:
    makers = {"tags": _tag, _NETWORKS: _network, ENCODERS: _encoder}
    return makers[part](name, folder)


def _tag(name: str, folder: Path) -> dict[str, Any]:
    config = configs.read(folder / configs.CONFIG)
    recipe = Recipe.from_dict(Tag.read(name, folder).recipe)
    variant, _, tag = name.partition(".")
    known = records.scan().get(variant)
    claim = recipe.claim
    own = "weights_scores" if claim.get("weights_scores") else "scores"
    spread = "weights_spread" if own == "weights_scores" else "spread"
    return {
        "variant": variant,
        "tag": tag,
        "title": known.title if known else "",
        "paper": known.paper if known else "",
        "task": known.tasks[0] if known else "",
        "dataset": recipe.dataset,
        "image_shape": config["config"].get("image_shape", []),
        **{key: config["config"][key] for key in _TOLD if key in config["config"]},
        "kimg": config.get("kimg", 0.0),
        "recipe_hash": config.get("recipe_hash", recipe.hash()),
        "scores": claim.get(own, {}),
        "spread": claim.get(spread, {}),
        "licences": _licences(config, recipe.dataset),
        **_weights_and_files(config["weights"], folder),
    }


def _network(name: str, folder: Path) -> dict[str, Any]:
    config = _plain_config(folder, lambda config: [config["weights"]])
    return {
        "name": name,
        "dataset": config.get("dataset", ""),
        "image_shape": config.get("image_shape", []),
        "accuracy": config.get("accuracy", 0.0),
        "licences": _licences(config, config.get("dataset", "")),
        **_weights_and_files(config["weights"], folder),
    }


def _encoder(name: str, folder: Path) -> dict[str, Any]:
    """Its weights are those that read texts; its other files are listed beside them."""
    config = _encoder_config(folder)
    return {
        "name": name,
        "dataset": config.get("dataset", ""),
        "image_shape": config.get("image_shape", []),
        "text": config.get("text", {}),
        "retrieval": config.get("retrieval", {}),
        "licences": _licences(config, config.get("dataset", "")),
        **_weights_and_files(config["files"][_READER], folder),
    }


def _encoder_config(folder):
    def records_in(config):
        named = config["files"]
        return [named[_READER], named[_TOKENIZER], *named.values()]

    return _plain_config(folder, records_in)


def _plain_config(folder, records_in) -> dict[str, Any]:
    """The config of what is no model, once its records of files are whole."""
    path = folder / configs.CONFIG
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        for record in records_in(config):
            if missing := {"file", "sha256", "bytes"} - {*record}:
                raise KeyError(*missing)
        return config
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise GanzooError(f"{path} is no config of a network: {error!r}.") from error


def _licences(config, dataset):
    """Those that the config states, else the zoo's own and the data's."""
    origin = origins.find(dataset)
    noted = {"weights": "Apache-2.0", "data": origin.licence if origin else "not noted"}
    return noted | config.get("licence", {})


def _weights_and_files(weights, folder):
    return {
        "weights": weights.get("file", configs.WEIGHTS),
        "sha256": weights["sha256"],
        "bytes": weights["bytes"],
        "files": {
            name: {
                "sha256": files.sha256_of(folder / name),
                "bytes": (folder / name).stat().st_size,
            }
            for name in _names(folder)
        },
    }


def _names(folder: Path) -> list[str]:
    """The files below a folder, but for hidden ones and locks."""
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(
        path.as_posix()
        for path in found
        if path.suffix != ".lock" and not any(part[0] == "." for part in path.parts)
    )
