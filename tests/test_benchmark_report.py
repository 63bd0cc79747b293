"""The tables and plots of suites, which come from rows alone."""

import math
import random
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganzoo.benchmark import plots, rows, summary, tables
from ganzoo.benchmark.rows import Row
from ganzoo.metrics.table import METRICS

ROOT = Path(__file__).resolve().parent.parent
FD, KD, RECALL = (f"{name}[fashion_mnist-cnn]" for name in ("fd", "kd", "recall"))
COMMON = Row(
    suite="fixture",
    name="",
    dataset="fashion_mnist",
    split="train",
    repeats=3,
    sampler_seeds="0 1 2",
    n_real=60000,
    n_fake=10000,
    network="fashion_mnist-cnn",
    network_sha256="5f0c9ab1d2e3" + 52 * "0",
    batch_size=64,
    backend="tensorflow",
    device="2 x Some(R) Processor",
    commit="0123456789abcdef",
    packages="ganzoo 0.1.0, keras 3.15.1",
    date="2026-11-22T10:00:00Z",
)


def trained(name, tag, seed, end, fd, **values):
    """The rows of a training: the first score on the way, all of them in the end."""
    base = COMMON.with_values(name=name, tag=tag, seed=seed, **values)
    pace = 120.0 + 10 * seed
    for kimg in (*(10, 20, 50, 100, 200), end):
        if kimg > end:
            continue
        facts = {"kimg": float(kimg), "train_seconds": 1000 * kimg / pace}
        value = fd * (1 + 60 / kimg) + seed
        if kimg < end:
            partway = {"checkpoint": "partway", "repeats": 1, "status": "ok"}
            yield base.with_values(metric=FD, value=value, **partway, **facts)
    facts |= {"images_per_second": pace, "peak_memory_mb": 900.0 + fd}
    ends = {FD: value, KD: value / 1000, RECALL: 0.5 + 0.01 * seed}
    for metric, each in ends.items():
        yield base.with_values(metric=metric, value=each, std=each / 100, **facts)


def fixture():
    """Rows of a suite with all that happens."""
    real = COMMON.with_values(name="real", tag="test", repeats=1, sampler_seeds="0")
    for metric, value in ((FD, 0.9), (KD, 0.0001), (RECALL, 0.95)):
        yield real.with_values(metric=metric, value=value)
    for seed in range(3):
        yield from trained("dcgan", "long", seed, 400, 10.0)
        yield from trained("cgan", "short", seed, 50, 30.0)
        status = "collapsed" if seed == 1 else "ok"
        yield from trained("gan", "short", seed, 50, 80.0, status=status)
    yield from trained("wgan_gp", "long", 0, 400, 11.5)
    yield from trained("lsgan", "short", 0, 50, 32.0)
    lost = COMMON.with_values(name="lsgan", tag="short", seed=1, metric=FD, repeats=0)
    yield lost.with_values(status="diverged", kimg=21.0, network_sha256="")


