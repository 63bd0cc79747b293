"""Schedules: the values, the refusals, and that training follows them."""

import math

import pytest
import tiny
from keras import ops

import ganzoo
from ganzoo import penalties, schedules
from ganzoo.errors import GanzooError
from ganzoo.schedules import Schedule


def value(schedule, seen):
    return float(ops.convert_to_numpy(schedule(seen)))


def test_a_cosine_goes_from_start_to_end_and_stays():
    schedule = Schedule(start=2.0, end=0.2, kimg=4)
    assert value(schedule, 0) == pytest.approx(2.0)
    quarter = 0.2 + 1.8 * (1 + math.cos(math.pi / 4)) / 2
    assert value(schedule, 1000) == pytest.approx(quarter)
    assert value(schedule, 2000) == pytest.approx(1.1)
    assert value(schedule, 4000) == value(schedule, 90_000) == pytest.approx(0.2)


def test_a_line_goes_up_as_well_as_down():
    schedule = Schedule(start=0.0, end=0.5, kimg=1, shape="linear")
    shares = [value(schedule, seen) for seen in (0, 250, 1000, 2000)]
    assert shares == pytest.approx([0.0, 0.125, 0.5, 0.5])


def test_a_number_is_itself():
    assert schedules.at(0.5, 10) == 0.5 == schedules.get("g_lr", 0.5)
    assert schedules.spec(0.5) == 0.5


def test_a_table_and_back():
    table = {"start": 1.0, "end": 0.0, "kimg": 3, "shape": "linear"}
    assert schedules.spec(schedules.get("g_lr", table)) == table


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("fast", "g_lr must be a finite number, or a table of start, end and kimg"),
        (True, "g_lr must be a finite number"),
        (float("nan"), "g_lr must be a finite number"),
        ({"start": 1.0, "end": 0.0}, "the schedule of g_lr lacks kimg"),
        ({"start": 1.0, "end": 0.0, "kimg": 0}, "kimg of a schedule must be above 0"),
        ({"start": "a", "end": 0.0, "kimg": 1}, "start of a schedule must be"),
        ({"strat": 1.0}, "Did you mean: start"),
        ({"start": 1, "end": 0, "kimg": 1, "shape": "cosin"}, "Did you mean: cosine"),
    ],
)
def test_what_is_no_schedule(setting, said):
    with pytest.raises(GanzooError, match=said):
        tiny.create("dcgan", g_lr=setting)


def falling(start):
    """From a value to half of it within two steps of 8 images."""
    table = {"start": start, "end": start / 2, "kimg": 0.016, "shape": "linear"}
    return table


@pytest.mark.backend
def test_training_follows_its_schedules_and_they_are_kept():
    gan = tiny.create(
        "dcgan",
        g_lr=falling(4e-4),
        beta_2=falling(0.9),
        penalties=[{"name": "r1", "gamma": falling(2.0)}],
        ema_half_life_kimg=falling(1.0),
    )
    generator = gan.players[1].optimizer
    for share in (1.0, 0.75, 0.5, 0.5):
        assert float(generator.learning_rate) == pytest.approx(4e-4 * share)
        assert float(generator.beta_2.value) == pytest.approx(0.9 * share)
        tiny.fit(gan)
    assert float(gan.players[0].optimizer.learning_rate) == pytest.approx(2e-4)
    config = gan.get_config()
    assert config["g_lr"] == falling(4e-4) and config["beta_2"] == falling(0.9)
    assert config["penalties"][0]["gamma"] == falling(2.0)
    again = type(gan).from_config(config)
    assert again.get_config() == config


@pytest.mark.backend
def test_a_penalty_follows_the_images_shown():
    r1 = penalties.get({"name": "r1", "gamma": falling(2.0)})

    def evidence(seen):
        x = ops.ones((2, 4, 4, 1))
        return penalties.Evidence(
            judge=lambda images: ops.sum(images, axis=(1, 2, 3)),
            real=x,
            fake=x,
            real_logits=None,
            uniform=None,
            step=0,
            seen=seen,
        )

    # The slope is 1 at each of 16 pixels: gamma / 2 * 16.
    shares = [float(ops.convert_to_numpy(r1(evidence(seen)))) for seen in (0, 8, 16)]
    assert shares == pytest.approx([16.0, 12.0, 8.0])


def test_a_recipe_may_hold_a_schedule(tmp_path):
    recipe = ganzoo.Recipe.of("dcgan").with_overrides(
        ["model.g_lr={start=2e-4, end=0.0, kimg=50}"]
    )
    recipe.write(tmp_path / "recipe.toml")
    assert ganzoo.Recipe.read(tmp_path / "recipe.toml") == recipe
    assert recipe.model["g_lr"] == {"start": 2e-4, "end": 0.0, "kimg": 50}
