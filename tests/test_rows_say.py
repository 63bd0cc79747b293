"""What the pages say of the committed rows holds in the rows."""

import statistics
from pathlib import Path

import pytest

from ganzoo.benchmark import rows as rows_

RESULTS = Path(__file__).parent.parent / "benchmarks" / "results"
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
