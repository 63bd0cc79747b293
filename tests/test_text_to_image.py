"""Text to image: what makes StackGAN and DF-GAN what their papers say, and requests."""

import keras
import numpy as np
import pytest
import tiny
from commands import ganzoo_, refused
from keras import ops
from PIL import Image

import ganzoo
from ganzoo import data, latents, pictures, registry
from ganzoo.errors import GanzooError
from ganzoo.layers.basic import LabelPlanes
from ganzoo.layers.told import Affine, Gain, Split
from ganzoo.penalties import Evidence, MatchingAware
from ganzoo.variants import stackgan

TOLD = registry.list_models(task="text-to-image")


@pytest.fixture(params=TOLD)
def told(request):
    """The name of each variant that is told texts."""
    return request.param


# ------------------------------------------------------------------------- layers


def test_an_affine_layer_starts_as_if_not_there_whatever_the_text():
    x = np.random.default_rng(0).normal(size=(3, 4, 4, 5)).astype("float32")
    texts = np.random.default_rng(1).normal(size=(3, 16)).astype("float32")
    layer = Affine()
    assert np.array_equal(layer(x, texts), x)
    layer.heads.assign(np.random.default_rng(2).normal(size=(2, 8, 5)))
    moved = np.array(layer(x, texts))
    assert not np.allclose(moved[0], x[0])
    # A gain and a bias a channel: each channel is an affine map of what it was.
    ratio = (moved[:, 0, 0] - moved[:, 1, 1]) / (x[:, 0, 0] - x[:, 1, 1])
    again = (moved[:, 2, 0] - moved[:, 0, 3]) / (x[:, 2, 0] - x[:, 0, 3])
    assert np.allclose(ratio, again, rtol=1e-2)


def test_small_layers():
    x = np.ones((2, 3, 3, 4), "float32")
    assert not np.any(Gain()(x))
    tiled = np.array(LabelPlanes()(x, np.array([[1.0, 2.0], [3.0, 4.0]])))
    assert tiled.shape == (2, 3, 3, 6) and tiled[1, 2, 0, 4:].tolist() == [3, 4]
    first, rest = Split(1)(np.array([[1.0, 2.0, 3.0]]))
    assert np.array(first).tolist() == [[1]] and np.array(rest).tolist() == [[2, 3]]


def test_the_matching_aware_penalty_is_the_joint_slope_to_the_sixth():
    rng = np.random.default_rng(0)
    w, v = rng.normal(size=(12, 1)), rng.normal(size=(5, 1))
    w, v = np.float32(0.3 * w), np.float32(0.3 * v)
    images = ops.convert_to_tensor(np.float32(rng.normal(size=(4, 2, 2, 3))))
    texts = ops.convert_to_tensor(np.float32(rng.normal(size=(4, 5))))

    def judge(pictures, told):
        flat = ops.reshape(pictures, (-1, 12))
        return ops.matmul(flat, w) + ops.matmul(told, v)

    evidence = Evidence(None, images, images, None, None, 0).with_text(texts, judge)
    expected = 2.0 * (np.sum(w**2) + np.sum(v**2)) ** 3
    assert np.isclose(float(MatchingAware()(evidence)), expected, rtol=1e-4)


def test_a_penalty_on_texts_is_refused_where_there_are_none():
    with pytest.raises(GanzooError, match=r"matching_aware.*told texts"):
        tiny.create("dcgan", penalties=["matching_aware"])


# ----------------------------------------------------------------- wrong texts, fakes


def test_the_discriminator_is_paid_to_refuse_a_wrong_text(told):
    gan = tiny.create(told)

    def judged(wrong):
        gan.judge_each = lambda images, texts: [
            ops.convert_to_tensor(np.full((8, 1), value, "float32"))
            for value in [3.0, wrong][: len(texts)]
        ]
        gan.penalties = []
        batch = {
            key: ops.convert_to_tensor(value)
            for key, value in gan.prepare(tiny.batch(gan)).items()
        }
        return float(gan.discriminator_loss(batch)[0])

    assert judged(wrong=3.0) > judged(wrong=-3.0) + 1.0


def test_the_wrong_text_is_another_pictures(told):
    gan = tiny.create(told)
    seen = []
    gan.judge_each = lambda images, texts: [
        seen.append(np.array(each)) or ops.zeros((8, 1)) for each in texts
    ]
    gan.penalties = []
    batch = tiny.batch(gan)
    gan.discriminator_loss({k: ops.convert_to_tensor(v) for k, v in batch.items()})
    right, wrong = seen[:2]
    assert np.array_equal(right, batch["sentence"])
    assert np.array_equal(wrong[1:], right[:-1])
    assert not (wrong == right).all(axis=1).any()


