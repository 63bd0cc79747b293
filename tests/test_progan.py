"""ProGAN: its layers, and networks that grow: what fades, what moves, what resumes."""

import keras
import numpy as np
import pytest
import tiny
from keras import ops
from PIL import Image

from ganzoo import backends, training
from ganzoo.errors import GanzooError
from ganzoo.layers.equalised import EqualisedConv2D, EqualisedDense
from ganzoo.layers.progressive import (
    Doubling2D,
    Fade,
    MinibatchStandardDeviation,
    PixelNormalization,
)
from ganzoo.recipe import Recipe


def noise(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype("float32")


def numpy(x):
    return ops.convert_to_numpy(x)


# ------------------------------------------------------------------------- layers


@pytest.mark.parametrize("gain", [1.0, 2.0**0.5])
def test_an_equalised_layer_keeps_the_variance_whatever_its_width(gain):
    keras.utils.set_random_seed(0)
    dense, conv = EqualisedDense(64, gain=gain), EqualisedConv2D(32, 3, gain=gain)
    for layer, x in ((dense, noise(200, 300)), (conv, noise(4, 16, 16, 50))):
        y = numpy(layer(x))
        assert y.std() == pytest.approx(gain, rel=0.05)
        assert numpy(layer.kernel).std() == pytest.approx(1.0, rel=0.05)


def test_an_equalised_layer_learns_at_the_same_speed_whatever_its_width():
    """One step of Adam: the output of a wide and of a narrow layer move alike."""
    moved = []
    for width in (8, 512):
        layer, x = EqualisedDense(1, gain=1.0, use_bias=False), np.ones((1, width))
        model = keras.Sequential([keras.Input((width,)), layer])
        kernel, before = numpy(layer.kernel).copy(), model.predict_on_batch(x)
        model.compile(keras.optimizers.Adam(1e-3), loss="mae")
        model.train_on_batch(x, np.full((1, 1), 100.0))
        steps = numpy(layer.kernel) - kernel
        assert np.allclose(steps, 1e-3, rtol=1e-3)
        moved.append(float((model.predict_on_batch(x) - before).item()))
    assert moved[1] / moved[0] == pytest.approx((512 / 8) ** 0.5, rel=0.01)


def test_an_equalised_layer_comes_back_from_its_config():
    for layer, x in (
        (EqualisedDense(5, gain=0.3, use_bias=False), noise(2, 3)),
        (EqualisedConv2D(5, 1, gain=0.3, padding="same"), noise(2, 4, 4, 3)),
    ):
        y = numpy(layer(x))
        again = type(layer).from_config(layer.get_config())
        again.build(x.shape)
        again.set_weights(layer.get_weights())
        assert again.gain == 0.3 and np.array_equal(numpy(again(x)), y)


def test_pixel_normalisation_has_a_mean_square_of_one():
    for shape in ((2, 4, 4, 16), (3, 16)):
        y = numpy(PixelNormalization()(5.0 * noise(*shape)))
        assert np.allclose(np.square(y).mean(-1), 1.0, atol=1e-5)
    assert np.all(numpy(PixelNormalization()(np.zeros((1, 8), "float32"))) == 0)


def test_the_deviation_of_a_group_fills_a_map():
    x = noise(8, 3, 3, 5)
    y = numpy(MinibatchStandardDeviation(4)(x))
    assert np.array_equal(y[..., :5], x) and y.shape == (8, 3, 3, 6)
    for start in (0, 1):  # every second picture is in a group
        group = x[start::2]
        wanted = group.std(axis=0).mean()
        assert np.allclose(y[start::2, ..., 5], wanted, atol=1e-5)


def test_the_deviation_is_zero_where_the_batch_collapses():
    x = np.repeat(noise(1, 3, 3, 5), 8, axis=0)
    assert np.abs(numpy(MinibatchStandardDeviation()(x))[..., 5]).max() < 1e-3


@pytest.mark.parametrize(
    "batch, group", [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 3), (10, 2), (12, 4)]
)
def test_groups_divide_every_batch_of_known_and_unknown_size(batch, group):
    layer = MinibatchStandardDeviation(4)
    assert layer._size(batch) == group
    assert int(layer._size(ops.convert_to_tensor(batch))) == group
    assert layer(noise(batch, 2, 2, 1)).shape == (batch, 2, 2, 2)


def test_doubling_repeats_each_pixel():
    x = noise(2, 3, 5, 4)
    assert np.array_equal(numpy(Doubling2D()(x)), x.repeat(2, 1).repeat(2, 2))


