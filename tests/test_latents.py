"""Paths, truncation, inversion and directions in a generator's latents."""

import os
from pathlib import Path

import keras
import numpy as np
import pytest
import tiny
from commands import ganzoo_, refused
from PIL import Image
from scipy import stats

import ganzoo
from ganzoo import latents, sampling
from ganzoo.errors import GanzooError
from ganzoo.latents.interpolation import between
from ganzoo.latents.projection import to_target


@pytest.fixture(scope="module")
def dcgan():
    """The trained model of the package: uniform latents."""
    return ganzoo.load("dcgan.fashion_mnist")


@pytest.fixture(scope="module")
def cgan():
    """A small model with labels: ant, bee, cat, dog."""
    return tiny.create("cgan")


def drawn(gan, count, seed=0):
    return sampling.draw_latents(gan, count, np.random.default_rng(seed))


# ----------------------------------------------------------------------- interpolate


def test_slerp_goes_round_the_circle_at_one_speed():
    points = latents.slerp(np.array([2.0, 0]), np.array([0, 2.0]), np.linspace(0, 1, 4))
    angles = np.radians([0, 30, 60, 90])
    wanted = 2 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    assert np.allclose(points, wanted)


def test_slerp_of_parallel_and_opposite_vectors_is_a_straight_line():
    one = np.array([1.0, 2.0])
    for other, middle in ((3 * one, 2 * one), (-one, 0 * one), (0 * one, one / 2)):
        assert np.allclose(latents.slerp(one, other, np.array([0.5])), middle)


def test_every_frame_of_a_seed_is_what_the_seed_draws(dcgan):
    frames = latents.interpolate(dcgan, (7, 3, 7), steps=4)
    assert frames.shape == (12, 28, 28, 1)
    for place, seed in ((0, 7), (4, 3), (8, 7)):
        assert np.array_equal(frames[place], dcgan.generate(1, seed=seed)[0])
    # From the last seed back to the first, which are the same here.
    assert all(np.array_equal(frames[0], frame) for frame in frames[8:])


def test_an_open_path_ends_at_the_last_seed(dcgan):
    frames = latents.interpolate(dcgan, (0, 1), steps=5, loop=False)
    assert len(frames) == 6
    assert np.array_equal(frames[-1], dcgan.generate(1, seed=1)[0])


def test_a_path_has_no_jumps(dcgan):
    frames = np.float64(latents.interpolate(dcgan, (0, 1, 2), steps=32))
    jumps = np.abs(frames - np.roll(frames, 1, axis=0)).mean((1, 2, 3))
    assert jumps.max() < np.abs(frames[0] - frames[32]).mean() / 4


@pytest.mark.parametrize("name, law", [("dcgan", "uniform"), ("wgan_gp", "norm")])
def test_points_of_a_path_are_of_the_latents_distribution(name, law):
    gan = tiny.create(name, latent_dim=2000)
    start, end = drawn(gan, 2)
    path = between(gan, start, end, np.linspace(0, 1, 9))
    assert np.array_equal(path[0], start) and np.array_equal(path[-1], end)
    arguments = (-1, 2) if law == "uniform" else (0, 1)
    for point in path:
        assert stats.kstest(point, law, arguments).pvalue > 0.01
    # A straight line's points would not be: half way, their variance is half as large.
    assert stats.kstest((start + end) / 2, law, arguments).pvalue < 1e-6


def test_uniform_latents_of_exactly_one_have_a_path(dcgan):
    path = between(dcgan, np.ones(100), -np.ones(100), np.linspace(0, 1, 5))
    assert np.isfinite(path).all() and np.abs(path).max() <= 1


def test_a_label_changes_half_way(cgan):
    frames = latents.interpolate(
        cgan, (0, 1), steps=4, labels=["bee", "dog"], loop=False
    )
    path = between(cgan, drawn(cgan, 1, 0)[0], drawn(cgan, 1, 1)[0], np.arange(5) / 4)
    wanted = latents.draw(cgan, path, [1, 1, 3, 3, 3])
    assert np.array_equal(frames, wanted)
    assert np.array_equal(frames[-1], cgan.generate(1, seed=1, labels="dog")[0])


