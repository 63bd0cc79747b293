"""Augmentations: what each part does to pictures, derivatives, ADA's p."""

import itertools
import math

import keras
import numpy as np
import pytest
import tiny
from keras import ops
from scipy import ndimage

import ganzoo
from ganzoo import augment
from ganzoo.augment import ADA, DiffAugment
from ganzoo.augment.sampling import interpolated, reflected
from ganzoo.errors import GanzooError

PIPES = ["b", "g", "c", "bg", "bc", "gc", "bgc"]


def pictures(shape=(8, 10, 3), count=6, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(-1, 1, (count, *shape)).astype("float32")


def noise(seed=0):
    """A source of uniform noise; the same again for the same seed."""
    rng = np.random.default_rng(seed)
    return lambda shape: ops.convert_to_tensor(rng.random(shape, "float32"))


def columns(*values):
    """A source that gives these columns, the same for each picture."""
    row = np.float32(values)
    return lambda shape: ops.convert_to_tensor(np.broadcast_to(row, shape))


def done(found, images, uniform, p=1.0):
    result = found(ops.convert_to_tensor(images), uniform, p)
    return ops.convert_to_numpy(result)


# ------------------------------------------------------------------- all of them


@pytest.mark.parametrize("shape", [(8, 8, 1), (8, 8, 3), (7, 10, 3)])
@pytest.mark.parametrize("pipe", PIPES)
def test_at_probability_0_ada_changes_no_bit(pipe, shape):
    images = pictures(shape)
    assert np.array_equal(done(ADA(pipe), images, noise(), p=0.0), images)


@pytest.mark.parametrize("found", [DiffAugment(), ADA()])
@pytest.mark.parametrize("kind", ["float32", "bfloat16"])
@pytest.mark.parametrize("shape", [(8, 8, 1), (7, 10, 3)])
def test_shape_and_kind_stay_and_pictures_get_their_own_draws(found, kind, shape):
    images = ops.cast(np.repeat(pictures(shape, 1), 4, axis=0), kind)
    result = found(images, noise(), 1.0)
    assert result.shape == images.shape and result.dtype == images.dtype
    result = ops.convert_to_numpy(ops.cast(result, "float32"))
    assert np.isfinite(result).all()
    for one, other in itertools.combinations(result, 2):
        assert not np.allclose(one, other, atol=1e-2)


@pytest.mark.parametrize("given", [None, ""])
def test_none_stands_for_none(given):
    assert augment.get(given) is None and augment.spec(None) == ""


@pytest.mark.parametrize(
    "given", ["ada", "diffaugment", {"name": "ada", "target": 0.7}, ADA("b", p=0.2)]
)
def test_spec_is_taken_back(given):
    found = augment.get(given)
    assert augment.get(augment.spec(found)) == found


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("adda", "Did you mean: ada"),
        ({"target": 0.5}, "augmentation"),
        ({"name": "ada", "goal": 0.5}, "unknown setting of the augmentation 'ada'"),
        ({"name": "ada", "pipe": "bx"}, "part of the pipe of ADA"),
        ({"name": "ada", "pipe": "bb"}, "each once"),
        ({"name": "ada", "p": 1.5}, "p of ADA must be in"),
        ({"name": "ada", "target": 1.0}, "target of ADA"),
        ({"name": "ada", "kimg": 0}, "kimg of ADA must be above 0"),
        ({"name": "ada", "interval": 1.5}, "whole number of steps"),
        ({"name": "ada", "p": {"start": 0.0, "end": 0.5, "kimg": 9}}, "target = 0"),
        ({"name": "diffaugment", "policy": "colour"}, "Did you mean: color"),
        ({"name": "diffaugment", "policy": "color,color"}, "a part twice"),
        ({"name": "diffaugment", "policy": 3}, "must be a text"),
    ],
)
def test_what_is_wrong_is_named(given, said):
    with pytest.raises(GanzooError, match=said):
        augment.get(given)


# ------------------------------------------------------------------------- ADA


def test_blits_only_move_pixels():
    images = pictures((8, 8, 3), count=32)
    for before, after in zip(images, done(ADA("b"), images, noise()), strict=True):
        known = {tuple(pixel) for pixel in before.reshape(-1, 3)}
        assert {tuple(pixel) for pixel in after.reshape(-1, 3)} <= known