def test_a_fade_is_exact_at_both_ends():
    fade, low, high = Fade(0.0), 1e6 * noise(2, 4), noise(2, 4, seed=1)
    assert np.array_equal(numpy(fade(low, high)), low)
    fade.alpha.assign(1.0)
    assert np.array_equal(numpy(fade(low, high)), high)
    fade.alpha.assign(0.25)
    assert np.allclose(numpy(fade(low, high)), 0.75 * low + 0.25 * high)
    assert not fade.trainable_variables


@pytest.mark.backend
@pytest.mark.parametrize(
    "layer", [MinibatchStandardDeviation, PixelNormalization, Doubling2D]
)
def test_a_penalty_on_the_slope_has_the_right_gradient_through(layer):
    """That of |d/dx sum sin(layer(x + w d))|^2 by w, against a difference quotient."""
    network = layer()
    x, shift = (ops.convert_to_tensor(noise(4, 2, 2, 3, seed=i)) for i in (0, 1))
    weight = keras.Variable(np.float32(0.7))

    def penalty():
        function = lambda x: ops.sin(network(x + shift * weight.value))  # noqa: E731
        return ops.sum(ops.square(backends.input_gradient(function, x))), {}

    _, _, (slope,) = backends.value_and_gradients(penalty, [weight])
    values = []
    for near in (0.695, 0.705):
        weight.assign(near)
        values.append(float(backends.value_and_gradients(penalty, [weight])[0]))
    wanted = (values[1] - values[0]) / 0.01
    assert float(slope) == pytest.approx(wanted, rel=0.01)


@pytest.mark.backend
def test_a_collapsed_batch_has_a_finite_penalty():
    x = ops.convert_to_tensor(np.repeat(noise(1, 2, 2, 3), 4, axis=0))
    layer, weight = MinibatchStandardDeviation(), keras.Variable(np.float32(1.0))

    def penalty():
        slope = backends.input_gradient(lambda x: layer(x * weight.value), x)
        return ops.sum(ops.square(slope)), {}

    value, _, (slope,) = backends.value_and_gradients(penalty, [weight])
    assert np.isfinite(float(value)) and np.isfinite(float(slope))


# ----------------------------------------------------------------------- networks

SHAPE = (16, 16, 3)  # stages of 4, 8 and 16 pixels
STABLE, FADE = 16, 32  # images: 2 and 4 steps


def create(image_shape=SHAPE, stable=STABLE, fade=FADE, **kwargs):
    return tiny.create(
        "progan",
        image_shape=image_shape,
        stable_kimg=stable / 1000,
        fade_kimg=fade / 1000,
        **kwargs,
    )


def set_alphas(gan, *alphas):
    for network in (gan.generator, gan.discriminator):
        for stage, alpha in enumerate(alphas, 1):
            network.get_layer(f"fade_{stage}").alpha.assign(alpha)


def played(gan, stage, images=None):
    """What the networks of a stage give: images, and logits of images."""
    gan.stage = stage
    drawn = numpy(gan.active_generator()({"latents": noise(4, gan.latent_dim)}))
    images = drawn if images is None else images
    return drawn, numpy(gan.active_discriminator()({"image": images}))


def double(images, times=1):
    return images.repeat(2**times, 1).repeat(2**times, 2)


def close(one, other):
    return np.allclose(one, other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "alphas", [(0, 0), (0.3, 0), (1, 0), (1, 0.6), (1, 1)], ids=str
)
def test_a_stage_is_the_whole_network_while_those_above_are_not_faded_in(alphas):
    gan = create()
    set_alphas(gan, *alphas)
    stage = sum(alpha > 0 for alpha in alphas)
    images, logits = played(gan, stage)
    assert images.shape == (4, 4 << stage, 4 << stage, 3)
    whole = numpy(gan.generator({"latents": noise(4, gan.latent_dim)}))
    assert close(whole, double(images, 2 - stage))
    assert close(numpy(gan.discriminator({"image": whole})), logits)


@pytest.mark.parametrize("stage", [1, 2])
def test_a_stage_begins_where_the_one_below_ended_and_ends_without_it(stage):
    gan = create()
    set_alphas(gan, *[1.0] * (stage - 1), *[0.0] * (3 - stage))
    below, below_logits = played(gan, stage - 1)
    begun, begun_logits = played(gan, stage)
    assert close(begun, double(below)) and close(begun_logits, below_logits)
    set_alphas(gan, *[1.0] * stage, *[0.0] * (2 - stage))
    ended, ended_logits = played(gan, stage)
    unfaded = create(fade=0)  # of the same weights; its stages have no fade
    for network in ("generator", "discriminator"):
        weights = getattr(gan, network).get_weights()
        getattr(unfaded, network).set_weights(weights)
    stable, stable_logits = played(unfaded, stage)
    assert close(ended, stable) and close(ended_logits, stable_logits)
    assert not close(ended, begun)


