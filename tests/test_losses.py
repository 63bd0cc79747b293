"""Losses and penalties: the values and gradients that the papers define."""

import keras
import numpy as np
import pytest
import tiny
from keras import ops

import ganzoo
from ganzoo import backends, losses, penalties
from ganzoo.errors import GanzooError

pytestmark = pytest.mark.backend

VALUES = {  # r, f -> the discriminator's loss, the generator's
    ("non_saturating", 0.0, 0.0): (1.386294, 0.693147),
    ("minimax", 0.0, 0.0): (1.386294, -0.693147),
    ("least_squares", 1.0, 0.0): (0.0, 0.5),
    ("hinge", 0.5, -0.25): (1.25, 0.25),
    ("wasserstein", 2.0, 0.5): (-1.5, -0.5),
    ("relativistic", 1.0, -1.0): (0.126928, 2.126928),
}


def number(x):
    """A scalar tensor as a float, whether or not it has a gradient."""
    return float(ops.convert_to_numpy(ops.stop_gradient(x)))


def logits(value):
    return ops.full((3, 1), value)


@pytest.mark.parametrize("case", VALUES, ids=lambda case: case[0])
def test_loss_values(case):
    name, r, f = case
    loss = losses.get(name)
    found = [
        float(g(logits(r), logits(f))) for g in (loss.discriminator, loss.generator)
    ]
    assert found == pytest.approx(VALUES[case], abs=1e-6)


def test_every_loss_has_a_value_above():
    assert {name for name, *_ in VALUES} == set(losses.LOSSES)


def test_a_relativistic_loss_ignores_a_constant():
    loss = losses.get("relativistic")
    near, far = (
        float(loss.discriminator(logits(1.0 + c), logits(-1.0 + c))) for c in (0, 50)
    )
    assert near == pytest.approx(far, abs=1e-5)


def test_unknown_names_offer_the_closest():
    with pytest.raises(GanzooError, match="unknown loss 'hing'. Did you mean: hinge"):
        losses.get("hing")
    with pytest.raises(GanzooError, match="unknown penalty 'r3'. Did you mean: r"):
        penalties.get("r3")
    with pytest.raises(GanzooError, match="setting of the penalty 'r1' 'gama'.*gamma"):
        penalties.get({"name": "r1", "gama": 1.0})
    with pytest.raises(GanzooError, match="every must be at least 1 step, received 0"):
        penalties.get({"name": "r1", "every": 0})


WEIGHTS = np.float32([1.0, 2.0, 2.0, 0.0]).reshape(1, 2, 2, 1)  # |w| = 3


def linear(x):
    return ops.sum(x * ops.convert_to_tensor(WEIGHTS), axis=(1, 2, 3))[:, None]


def evidence(judge=None, step=0, real_logits=0.5):
    rng = np.random.default_rng(0)
    real, fake = np.float32(rng.normal(size=(2, 5, 2, 2, 1)))
    return penalties.Evidence(
        judge=judge or linear,
        real=ops.convert_to_tensor(real),
        fake=ops.convert_to_tensor(fake),
        real_logits=logits(real_logits),
        uniform=lambda shape: keras.random.uniform(shape, seed=1),
        step=ops.convert_to_tensor(step),
    )


@pytest.mark.parametrize(
    "spec, value",
    [
        ({"name": "r1", "gamma": 10.0}, 45.0),
        ({"name": "r2", "gamma": 10.0}, 45.0),
        ("gradient_penalty", 40.0),
        ({"name": "drift", "weight": 0.001}, 0.00025),
    ],
    ids=str,
)
def test_penalties_of_a_linear_critic(spec, value):
    found = number(penalties.get(spec)(evidence()))
    assert found == pytest.approx(value, rel=1e-5)


def test_norms_are_taken_sample_by_sample():
    """A critic that is steep for one sample only: mean of (2x)^2, not of the sum."""

    def judge(x):
        return ops.sum(ops.square(x), axis=(1, 2, 3))[:, None]

    given = evidence(judge)
    expected = np.mean(np.sum(4 * ops.convert_to_numpy(given.real) ** 2, (1, 2, 3)))
    found = number(penalties.R1(gamma=2.0)(given))
    assert found == pytest.approx(expected, rel=1e-5)


def test_a_lazy_penalty_is_due_at_each_kth_step_and_k_times_as_strong():
    lazy = penalties.get({"name": "r1", "gamma": 10.0, "every": 4})
    found = [number(penalties.total([lazy], evidence(step=i))) for i in range(6)]
    assert found == pytest.approx([180.0, 0, 0, 0, 180.0, 0])


def test_a_flat_critic_has_a_finite_penalty_and_gradient():
    """The square root of |gradient| has no slope at 0: it must not give NaN."""
    flat = keras.layers.Dense(1, kernel_initializer="zeros")
    flat.build((None, 4))

    def loss():
        given = evidence(lambda x: flat(ops.reshape(x, (-1, 4))))
        return penalties.GradientPenalty()(given), {}

    value, _, gradients = backends.value_and_gradients(loss, [flat.kernel])
    assert float(value) == pytest.approx(10.0, rel=1e-4)
    assert np.isfinite(ops.convert_to_numpy(gradients[0])).all()


def test_a_penalty_reaches_layers_behind_average_pooling():
    """Behind resize operations it would not, on TensorFlow, and say nothing."""
    image = keras.Input((4, 4, 1))
    x = keras.layers.Conv2D(3, 3, padding="same", activation="tanh")(image)
    x = keras.layers.AveragePooling2D(2)(x)
    x = keras.layers.Conv2D(2, 2, activation="tanh")(x)
    x = keras.layers.UpSampling2D(2)(x)
    critic = keras.Model(image, keras.layers.Dense(1)(keras.layers.Flatten()(x)))
    real = ops.convert_to_tensor(np.random.default_rng(0).normal(size=(4, 4, 4, 1)))

    def loss():
        slope = backends.input_gradient(critic, ops.cast(real, "float32"))
        return ops.mean(ops.square(slope)), {}

    variables = critic.trainable_variables
    _, _, gradients = backends.value_and_gradients(loss, variables)
    still = [
        variable.path
        for variable, gradient in zip(variables, gradients, strict=True)
        if not np.abs(ops.convert_to_numpy(gradient)).sum()
    ]
    # Only the last bias has no part in the slope.
    assert still == [variables[-1].path]


@pytest.mark.parametrize("loss", losses.LOSSES)
def test_every_loss_trains_a_dcgan_with_penalties(loss):
    gan = tiny.create(
        "dcgan", loss=loss, penalties=["drift", {"name": "r1", "every": 2}, "r2"]
    )
    before = tiny.values(gan.trainable_variables)
    logs = tiny.fit(gan, steps=3)
    assert all(np.isfinite(value) for value in logs.values())
    after = tiny.values(gan.trainable_variables)
    assert not any(map(np.array_equal, before, after))
    assert logs["penalty"] > 0


def test_a_loss_of_ones_own_is_taken():
    mine = losses.Loss("mine", lambda r, f: ops.mean(f - r), lambda r, f: -ops.mean(f))
    gan = tiny.create("dcgan", loss=mine)
    assert np.isfinite(tiny.fit(gan)["d_loss"])
    assert ganzoo.create("dcgan", image_shape=(28, 28, 1)).objective.name != "mine"