# ------------------------------------------------------------------------- StackGAN


def test_the_divergence_of_the_conditioning():
    rows = np.zeros((2, 6), "float32")
    assert float(stackgan.divergence(rows)) == 0
    rows[:, :3] = 1.0  # mu = 1, sigma = 1
    assert np.isclose(float(stackgan.divergence(rows)), 0.5)


def test_what_is_drawn_has_the_mean_and_the_spread_that_the_text_says():
    row = np.array([[2.0, 0.0, np.log(3.0), -20.0]], "float32")
    noise = np.array([[1.0, 1.0]], "float32")
    assert np.allclose(stackgan.Drawn()(row, noise), [[5.0, 0.0]], atol=1e-5)


def test_stage_one_draws_sketches_and_stage_two_leaves_them_as_they_are():
    gan = tiny.create("stackgan", image_shape=(32, 32, 3), sketch_kimg=0.016)
    parts = [gan.generator.get_layer(name) for name in ("sketcher", "refiner")]
    start = [tiny.values(each.weights) for each in parts]
    tiny.fit(gan, steps=2)
    assert gan.stage == 0
    sketched = [tiny.values(each.weights) for each in parts]
    assert not tiny.same(start[0], sketched[0]) and tiny.same(start[1], sketched[1])
    images = gan.generate(2, seed=0)
    assert np.array_equal(images[:, ::2, ::2], images[:, 1::2, 1::2])
    average = tiny.values(gan.generator_ema.get_layer("sketcher").weights)
    tiny.fit(gan, steps=2, seed=5)
    assert gan.stage == 1
    refined = [tiny.values(each.weights) for each in parts]
    assert tiny.same(refined[0], average)
    assert not tiny.same(refined[1], sketched[1])
    images = gan.generate(2, seed=0)
    assert not np.array_equal(images[:, ::2, ::2], images[:, 1::2, 1::2])


def test_a_run_goes_on_in_the_stage_that_it_was_stopped_in(tmp_path):
    one, other = (
        tiny.create("stackgan", image_shape=(32, 32, 3), sketch_kimg=0.016)
        for _ in range(2)
    )
    tiny.fit(one, steps=3)
    one.save_weights(tmp_path / "half.weights.h5")
    tiny.fit(other)  # it has compiled the other stage
    other.load_weights(tmp_path / "half.weights.h5")
    for each in (one, other):
        tiny.fit(each, steps=2, seed=7)
    assert tiny.same_run(tiny.state(one), tiny.state(other))


def test_a_sketch_without_room_for_z_is_refused():
    with pytest.raises(GanzooError, match="must be more than 16, received 16"):
        tiny.create("stackgan", condition_dim=16, latent_dim=16)


# ------------------------------------------------------------------------- the data


def emoji(split="train[:40]", **settings):
    try:
        return data.load("emoji_captions", split, **settings)
    except GanzooError:
        pytest.skip("emoji_captions is not at hand")


def test_texts_of_the_data_are_read_once_and_in_versions():
    gan = tiny.create("dfgan", image_shape=(32, 32, 3), keyword_versions=2)
    images = gan.furnish(emoji(image_size=32, batch_size=8))
    assert images.fields["sentence"].shape == (40, 3, 128)
    assert gan.furnish(images) is images
    own = gan.read(images.texts["caption"])
    assert np.allclose(images.fields["sentence"][:, 0], own, atol=1e-5)
    with_words = [i for i, each in enumerate(images.texts["keywords"]) if each]
    assert not np.allclose(images.fields["sentence"][with_words, 1], own[with_words])
    batch = images.batch_at(0)
    chosen = np.array(gan.prepare(batch)["sentence"])
    near = np.isclose(chosen[:, None], batch["sentence"], atol=1e-5).all(-1)
    assert near.any(axis=1).all()


def test_plain_fit_takes_the_data_and_learns(told):
    gan = tiny.create(told, image_shape=(32, 32, 3))
    history = gan.fit(emoji(image_size=32, batch_size=8), epochs=1, verbose=0).history
    assert int(gan.step.value) == 5
    assert np.isfinite(history["wrong_score"][0])


def test_data_without_texts_are_refused(told):
    gan = tiny.create(told)
    with pytest.raises(GanzooError, match=r"add \['sentence'\].*gan.read\(texts\)"):
        gan.fit({"image": np.zeros((8, 28, 28, 1), "uint8")}, batch_size=8, verbose=0)
    with pytest.raises(GanzooError, match="learns from texts, and 'fashion_mini' has"):
        gan.fit(data.load("fashion_mini", batch_size=8), epochs=1, verbose=0)
    recipe = ganzoo.Recipe(told, dataset="fashion_mini", kimg=1)
    with pytest.raises(GanzooError, match="learns from texts"):
        ganzoo.train(recipe, "never")