def cells(text, model):
    """A line of the table of scores: heading -> cell."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    split = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    found = next(line for line in split if line[0] == model)
    return dict(zip(split[0], found, strict=True))


@pytest.fixture(scope="module")
def text():
    return tables.table(fixture())


# ------------------------------------------------------------------------- tables


def test_the_first_line_is_the_floor_and_the_others_are_sorted(text):
    lines = [line.split("|")[1].strip() for line in text.splitlines() if "|" in line]
    assert lines[2] == "real: test against train"
    models = ["dcgan.long", "wgan_gp.long", "cgan.short", "lsgan.short", "gan.short"]
    assert lines[3:8] == models


def test_values_are_means_over_training_seeds_of_the_final_checkpoints(text):
    found = cells(text, "dcgan.long")
    assert found[f"{FD} ↓"] == "12.5 ± 1.0"
    assert found["kimg"] == "400" and found["seeds"] == "3"
    assert found[f"{RECALL} ↑"] == "0.510 ± 0.010"
    assert cells(text, "wgan_gp.long")[f"{FD} ↓"] == "13.22 ± 0.13 †"
    assert "† marks that over the sampler seeds" in text


def test_failures_are_shown_beside_and_never_dropped(text):
    assert cells(text, "dcgan.long")["failed"] == "0 of 3"
    collapsed = cells(text, "gan.short")
    assert collapsed["failed"] == "1 of 3 collapsed"
    assert collapsed[f"{FD} ↓"] == "177.0 ± 1.0"  # the collapsed one is in the mean
    diverged = cells(text, "lsgan.short")
    assert diverged["failed"] == "1 of 2 diverged" and diverged["seeds"] == "2"
    assert diverged[f"{FD} ↓"] == "70.40 ± 0.70 †"
    assert "those that diverged have no score" in text


def test_a_model_of_which_all_seeds_diverged_has_its_line():
    lost = COMMON.with_values(name="gan", tag="x", metric=FD, status="diverged")
    text = tables.table([*fixture(), lost, lost.with_values(seed=1)])
    assert cells(text, "gan.x")["failed"] == "2 of 2 diverged"
    assert cells(text, "gan.x")[f"{FD} ↓"] == "–"
    assert cells(tables.table([lost]), "gan.x")["seeds"] == "1"


def test_bold_is_what_beats_the_second_by_more_than_their_spreads():
    def pair(gap):
        better = trained("dcgan", "a", 0, 50, 20.0)
        worse = trained("gan", "a", 0, 50, 20.0 + gap)
        return tables.table([*better, *worse])

    assert cells(pair(2.0), "dcgan.a")[f"{FD} ↓"] == "**44.00 ± 0.44 †**"
    assert cells(pair(0.3), "dcgan.a")[f"{FD} ↓"] == "44.00 ± 0.44 †"
    assert "**" not in tables.table(trained("dcgan", "a", 0, 50, 20.0))
    # Higher is better here, and a spread that is not known is no proof.
    assert summary.Figure(0.9, 0.1, "sampler").clearly_better(
        summary.Figure(0.6, 0.1, "sampler"), lower=False
    )
    unknown = summary.Figure(0.6)
    assert not summary.Figure(0.9, 0.1, "x").clearly_better(unknown, lower=False)


def test_the_best_checkpoint_stands_in_a_column_of_its_own():
    up = [row.with_values(value=2.0) for row in fixture() if row.kimg == 200]
    text = tables.table([*fixture(), *up])
    found = cells(text, "dcgan.long")
    assert found[f"best checkpoint: {FD} ↓"] == "2 ± 0"
    assert found[f"{FD} ↓"] == "12.5 ± 1.0"
    assert "it flatters" in text


def test_feature_networks_never_share_a_column():
    inception = COMMON.with_values(
        name="dcgan", tag="long", metric="fid", value=31.0, network="inception-2015"
    )
    other = next(row for row in fixture() if row.name == "cgan" and row.metric == KD)
    again = other.with_values(network_sha256="9" * 64, name="newgan")
    text = tables.table([*fixture(), inception, again])
    first = next(line for line in text.splitlines() if line.startswith("| model"))
    headings = [cell.strip() for cell in first.strip("|").split("|")]
    assert headings[4:8] == [
        "fid ↓",
        f"{FD} ↓",
        f"{KD} ↓ (5f0c9ab1d2e3)",
        f"{KD} ↓ (999999999999)",
    ]
    assert cells(text, "newgan.short")[headings[6]] == "–"


def test_the_newest_row_counts():
    (old,) = (row for row in trained("gan", "a", 0, 10, 20.0) if row.metric == KD)
    new = old.with_values(value=7.0, std=0.0, repeats=1, date="2026-11-23T00:00:00Z")
    for both in ([old, new], [new, old]):
        assert cells(tables.table(both), "gan.a")[f"{KD} ↓"] == "7"
    changed = new.with_values(recipe_hash="other", metric=FD)
    assert {row.metric for row in summary.newest([old, changed])} == {FD}


def test_a_training_that_was_done_again_replaces_the_one_that_diverged():
    done = [row for row in trained("gan", "a", 0, 50, 20.0)]
    late = {"date": "2026-11-23T00:00:00Z"}
    lost = {"status": "diverged", "value": math.nan, "kimg": 3.0, "metric": FD}
    better = [row.with_values(**late) for row in done]
    early_loss = [done[-1].with_values(**lost), *better]
    assert cells(tables.table(early_loss), "gan.a")["failed"] == "0 of 1"
    late_loss = [*done, done[-1].with_values(**lost, **late)]
    assert cells(tables.table(late_loss), "gan.a")["failed"] == "1 of 1 diverged"
    assert f"{FD} ↓" not in tables.table(late_loss).split("best")[0]


def test_the_text_says_what_the_numbers_depend_on(text):
    assert "60000 real (train), 10000 drawn, sampler seeds 0 1 2" in text
    assert "features of fashion_mnist-cnn 5f0c9ab1d2e3, resize: none" in text
    assert "Commit: 0123456789ab." in text and "Measured: 2026-11-22." in text
    assert "| minutes |" in text.replace("  ", "")
    assert "2 x Some(R) Processor" in text


def test_the_order_of_rows_changes_nothing(text):
    shuffled = list(fixture())
    random.Random(0).shuffle(shuffled)
    assert tables.table(shuffled) == text
    assert tables.table([]) == "There are no rows yet.\n"


def test_the_direction_of_a_metric_is_that_of_its_estimator():
    for name, metric in METRICS.items():
        assert summary.lower_is_better(name) == metric.lower, name
    assert summary.lower_is_better("fid") and not summary.lower_is_better("cas")


# -------------------------------------------------------------------------- files


def test_only_csv_files_of_rows_get_a_table(tmp_path):
    results = tmp_path / "results"
    rows.append(results / "fixture.csv", fixture())
    (results / "other.csv").write_text("a,b\n1,2\n")
    (results / "speed.jsonl").write_text("{}\n")
    (results / "empty.csv").write_text("")
    written = tables.write(results, tmp_path)
    names = [path.relative_to(tmp_path).as_posix() for path in written]
    kinds = ("images", "seconds", "speed", "memory")
    assert names == ["fixture.md", *(f"plots/fixture-{kind}.png" for kind in kinds)]
    text = written[0].read_text()
    assert text.startswith("<!-- This file is generated by `ganzoo benchmark report`")
    assert "![fixture-speed](plots/fixture-speed.png)" in text


def pixels(path):
    with Image.open(path) as picture:
        return np.asarray(picture, "int16")


def test_writing_again_changes_nothing(tmp_path):
    results = tmp_path / "results"
    rows.append(results / "fixture.csv", fixture())
    first = tables.write(results, tmp_path / "a")
    second = tables.write(results, tmp_path / "b")
    for one, two in zip(first, second, strict=True):
        assert one.read_bytes() == two.read_bytes(), one.name


def test_what_is_committed_comes_from_the_committed_rows(tmp_path):
    committed = ROOT / "benchmarks"
    (tmp_path / "plots").mkdir()
    for grids in committed.glob("plots/*-grids.png"):  # pictures come from runs
        (tmp_path / "plots" / grids.name).write_bytes(grids.read_bytes())
    for made in tables.write(committed / "results", tmp_path):
        there = committed / made.relative_to(tmp_path)
        assert there.is_file(), f"ganzoo benchmark report writes {there.name}"
        if made.suffix == ".md":
            assert made.read_text() == there.read_text()
        else:
            # Fonts and rounding differ a little between versions of matplotlib.
            assert pixels(made).shape == pixels(there).shape


# -------------------------------------------------------------------------- plots


def test_a_model_has_the_same_look_whatever_is_drawn():
    looks = plots._looks(list(fixture()))
    assert list(looks) == sorted(looks) and "real.test" not in looks
    many = [COMMON.with_values(name=f"gan{i}") for i in range(40)]
    both = [tuple(each.values()) for each in plots._looks(many).values()]
    assert len(set(both)) == 40


def test_curves_are_medians_with_their_range():
    (panel,) = plots._panels(summary.newest(fixture()), by_device=False)
    title, column, floor, curves = panel
    assert (title, column.metric, floor) == ("fashion_mnist", FD, 0.9)
    found = {label: points for label, _, points in curves}
    assert found["dcgan.long"][-1] == (400.0, 11.5, 12.5, 13.5)
    assert len(found["cgan.short"]) == 3
    told = {label: failed for label, failed, _ in curves}
    assert told["lsgan.short"] == "1 of 2 diverged"


def test_seconds_are_compared_on_one_device_only():
    elsewhere = trained("dcgan", "gpu", 0, 50, 10.0, device="Some GPU")
    kept = summary.newest([*fixture(), *elsewhere])
    titles = [panel[0] for panel in plots._panels(kept, by_device=True)]
    assert titles == [
        "fashion_mnist, 2 x Some(R) Processor",
        "fashion_mnist, Some GPU",
    ]


def test_names_beside_a_panel_do_not_overlap():
    moved = plots._apart([0.2, 0.2, 0.21, 0.99, 1.0], [1, 2, 1, 1, 1])
    gaps = np.diff(moved)
    assert moved == sorted(moved) and max(moved) <= 1
    assert (gaps >= np.array([1.5, 1.5, 1, 1]) * plots._LEAST - 1e-9).all()


def test_what_no_row_knows_is_not_drawn(tmp_path):
    few = [COMMON.with_values(name="dcgan", metric=FD, value=3.0, kimg=5.0)]
    assert [path.name for path in plots.draw(few, tmp_path)] == ["fixture-images.png"]
    assert plots.draw([], tmp_path) == []
