"""The engine: counters, schedules, the average, and traps of Keras 3 for GANs."""

import os

import h5py
import keras
import numpy as np
import pytest
import tiny
from keras import ops

import ganzoo
from ganzoo.checks import as_batch
from ganzoo.errors import GanzooError
from ganzoo.layers.basic import Maxout, doublings
from ganzoo.optimizers import RampedSGD

BACKEND = os.environ["KERAS_BACKEND"]


@pytest.mark.parametrize(
    "side, expected",
    [
        (28, (2, 7)),
        (32, (3, 4)),
        (48, (3, 6)),
        (64, (4, 4)),
        (96, (4, 6)),
        (128, (5, 4)),
    ],
)
def test_depth_follows_the_resolution(side, expected):
    count, first = doublings((side, side, 3))
    assert (count, *first) == (*expected, expected[1])


def test_a_wide_image_has_a_wide_first_map():
    assert doublings((192, 256, 3)) == (5, (6, 8))


@pytest.mark.parametrize("side", [3, 17, 30, 100])
def test_other_resolutions_are_refused_with_the_nearest(side):
    with pytest.raises(GanzooError, match="4 to 7 times a power of two.*image_size="):
        ganzoo.create("dcgan", image_shape=(side, side, 1))


def test_dcgan_has_the_paper_s_layers_at_64():
    gan = ganzoo.create("dcgan", image_shape=(64, 64, 3))
    widths = [layer.filters for layer in gan.discriminator.layers if _is_conv(layer)]
    assert widths == [128, 256, 512, 1024]
    widths = [layer.filters for layer in gan.generator.layers if _is_conv(layer)]
    assert widths == [512, 256, 128, 3]
    kernels = 100 * 16384 + 25 * (1024 * 512 + 512 * 256 + 256 * 128 + 128 * 3)
    norms = 4 * (1024 + 512 + 256 + 128)
    assert gan.generator.count_params() == kernels + norms + 3


def _is_conv(layer):
    return isinstance(layer, (keras.layers.Conv2D, keras.layers.Conv2DTranspose))


@pytest.mark.backend
def test_maxout_is_the_largest_of_its_pieces():
    layer = Maxout(3, 4)
    x = np.random.default_rng(0).normal(size=(5, 7)).astype("float32")
    found = ops.convert_to_numpy(layer(x))
    kernel, bias = (ops.convert_to_numpy(w) for w in layer.weights)
    expected = (x @ kernel + bias).reshape(5, 3, 4).max(-1)
    assert np.allclose(found, expected, atol=1e-5)


@pytest.mark.backend
def test_ramped_sgd_follows_its_formula():
    variable = keras.Variable([1.0])
    sgd = RampedSGD(0.1, 0.5, decay=2.0, floor=0.02, final_momentum=0.7, ramp_updates=2)
    sgd.build([variable])
    w, v = 1.0, 0.0
    for t in range(4):
        sgd.apply([ops.convert_to_tensor([1.0])], [variable])
        v = (0.5 + 0.2 * min(t / 2, 1)) * v - max(0.1 / 2.0**t, 0.02)
        w += v
        assert float(ops.convert_to_numpy(variable.value)[0]) == pytest.approx(w)


@pytest.mark.backend
def test_learning_rates_fall_to_zero_over_the_images():
    gan = tiny.create("dcgan", lr_decay_kimg=0.032)
    for left in (0.75, 0.5, 0.25, 0.0, 0.0):
        tiny.fit(gan)  # 8 images of 32
        rates = [float(player.optimizer.learning_rate) for player in gan.players]
        assert rates == pytest.approx([2e-4 * left] * 2)


def test_a_checkpoint_names_the_networks_as_they_are(tmp_path):
    import h5py

    gan = tiny.create("dcgan")
    gan.save_weights(tmp_path / "gan.weights.h5")
    with h5py.File(tmp_path / "gan.weights.h5") as file:
        # A property that gave a network would be saved in its stead.
        assert {"generator", "discriminator", "generator_ema"} <= set(file)


@pytest.mark.backend
def test_the_average_has_its_half_life():
    gan = tiny.create("dcgan", ema_half_life_kimg=0.0)
    tiny.fit(gan, steps=3)
    assert tiny.same(
        tiny.values(gan.generator.weights), tiny.values(gan.generator_ema.weights)
    )
    slow = tiny.create("dcgan", ema_half_life_kimg=1e-3)  # one image
    slow.seen.assign(1_000_000)  # past the ramp
    old = tiny.values(slow.generator.trainable_variables)
    tiny.fit(slow)
    new = tiny.values(slow.generator.trainable_variables)
    live = [each.trainable for each in slow.generator.weights]
    average = [
        value
        for value, trained in zip(
            tiny.values(slow.generator_ema.weights), live, strict=True
        )
        if trained
    ]
    share = 0.5**tiny.SIZE
    for a, b, mean in zip(old, new, average, strict=True):
        assert np.allclose(mean, b + share * (a - b), atol=1e-7)


