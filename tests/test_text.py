"""Texts: tokens, encoders of the zoo's and of one's own, and what is refused."""

import random
import shutil

import keras
import numpy as np
import pytest
import tiny

import ganzoo
from ganzoo import paths, text
from ganzoo.errors import GanzooError
from ganzoo.text import encoders, tokens

ENCODERS = ("emoji_captions", "emoji_captions-judge")


class Own:
    """A text encoder of a user's: a vector of any length for each text."""

    name, dims = "own", 6

    def __call__(self, texts):
        rows = [np.random.default_rng(len(each)).normal(size=6) for each in texts]
        return {"sentence": 5.0 * np.stack(rows)}


@pytest.fixture(scope="module")
def tokenizer():
    words = ["red apple", "green apple", "man: dark skin tone", "flag: Côte d’Ivoire"]
    return tokens.learn(words, 200)


# ------------------------------------------------------------------------- tokens


def test_tokens_are_rows_of_one_length_that_zeros_fill_up(tokenizer):
    rows = tokens.encode(tokenizer, ["red apple", "man: dark skin tone red apple"], 4)
    assert rows.shape == (2, 4) and rows.dtype == "int32"
    assert (rows[0] > 0).tolist() == [True, True, False, False]
    assert (rows[1] > 0).all()


@pytest.mark.parametrize(
    "other",
    ["Red  APPLE", "red\tapple\n", "red\x00 apple\x07", "ｒｅｄ apple", "réd apple"],
)
def test_case_space_control_characters_width_and_accents_change_nothing(
    tokenizer, other
):
    rows = tokens.encode(tokenizer, ["red apple", other], 8)
    assert np.array_equal(*rows)


def test_unknown_words_are_read_in_pieces(tokenizer):
    row = tokens.encode(tokenizer, ["grapple"], 8)[0]
    assert (row > tokens.UNKNOWN).sum() > 1


@pytest.mark.parametrize("bad", ["", "   ", "\n\t", "\x00\x01"], ids=repr)
def test_texts_of_nothing_are_refused(tokenizer, bad):
    with pytest.raises(GanzooError, match="needs at least one word.*red apple"):
        tokens.encode(tokenizer, ["red apple", bad], 8)


def test_what_cannot_be_read_is_refused(tokenizer):
    with pytest.raises(GanzooError, match="at most 1000 characters, received 10,000"):
        tokens.encode(tokenizer, ["a" * 10_000], 8)
    with pytest.raises(GanzooError, match="no word of 'красное яблоко' is known"):
        tokens.encode(tokenizer, ["красное яблоко"], 8)
    for bad in (3, None, b"red"):
        with pytest.raises(GanzooError, match="a text is a string such as"):
            tokens.encode(tokenizer, [bad], 8)


def test_files_that_hold_no_tokenizer_are_refused(tmp_path):
    for content in ("", "{}", '{"model": {"type": "Nothing"}}', "[1, 2]"):
        (tmp_path / "tokenizer.json").write_text(content)
        with pytest.raises(GanzooError, match="holds no tokenizer"):
            tokens.read(tmp_path / "tokenizer.json")


# ------------------------------------------------------------------------ encoders


@pytest.mark.parametrize("name", ENCODERS)
def test_vectors_have_the_length_1_and_do_not_depend_on_their_company(name):
    encoder = text.get(name)
    told = ["red apple", "woman with red hair", "flag: Japan"]
    found = encoder(told)
    assert found["sentence"].shape == (3, encoder.dims)
    assert found["words"].shape == (3, encoder.length, encoder.dims)
    assert np.allclose(np.linalg.norm(found["sentence"], axis=1), 1, atol=1e-3)
    alone = encoder(told[:1])["sentence"]
    assert np.allclose(alone, found["sentence"][:1], atol=1e-5)


def test_words_and_their_order_matter_to_the_encoder():
    encoder = text.get("emoji_captions")
    one, other, turned = encoder(
        [
            "handshake: dark skin tone, light skin tone",
            "handshake: dark skin tone, dark skin tone",
            "handshake: light skin tone, dark skin tone",
        ]
    )["sentence"]
    assert one @ other < 0.999 and one @ turned < 0.9999


def test_unknown_encoders_get_the_nearest_names():
    with pytest.raises(GanzooError, match="Did you mean: emoji_captions"):
        text.get("emoji_caption")
    with pytest.raises(GanzooError, match="has a name .* dims"):
        text.get(len)
    taken = Own()
    taken.name = "emoji_captions"
    with pytest.raises(GanzooError, match="give yours another"):
        text.register(taken)


def test_loading_an_encoder_draws_nothing_from_the_seeds_of_the_caller():
    encoders._load.cache_clear()
    keras.utils.set_random_seed(3)
    before = random.getstate()
    text.get("emoji_captions")
    assert random.getstate() == before


def test_damaged_encoders_are_refused(tmp_path, monkeypatch):
    source = paths.zoo() / encoders.FOLDER / "emoji_captions"
    target = tmp_path / "zoo" / encoders.FOLDER / "mine"
    shutil.copytree(source, target)
    monkeypatch.setenv("GANZOO_EXTRA", str(tmp_path))
    assert text.get("mine").dims == 128
    encoders._load.cache_clear()
    with open(target / encoders.TEXT_WEIGHTS, "ab") as file:
        file.write(b"0")
    with pytest.raises(GanzooError, match="missing or damaged"):
        text.get("mine")
    encoders._load.cache_clear()


# --------------------------------------------------------------- one's own encoder


def test_any_encoder_will_do_and_is_found_by_its_name_again(tmp_path):
    gan = tiny.create("dfgan", text_encoder=Own())
    assert gan.get_config()["text_encoder"] == "own"
    read = gan.read(["red apple"])
    assert read.shape == (1, 6)
    assert np.isclose(np.linalg.norm(read), 6**0.5)
    gan.save(tmp_path / "mine")
    loaded = ganzoo.load(tmp_path / "mine")
    told = {"text": ["red apple", "a house"], "seed": 1}
    assert np.array_equal(loaded.generate(**told), gan.generate(**told))
