"""What the pages say of the committed rows holds in the rows."""

import importlib
import statistics
from pathlib import Path

import pytest

from ganzoo import registry
from ganzoo.benchmark import rows as rows_

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
RESULTS = BENCHMARKS / "results"
SCORE = "fd[fashion_mnist-cnn]"
RACERS = ("r3gan", "dcgan")


def finals(name):
    """The final scores of a variant at equal pictures and parameters, a seed each."""
    found = rows_.read(RESULTS / "equal.csv")
    mine = [row for row in found if (row.name, row.metric) == (name, SCORE)]
    return {row.seed: row.value for row in mine if row.checkpoint == "final"}


@pytest.mark.parametrize("name", ["r3gan", "sngan"])
def test_at_equal_pictures_and_parameters_dcgan_is_beaten_beyond_the_spread(name):
    best, dcgan = finals(name), finals("dcgan")
    assert best.keys() == dcgan.keys() == {0, 1, 2}
    spread = max(max(each.values()) - min(each.values()) for each in (best, dcgan))
    gap = statistics.mean(dcgan.values()) - statistics.mean(best.values())
    assert gap > spread


def test_r3gan_reaches_dcgans_final_score_in_less_time_than_dcgan_took():
    scored = [row for row in rows_.read(RESULTS / "race.csv") if row.metric == SCORE]
    runs = {each: [row for row in scored if row.name == each] for each in RACERS}
    (final,) = [row for row in runs["dcgan"] if row.checkpoint == "final"]
    reached = [row.train_seconds for row in runs["r3gan"] if row.value <= final.value]
    assert min(reached) < final.train_seconds
    assert len({row.device for row in sum(runs.values(), [])}) == 1


def test_no_model_steps_slower_than_plain_pytorch_with_a_thread_each(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    speed_page = importlib.import_module("speed_page")
    rows = speed_page.read()
    ratios = {
        (variant, precision): row["speed_ratio"]
        for (threads, variant, precision, side), row in speed_page.newest(rows).items()
        if threads == 1 and side == "ganzoo/tensorflow"
    }
    pictures = [name for name in registry.list_models() if drawn_alone(name)]
    precisions = ("float32", "bfloat16")
    assert {(name, each) for name in pictures for each in precisions} <= ratios.keys()
    assert min(ratios.values()) >= 1
    assert speed_page.PAGE.read_text("utf-8") == speed_page.page(rows)


def drawn_alone(name):
    return registry.info(name).tasks == ("image",)
