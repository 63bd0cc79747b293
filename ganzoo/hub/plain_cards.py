"""The card of a model of one's own, from what its config says; the zoo's have more."""

import json
import re
from collections.abc import Mapping

from ganzoo import registry
from ganzoo.hub import origins, text_cards

__all__ = ["LICENCE", "SAMPLES", "plain_card"]

# How the Hub abbreviates one: mit, apache-2.0, cc-by-4.0.
LICENCE = r"[A-Za-z0-9][A-Za-z0-9.+-]{0,63}"
SAMPLES = "samples.png"

_NAMED = 20  # classes, in a table


def plain_card(config: Mapping, place: str, data: str = "") -> str:
    """Return the card of a model whose scores nobody measured, as Markdown.

    Args:
        config: what its `config.json` holds.
        place: what `ganzoo.load` is to be called with.
        data: the name of the data set, "" where it is not known.

    Example:
        >>> print(plain_card(config, "hf://me/my-gan"))
    """
    record = registry.info(config["variant"])
    licence = _licence_of(config)
    arguments = config["config"]
    shape, texts = arguments["image_shape"], text_cards.asked(arguments, data)
    rows = {
        "method": f"{record.title} ({record.paper}, {record.year})",
        "pictures": f"{shape[0]} x {shape[1]}, {_colours(shape[2])}",
        **_told(arguments),
        "arguments": _arguments(config),
        "images seen in training": f"{config['kimg']} thousand",
        "learned from": _data_cell(data),
        "weights": f"{config['weights']['bytes']:,} bytes, sha256 "
        f"`{config['weights']['sha256']}`",
        "licence of the weights": licence or "to be chosen by the author",
    }
    table = "\n".join(f"| {key} | {value} |" for key, value in rows.items())
    size = (len(texts) or 16, *shape)
    install = '\n\n`pip install "ganzoo[hub]"` brings what it needs.'
    return f"""{_head(record, licence)}

# {place.removeprefix("hf://").rpartition("/")[2]}

A `{record.name}` of [ganzoo](https://pypi.org/project/ganzoo), for Keras 3.
{_grid(arguments)}
```python
import ganzoo

gan = ganzoo.load({json.dumps(place)})
images = gan.generate({text_cards.call(texts)}, seed=7)  # uint8 {size}
```{install if place.startswith("hf://") else ""}
{_reader(arguments)}
| | |
|---|---|
{table}

Scores: not measured. What it is good for, and what it is bad at: not written down.
"""


def _head(record, licence):
    """The head in YAML, by which the Hub files a model."""
    task = "" if record.conditional else "unconditional-image-generation"
    task = "text-to-image" if "text-to-image" in record.tasks else task
    lines = {"pipeline_tag": task, "license": licence.lower()}
    given = [f"{key}: {value}" for key, value in lines.items() if value]
    tags = [f"  - {tag}" for tag in ("ganzoo", "gan", record.name)]
    return "\n".join(["---", "library_name: keras", *given, "tags:", *tags, "---"])


def _licence_of(config):
    licence = config.get("licence")
    found = licence.get("weights") if isinstance(licence, dict) else licence
    return found if isinstance(found, str) and re.fullmatch(LICENCE, found) else ""


def _colours(channels):
    return {1: "grey", 3: "colour"}.get(channels, f"{channels} channels")


def _data_cell(data):
    origin = origins.find(data)
    known = f"{data}, licence: {origin.licence}" if origin else data
    return known or "not recorded"


def _grid(arguments):
    """The grid, where there is one: a model that has no captions draws none."""
    if arguments.get("text_encoder") and not arguments.get("captions"):
        return ""
    of_texts = ", of its own captions" if arguments.get("captions") else ""
    told = f"The grid holds the first pictures of seed 0{of_texts}, not chosen ones."
    return f"\n![samples]({SAMPLES})\n\n{told}\n"


def _reader(arguments):
    """What reads texts, as a paragraph."""
    name = arguments.get("text_encoder")
    return f"\n{text_cards.encoder(name)}\n" if name else ""


def _told(arguments):
    """What the model is told: texts or labels."""
    if name := arguments.get("text_encoder"):
        kept = len(arguments.get("captions", []))
        return {"texts": f"read by `{name}`; {kept} are drawn where none is asked for"}
    return {"labels": _labels(arguments)}


def _labels(arguments):
    names = arguments["class_names"]
    more = ", ..." if len(names) > _NAMED else ""
    listed = f": {', '.join(names[:_NAMED])}{more}" if names else ""
    count = arguments["num_classes"] or len(names)
    return f"{count}{listed}" if count else "none"


def _arguments(config):
    """The arguments that are not the variant's defaults, as one cell of a table."""
    usual = registry.defaults(registry.get_class(config["variant"]))
    told = {"image_shape", "num_classes", "class_names", "name"}
    told |= {"captions", "text_encoder"}
    usual = json.loads(json.dumps(usual, default=str))  # as a config holds them
    others = {
        key: value
        for key, value in config["config"].items()
        if key not in told and value != usual.get(key)
    }
    each = [f"`{key}={value!r}`".replace("|", "\\|") for key, value in others.items()]
    return ", ".join(each) or "the defaults"
