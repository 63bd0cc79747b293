"""What the cards of text-to-image models say: texts to ask for, and what reads them."""

import json
from collections.abc import Collection, Iterator, Mapping

from ganzoo import published
from ganzoo.hub import origins
from ganzoo.hub.listing import ENCODERS

__all__ = ["asked", "call", "encoder", "score_notes"]


def asked(arguments: Mapping, dataset: str) -> list[str]:
    """Return texts for an example, [] for a model that is told none.

    They are those noted of the data set, else two of the model's own captions.

    Example:
        >>> asked({"text_encoder": "emoji_captions"}, "emoji_captions")
        ['red apple', 'smiling cat']
    """
    if not arguments.get("text_encoder"):
        return []
    origin = origins.find(dataset)
    noted = list(origin.texts) if origin else []
    return noted or arguments.get("captions", [])[:2] or ["red apple"]


def call(texts: list[str]) -> str:
    """Return how `generate` is asked for texts, or, without any, for 16 pictures.

    Example:
        >>> call(["red apple"])
        'text=["red apple"]'
    """
    return f"text={json.dumps(texts, ensure_ascii=False)}" if texts else "16"


def encoder(name: str) -> str:
    """Return a sentence on the text encoder of that name.

    Example:
        >>> print(encoder("emoji_captions"))
    """
    config = published.configs(ENCODERS).get(name, {})
    if not config:
        return (
            f"Texts are read by the text encoder `{name}`, which is none of the zoo's: "
            "make it known by `ganzoo.text.register` before loading."
        )
    found = config.get("retrieval", {}).get("text_at_1", 0.0)
    return (
        f"Texts are read by the text encoder `{name}`, a part of ganzoo "
        f"(`zoo/{ENCODERS}/{name}`). It finds the true caption of {found:.1%} of "
        f"{config.get('n_test', 0):,} held-out pictures, among all of theirs."
    )


def score_notes(kinds: Collection[str]) -> Iterator[str]:
    """Give how the scores of texts are to be read, of those that are there."""
    if "r_precision" in kinds:
        yield (
            "`r_precision` is how often a judge, from which no generator learned, "
            "holds a picture's own caption for the best of 100 held-out ones, of one "
            "picture a held-out caption: 0.01 is chance."
        )
    if "caption_diversity" in kinds:
        yield (
            "`caption_diversity` is how far apart four pictures of a held-out caption "
            "are, beside real pictures of different ones: 0 for always the same."
        )