def test_a_collapse_changes_the_logit():
    """The logit of one picture depends on whether the others are copies of it."""
    gan = create()
    images = noise(4, *SHAPE)
    alone = played(gan, 2, np.repeat(images[:1], 4, axis=0))[1][0]
    among = played(gan, 2, images)[1][0]
    assert abs(alone - among) > 1e-3


def test_reals_are_pooled_and_fade_as_the_fakes_do():
    gan = create()
    image = noise(4, *SHAPE)
    quarter = image.reshape(4, 8, 2, 8, 2, 3).mean((2, 4))
    sixteenth = quarter.reshape(4, 4, 2, 4, 2, 3).mean((2, 4))

    def prepared(stage, alpha=0.0):
        gan.stage = stage
        set_alphas(gan, *[1.0] * (stage - 1), alpha)
        batch = {"image": ops.convert_to_tensor(image)}
        return numpy(gan.prepare(batch)["image"])

    assert close(prepared(0), sixteenth)
    assert close(prepared(1, 0.0), double(sixteenth))
    assert close(prepared(1, 0.25), 0.75 * double(sixteenth) + 0.25 * quarter)
    assert close(prepared(1, 1.0), quarter)
    assert close(prepared(2, 0.5), 0.5 * double(quarter) + 0.5 * image)
    assert close(prepared(2, 1.0), image)


def test_widths_follow_the_paper():
    gan = tiny.create("progan", (64, 64, 3), channels=32, channel_base=256)
    maps = [
        layer.filters
        for layer in gan.generator.layers
        if isinstance(layer, EqualisedConv2D) and layer.kernel_size == (3, 3)
    ]
    assert maps == [32, 32, 32, 32, 32, 16, 16, 8, 8]
    assert gan.top == 4 and tiny.create("progan").top == 2  # 28: 7, 14, 28


# ----------------------------------------------------------------------- schedule


def test_the_schedule_is_that_of_the_paper():
    gan = tiny.create("progan", SHAPE, stable_kimg=600, fade_kimg=600)
    starts = {0: 0, 599_999: 0, 600_000: 1, 1_799_999: 1, 1_800_000: 2, 9_000_000: 2}
    assert {seen: gan.stage_at(seen) for seen in starts} == starts

    def alphas(seen):
        return [float(gan.alpha_at(stage, seen)) for stage in (1, 2)]

    assert alphas(0) == alphas(600_000) == [0, 0]
    assert alphas(900_000) == [0.5, 0]
    assert alphas(1_200_000) == alphas(1_800_000) == [1, 0]
    assert alphas(1_950_000) == [1, 0.25]
    assert alphas(2_400_000) == alphas(50_000_000) == [1, 1]


def test_without_a_schedule_the_networks_are_whole_from_the_start():
    gan = create(stable=0, fade=0)
    assert gan.stage == gan.stage_at(0) == 2
    for network in (gan.generator, gan.discriminator, gan.generator_ema):
        assert float(network.get_layer("fade_1").alpha.value) == 1
        assert float(network.get_layer("fade_2").alpha.value) == 1
    batch = {"image": ops.convert_to_tensor(noise(2, *SHAPE))}
    assert np.array_equal(numpy(gan.prepare(batch)["image"]), noise(2, *SHAPE))


def test_without_fades_a_stage_is_there_at_once():
    gan = create(fade=0)
    assert [gan.stage_at(seen) for seen in (0, 15, 16, 31, 32)] == [0, 0, 1, 1, 2]
    assert [float(gan.alpha_at(1, seen)) for seen in (0, 15, 16)] == [0, 0, 1]


@pytest.mark.parametrize(
    "wrong, told",
    [
        ({"stable_kimg": -1}, "stable_kimg must be a number of at least 0"),
        ({"fade_kimg": float("inf")}, "fade_kimg must be a number of at least 0"),
        ({"fade_kimg": True}, "fade_kimg must be a number of at least 0"),
        ({"channels": 0}, "channels must be an int of at least 1"),
        ({"channel_base": 6}, "need at least 8, received 6"),
        ({"conditioning": "projection", "num_classes": 3}, "takes no conditioning"),
    ],
    ids=str,
)
def test_impossible_settings_are_refused(wrong, told):
    with pytest.raises(GanzooError, match=told):
        tiny.create("progan", SHAPE, **wrong)


# ----------------------------------------------------------------------- training


SMALL = (8, 8, 1)  # stages of 4 and 8 pixels: the second from step 3 on, faded in 4


