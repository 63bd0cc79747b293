"""The mode suite: scores by hand, seeds that do not touch, rows, pictures, tables."""

import dataclasses
import math

import keras
import numpy as np
import pytest
import tiny
from keras import ops

from ganzoo.benchmark import modes, modes_data, modes_models, modes_settings, rows
from ganzoo.benchmark.modes_settings import Combination
from ganzoo.errors import GanzooError
from ganzoo.losses import LOSSES
from ganzoo.penalties import PENALTIES

# ------------------------------------------------------------------- the scores


def test_scores_of_a_perfect_sample():
    mode = np.arange(8).repeat(5)
    found = modes_data.scores(mode, np.ones(40, bool), 8)
    assert found["modes"] == 8 and found["good"] == 1
    assert found["reverse_kl"] == pytest.approx(0)


def test_scores_of_one_mode_alone():
    found = modes_data.scores(np.full(9, 3), np.arange(9) < 3, 25)
    assert found["modes"] == 1 and found["good"] == pytest.approx(1 / 3)
    assert found["reverse_kl"] == pytest.approx(math.log(25))


def test_a_mode_counts_by_its_good_samples_only():
    found = modes_data.scores(np.array([0, 1, 1]), np.array([True, False, False]), 2)
    assert found["modes"] == 1
    by_hand = 1 / 3 * math.log(2 / 3) + 2 / 3 * math.log(4 / 3)
    assert found["reverse_kl"] == pytest.approx(by_hand)


@pytest.mark.parametrize("name, modes_", [("ring8", 8), ("grid25", 25)])
def test_points_are_good_within_three_standard_deviations(name, modes_):
    data = modes_data.get(name)
    assert data.modes == modes_
    direction = np.array([0.6, 0.8]) * data.std
    for far, expected in ((2.99, True), (3.01, False)):
        images = (data.centres + far * direction).reshape(-1, 1, 2, 1)
        mode, good = data.judge(images.astype("float32"))
        assert mode.tolist() == list(range(modes_))
        assert set(good.tolist()) == {expected}


def test_the_ring_and_the_grid_are_those_of_the_papers():
    ring, grid = modes_data.get("ring8"), modes_data.get("grid25")
    assert np.allclose(np.linalg.norm(ring.centres, axis=1), 2)
    assert sorted(set(grid.centres.ravel())) == [-4, -2, 0, 2, 4]
    real = grid.draw(np.random.default_rng(0), 20_000)
    mode, good = grid.judge(real)
    # Within 3 std of the centre of a Gaussian in the plane: 1 - exp(-9 / 2).
    assert good.mean() == pytest.approx(1 - math.exp(-4.5), abs=0.003)
    assert np.bincount(mode).min() > 600


def class_of_level(digits):
    """A stand-in classifier: the class is the grey level, in steps of 25."""
    level = digits.reshape(len(digits), -1).mean(axis=1) / 25
    return -np.square(level[:, None] - np.arange(10))


@pytest.fixture
def flat_digits(monkeypatch):
    """Ten grey squares for digits, each of one level, in both splits."""
    squares = np.repeat(np.arange(10, dtype="float32") * 25, 20)[:, None]
    monkeypatch.setattr(modes_data, "_digits", lambda split: np.tile(squares, 784))
    caches = (modes_data._principal_components, modes_data._coefficients)
    for each in caches:
        each.cache_clear()
    yield modes_data.StackedDigits(components=2, classify=class_of_level)
    for each in caches:
        each.cache_clear()


def test_stacked_digits_stack_real_ones(flat_digits):
    images = flat_digits.draw(np.random.default_rng(0), 300)
    assert images.shape == (300, 2, 1, 3) and images.dtype == np.float32
    mode, good = flat_digits.judge(images)
    assert good.all() and len(set(mode)) > 200
    same = flat_digits.test(np.random.default_rng(0), 300)
    np.testing.assert_array_equal(same, images)


def test_stacked_digits_are_judged_digit_by_digit(flat_digits):
    levels = np.array([[1, 2, 3], [9, 0, 5], [4, 4, 4.5]]) * 25
    # All pixels alike: the first component is sqrt(784) = 28 times the level.
    images = np.zeros((3, 2, 1, 3), "float32")
    images[:, 0, 0] = (levels - 112.5) * 28 / 800
    mode, good = flat_digits.judge(images)
    assert mode[:2].tolist() == [123, 905]
    assert good.tolist() == [True, True, False]  # 4.5 may be a four or a five


def test_an_unknown_data_set_is_refused():
    with pytest.raises(GanzooError, match="unknown data set.*grid25"):
        modes_data.get("grid24")


# ---------------------------------------------------------- many seeds in one step