@pytest.mark.parametrize("flip", [0, 1])
@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
@pytest.mark.parametrize("shift", [(0, 0), (1, -1)])
def test_blits_are_flip_then_turn_then_shift(flip, quarters, shift):
    images = pictures((8, 8, 1), count=1)
    # A column to choose each, then the draw itself.
    draws = [0, 0.25 + flip / 2, 0, quarters / 4 + 0.1, 0]
    draws += [(1 + each) / 2 * 0.999 for each in shift]
    expected = images[0, :, ::-1] if flip else images[0]
    expected = np.rot90(expected, -quarters)
    right, down = shift
    padded = np.pad(expected, ((1, 1), (1, 1), (0, 0)), mode="reflect")
    expected = padded[1 - down : 9 - down, 1 - right : 9 - right]
    assert np.array_equal(done(ADA("b"), images, columns(*draws))[0], expected)


def test_between_pixels_is_what_scipy_says():
    images = pictures((7, 9, 2), count=3)
    rng = np.random.default_rng(1)
    rows, cols = rng.uniform(-9, 15, (3, 7, 9)), rng.uniform(-12, 20, (3, 7, 9))
    found = interpolated(
        ops.convert_to_tensor(images),
        reflected(np.float32(rows), 7),
        reflected(np.float32(cols), 9),
    )
    for i, channel in itertools.product(range(3), range(2)):
        expected = ndimage.map_coordinates(
            images[i, ..., channel], [rows[i], cols[i]], order=1, mode="mirror"
        )
        seen = ops.convert_to_numpy(found)[i, ..., channel]
        assert np.allclose(seen, expected, atol=1e-4)


def test_a_half_turn_of_part_g_is_a_half_turn():
    images = pictures((8, 8, 1), count=1)
    # Not chosen, but the first rotation: by pi, the end of its range.
    draws = [0.99, 0.5, 0, 1.0, 0.99, 0.5, 0.99, 0.5, 0.99, 0.5, 0.5]
    found = done(ADA("g"), images, columns(*draws), p=0.9)
    assert np.allclose(found[0], images[0, ::-1, ::-1], atol=1e-4)


def test_colours_are_the_paper_s_matrices():
    images = pictures((4, 4, 3), count=1)
    shares = {"shift": 0.7, "gain": 0.3, "turn": 0.8, "saturation": 0.4}
    normal = {key: quantile(share) for key, share in shares.items()}
    draws = [0, 0.7, 0, 0.3, 0, 0.75, 0, 0.8, 0, 0.4]
    axis = np.ones(3) / math.sqrt(3)
    grey = np.outer(axis, axis)
    angle = -math.pi + 2 * math.pi * 0.8
    cross = np.cross(np.eye(3), axis).T * -1
    pixels = images.reshape(-1, 3) + 0.2 * normal["shift"]
    pixels = pixels * 2 ** (0.5 * normal["gain"])
    pixels = pixels @ (np.eye(3) - 2 * grey).T  # the luma's flip
    turn = grey + math.cos(angle) * (np.eye(3) - grey) + math.sin(angle) * cross
    pixels = pixels @ turn.T
    pixels = pixels @ (grey + (np.eye(3) - grey) * 2 ** normal["saturation"]).T
    found = done(ADA("c"), images, columns(*draws))
    assert np.allclose(found.reshape(-1, 3), pixels, atol=1e-4)


def quantile(share):
    """The normal quantile of a share, by bisection of the error function."""
    low, high = -9.0, 9.0
    while high - low > 1e-12:
        middle = (low + high) / 2
        below = 0.5 * (1 + math.erf(middle / math.sqrt(2))) < share
        low, high = (middle, high) if below else (low, middle)
    return low


# ----------------------------------------------------------------- DiffAugment


def test_color_is_brightness_then_saturation_then_contrast():
    images = pictures((4, 4, 3), count=1)
    found = done(DiffAugment("color"), images, columns(0.9, 0.2, 0.7))
    expected = images[0] + (0.9 - 0.5)
    mean = expected.mean(axis=2, keepdims=True)
    expected = mean + (expected - mean) * (2 * 0.2)
    expected = expected.mean() + (expected - expected.mean()) * (0.5 + 0.7)
    assert np.allclose(found[0], expected, atol=1e-5)


def test_translation_brings_in_zeros():
    images = pictures((16, 16, 3), count=1)
    found = done(DiffAugment("translation"), images, columns(0.99, 0.01))[0]
    expected = np.zeros_like(found)
    expected[2:, :-2] = images[0, :-2, 2:]
    assert np.array_equal(found, expected)


