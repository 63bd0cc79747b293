"""The battery: what holds for every variant in the registry.

A new variant is tested by all of it without a new line here.
"""

import dataclasses
import json
import os
from pathlib import Path

import keras
import numpy as np
import pytest
import tiny

import ganzoo
from ganzoo import registry
from ganzoo.errors import GanzooError

pytestmark = pytest.mark.battery


def image_shapes():
    return [(28, 28, 1), (32, 32, 3), (64, 64, 3)]


@pytest.mark.parametrize("shape", image_shapes(), ids=str)
def test_networks_have_the_shapes_of_the_contract(variant, shape):
    gan = tiny.create(variant, image_shape=shape)
    images = gan.generator_ema.output
    assert images.shape[1:] == shape and images.dtype == "float32"
    assert gan.discriminator.output.shape[1:] == (1,)
    assert gan.generator.name == "generator"
    assert gan.generator_ema.name == "generator_ema"


@dataclasses.dataclass
class Played:
    """A model that has taken 20 steps, and what it was on the way."""

    gan: ganzoo.GAN
    starts: list  # the players' variables before the first step, by player
    firsts: list  # and after it
    seconds: list  # and after the second: what starts at 0 holds its inputs for one
    average: list  # the average's trainable weights after the first step
    states: dict  # whole states after 2 and 4 steps
    half: Path  # its weights file after 2 steps
    logs: dict


_played = {}


@pytest.fixture
def played(variant, tmp_path_factory):
    """The variant's model after 20 steps: made once, looked at by many tests."""
    if variant not in _played:
        _played[variant] = _play(variant, tmp_path_factory.mktemp(variant))
    return _played[variant]


def _play(variant, folder):
    gan = tiny.create(variant)
    of_players = lambda: [tiny.values(each.variables) for each in gan.players]  # noqa: E731
    starts = of_players()
    logs = tiny.fit(gan)
    firsts, average = of_players(), tiny.values(_averaged(gan))
    tiny.fit(gan, seed=1)
    seconds = of_players()
    states = {2: tiny.state(gan)}
    gan.save_weights(folder / "half.weights.h5")
    tiny.fit(gan, steps=2, seed=2)
    states[4] = tiny.state(gan)
    tiny.fit(gan, steps=16, seed=4)
    half = folder / "half.weights.h5"
    return Played(gan, starts, firsts, seconds, average, states, half, logs)


def _averaged(gan):
    """The average's weights that are trained in the generator."""
    pairs = zip(gan.generator_ema.weights, gan.generator.weights, strict=True)
    return [average for average, live in pairs if live.trainable]


@pytest.mark.backend
def test_every_variable_of_every_player_moves_in_two_steps(played):
    for player, old, new in zip(
        played.gan.players, played.starts, played.seconds, strict=True
    ):
        assert player.variables
        # Of a model that grows, what lies below the last stage's fade is out of play.
        plays = {id(each) for each in played.gan.trained(player)}
        for variable, start, end in zip(player.variables, old, new, strict=True):
            if id(variable) not in plays:
                continue
            # Of scores within its margins, the hinge loss pushes reals up as much as
            # fakes down: what is added to both has no gradient.
            balanced = played.gan.objective.name == "hinge"
            if not (balanced and variable.path.endswith("logit/bias")):
                assert not np.array_equal(start, end), variable.path
    assert all(np.isfinite(value) for value in played.logs.values())
    assert played.logs["d_loss"] != 0 and played.logs["g_loss"] != 0


@pytest.mark.backend
def test_no_nan_in_20_steps(played):
    gan = played.gan
    assert int(gan.step.value) == 20
    assert int(gan.seen.value) == 20 * tiny.SIZE * gan.turns
    assert all(np.isfinite(value).all() for value in tiny.state(gan))
    assert all(int(each.value) == -1 for each in gan.broken.values())


@pytest.mark.backend
def test_the_average_lies_between_old_and_new(played):
    moving = [each.name for each in played.gan.players].index("generator")
    for average, start, end in zip(
        played.average, played.starts[moving], played.firsts[moving], strict=True
    ):
        low, high = np.minimum(start, end), np.maximum(start, end)
        assert (average >= low - 1e-6).all() and (average <= high + 1e-6).all()


@pytest.mark.backend
def test_same_seed_same_run_and_resumed_equals_unbroken_to_the_bit(variant, played):
    again = tiny.create(variant)
    tiny.fit(again, steps=2)
    assert tiny.same_run(tiny.state(again), played.states[2])
    tiny.fit(again, seed=9)
    assert int(again.step.value) == 3
    again.load_weights(played.half)
    assert tiny.same(tiny.state(again), played.states[2])
    tiny.fit(again, steps=2, seed=2)
    assert tiny.same_run(tiny.state(again), played.states[4])


@pytest.mark.backend
def test_keras_file_keeps_everything(played, tmp_path):
    gan = played.gan
    gan.save(tmp_path / "gan.keras")
    loaded = ganzoo.load(tmp_path / "gan.keras")
    assert type(loaded) is type(gan)
    assert loaded.get_config() == gan.get_config()
    assert tiny.same(tiny.state(loaded), tiny.state(gan))
    assert np.array_equal(loaded.generate(3, seed=1), gan.generate(3, seed=1))


def test_config_is_json_and_makes_the_same_model(variant):
    gan = tiny.create(variant)
    config = json.loads(json.dumps(gan.get_config()))
    again = type(gan).from_config(config)
    assert again.get_config() == gan.get_config()
    assert set(config) == set(registry.accepted_arguments(type(gan)))
    assert [w.shape for w in again.weights] == [w.shape for w in gan.weights]