def trained(seeds, steps=8, **changed):
    combination = Combination("ring8", changed.pop("loss", "hinge"), "none")
    small = {"g_widths": (8, 8), "d_widths": (8, 8)} | changed
    gan = modes_models.SeedwiseGAN(
        seeds=seeds,
        image_shape=(1, 2, 1),
        **combination.setting.model | small,
    )
    stream = modes._stream(combination, seeds)
    gan.fit(stream, steps_per_epoch=steps, verbose=0, shuffle=False)
    return gan


def weights_of(gan, seed):
    place = gan.seeds.index(seed)
    networks = (gan.generator, gan.discriminator, gan.generator_ema)
    return [value[place] for each in networks for value in each.get_weights()]


@pytest.mark.backend
@pytest.mark.parametrize(
    "changed",
    [
        {"loss": "relativistic", "penalties": ["r1", "r2"]},
        {"loss": "wasserstein", "penalties": ["gradient_penalty"]},
    ],
)
def test_a_seed_learns_the_same_alone_and_in_company(changed):
    alone, together = trained([5], **changed), trained([3, 5, 8], **changed)
    for one, other in zip(weights_of(alone, 5), weights_of(together, 5), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)
    one, other = (next(modes_models.draw(gan, 50)) for gan in (alone, together))
    np.testing.assert_allclose(one[0], other[1], rtol=1e-3, atol=1e-4)
    assert not np.allclose(other[0], other[1])


def test_a_seed_that_breaks_leaves_the_others_alone():
    broken, whole = (tiny_pair() for _ in range(2))
    for variable in broken.discriminator.trainable_variables:
        value = ops.convert_to_numpy(variable).copy()
        value[0] = np.nan
        variable.assign(value)
    for gan in (broken, whole):
        stream = modes._stream(Combination("ring8", "hinge", "r1"), [0, 1])
        gan.fit(stream, steps_per_epoch=5, verbose=0, shuffle=False)
    assert modes_models.finite(broken).tolist() == [False, True]
    assert tiny.same(weights_of(broken, 1), weights_of(whole, 1))


def tiny_pair():
    return modes_models.SeedwiseGAN(
        seeds=[0, 1], image_shape=(1, 2, 1), latent_dim=2, g_widths=(4,), d_widths=(4,)
    )


def test_the_average_is_counted_in_the_images_of_one_seed():
    gan = modes_models.SeedwiseGAN(
        seeds=range(10), image_shape=(1, 2, 1), latent_dim=2, ema_half_life_kimg=3.0
    )
    assert gan.ema_half_life_kimg == 30
    optimizers = [player.optimizer for player in gan.players]
    assert all(each.epsilon == pytest.approx(1e-8) for each in optimizers)


def test_a_gan_without_seeds_is_refused():
    with pytest.raises(GanzooError, match="at least one whole number"):
        modes_models.SeedwiseGAN(seeds=[], image_shape=(1, 2, 1))


# --------------------------------------------------------------------- the suite


def test_every_loss_and_penalty_is_tried():
    tried = modes_settings.combinations()
    assert len(set(tried)) == len({each.label for each in tried}) == len(tried)
    for dataset in modes_settings.SETTINGS:
        mine = [each for each in tried if each.dataset == dataset]
        assert {each.loss for each in mine} == {*LOSSES, "real"}
    points = [each for each in tried if each.dataset == "grid25" and each.tag]
    names = {name for each in points for name in modes_settings.PENALTIES[each.tag]}
    assert names == set(PENALTIES) - {"matching_aware"}  # points have no texts


def test_every_combination_can_be_created():
    for each in modes_settings.combinations():
        if each.loss != "real" and each.dataset != "grid25":
            gan = each.create([0])
            told = [name["name"] for name in gan.get_config()["penalties"]]
            assert tuple(told) == modes_settings.PENALTIES[each.tag]


