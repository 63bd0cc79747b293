"""The queue of a lent GPU: packing, running, taking; on a CPU with tiny shares."""

import importlib.util
import json
import os
import signal
import zipfile

import pytest
import tiny
from commands import ROOT
from PIL import Image

from ganzoo import hub
from ganzoo.benchmark import flops, one_job, parcel, queue, suites
from ganzoo.benchmark import jobs as jobs_
from ganzoo.benchmark import rows as rows_
from ganzoo.benchmark.rows import Row
from ganzoo.paths import WEIGHTS

tfds = pytest.importorskip("tensorflow_datasets")
pytestmark = pytest.mark.filterwarnings("ignore::ganzoo.metrics.checks.FewSamples")

TINY = """
title = "Tiny"
dataset = "DATA"

[scoring]
metrics = ["fd"]
count = 100
sampler_seeds = [0]

[[entries]]
variant = "gan"
label = "one"
seeds = [0, 1]
minutes = 2
set.kimg = 0.4
set.sample_kimg = 0.2
set.batch_size = 20
set.model = { g_units = 16, d_units = 8 }

[[entries]]
variant = "gan"
label = "two"
seeds = [0]
minutes = 1
set.kimg = 0.2
set.sample_kimg = 0.1
set.batch_size = 20
set.model = { g_units = 8, d_units = 8 }
"""
ORDER = ["gan.one seed 0", "gan.two seed 0", "gan.one seed 1"]


def script(name):
    """A file of benchmarks/gpu as a module."""
    path = ROOT / "benchmarks" / "gpu" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"gpu_{name}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def suite_in(folder, dataset="fashion_mini"):
    path = folder / "tiny.toml"
    path.write_text(TINY.replace("DATA", dataset))
    return path


def new_queue(folder, **kwargs):
    """A queue in a folder, in this process, and the lines that it tells."""
    told = []
    settings = {"minutes": 10, "beside": 0.5, "alone": False, "progress": told.append}
    made = queue.Queue(
        suites.read(suite_in(folder)),
        folder / "out",
        folder / "work",
        folder / "results" / "tiny.csv",
        **settings | kwargs,
    )
    return made, told


def fake_do(job, suite, work, minutes):
    """What a job leaves behind, without its training."""
    folder = one_job.folder_of(work, job)
    seed = job.recipe.seed
    about = {"suite": "tiny", "name": job.name, "tag": job.tag, "seed": seed}
    made = Row(**about, metric="fd", value=1.0, recipe_hash=job.recipe.hash())
    rows_.append(folder / "rows.csv", [made])
    entry = one_job._entry(job, suite, [made])
    (folder / "entry.json").write_text(json.dumps(entry))


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """The folder of a queue that was worked off, and what it told."""
    folder = tmp_path_factory.mktemp("done")
    made, told = new_queue(folder)
    with pytest.MonkeyPatch.context() as patch:
        # So small a model repeats itself, and would not be published.
        patch.setattr(jobs_, "_status", lambda gan, job: "ok")
        assert made.run() == []
    return folder, told


# ------------------------------------------------------------------------- running


def test_the_parcel_has_everything_in_eight_files_at_most(done):
    folder, told = done
    names = {path.name for path in (folder / "out").iterdir()}
    assert names == {*"rows.csv queue.json grids.png log.txt weights-1.zip".split()}
    rows = rows_.read(folder / "out" / "rows.csv")
    trained = [row for row in rows if row.checkpoint == "final" and row.name == "gan"]
    assert [row.label for row in trained] == ["gan.one", "gan.two", "gan.one"]
    assert [row.name for row in rows].count("real") == 1
    assert told[-1] == "done"
    assert "gan.two seed 0: ok at 0.2 kimg" in (folder / "out/log.txt").read_text()
    with Image.open(folder / "out" / "grids.png") as sheet:
        assert sheet.width > 700  # three grids side by side


def test_the_state_tells_speed_and_arithmetic(done):
    folder, _ = done
    state = parcel.read_state(folder / "out")
    assert [job["label"] for job in state["jobs"]] == ORDER
    assert state["owed"] == [] and state["failed"] == []
    first, _, second_seed = state["jobs"]
    assert first["images_per_second"] > 0
    made = 2 * (3 * 14_400 + 6 * 31_688 + 14_400 + 2 * 31_688)
    assert first["flops_per_image"] == made
    assert first["share_of_peak"] == 0  # the peak of a processor is not in the table
    assert first["weights"] == "weights-1.zip"
    assert second_seed["weights"] == ""  # a tag has one model: the first seed's