def test_cutout_is_a_square_of_half_the_side_around_any_pixel():
    images = np.ones((400, 16, 16, 1), "float32")
    found = done(DiffAugment("cutout"), images, noise())[..., 0]
    sizes = (found == 0).sum((1, 2))
    assert sizes.max() == 64 and sizes.min() >= 16
    assert (found == 0).any(axis=0).all()
    middle = done(DiffAugment("cutout"), images[:1], columns(0.5, 0.5))[0, ..., 0]
    assert (middle[4:12, 4:12] == 0).all() and middle.sum() == 256 - 64


# ------------------------------------------------------------------- in training


@pytest.mark.backend
@pytest.mark.parametrize("given", ["diffaugment", {"name": "ada", "p": 0.5}])
def test_penalties_go_through_augmentations(given):
    gan = tiny.create("r3gan", augment=given, loss="non_saturating")
    logs = tiny.fit(gan, steps=2)
    assert np.isfinite(list(logs.values())).all() and logs["penalty"] > 0


def test_both_players_turns_see_augmented_pictures():
    seen = []

    class Spy(DiffAugment):
        def __call__(self, images, uniform, p=1.0):
            seen.append(images.shape[0])
            return super().__call__(images, uniform, p)

    gan = tiny.create("dcgan", augment=Spy())
    batch = tiny.batch(gan)
    gan.discriminator_loss(batch)
    assert seen == [8, 8]
    gan.generator_loss(batch)
    assert seen == [8, 8, 8]


def test_p_rises_while_reals_are_told_and_falls_to_0_when_not():
    gan = tiny.create("dcgan", augment={"name": "ada", "kimg": 1.0, "interval": 2})
    state, probabilities = gan.augment_state, []
    for sign in (1.0, 1.0, 1.0, 1.0, -1.0, -1.0, -1.0, 1.0, 0.6, -1.0, -1.0, -1.0):
        gan.step.assign_add(1)
        state.adjust({"real_sign": ops.convert_to_tensor(sign)}, 8)
        probabilities.append(round(float(state.p), 4))
    # By 16 images of 1000 at each second step; -1 and 1 are below the target of 0.6.
    expected = [0, 0.016, 0.016, 0.032, 0.032, 0.016, 0.016, 0, 0, 0, 0, 0]
    assert probabilities == expected


def test_p_may_follow_a_schedule():
    p = {"start": 0.0, "end": 0.5, "kimg": 1}
    gan = tiny.create("dcgan", augment={"name": "ada", "target": 0.0, "p": p})
    gan.seen.assign(500)
    assert float(gan.augment_state.probability()) == pytest.approx(0.25)
    assert gan.get_config()["augment"]["p"]["end"] == 0.5


@pytest.mark.backend
def test_p_is_kept_with_a_model(tmp_path):
    gan = tiny.create("dcgan", augment={"name": "ada", "kimg": 0.1, "target": 0.01})
    logs = tiny.fit(gan, steps=8)
    assert {"real_sign", "augment_p"} <= logs.keys()
    gan.augment_state.p.assign(0.375)
    gan.save(tmp_path / "mine.keras")
    loaded = ganzoo.load(tmp_path / "mine.keras")
    assert float(loaded.augment_state.p) == 0.375


def trained_p(images):
    """p at twenty times in a training with ADA that shows 20,000 of these pictures."""
    keras.utils.set_random_seed(0)
    gan = ganzoo.create(
        "r3gan",
        image_shape=images.shape[1:],
        widths=[32, 16],
        blocks=1,
        loss="non_saturating",
        g_lr=2e-3,
        d_lr=2e-3,
        penalties=[{"name": "r1", "gamma": 0.5, "every": 4}],
        augment={"name": "ada", "target": 0.5, "kimg": 10},
    )
    rng = np.random.default_rng(0)
    drawn = (({"image": rng.choice(images, 32)},) for _ in itertools.count())
    told = gan.fit(drawn, epochs=20, steps_per_epoch=31, shuffle=False, verbose=0)
    return np.array(told.history["augment_p"])


def test_ada_rises_on_a_hundredth_of_the_pictures_and_stays_near_0_on_all():
    try:
        faces = ganzoo.data.load("avatar_faces", "train[:1500]", image_size=8)
    except GanzooError:
        pytest.skip("avatar_faces is not at hand")
    images = faces.fields["image"]
    few, enough = (trained_p(each)[-6:].mean() for each in (images[:15], images))
    assert few > 0.02 and enough < 0.004