@pytest.mark.backend
def test_turns_see_their_own_part_of_the_batch():
    gan = tiny.create("dcgan", n_critic=3)
    parts = [gan._part({"image": ops.arange(6)[:, None]}, turn) for turn in range(3)]
    seen = [ops.convert_to_numpy(part["image"]).ravel().tolist() for part in parts]
    assert seen == [[0, 1], [2, 3], [4, 5]]
    tiny.fit(gan)
    updates = [int(player.optimizer.iterations) for player in gan.players]
    assert updates == [3, 1]


@pytest.mark.backend
def test_a_step_of_the_discriminator_leaves_the_generator_alone():
    """And the other way round: only a player's own variables are moved by its loss."""
    gan = tiny.create("dcgan", g_lr=0.0)
    generator = tiny.values(gan.generator.trainable_variables)
    tiny.fit(gan, steps=2)
    assert tiny.same(generator, tiny.values(gan.generator.trainable_variables))
    gan = tiny.create("dcgan", d_lr=0.0)
    discriminator = tiny.values(gan.discriminator.trainable_variables)
    tiny.fit(gan, steps=2)
    assert tiny.same(discriminator, tiny.values(gan.discriminator.trainable_variables))


@pytest.mark.backend
def test_a_loss_that_breaks_is_dated():
    gan = tiny.create("dcgan")
    tiny.fit(gan, steps=2)
    bad = tiny.batch(gan)
    bad["image"][0, 0, 0, 0] = np.nan
    gan.fit(bad, batch_size=tiny.SIZE, verbose=0)
    tiny.fit(gan)
    assert int(gan.broken["discriminator"].value) == 2
    assert int(gan.broken["generator"].value) in (2, 3)


@pytest.mark.backend
def test_uint8_images_are_taken_as_they_are():
    gan = tiny.create("dcgan")
    whole = np.arange(8 * 784).reshape(8, 28, 28, 1).astype("uint8")
    batch = as_batch(gan, ops.convert_to_tensor(whole))
    floats = ops.convert_to_numpy(batch["image"])
    assert np.allclose(floats, whole / 127.5 - 1, atol=1e-6)
    gan.fit(whole, batch_size=8, verbose=0)
    assert int(gan.seen.value) == 8


def test_plain_keras_data_trains_a_conditional_model():
    gan = tiny.create("cgan")
    data = tiny.batch(gan)
    gan.fit(data["image"], data["label"], batch_size=tiny.SIZE, verbose=0)
    assert int(gan.step.value) == 1
    with pytest.raises(GanzooError, match=r"needs \['image', 'label'\].*add"):
        gan.fit(data["image"], batch_size=tiny.SIZE, verbose=0)


@pytest.mark.backend
def test_fit_sees_the_zoo_s_data_and_reports_losses():
    gan = tiny.create("dcgan")
    data = ganzoo.data.load("fashion_mini", "train[:64]", batch_size=16)
    history = gan.fit(data, epochs=2, verbose=0, shuffle=False).history
    assert int(gan.step.value) == 8
    assert all(value != 0 for value in history["d_loss"] + history["g_loss"])


@pytest.mark.backend
def test_random_states_and_optimisers_are_in_the_weights_file_once(tmp_path):
    gan = tiny.create("gan")  # it has dropout
    tiny.fit(gan)
    gan.save_weights(tmp_path / "all.weights.h5")
    sizes, seeds = [], []
    with h5py.File(tmp_path / "all.weights.h5") as file:
        file.visititems(
            lambda name, item: sizes.append(item.size) if _is_data(item) else None
        )
        file.visit(lambda name: seeds.append(name) if "seed_" in name else None)
    everything = gan.variables + gan.optimizer.variables
    trackers = sum(len(tracker.variables) for tracker in gan.metrics)
    assert len(sizes) <= len(everything) + trackers + len(seeds)
    assert len(seeds) == 4  # the model's own, and one a dropout


def _is_data(item):
    return isinstance(item, h5py.Dataset)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="XLA is TensorFlow's switch")
def test_r1_is_the_same_under_xla():
    losses = []
    for jit in (False, True):
        gan = tiny.create("dcgan", penalties=["r1"])
        gan.compile(optimizer=gan.optimizer, jit_compile=jit)
        losses.append(tiny.fit(gan)["penalty"])
    assert losses[0] > 0 and losses[0] == pytest.approx(losses[1], rel=1e-3)


@pytest.mark.backend
def test_a_networks_batch_statistics_move_and_are_copied_to_the_average():
    gan = tiny.create("dcgan")
    tiny.fit(gan, steps=2)
    live = {v.path.split("/", 1)[1]: v for v in gan.generator.non_trainable_variables}
    kept = {v.path.split("/", 1)[1]: v for v in gan.generator_ema.weights}
    moving = [path for path in live if "moving_mean" in path]
    assert moving
    for path in moving:
        value = ops.convert_to_numpy(live[path].value)
        assert np.abs(value).sum() > 0
    names = [v.name for v in gan.generator.weights]
    assert len(kept) <= len(names)