def test_without_a_label_a_path_stays_in_the_first_class(cgan):
    frames = latents.interpolate(cgan, (0, 1), steps=2)
    for place, seed in ((0, 0), (2, 1)):
        assert np.array_equal(frames[place], cgan.generate(1, seed=seed)[0])


@pytest.mark.parametrize(
    "arguments, told",
    [
        ({"seeds": (1,)}, "2 or more whole numbers"),
        ({"seeds": (1, -1)}, "whole numbers from 0 on"),
        ({"seeds": (1, 0.5)}, "whole numbers from 0 on"),
        ({"steps": 0}, "steps must be an int of at least 1"),
        ({"labels": ["ant"]}, "trained without labels"),
    ],
)
def test_paths_that_are_none_are_refused(dcgan, arguments, told):
    with pytest.raises(GanzooError, match=told):
        latents.interpolate(dcgan, **arguments)


def test_labels_are_one_for_all_or_one_a_seed(cgan):
    with pytest.raises(GanzooError, match="received 3 labels"):
        latents.interpolate(cgan, (0, 1), labels=["ant", "bee", "cat"])


# ------------------------------------------------------------------- draw, truncation


def test_draw_draws_what_generate_does(cgan):
    pictures = latents.draw(cgan, drawn(cgan, 5, seed=3), "cat")
    assert np.array_equal(pictures, cgan.generate(5, seed=3, labels="cat"))


def test_latents_of_another_length_are_refused(dcgan):
    for shape in ((100,), (1, 99), (0, 100)):
        with pytest.raises(GanzooError, match=r"shape \(n, 100\), received"):
            latents.draw(dcgan, np.zeros(shape))


def test_truncation_pulls_the_same_pictures_together(dcgan):
    rows = latents.truncations(dcgan, 3, (0.3, 1.0), count=12)
    assert rows.shape == (2, 12, 28, 28, 1)
    assert np.array_equal(rows[1], dcgan.generate(12, seed=3))
    assert np.array_equal(rows[0], dcgan.generate(12, seed=3, truncation=0.3))
    spread = np.float64(rows).std(axis=1).mean((1, 2, 3))
    assert spread[0] < spread[1]


def test_truncations_are_above_0_and_at_most_1(dcgan):
    with pytest.raises(GanzooError, match="above 0 and at most 1, received 1.5"):
        latents.truncations(dcgan, values=(0.5, 1.5))
    with pytest.raises(GanzooError, match="received none"):
        latents.truncations(dcgan, values=())


# --------------------------------------------------------------------------- project