@pytest.mark.backend
def test_a_folder_round_trip_gives_the_same_pictures(played, tmp_path):
    played.gan.save(tmp_path / "mine")
    loaded = ganzoo.load(tmp_path / "mine")
    assert np.array_equal(loaded.generate(4, seed=3), played.gan.generate(4, seed=3))


def test_a_seed_decides_the_pictures(played):
    one, same, other = (tiny.raw(played.gan, seed) for seed in (7, 7, 8))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


@pytest.mark.backend
def test_generate_gives_uint8_pictures(played):
    gan = played.gan
    for count in (1, 65):
        pictures = gan.generate(count, seed=0, truncation=0.5)
        assert pictures.shape == (count, *gan.image_shape)
        assert pictures.dtype == "uint8"


def test_the_first_pictures_of_a_seed_do_not_depend_on_the_count(played):
    gan = played.gan
    few, many = gan.generate(3, seed=1), gan.generate(9, seed=1)
    assert np.array_equal(few, many[:3])


def test_bad_requests_for_pictures(played):
    gan = played.gan
    for bad in (0, -1, 1.5):
        with pytest.raises(GanzooError, match="count must be an int of at least 1"):
            gan.generate(bad)
    for bad in (0.0, 1.5, -1):
        with pytest.raises(GanzooError, match="truncation must be above 0"):
            gan.generate(2, truncation=bad)


def test_labels_are_obeyed_or_refused(played):
    gan = played.gan
    if not gan.num_classes:
        with pytest.raises(GanzooError, match="trained without labels|not labels"):
            gan.generate(labels=["ant"])
        return
    ants = gan.generate(3, labels=["ant"], seed=1)
    assert np.array_equal(ants, gan.generate(3, labels=[0], seed=1))
    assert not np.array_equal(tiny.raw(gan, 1, label=0), tiny.raw(gan, 1, label=3))
    assert gan.generate(labels=["ant", "BEE"]).shape[0] == 2
    with pytest.raises(GanzooError, match="Did you mean: ant"):
        gan.generate(labels=["aant"])
    for bad in (4, -1):
        with pytest.raises(GanzooError, match=r"numbers in 0\.\.3 or names"):
            gan.generate(labels=[bad])
    with pytest.raises(GanzooError, match="one for all or one a picture"):
        gan.generate(5, labels=["ant", "bee"])


@pytest.mark.backend
def test_mixed_bfloat16_trains_in_float32_weights(variant):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        gan = tiny.create(variant)
    finally:
        keras.config.set_dtype_policy("float32")
    logs = tiny.fit(gan, steps=2)
    assert all(np.isfinite(value) for value in logs.values())
    assert {variable.dtype for variable in gan.trainable_variables} == {"float32"}
    assert gan.generate(2, seed=0).dtype == "uint8"
    assert any(layer.compute_dtype == "bfloat16" for layer in gan.discriminator.layers)


def test_float16_is_refused(variant):
    keras.config.set_dtype_policy("mixed_float16")
    try:
        with pytest.raises(GanzooError, match="loss scale.*mixed_bfloat16"):
            tiny.create(variant)
    finally:
        keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize(
    "images, told",
    [
        (np.zeros((8, 32, 32, 1), "float32"), "made for images"),
        (np.zeros((8, 28, 28, 3), "uint8"), "made for images"),
        (np.zeros((8, 28, 28, 1), "int64"), "uint8 in 0..255 or float"),
    ],
    ids=["size", "channels", "dtype"],
)
def test_batches_of_another_kind_are_refused(variant, images, told):
    gan = tiny.create(variant)
    data = tiny.batch(gan)
    data["image"] = np.repeat(images, gan.turns, axis=0)
    with pytest.raises(GanzooError, match=told):
        gan.fit(data, batch_size=8 * gan.turns, verbose=0)


def test_turns_divide_the_batch(variant):
    gan = tiny.create(variant, n_critic=2)
    data = tiny.batch(gan)
    odd = {key: value[:-1] for key, value in data.items()}
    with pytest.raises(GanzooError, match="must be a multiple"):
        gan.fit(odd, batch_size=len(odd["image"]), verbose=0)


@pytest.mark.parametrize("wrong", [(28, 28), (28, 28, 2), (28, 0, 1)], ids=str)
def test_impossible_image_shapes_are_refused(variant, wrong):
    with pytest.raises(GanzooError, match="image_shape must be"):
        tiny.create(variant, image_shape=wrong)


@pytest.mark.skipif(
    os.environ["KERAS_BACKEND"] != "tensorflow", reason="writes a SavedModel"
)
def test_an_exported_generator_draws_the_same(played, tmp_path):
    import tensorflow as tf

    gan = played.gan
    gan.export(tmp_path / "exported", verbose=False)
    exported = tf.saved_model.load(str(tmp_path / "exported"))
    _, told = gan.asked(2, None, None)
    inputs = {"latents": np.ones((2, gan.latent_dim), "float32"), **told}
    there = np.array(exported.serve(inputs))
    here = np.array(gan.generator_ema(inputs, training=False))
    assert np.allclose(there, here, atol=1e-5)


def test_a_card_of_the_registry_is_complete(variant):
    record = registry.info(variant)
    assert record.title and record.paper and 2014 <= record.year <= 2100
    module = __import__(record.module, fromlist=["__doc__"])
    assert record.paper in module.__doc__
    assert "deviates" in module.__doc__