def test_a_hash_knows_the_length_and_the_settings(monkeypatch):
    each, hinge = Combination("ring8", "hinge", "r1"), Combination("ring8", "hinge", "")
    first = each.hash(100)
    assert first == each.hash(100) != each.hash(101)
    assert first != Combination("grid25", "hinge", "r1").hash(100)
    changed = dataclasses.replace(each.setting, batch=64)
    monkeypatch.setitem(modes_settings.SETTINGS, "ring8", changed)
    assert first != each.hash(100) and hinge.label == "ring8-hinge"


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Rows of the smallest possible suite: ring, one loss, few steps."""
    folder = tmp_path_factory.mktemp("modes")
    with pytest.MonkeyPatch.context() as patch:
        small = dataclasses.replace(
            modes_settings.SETTINGS["ring8"],
            samples=700,
            model={"latent_dim": 2, "g_widths": (8,), "d_widths": (8,)},
        )
        patch.setitem(modes_settings.SETTINGS, "ring8", small)
        told = []
        for only in ("ring8-real", "ring8-hinge-r1"):
            modes.run(folder, seeds=3, only=only, steps=4, progress=told.append)
        lines = len(told)
        modes.run(folder, seeds=3, only="ring8-hinge", steps=4, progress=told.append)
    return folder, told, lines


def test_each_combination_leaves_rows_and_is_not_done_twice(results):
    folder, told, lines = results
    assert lines == 3 and len(told) == 5  # real, r1, r1+r2; then none and the penalty
    assert told[0].startswith("ring8-real: modes 8, good 0.9")
    kept = rows.read(folder / "modes.csv")
    assert len(kept) == 5 * 3 * 3
    row = kept[-1]
    assert (row.suite, row.name, row.tag) == ("modes", "hinge", "gradient_penalty")
    assert (row.dataset, row.metric, row.seed) == ("ring8", "reverse_kl", 2)
    assert (row.batch_size, row.kimg, row.n_fake) == (128, 0.512, 700)
    assert row.train_seconds > 0 and row.backend == keras.backend.backend()
    assert len(row.recipe_hash) == 12 and "keras" in row.packages and row.date
    assert {each.status for each in kept} <= {"ok", "collapsed"}


def test_the_points_are_kept_and_drawn_again_alike(results, tmp_path):
    folder, _, _ = results
    with np.load(folder / "modes" / "ring8-hinge-r1.npz") as stored:
        points = stored["points"]
    assert points.shape == (3, 500, 2) and points.dtype == np.float16
    assert not np.array_equal(points[0], points[1])
    assert not (folder / "modes" / "ring8-real.npz").exists()
    first, second = (modes.draw(folder, tmp_path / name) for name in "ab")
    assert [path.name for path in first] == ["modes-ring8.png"]
    assert first[0].read_bytes() == second[0].read_bytes()


def test_points_that_are_missing_are_told(results, tmp_path):
    folder, _, _ = results
    copy = tmp_path / "modes.csv"
    copy.write_bytes((folder / "modes.csv").read_bytes())
    with pytest.raises(GanzooError, match="ring8-hinge-none.npz is missing"):
        modes.draw(tmp_path, tmp_path)


def test_a_table_of_the_rows(results):
    folder, _, _ = results
    kept = rows.read(folder / "modes.csv")
    text = modes.table(kept)
    assert text == modes.table(reversed(kept))
    assert "## ring8" in text and "## grid25" not in text
    assert "| real data | –" in text and "8.0 ± 0.0" in text
    assert "3 seeds, 0.512 thousand examples a seed, batch 128" in text


def test_a_name_that_fits_nothing_is_refused(tmp_path):
    with pytest.raises(GanzooError, match="no combination.*'ring9'.*ring8-minimax"):
        modes.run(tmp_path, only="ring9")


# ------------------------------------------------------------- runs that fail


def verdicts(far):
    """Seed 0 finds all modes, seed 1 three of eight, a sample of seed 2 is `far`."""
    ring = modes_data.get("ring8").centres.astype("float32")
    block = np.stack([ring, ring[[0, 1, 2, 0, 1, 2, 0, 1]], ring])
    block[2, 4] = far
    block = block.reshape(3, 8, 1, 2, 1)
    combination = Combination("ring8", "hinge", "r1")
    found = modes._verdicts(combination, [block, block], np.ones(3, bool))
    return modes._rows(combination, {}, range(3), found)


@pytest.mark.parametrize("far", [np.nan, np.inf, 1e30])
def test_collapsed_and_diverged_seeds_keep_their_rows(far):
    made = verdicts(far)
    assert [row.status for row in made[::3]] == ["ok", "collapsed", "diverged"]
    assert [row.value for row in made[:6:3]] == [8, 3]
    assert all(math.isnan(row.value) and row.repeats == 0 for row in made[6:])
    text = modes.table(made)
    assert "| hinge" in text and "5.5 ± 3.5" in text and text.count("33%") == 2


def test_a_later_training_replaces_an_earlier_one():
    old = [row.with_values(date="2024", recipe_hash="a") for row in verdicts(np.nan)]
    new = [row.with_values(date="2025", recipe_hash="b", value=7.0) for row in old[:3]]
    assert "7.0 ± 0.0" in modes.table([*new, *old])


def test_a_combination_that_diverged_is_drawn(tmp_path):
    made = verdicts(np.nan)
    bad = [row.with_values(value=math.nan, status="diverged") for row in made]
    rows.append(tmp_path / "modes.csv", bad)
    (drawn,) = modes.draw(tmp_path, tmp_path)
    assert drawn.stat().st_size > 1000