def distance(pictures, target):
    """The distance of `project`, in numpy."""
    x, y = (np.float64(each) / 127.5 - 1 for each in (pictures, target[None]))
    found = []
    while True:
        found.append(np.square(x - y).mean((1, 2, 3)))
        if min(x.shape[1:3]) < 8:
            return np.mean(found, axis=0)
        x, y = (
            each.reshape(len(each), x.shape[1] // 2, 2, x.shape[2] // 2, 2, -1)
            for each in (x, y)
        )
        x, y = x.mean((2, 4)), y.mean((2, 4))


def test_a_picture_of_its_own_is_found_again(dcgan):
    target = dcgan.generate(1, seed=100)[0]
    found = latents.project(dcgan, target, steps=100, starts=4)
    by_chance = distance(dcgan.generate(1000, seed=5), target).min()
    assert found.distance < by_chance / 4
    assert np.abs(found.latent).max() <= 1


def test_a_real_picture_comes_nearer_than_chance(dcgan):
    target = ganzoo.data.load("fashion_mini", "test").fields["image"][2]
    found = latents.project(dcgan, target, steps=60, starts=4)
    starts = drawn(dcgan, 4)
    by_chance = distance(latents.draw(dcgan, starts), target).min()
    assert found.distance < by_chance / 4
    assert found.distance == found.history.min() < found.history[0]
    assert found.path[0].tolist() in starts.tolist()
    assert np.array_equal(found.picture, latents.draw(dcgan, found.latent[None])[0])
    # The picture is rounded to whole grey levels, what was descended was not.
    assert found.distance == pytest.approx(
        distance(found.picture[None], target)[0], rel=0.02
    )


def test_the_class_of_a_picture_is_found():
    cgan = ganzoo.load("cgan.fashion_mnist")
    target = cgan.generate(1, seed=9, labels="Trouser")[0]
    found = latents.project(cgan, target, steps=16, starts=2)
    assert cgan.class_names[found.label] == "Trouser"
    as_bag = latents.project(cgan, target, steps=16, starts=2, labels="Bag")
    assert cgan.class_names[as_bag.label] == "Bag"
    assert found.distance < as_bag.distance


@pytest.mark.backend
@pytest.mark.parametrize("name", ["dcgan", "wgan_gp", "cgan"])
def test_descent_goes_down_on_every_backend(name):
    gan = tiny.create(name)
    target = gan.generate(1, seed=5)[0]
    found = latents.project(gan, target, steps=15, starts=3, labels=None)
    assert found.history.shape == (16,) and found.path.shape == (16, gan.latent_dim)
    assert found.distance < found.history[0]
    assert found.latent.dtype == found.path.dtype == "float32"


@pytest.mark.parametrize("name, pulled", [("wgan_gp", True), ("dcgan", False)])
def test_normal_latents_have_a_prior_that_pulls_them_in(name, pulled):
    zeros = keras.layers.Dense(784, kernel_initializer="zeros")  # always one picture
    gan = with_generator(lambda z: keras.layers.Reshape((28, 28, 1))(zeros(z)), name)
    black = np.zeros((28, 28, 1), "uint8")
    found = latents.project(gan, black, steps=30, starts=2)
    if pulled:
        assert np.abs(found.path[-1]).mean() < np.abs(found.path[0]).mean() / 2
    else:
        assert np.array_equal(found.path[-1], found.path[0])


def test_progress_is_told_after_each_step(cgan):
    told = []
    black = np.zeros((28, 28, 1), "uint8")
    found = latents.project(
        cgan, black, steps=6, starts=2, progress=lambda *each: told.append(each)
    )
    # Two steps in each of four classes, then six in the best.
    assert [each[:2] for each in told] == [(i, 14) for i in range(1, 15)]
    assert min(each[2] for each in told[8:]) == pytest.approx(found.distance)


def test_a_search_is_the_same_again(cgan):
    black = np.zeros((28, 28, 1), "uint8")
    one, same = (
        latents.project(cgan, black, steps=4, starts=2, labels=0) for _ in range(2)
    )
    assert np.array_equal(one.path, same.path)
    assert one.label == 0


def test_pictures_are_made_what_the_model_draws(dcgan, tmp_path):
    colour = np.zeros((40, 60, 3), "uint8")
    colour[:, 20:40] = 200, 0, 0
    Image.fromarray(colour).save(tmp_path / "red.png")
    found = to_target(dcgan, tmp_path / "red.png")
    assert found.shape == (28, 28, 1)
    assert np.array_equal(found, to_target(dcgan, colour))
    assert abs(int(found[14, 14, 0]) - 60) <= 1  # the luma of that red
    clear = np.zeros((28, 28, 4), "uint8")
    assert (to_target(dcgan, clear) == 255).all()  # transparency stands on white
    assert to_target(dcgan, np.zeros((28, 28), "uint8")).shape == (28, 28, 1)


def test_a_picture_of_the_right_shape_stays_as_it_is(dcgan, tmp_path):
    picture = dcgan.generate(1, seed=1)[0]
    Image.fromarray(picture[..., 0]).save(tmp_path / "own.png")
    assert np.array_equal(to_target(dcgan, str(tmp_path / "own.png")), picture)
    wide = tiny.create("dcgan", image_shape=(32, 64, 3))
    assert to_target(wide, picture).shape == (32, 64, 3)


def test_what_is_no_picture_is_refused(dcgan, tmp_path):
    (tmp_path / "text.png").write_text("not a picture")
    with pytest.raises(GanzooError, match="text.png' cannot be read"):
        latents.project(dcgan, tmp_path / "text.png")
    with pytest.raises(GanzooError, match="there is no picture"):
        latents.project(dcgan, tmp_path / "missing.png")
    for wrong in (np.zeros((28, 28, 1)), np.zeros((2, 28, 28, 1), "uint8")):
        with pytest.raises(GanzooError, match="a picture is uint8"):
            latents.project(dcgan, wrong)
    with pytest.raises(GanzooError, match="needs 1 channel"):
        latents.project(dcgan, np.zeros((28, 28, 2), "uint8"))
    black = np.zeros((28, 28, 1), "uint8")
    with pytest.raises(GanzooError, match="trained without labels"):
        latents.project(dcgan, black, labels="Bag")
    with pytest.raises(GanzooError, match="steps must be an int"):
        latents.project(dcgan, black, steps=0)


# ------------------------------------------------------------------------ directions


def first_layer(gan):
    """The kernel that the latents meet first: the one Dense layer with their rows."""
    rows = (gan.latent_dim, gan.latent_dim + gan.num_classes)
    kernels = [w for w in gan.generator_ema.weights if w.path.endswith("kernel")]
    kernel = next(w for w in kernels if len(w.shape) == 2 and w.shape[0] in rows)
    return keras.ops.convert_to_numpy(kernel)[: gan.latent_dim]


@pytest.mark.battery
def test_directions_of_every_variant_are_orthonormal_and_sorted(variant):
    gan = tiny.create(variant)
    found = latents.directions(gan, count=4)
    assert found.vectors.shape == (4, gan.latent_dim)
    assert np.allclose(found.vectors @ found.vectors.T, np.eye(4), atol=1e-5)
    assert (np.diff(found.strengths) <= 0).all() and found.strengths[-1] > 0


@pytest.mark.parametrize(
    "name, settings",
    [
        ("dcgan", {}),
        ("gan", {}),  # its activation is part of the layer
        ("cgan", {}),  # latents have a layer of their own
        ("cgan", {"architecture": "conv"}),  # labels stand beside the latents
    ],
)
def test_directions_are_those_of_the_kernels_svd(name, settings):
    gan = tiny.create(name, **settings)
    vectors, strengths, _ = np.linalg.svd(first_layer(gan))
    found = latents.directions(gan, count=5)
    assert np.allclose(found.strengths, strengths[:5], rtol=1e-3)
    alike = np.abs(np.sum(found.vectors * vectors.T[:5], axis=1))
    assert np.allclose(alike, 1, atol=1e-3)


def test_what_holds_the_length_of_latents_is_left_out():
    gan = tiny.create("progan")
    vectors, strengths, _ = np.linalg.svd(first_layer(gan))
    found = latents.directions(gan, count=5)
    alike = np.abs(np.sum(found.vectors * vectors.T[:5], axis=1))
    assert np.allclose(alike, 1, atol=1e-3)
    ratios = found.strengths / strengths[:5]  # the equalised rate, one for all
    assert np.allclose(ratios, ratios[0], rtol=1e-3)


def test_the_first_direction_moves_most(dcgan):
    found = latents.directions(dcgan, count=dcgan.latent_dim)
    others = np.random.default_rng(0).standard_normal((50, dcgan.latent_dim))
    others /= np.linalg.norm(others, axis=1, keepdims=True)
    moved = np.linalg.norm(others @ first_layer(dcgan), axis=1)
    assert found.strengths[0] > 1.5 * moved.max()

    def change(vector):
        rows = latents.walk(dcgan, vector, range(16), distances=(0, 1.5))
        return np.abs(np.diff(np.float64(rows), axis=1)).mean()

    random = [change(vector) for vector in others[:5]]
    first, last = change(found.vectors[0]), change(found.vectors[-1])
    assert first > 1.5 * max(random) and min(random) > last


def with_generator(output, name="dcgan"):
    """A model whose averaged generator is another: images of a latent input."""
    gan = tiny.create(name, latent_dim=16)
    z = keras.Input((gan.latent_dim,), name="latents")
    gan.generator_ema = keras.Model({"latents": z}, output(z))
    return gan


def to_image(x):
    return keras.layers.Reshape((28, 28, 1))(keras.layers.Dense(784, "tanh")(x))


def test_layers_that_the_latents_enter_together_are_stacked():
    dense = [keras.layers.Dense(9, "relu", name=f"entrance_{i}") for i in range(2)]
    gan = with_generator(
        lambda z: to_image(keras.layers.Concatenate()([each(z) for each in dense]))
    )
    kernels = [keras.ops.convert_to_numpy(each.kernel) for each in dense]
    strengths = np.linalg.svd(np.concatenate(kernels, axis=1))[1]
    found = latents.directions(gan, count=16)
    assert np.allclose(found.strengths, strengths, rtol=1e-3, atol=1e-4)


def test_a_convolution_may_be_the_first_layer():
    def output(z):
        x = keras.layers.Reshape((1, 1, 16))(z)
        return to_image(keras.layers.Flatten()(entrance(x)))

    entrance = keras.layers.Conv2DTranspose(8, 4, activation="relu")
    gan = with_generator(output)
    kernel = keras.ops.convert_to_numpy(entrance.kernel)  # (4, 4, 8, latent_dim)
    strengths = np.linalg.svd(kernel.reshape(-1, 16))[1]
    found = latents.directions(gan, count=16)
    assert np.allclose(found.strengths, strengths, rtol=1e-3)


def test_a_wrapped_layer_is_found_inside():
    entrance = keras.layers.SpectralNormalization(keras.layers.Dense(9))
    gan = with_generator(lambda z: to_image(entrance(z)))
    strengths = np.linalg.svd(keras.ops.convert_to_numpy(entrance.layer.kernel))[1]
    found = latents.directions(gan, count=3)
    assert np.allclose(found.strengths, strengths[:3], rtol=1e-3)


def test_generators_without_an_affine_entrance_are_refused():
    gan = with_generator(lambda z: to_image(keras.layers.LeakyReLU(0.2)(z)))
    with pytest.raises(GanzooError, match="not affine.*interpolate and project work"):
        latents.directions(gan)
    plane = keras.layers.Reshape((4, 4, 1))
    gan = with_generator(lambda z: keras.layers.UpSampling2D(7)(plane(z)))
    with pytest.raises(GanzooError, match="no layer with a kernel"):
        latents.directions(gan)


@pytest.mark.parametrize("count", [0, 101, 1.5, True])
def test_there_are_as_many_directions_as_latents(dcgan, count):
    with pytest.raises(GanzooError, match="1 to latent_dim, 100"):
        latents.directions(dcgan, count)


def test_a_walk_passes_its_start_and_is_clipped(dcgan):
    vector = latents.directions(dcgan, 1).vectors[0]
    rows = latents.walk(dcgan, vector, (3, 4), distances=(-1, 0, 1e6))
    assert rows.shape == (2, 3, 28, 28, 1)
    for row, seed in zip(rows, (3, 4), strict=True):
        assert np.array_equal(row[1], dcgan.generate(1, seed=seed)[0])
    # Far out, all is at the corner of the cube that the direction points to.
    assert np.abs(np.int16(rows[0, 2]) - rows[1, 2]).max() <= 1


def test_a_walk_keeps_its_labels(cgan):
    vector = latents.directions(cgan, 1).vectors[0]
    rows = latents.walk(cgan, vector, (0, 1), distances=(0,), labels=["cat", "dog"])
    for row, seed, label in zip(rows, (0, 1), ("cat", "dog"), strict=True):
        assert np.array_equal(row[0], cgan.generate(1, seed=seed, labels=label)[0])


def test_walks_along_what_is_no_direction_are_refused(dcgan):
    for wrong in (np.zeros(99), np.zeros((1, 100)), np.full(100, np.nan)):
        with pytest.raises(GanzooError, match=r"shape \(100,\) and finite numbers"):
            latents.walk(dcgan, wrong)
    with pytest.raises(GanzooError, match="one or more numbers"):
        latents.walk(dcgan, np.ones(100), distances=())


# ----------------------------------------------------------------------------- files


def size(path):
    """(frames, width, height) of a picture file."""
    with Image.open(path) as picture:
        return getattr(picture, "n_frames", 1), *picture.size


def test_pictures_are_saved_as_grids_and_films(tmp_path):
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 256, (3, 5, 32, 32, 3), "uint8")
    assert size(latents.save(tmp_path / "a.png", rows)) == (1, 5 * 64, 3 * 64)
    assert size(latents.save(tmp_path / "a.gif", rows)) == (8, 3 * 64, 64)
    one_way = latents.save(tmp_path / "b.gif", rows, back=False)
    assert size(one_way) == (5, 3 * 64, 64)
    assert size(latents.save(tmp_path / "c.gif", rows[0])) == (5, 192, 192)
    grid = latents.save(tmp_path / "c.png", rows[0], columns=5)
    assert size(grid) == (1, 5 * 64, 64)
    with pytest.raises(GanzooError, match="written as .png or .gif"):
        latents.save(tmp_path / "a.jpg", rows)


