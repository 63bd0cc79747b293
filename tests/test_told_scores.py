"""Scores of text to image: R-precision, diversity of a caption, Fréchet distance."""

import numpy as np
import pytest
import tiny

import ganzoo
from ganzoo import data
from ganzoo.errors import GanzooError
from ganzoo.metrics import pairs, told


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def vectors(count, seed=0, dims=32):
    return unit(np.random.default_rng(seed).normal(size=(count, dims)))


# --------------------------------------------------------------------- R-precision


def test_r_precision_of_a_perfect_and_of_a_deaf_generator():
    texts = vectors(1000)
    assert told.r_precision(texts, texts) == 1
    deaf = told.r_precision(vectors(1000, seed=1), texts)
    assert 0.001 < deaf < 0.03  # chance is 0.01


def test_r_precision_counts_ties_as_chance():
    texts = vectors(300)
    same = np.repeat(vectors(1), 300, axis=0)
    # One picture for all captions: some one caption is nearest to it, and wins alone.
    assert told.r_precision(same, texts) <= 0.02
    silent = np.zeros((300, 32))  # a judge that says the same of all
    assert np.isclose(told.r_precision(silent, texts), 0.01)


def test_r_precision_draws_the_others_by_seed_and_without_the_true_one():
    texts = vectors(150)
    noisy = unit(texts + 0.35 * np.random.default_rng(2).normal(size=texts.shape))
    values = [told.r_precision(noisy, texts, seed=seed) for seed in (0, 0, 1)]
    assert values[0] == values[1] != values[2]
    # Among all there are more to be mistaken for.
    assert told.r_precision(noisy, texts, candidates=150) < np.mean(values)
    assert told.r_precision(noisy, texts, candidates=10) > np.mean(values)
    with pytest.raises(GanzooError, match="at least 100 captions, received 99"):
        told.r_precision(texts[:99], texts[:99])


def test_retrieval_and_ranks():
    cosines = np.array([[0.9, 0.1, 0.2], [0.5, 0.4, 0.1], [0.3, 0.3, 0.3]])
    assert pairs.ranks(cosines).tolist() == [0, 1, 1]
    assert pairs.retrieval(np.eye(6), np.eye(6))["picture_at_1"] == 1
    found = pairs.retrieval(np.eye(6), np.roll(np.eye(6), 1, axis=0))
    assert found["text_at_1"] == 0


# ----------------------------------------------------------------------- diversity


def test_caption_diversity_is_0_for_one_picture_and_1_for_any():
    real = np.random.default_rng(0).normal(size=(2000, 16))
    once = np.repeat(real[:300, None], 4, axis=1)
    assert told.caption_diversity(once, real) == 0
    anything = np.random.default_rng(1).normal(size=(300, 4, 16))
    assert abs(told.caption_diversity(anything, real) - 1) < 0.05


# ------------------------------------------------------------------------ the whole


@pytest.fixture(scope="module")
def emoji():
    try:
        return data.load("emoji_captions", "test")
    except GanzooError:
        pytest.skip("emoji_captions is not at hand")


def test_real_held_out_pictures_are_told_by_the_judge(emoji):
    scores = ganzoo.evaluate(
        emoji, "emoji_captions", ["r_precision", "caption_diversity"], seeds=[0]
    )
    (score,) = scores
    assert score.metric == "r_precision[emoji_captions-judge]"
    assert 0.6 < score.value < 0.9
    assert (score.split, score.n_real, score.n_fake) == ("test", 385, 385)


def test_the_committed_retrieval_of_the_encoders_is_that_of_their_files(emoji):
    for name in ("emoji_captions", "emoji_captions-judge"):
        pair = pairs.get(name)
        pictures = pair.pictures(np.asarray(emoji.fields["image"]))
        found = pairs.retrieval(pictures, pair.texts(emoji.texts["caption"]))
        noted = pairs.encoders.configs()[name]["retrieval"]
        assert found == pytest.approx(noted, abs=0.006)


def test_a_model_is_scored_by_its_texts(emoji):
    gan = tiny.create("dfgan", image_shape=(64, 64, 3))
    names = ["coverage", "r_precision", "caption_diversity"]
    scores = {
        score.metric: score
        for score in ganzoo.evaluate(
            gan, "emoji_captions", names, split="train[:300]", count=200, seeds=[0]
        )
    }
    assert set(scores) == {
        "coverage[emoji_captions-cnn]",
        "r_precision[emoji_captions-judge]",
        "caption_diversity[emoji_captions-cnn]",
    }
    assert scores["r_precision[emoji_captions-judge]"].value < 0.05
    assert scores["caption_diversity[emoji_captions-cnn]"].n_fake == 4 * 385


def test_what_has_no_captions_is_refused(emoji):
    plain = tiny.create("dcgan", image_shape=(64, 64, 3))
    with pytest.raises(GanzooError, match="for models that are told texts"):
        ganzoo.evaluate(plain, "emoji_captions", ["r_precision"], seeds=[0])
    gan = tiny.create("dfgan")
    with pytest.raises(GanzooError, match="has no texts named 'caption'"):
        ganzoo.evaluate(gan, "fashion_mini", ["fd"], count=20, seeds=[0])
    with pytest.raises(GanzooError, match="needs a judge of captions"):
        pairs.for_dataset("fashion_mini")
    with pytest.raises(GanzooError, match="judges pictures"):
        pairs.get("emoji_captions-judge").pictures(np.zeros((1, 28, 28, 1), "uint8"))
