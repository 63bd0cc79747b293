"""The harness: suites, jobs, rows; kills, failures, reproduction."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from commands import ROOT, ganzoo_, refused

from ganzoo import registry
from ganzoo.benchmark import jobs, reproduce, runner, suites
from ganzoo.benchmark import rows as rows_
from ganzoo.benchmark.rows import Row
from ganzoo.errors import GanzooError

pytestmark = pytest.mark.filterwarnings("ignore::ganzoo.metrics.checks.FewSamples")

TINY = """
title = "Tiny"
dataset = "fashion_mini"

[scoring]
metrics = ["fd", "kd"]
count = 100
sampler_seeds = [0, 1]
points = [0.2]

[[entries]]
variant = "gan"
label = "short"
seeds = [0, 1]
set.kimg = 0.4
set.sample_kimg = 0.2
set.batch_size = 20
set.model = { g_units = 16, d_units = 8 }
"""
BROKEN = TINY.replace("g_units = 16", "g_lr = 1e30, g_units = 16")


@pytest.fixture
def tiny_suite(tmp_path):
    path = tmp_path / "tiny.toml"
    path.write_text(TINY)
    return path


def run(suite, folder, **kwargs):
    told = []
    path = runner.run_suite(
        suite, folder / "rows", folder / "runs", progress=told.append, **kwargs
    )
    return rows_.read(path), told


# ------------------------------------------------------------------------ the rows


def test_rows_come_back_as_they_were(tmp_path):
    path = tmp_path / "a.csv"
    row = Row(suite="s", name="dcgan", tag='t, "q"', value=1 / 3, dirty=True, n_fake=7)
    rows_.append(path, [row])
    rows_.append(path, [row.with_values(value=float("nan"))])
    first, second = rows_.read(path)
    assert first == row.with_values(value=0.33333333)
    assert second.value != second.value
    assert path.read_text().count("suite,name") == 1


def test_a_line_that_a_kill_has_cut_is_dropped(tmp_path):
    path = tmp_path / "a.csv"
    rows_.append(path, [Row(suite="s", name="dcgan")] * 2)
    path.write_text(path.read_text()[:-20])
    assert len(rows_.read(path)) == 1
    rows_.append(path, [Row(suite="s", name="gan")])
    assert [row.name for row in rows_.read(path)] == ["dcgan", "gan"]


def test_other_tables_are_refused_and_kept(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("name,score\na,1\n")
    for call in (rows_.read, lambda path: rows_.append(path, [Row("s", "n")])):
        with pytest.raises(GanzooError, match="other columns"):
            call(path)
    assert path.read_text() == "name,score\na,1\n"
    rows_.append(tmp_path / "b.csv", [Row("s", "n")])
    text = (tmp_path / "b.csv").read_text()
    (tmp_path / "b.csv").write_text(
        text + text.splitlines()[1].replace("nan", "x", 1) + "\n"
    )
    with pytest.raises(GanzooError, match="line 3"):
        rows_.read(tmp_path / "b.csv")


# ---------------------------------------------------------------------- the suites


def test_the_help_names_every_suite():
    told = ganzoo_("benchmark", "--help").stdout
    for name in suites.names():
        assert f"\n  {name} " in told and suites.read(name).title in told


@pytest.mark.parametrize("name", suites.names())
def test_every_suite_names_recipes_that_exist(name):
    suite = suites.read(name)
    found = suite.jobs()
    assert found and suite.title
    labels = [(job.name, job.tag, job.recipe.seed) for job in found]
    assert len(set(labels)) == len(labels)
    for job in found:
        kind = registry.get_class(job.recipe.variant)
        assert job.recipe.model.keys() <= registry.accepted_arguments(kind).keys()


def test_what_differs_in_length_alone_shares_a_run_and_goes_short_first():
    found = suites.read("fashion").jobs()
    mine = [job for job in found if job.name == "dcgan" and job.recipe.seed == 1]
    assert [job.tag for job in mine] == ["50kimg", "fashion_mnist"]
    assert len({job.run for job in mine}) == 1


def test_bad_suites_are_refused(tmp_path):
    with pytest.raises(GanzooError, match="smoke"):
        suites.read("smok")
    path = tmp_path / "mine.toml"
    path.write_text(TINY.replace("count", "counts"))
    with pytest.raises(GanzooError, match="count"):
        suites.read(path)
    path.write_text("title = 1 2")
    with pytest.raises(GanzooError, match="no suite"):
        suites.read(path)


# ----------------------------------------------------------------------- the runner


def test_a_suite_is_done_once(tiny_suite, tmp_path):
    rows, told = run(tiny_suite, tmp_path, alone=False)
    final = [row for row in rows if row.checkpoint == "final" and row.name == "gan"]
    assert {(row.seed, row.metric) for row in final} == {
        (seed, f"{metric}[fashion_mnist-cnn]")
        for seed in (0, 1)
        for metric in ("fd", "kd")
    }
    floor = [row for row in rows if row.name == "real"]
    assert {row.metric for row in floor} == {row.metric for row in final}
    partway = [row for row in rows if row.checkpoint == "partway"]
    assert [(row.seed, row.kimg) for row in partway] == [(0, 0.2), (1, 0.2)]
    row = final[0]
    assert row.repeats == 2 and row.sampler_seeds == "0 1" and row.kimg == 0.4
    assert len(row.weights_sha256) == len(row.network_sha256) == 64
    assert row.train_seconds > 0 and row.peak_memory_mb > 100
    assert row.backend and row.device and "keras" in row.packages and row.date
    assert "left)" in told[-2]
    again, told = run(tiny_suite, tmp_path, alone=False)
    assert again == rows and not told
    best = runner.best_rows(rows)
    assert {row.seed for row in best} == {0, 1}
    assert all(row.checkpoint == "best" for row in best)


def test_only_some_jobs(tiny_suite, tmp_path):
    rows, _ = run(tiny_suite, tmp_path, alone=False, only="seed 1")
    assert {row.seed for row in rows if row.name == "gan"} == {1}


def test_a_diverged_run_keeps_its_row(tmp_path):
    suite = tmp_path / "broken.toml"
    suite.write_text(BROKEN)
    rows, told = run(suite, tmp_path, alone=False, only="seed 0")
    row = rows[-1]
    assert row.status == "diverged" and row.value != row.value
    assert row.metric == "fd[fashion_mnist-cnn]" and row.dataset == "fashion_mini"
    assert "diverged" in told[-1]


def test_a_run_that_is_too_long_is_no_shorter_job(tiny_suite, tmp_path):
    job = suites.read(tiny_suite).jobs()[0]
    jobs.perform(job, tmp_path / "a.csv", tmp_path / "runs")
    tiny_suite.write_text(TINY.replace("kimg = 0.4", "kimg = 0.2"))
    shorter = suites.read(tiny_suite).jobs()[0]
    with pytest.raises(GanzooError, match="gone on to"):
        jobs.perform(shorter, tmp_path / "a.csv", tmp_path / "runs")


def test_minutes_end_a_training_early(tiny_suite, tmp_path):
    job = suites.read(tiny_suite).jobs()[0]
    done = jobs.perform(job, tmp_path / "a.csv", tmp_path / "runs", minutes=1e-9)
    assert done[0].kimg == 0.02 and done[0].value > 0


def test_a_job_that_fails_takes_no_other_with_it(tiny_suite, tmp_path):
    tiny_suite.write_text(
        TINY
        + TINY[TINY.index("[[entries]]") :]
        .replace("short", "bad")
        .replace("seeds = [0, 1]", "seeds = [0]")
        .replace("batch_size = 20", "batch_size = 20\nset.split = 'nosuch'")
    )
    told = []
    with pytest.raises(GanzooError, match="1 job.*gan.bad seed 0"):
        runner.run_suite(tiny_suite, tmp_path, tmp_path / "runs", progress=told.append)
    rows = rows_.read(tmp_path / "tiny.csv")
    done = {(row.tag, row.seed) for row in rows if row.checkpoint == "final"}
    assert done == {("test", 0), ("short", 0), ("short", 1)}
    assert any("nosuch" in line for line in told)


def test_the_smoke_suite_survives_a_kill(tmp_path):
    """As a person runs it; what is finished when it is killed is not done again."""
    results = tmp_path / "results"
    command = [sys.executable, "-m", "ganzoo", "benchmark", "smoke"]
    command += ["--results", results, "--runs", tmp_path / "runs"]
    with open(tmp_path / "log.txt", "w") as log:
        first = subprocess.Popen(
            command, cwd=ROOT, stdout=log, stderr=log, start_new_session=True
        )
    wait_for(lambda: list((tmp_path / "runs").glob("*/metrics.jsonl")), first)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    before = rows_.read(results / "smoke.csv")
    assert {row.name for row in before} >= {"real", "dcgan"}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = rows_.read(results / "smoke.csv")
    assert rows[: len(before)] == before
    final = [row for row in rows if row.checkpoint == "final"]
    assert len({(row.label, row.seed) for row in final}) == 6
    assert {row.status for row in final} <= {"ok", "collapsed"}
    text = (tmp_path / "smoke.md").read_text()
    assert "gan.4kimg" in text and "dcgan.fashion_mnist" in text and "real" in text


def wait_for(there, process, seconds=240):
    ends = time.monotonic() + seconds
    while not there():
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < ends
        time.sleep(0.2)


# ---------------------------------------------------------------------- reproduction


def claimed(tmp_path, value, spread):
    recipe = suites.read(write(tmp_path / "tiny.toml", TINY)).jobs()[0].recipe
    path = tmp_path / "claim.toml"
    recipe.write(path)
    text = path.read_text().replace("[claim]", "")
    claim = "\n".join(
        [
            "[claim]",
            "count = 100",
            "sampler_seeds = [0]",
            "[claim.scores]",
            f'"fd[fashion_mnist-cnn]" = {value}',
            "[claim.spread]",
            f'"fd[fashion_mnist-cnn]" = {spread}',
        ]
    )
    return write(path, f"{text}\n{claim}\n")


def write(path, text):
    path.write_text(text)
    return path


def test_a_claim_is_reproduced_or_not(tmp_path):
    path = claimed(tmp_path, 1e6, 1.0)
    result = ganzoo_("reproduce", path, "--runs", tmp_path / "runs")
    assert "reproduced" in result.output and "NOT" not in result.output
    path = claimed(tmp_path, 1e-6, 1e-7)
    found = reproduce.reproduce(str(path), tmp_path / "runs", progress=str)
    assert not found.holds and "NOT reproduced" in str(found)
    assert found.findings[0].deviations > 3


def test_a_recipe_without_a_claim_has_nothing_to_reproduce():
    assert "ganzoo train lsgan" in refused("reproduce", "lsgan")


def test_better_than_claimed_holds():
    better = reproduce.Finding("fd[x]", 10.0, [5.0], 1.0, lower=True)
    assert better.holds and better.deviations == -5
    worse = reproduce.Finding("recall[x]", 0.5, [0.1], 0.1, lower=False)
    assert not worse.holds
    exact = reproduce.Finding("fd[x]", 10.0, [10.0], 0.0, lower=True)
    assert exact.holds


# ------------------------------------------------------------------ the command line


def test_the_jobs_that_are_owed_are_listed(tmp_path):
    result = ganzoo_("benchmark", "smoke", "--list", "--results", tmp_path)
    assert "gan.4kimg seed 1" in result.output.splitlines()
    assert "suite" in refused("benchmark", "nosuch", "--results", tmp_path)


def test_claims_and_cards_say_what_the_rows_say():
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "claims", "--check"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_evaluate_prints_json(tmp_path):
    told = ganzoo_(
        *["evaluate", "dcgan", "--data", "fashion_mini", "--metrics", "fd"],
        *["--count", 100, "--seeds", "0", "--json"],
    )
    assert '"metric": "fd[fashion_mnist-cnn]"' in told.output
    assert Path(ROOT / "benchmarks").is_dir()