# ---------------------------------------------------------------------- the commands


@pytest.fixture
def model(cgan, tmp_path, monkeypatch):
    """The folder of a small model, in a current folder of each test's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GANZOO_DEBUG", raising=False)
    return cgan.save("small") or "small"


def test_interpolate_writes_a_film_or_a_grid(model):
    output = ganzoo_("interpolate", model, "--seeds", "0,5", "--steps", 3).output
    assert output == "wrote small-path.gif: 6 pictures through 2 seeds\n"
    assert size("small-path.gif") == (6, 196, 196)
    grid = ["--steps", 3, "--label", "bee", "--label", "dog", "--open"]
    ganzoo_("interpolate", model, "--seeds", "0,5", *grid, "--out", "new/path.png")
    assert size("new/path.png") == (1, 3 * 56, 2 * 56)


def test_truncate_writes_a_row_a_value(model):
    ganzoo_("truncate", model, "--values", "0.5,1", "--count", 3)
    assert size("small-truncation.png") == (1, 3 * 56, 2 * 56)
    ganzoo_("truncate", model, "--values", "0.5,1", "--count", 3, "--out", "t.gif")
    assert size("t.gif") == (2, 3 * 56, 56)


def test_project_writes_the_picture_beside_what_was_found(model):
    picture = np.full((28, 28, 3), 90, "uint8")
    picture[8:20, 8:20] = 250
    Image.fromarray(picture).save("given.png")
    short = ["--steps", 8, "--starts", 2]
    output = ganzoo_("project", model, "given.png", *short, "--gif", "way.gif").output
    assert output.startswith("wrote small-found.png: distance 0.")
    assert "class " in output and output.endswith("wrote way.gif\n")
    assert size("small-found.png") == (1, 2 * 56, 56)
    assert size("way.gif")[1:] == (2 * 56, 56) and size("way.gif")[0] > 1
    told = ganzoo_("project", model, "given.png", *short, "--label", "cat").output
    assert told.endswith("class cat\n")


def test_directions_writes_a_row_a_direction(model):
    output = ganzoo_("directions", model, "--count", 2, "--steps", 3).output
    assert "2 directions, strengths " in output
    assert size("small-directions.png") == (1, 3 * 56, 2 * 56)
    few = ["--count", 2, "--steps", 3, "--label", "dog"]
    ganzoo_("directions", model, *few, "--out", "walk.gif")
    assert size("walk.gif") == (4, 2 * 56, 56)


def test_what_cannot_be_written_is_refused_before_any_work(model, monkeypatch):
    def no_load(name):
        raise AssertionError("a model was loaded")

    monkeypatch.setattr("ganzoo.hub.load", no_load)
    os.mkdir("folder.png")
    Path("picture.png").touch()
    for command in ("interpolate", "truncate", "directions"):
        assert "folder" in refused(command, model, "--out", "folder.png")
        assert "a .png or a .gif file" in refused(command, model, "--out", "x.jpg")
    assert "a .png file" in refused("project", model, "picture.png", "--out", "x.gif")
    assert "a .gif file" in refused("project", model, "picture.png", "--gif", "x.png")


def test_numbers_on_the_command_line_have_commas_between_them(model):
    told = refused("interpolate", model, "--seeds", "0;1")
    assert "--seeds takes numbers with commas between them, such as 0,1,2,3" in told
    assert "received '0,x'" in refused("truncate", model, "--values", "0,x")
    assert "2 or more whole" in refused("interpolate", model, "--seeds", "0")