def test_what_is_there_is_not_done_again(done, tmp_path, monkeypatch):
    folder, _ = done
    monkeypatch.setattr(queue, "guarded", None)
    again, told = new_queue(folder)
    assert again.run() == [] and told[-1] == "done"
    # Another machine, with the parcel alone: nothing of it is lost or done again.
    (tmp_path / "out").mkdir()
    for path in (folder / "out").iterdir():
        (tmp_path / "out" / path.name).write_bytes(path.read_bytes())
    other, _ = new_queue(tmp_path)
    assert other.run() == []
    models = parcel.read_models(tmp_path / "out" / "weights-1.zip")
    assert set(models) == {"gan.one", "gan.two"}
    rows = rows_.read(tmp_path / "out" / "rows.csv")
    assert rows == rows_.read(folder / "out" / "rows.csv")


def test_a_job_that_dies_is_noted_and_the_others_go_on(tmp_path, monkeypatch):
    def dying(job, suite, work, minutes):
        if job.tag == "two":
            raise MemoryError("no room on the device")
        fake_do(job, suite, work, minutes)

    monkeypatch.setattr(one_job, "do", dying)
    made, _ = new_queue(tmp_path)
    assert [job.label for job in made.run()] == ["gan.two seed 0"]
    state = parcel.read_state(tmp_path / "out")
    assert [job["label"] for job in state["jobs"]] == [ORDER[0], ORDER[2]]
    assert "no room on the device" in state["failed"][0]["error"]
    assert "no room on the device" in (tmp_path / "out" / "log.txt").read_text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_keeps_what_is_finished(tmp_path, monkeypatch, ctrl_c, number):
    def stopped(job, suite, work, minutes):
        if job.tag == "two":
            os.kill(os.getpid(), number)
        fake_do(job, suite, work, minutes)

    monkeypatch.setattr(one_job, "do", stopped)
    made, told = new_queue(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        made.run()
    assert told[-1].startswith("stopped")
    state = parcel.read_state(tmp_path / "out")
    assert [job["label"] for job in state["jobs"]] == ORDER[:1]
    assert state["owed"] == ORDER[1:]
    monkeypatch.setattr(one_job, "do", fake_do)
    again, _ = new_queue(tmp_path)
    assert again.run() == []
    labels = [job["label"] for job in parcel.read_state(tmp_path / "out")["jobs"]]
    assert labels == ORDER


def test_jobs_are_owed_in_order_of_worth(tmp_path):
    suite = suites.read(suite_in(tmp_path))
    here, there = tmp_path / "here.csv", tmp_path / "there.csv"
    assert [job.label for job in queue.owed_jobs(suite, here, there)] == ORDER
    done = suite.jobs()[1]
    rows_.append(there, [Row("tiny", "gan", "two", recipe_hash=done.recipe.hash())])
    found = [job.label for job in queue.owed_jobs(suite, here, there)]
    assert found == [ORDER[0], ORDER[2]]


def test_shares_follow_the_minutes_of_the_jobs(tmp_path):
    jobs = suites.read(suite_in(tmp_path)).jobs()  # 2, 1 and 2 minutes
    job, minutes = queue.share(jobs, 8.0, beside=1.0)
    assert (job.label, minutes) == (ORDER[0], 2.0)
    assert queue.share(jobs, 18.0, beside=1.0)[1] == 6.0  # there is time for more
    assert queue.share(jobs, 3.0, beside=1.0) == (jobs[0], 1.0)  # the least: half
    job, minutes = queue.share(jobs, 1.7, beside=1.0)  # the first does not fit
    assert (job.label, minutes) == (ORDER[1], 0.5)
    assert queue.share(jobs, 1.4, beside=1.0) == (None, 0.0)
    assert queue.share([], 9.0, beside=1.0) == (None, 0.0)


def test_the_suite_has_every_variant_and_each_its_share():
    suite = suites.read("gpu")
    jobs = suite.jobs()
    assert {job.name for job in jobs} >= {"gan", "dcgan", "lsgan", "cgan", "wgan_gp"}
    assert all(job.minutes > 0 for job in jobs)
    seeds = [job.recipe.seed for job in jobs]
    assert seeds == sorted(seeds)
    first = [f"{each['variant']}.{each['label']}" for each in suite.entries]
    assert [f"{job.name}.{job.tag}" for job in jobs][: len(first)] == first


# --------------------------------------------------------------------- arithmetic


def test_multiply_adds_by_hand():
    gan = tiny.create("dcgan", channels=8, latent_dim=16)
    dense = 16 * (7 * 7 * 16)
    generator = dense + 49 * (5 * 5 * 16 * 8) + 196 * (5 * 5 * 8 * 1)
    critic = 196 * (5 * 5 * 1 * 8) + 49 * (5 * 5 * 8 * 16) + 7 * 7 * 16
    assert flops.multiply_adds(gan.generator) == generator
    assert flops.multiply_adds(gan.discriminator) == critic
    assert flops.per_image(gan) == 2 * (4 * generator + 8 * critic)


def test_turns_and_the_generators_batch_are_counted():
    gan = tiny.create("wgan_gp", n_critic=2)
    generator, critic = map(flops.multiply_adds, (gan.generator, gan.discriminator))
    both = 2 * (generator + 6 * critic) + 2 * (3 * generator + 2 * critic)
    assert flops.per_image(gan) == 2 * both / 2


def test_peaks_are_known_by_name_and_precision():
    assert flops.peak("NVIDIA H200", "mixed_bfloat16") == 989e12
    assert flops.peak("NVIDIA H100 80GB HBM3", "float32") == 494e12
    assert flops.peak("NVIDIA H100 PCIe", "float32") == 378e12
    assert flops.peak("NVIDIA A100-SXM4-40GB", "mixed_bfloat16") == 312e12
    assert flops.peak("Some GPU", "float32") == flops.peak("", "float32") == 0


# -------------------------------------------------------------------------- taking


@pytest.fixture
def take():
    return script("take").take


def test_a_parcel_becomes_tags_and_rows_once(done, take, tmp_path, capsys):
    out = done[0] / "out"
    zoo, results = tmp_path / "zoo", tmp_path / "results"
    assert take(out, results, zoo) == []
    rows = rows_.read(results / "tiny.csv")
    assert len(rows) == len(rows_.read(out / "rows.csv"))
    assert len((results / "tiny_speed.jsonl").read_text().splitlines()) == 3
    tag = zoo / "gan" / "one"
    drawn = hub.load(tag).generate(4, seed=1)
    assert drawn.shape == (4, 28, 28, 1)
    assert "gan.one" in (tag / "card.md").read_text()
    assert "kimg = 0.4" in (tag / "recipe.toml").read_text().partition("[claim]")[2]
    before = {path: path.read_bytes() for path in zoo.rglob("*") if path.is_file()}
    assert take(out, results, zoo) == []
    assert "0 of 4 rows are new" in capsys.readouterr().out
    assert len(rows_.read(results / "tiny.csv")) == len(rows)
    assert before == {path: path.read_bytes() for path in before}


def test_a_tag_is_never_used_again(done, take, tmp_path):
    zoo = tmp_path / "zoo"
    take(done[0] / "out", tmp_path, zoo)
    for label in ("one", "two"):
        config = zoo / "gan" / label / "config.json"
        values = json.loads(config.read_text())
        values["weights"]["sha256"] = values["trained_sha256"] = "0" * 64
        config.write_text(json.dumps(values))
    before = (zoo / "gan" / "one" / "config.json").read_text()
    refused = take(done[0] / "out", tmp_path, zoo)
    assert len(refused) == 2 and "never used again" in refused[0]
    assert (zoo / "gan" / "one" / "config.json").read_text() == before


def altered(done, folder, change):
    """A copy of the parcel's zip, its members changed."""
    with zipfile.ZipFile(done[0] / "out" / "weights-1.zip") as bag:
        members = {name: bag.read(name) for name in bag.namelist()}
    change(members)
    folder.mkdir()
    with zipfile.ZipFile(folder / "weights-1.zip", "w") as bag:
        for name, data in members.items():
            bag.writestr(name, data)
    return folder


def wrong_weights(members):
    members[f"gan.one/{WEIGHTS}"] = members[f"gan.two/{WEIGHTS}"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (wrong_weights, "sha256 is not"),
        (lambda members: members.pop("gan.one/recipe.toml"), "lacks recipe.toml"),
        (lambda members: members.update({"../evil": b"x"}), "no file of a model"),
        (lambda members: members.update({"gan.one/../../x": b"x"}), "no file of a"),
        (lambda members: members.update({"/gan.one/config.json": b""}), "no file of a"),
        (lambda members: members.update({"gan.one/config.json": b"{"}), "damaged"),
    ],
)
def test_what_is_damaged_is_refused(done, take, tmp_path, change, told):
    folder = altered(done, tmp_path / "out", change)
    refused = take(folder, tmp_path / "results", tmp_path / "zoo")
    assert any(told in reason for reason in refused)
    assert not (tmp_path / "zoo").exists()
    assert {path.name for path in tmp_path.iterdir()} <= {"out", "results"}


def test_a_zip_that_was_cut_is_refused(done, take, tmp_path):
    data = (done[0] / "out" / "weights-1.zip").read_bytes()
    (tmp_path / "weights-1.zip").write_bytes(data[: len(data) // 2])
    assert any("is damaged" in each for each in take(tmp_path, tmp_path, tmp_path))