# ------------------------------------------------------------------------- requests


def test_what_is_asked_for_is_told_and_a_seed_keeps_the_rest(told):
    gan = tiny.create(told)
    # Untrained networks hardly hear the text: let them.
    for weight in gan.generator_ema.weights:
        weight.assign(weight + 0.1 * keras.random.normal(weight.shape, seed=1))
    both = gan.generate(text=["red apple", "black cat"], seed=3)
    assert both.shape == (2, *gan.image_shape)
    assert np.array_equal(gan.generate(text="red apple", seed=3), both[:1])
    other = gan.generate(text="black cat", seed=3)
    assert not np.array_equal(other, both[:1])
    turns = gan.generate(4, text=["red apple", "black cat"], seed=3)
    assert np.array_equal(turns[:2], both)
    assert gan.generate(3, seed=3).shape[0] == 3


def test_requests_that_make_no_sense_are_refused(told):
    gan = tiny.create(told)
    with pytest.raises(GanzooError, match="draws texts, not labels"):
        gan.generate(labels=["ant"])
    with pytest.raises(GanzooError, match="at least the number of texts, 2"):
        gan.generate(1, text=["red apple", "black cat"])
    with pytest.raises(GanzooError, match="needs a text to draw"):
        gan.generate(text=[])
    with pytest.raises(GanzooError, match="needs at least one word"):
        gan.generate(text="")
    with pytest.raises(GanzooError, match="draws no texts"):
        tiny.create("dcgan").generate(text="red apple")
    silent = tiny.create(told, captions=[])
    with pytest.raises(GanzooError, match="needs a text to draw, received none"):
        silent.generate(4)


def test_a_path_between_two_texts_starts_and_ends_with_them(told):
    gan = tiny.create(told)
    texts = ["red apple", "black cat"]
    frames = latents.interpolate(gan, (5, 5), steps=4, text=texts, loop=False)
    assert frames.shape == (5, *gan.image_shape)
    for place, each in ((0, texts[0]), (-1, texts[1])):
        drawn = gan.generate(1, text=each, seed=5)[0]
        assert np.abs(frames[place].astype(int) - drawn).max() <= 1
    rows = latents.truncations(gan, 0, (0.5, 1.0), 2, text=texts)
    assert rows.shape == (2, 2, *gan.image_shape)
    found = latents.project(
        gan, gan.generate(1, text=texts[1], seed=2)[0], steps=2, starts=2, text=texts[1]
    )
    assert found.label is None and found.history.shape == (3,)


def test_grids_have_their_texts_below():
    images = np.zeros((3, 32, 32, 3), "uint8")
    sheet = pictures.captioned(images, ["red apple", "a " * 200, "w" * 90], columns=2)
    assert sheet.width == 2 * (96 + 4)
    assert sheet.height == 2 * (96 + 4 + 4 * 13)
    below = np.asarray(sheet)[98:150, :100]
    assert (below < 100).any() and (below[:, -1] == 255).all()


def test_the_command_line_draws_texts(tmp_path, told):
    gan = tiny.create(told)
    gan.save(tmp_path / "mine")
    out = tmp_path / "two.png"
    asked = ["--text", "red apple", "--text", "green apple"]
    done = ganzoo_("sample", str(tmp_path / "mine"), *asked, "--out", str(out))
    assert "2 pictures" in done.stdout
    with Image.open(out) as picture:
        assert picture.width == 2 * (3 * 28 + 4)
    path = tmp_path / "path.png"
    asked += ["--seeds", "7,7", "--steps", "3"]
    ganzoo_("interpolate", str(tmp_path / "mine"), *asked, "--out", str(path))
    assert path.exists()


@pytest.mark.parametrize("bad", ["", "x" * 10_000, "яблоко", "\x07"], ids=range(4))
def test_bad_texts_on_the_command_line_are_told_in_a_line(tmp_path, bad):
    gan = tiny.create("dfgan")
    gan.save(tmp_path / "mine")
    out = tmp_path / "a.png"
    assert "text" in refused("sample", tmp_path / "mine", "--text", bad, "--out", out)
    assert not out.exists()


def test_pictures_of_texts_are_drawn_in_any_number():
    gan = tiny.create("dfgan")
    assert [len(gan.generate(n, text="a bee", seed=0)) for n in (1, 65)] == [1, 65]
