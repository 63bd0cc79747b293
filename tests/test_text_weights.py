"""The published text-to-image weights draw what they are told: colours, skin."""

import numpy as np
import pytest

import ganzoo
from ganzoo import registry

TAGS = registry.list_models("*.emoji_captions", task="text-to-image", pretrained=True)
SKINS = ("thumbs up", "waving hand", "ear", "baby", "raised fist", "man")
# Of these no model saw the blue and the red square, or the green book.
COLOURS = {
    "red heart": 0,
    "red square": 0,
    "red circle": 0,
    "green heart": 1,
    "green square": 1,
    "green book": 1,
    "blue heart": 2,
    "blue square": 2,
    "blue circle": 2,
}


@pytest.fixture(scope="module", params=TAGS)
def gan(request):
    """Each published model that is told texts."""
    return ganzoo.load(request.param)


def colour(gan, text):
    """The mean colour of 8 pictures of a text, where they are not white."""
    pixels = gan.generate(8, text=text, seed=0).reshape(-1, 3)
    return pixels[pixels.min(axis=1) < 200].mean(axis=0)


def test_a_skin_tone_that_is_asked_for_is_seen(gan):
    for base in SKINS:
        dark, light = (
            colour(gan, f"{base}: {tone} skin tone").mean()
            for tone in ("dark", "light")
        )
        assert light > dark + 20, base


def test_a_colour_that_is_asked_for_is_seen(gan):
    for text, channel in COLOURS.items():
        seen = colour(gan, text)
        assert seen.argmax() == channel, (text, seen)


def test_one_text_has_pictures_that_differ(gan):
    pictures = np.float32(gan.generate(8, text="red apple", seed=0))
    assert pictures.std(axis=0).mean() > 2