class Watch(keras.callbacks.Callback):
    """Notes what the model is in after each step; saves it after steps 2 and 4."""

    def __init__(self, folder):
        super().__init__()
        self.folder, self.stages, self.updates = folder, [], []
        self.alphas, self.kernels = [], []

    def on_train_batch_end(self, batch, logs=None):
        gan = self.model
        self.stages.append((int(gan.seen.value), gan.stage))
        self.updates.append(int(gan.players[0].optimizer.iterations.value))
        fades = [each.get_layer("fade_1") for each in networks(gan)]
        self.alphas.append([float(fade.alpha.value) for fade in fades])
        from_rgb = gan.discriminator.layers[1]  # of the last stage
        self.kernels.append(numpy(from_rgb.kernel).copy())
        if batch in (1, 3):
            gan.save_weights(self.folder / f"{batch + 1}.weights.h5")
            gan.save(self.folder / f"{batch + 1}.keras")


def networks(gan):
    return (gan.generator, gan.discriminator, gan.generator_ema)


@pytest.fixture(scope="module")
def grown(tmp_path_factory):
    """A model that went through its stages in 8 steps, and what was seen of it."""
    gan, watch = create(SMALL), Watch(tmp_path_factory.mktemp("grown"))
    steps = ((tiny.batch(gan, seed=i),) for i in range(8))
    gan.fit(steps, steps_per_epoch=8, verbose=0, shuffle=False, callbacks=[watch])
    return gan, watch


@pytest.mark.backend
def test_a_stage_comes_when_it_is_due_with_new_states_of_the_optimisers(grown):
    gan, watch = grown
    # The step that goes from 16 to 24 images is the first of stage 1.
    assert watch.stages == [(8 * step, int(step > 2)) for step in range(1, 9)]
    assert int(gan.stage_entered.value) == 1
    assert watch.updates == [1, 2, *range(1, 7)]
    assert all(np.isfinite(value).all() for value in tiny.state(gan))


def test_fades_follow_the_images_seen_in_all_networks(grown):
    _, watch = grown
    wanted = [0, 0, 0.25, 0.5, 0.75, 1, 1, 1]
    assert watch.alphas == [[alpha] * 3 for alpha in wanted]


def test_what_is_not_reached_does_not_move(grown):
    _, watch = grown
    first, *later = watch.kernels
    still = [np.array_equal(first, each) for each in later]
    # In the first step of a fade alpha is 0, and so is the gradient behind it.
    assert still == [True] * 2 + [False] * 5


def test_the_state_has_every_weight_once(grown, tmp_path):
    gan, _ = grown
    assert len({id(weight) for weight in gan.weights}) == len(gan.weights)
    whole = sum(len(network.weights) for network in networks(gan))
    counters = len(gan.weights) - whole
    assert counters == 5  # step, seen, stage_entered, two of losses that broke
    assert {layer.name for layer in gan.layers} == {each.name for each in networks(gan)}
    gan.generator_ema.save_weights(tmp_path / "average.weights.h5")
    again = create(SMALL, seed=3)
    again.generator_ema.load_weights(tmp_path / "average.weights.h5")
    assert np.array_equal(gan.generate(3, seed=1), again.generate(3, seed=1))


@pytest.mark.backend
@pytest.mark.parametrize("stop", [2, 4], ids=["where a stage ends", "in a fade"])
def test_stopped_and_resumed_equals_unbroken(stop, grown):
    gan, watch = grown
    again = create(SMALL, seed=7)
    again.load_weights(watch.folder / f"{stop}.weights.h5")
    tiny.fit(again, steps=8 - stop, seed=stop)
    assert tiny.same_run(tiny.state(again), tiny.state(gan))
    assert int(again.stage_entered.value) == again.stage == 1


def test_a_keras_file_taken_in_a_fade_goes_on(grown):
    gan, watch = grown
    again = keras.saving.load_model(watch.folder / "4.keras")
    tiny.fit(again, steps=4, seed=4)
    assert tiny.same_run(tiny.state(again), tiny.state(gan))


def test_a_run_makes_frames_that_grow(tmp_path):
    settings = {"channels": 8, "latent_dim": 8, "stable_kimg": 0.016}
    recipe = Recipe(
        "progan",
        dataset="fashion_mini",
        split="train[:32]",
        batch_size=8,
        kimg=0.096,
        sample_kimg=0.016,
        model=settings | {"fade_kimg": 0.016},
    )
    gan = training.train(recipe, tmp_path / "run", verbose=0)
    assert gan.stage == 2
    with Image.open(tmp_path / "run" / "training.gif") as film:
        assert film.n_frames == 7
    frames = sorted((tmp_path / "run" / "samples").glob("*.png"))
    assert [frame.name for frame in frames][:2] == ["00000000.png", "00000016.png"]
    # Pictures of 28 pixels are enlarged twofold; at first they have 7.
    blocky = []
    for frame in (frames[0], frames[-1]):
        picture = np.asarray(Image.open(frame))
        blocky.append(np.array_equal(picture, double(picture[None, ::8, ::8], 3)[0]))
    assert blocky == [True, False]
