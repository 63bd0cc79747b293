"""Training runs: the run folder, kills and resumes, refusals, halts."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
import tiny
from PIL import Image

import ganzoo
from ganzoo import health, training
from ganzoo.errors import GanzooError
from ganzoo.recipe import Recipe
from ganzoo.runs import Run

SMALL = Recipe(
    "gan",
    dataset="fashion_mini",
    split="train[:64]",
    batch_size=16,
    kimg=0.32,  # 20 steps, 5 ticks
    sample_kimg=0.064,
    checkpoint_kimg=0.048,
    model={"g_units": 16, "d_units": 8, "latent_dim": 8},
)


def train(run, recipe=SMALL, **kwargs):
    return training.train(recipe, run, verbose=0, **kwargs)


def datasets(path):
    """All arrays of an HDF5 file by name."""
    found = {}
    with h5py.File(path) as file:
        file.visititems(
            lambda name, item: (
                found.__setitem__(name, item[()])
                if isinstance(item, h5py.Dataset)
                else None
            )
        )
    return found


def same_files(one, two):
    """Equal (to the bit on TensorFlow and JAX), the means of losses left out."""
    left, right = (
        {name: value for name, value in datasets(path).items() if "tracker" not in name}
        for path in (one, two)
    )
    return left.keys() == right.keys() and tiny.same_run(
        [left[name] for name in left], [right[name] for name in left]
    )


def checkpoint(run):
    return Path(run) / "checkpoint.weights.h5"


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run that was never disturbed."""
    run = tmp_path_factory.mktemp("runs") / "finished"
    train(run)
    return run


@pytest.mark.backend
def test_a_run_leaves_what_the_guide_says(finished):
    assert Recipe.read(finished) == SMALL
    environment = json.loads((finished / "environment.json").read_text())
    assert environment["versions"]["keras"] and environment["cpus"] >= 1
    lines = [
        json.loads(x) for x in (finished / "metrics.jsonl").read_text().split("\n")[:-1]
    ]
    assert [line["step"] for line in lines] == [4, 8, 12, 16, 20]
    assert lines[-1]["kimg"] == 0.32 and lines[-1]["d_loss"] > 0
    grids = sorted((finished / "samples").iterdir())
    assert [int(grid.stem) for grid in grids] == [0, 64, 128, 192, 256, 320]
    with Image.open(grids[-1]) as grid:
        assert grid.size == (8 * 28 * 2, 8 * 28 * 2)
    with Image.open(finished / "training.gif") as film:
        assert film.n_frames >= 2
    with Image.open(finished / "curves.png") as curves:
        assert curves.size[0] > 300
    gan = ganzoo.load(finished)
    assert int(json.loads((finished / "config.json").read_text())["kimg"] * 1000) == 320
    assert gan.generate(2, seed=1).shape == (2, 28, 28, 1)


@pytest.mark.backend
def test_stopped_within_a_tick_and_resumed_is_the_same_run(finished, tmp_path):
    """Stopped by Ctrl-C's signal after step 6, which is in the middle of a tick."""
    run = tmp_path / "stopped"
    with pytest.MonkeyPatch.context() as patch:
        _signal_after(patch, 6)
        with pytest.raises(KeyboardInterrupt):
            train(run)
    assert len(list((run / "samples").iterdir())) == 2
    gan = train(run, resume=True)
    assert int(gan.step.value) == 20
    assert same_files(checkpoint(run), checkpoint(finished))
    assert len((run / "metrics.jsonl").read_text().splitlines()) == 5


def _signal_after(patch, step):
    from ganzoo.callbacks import Pace

    plain = Pace.on_train_batch_end

    def on_train_batch_end(self, batch, logs=None):
        plain(self, batch, logs)
        if self.step == step:
            os.kill(os.getpid(), signal.SIGINT)

    patch.setattr(Pace, "on_train_batch_end", on_train_batch_end)


KILLED = """
import sys
from ganzoo import training
from ganzoo.recipe import Recipe
training.train(Recipe.read(sys.argv[1]), sys.argv[2], resume=True, verbose=0)
"""


@pytest.mark.backend
@pytest.mark.skipif(os.environ["KERAS_BACKEND"] == "torch", reason="promised for two")
def test_killed_at_any_step_and_resumed_ends_in_the_same_bits(finished, tmp_path):
    """SIGKILL, thrice, once a few more steps are seen to be done."""
    recipe, run = tmp_path / "recipe.toml", tmp_path / "killed"
    SMALL.write(recipe)
    command = [sys.executable, "-c", KILLED, str(recipe), str(run)]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)}
    for seen in (1, 3):
        process = subprocess.Popen(command, env=environment)
        deadline = time.monotonic() + 120
        while process.poll() is None and time.monotonic() < deadline:
            if len(list(run.glob("samples/*.png"))) > seen:
                process.send_signal(signal.SIGKILL)
                break
            time.sleep(0.002)
        process.wait()
    assert subprocess.run(command, env=environment).returncode == 0
    assert same_files(checkpoint(run), checkpoint(finished))
    weights = "generator_ema.weights.h5"
    assert same_files(run / weights, finished / weights)
    assert not list(run.glob(".*"))


def test_a_run_goes_on_when_more_images_are_asked_for(finished, tmp_path):
    run = tmp_path / "longer"
    short = Recipe.from_dict(SMALL.to_dict() | {"kimg": 0.16})
    train(run, short)
    train(run, SMALL, resume=True)
    assert same_files(checkpoint(run), checkpoint(finished))


def test_resuming_a_finished_run_changes_nothing(finished, tmp_path):
    before = checkpoint(finished).read_bytes()
    assert int(train(finished, resume=True).step.value) == 20
    assert checkpoint(finished).read_bytes() == before


def test_a_folder_with_a_run_is_not_trained_over(finished):
    before = checkpoint(finished).read_bytes()
    with pytest.raises(GanzooError, match="holds a run.*--resume.*--out"):
        train(finished)
    other = SMALL.with_overrides(["seed=5", "model.g_units=17"])
    for resume in (True, False):
        with pytest.raises(GanzooError, match="another recipe.*seed: 0 there, 5 here"):
            train(finished, other, resume=resume)
    assert checkpoint(finished).read_bytes() == before
    assert Recipe.read(finished) == SMALL


def test_a_damaged_checkpoint_is_named(finished, tmp_path):
    run = tmp_path / "damaged"
    run.mkdir()
    SMALL.write(run / "recipe.toml")
    data = checkpoint(finished).read_bytes()
    for broken in (data[: len(data) // 2], b"no such thing", b""):
        checkpoint(run).write_bytes(broken)
        with pytest.raises(GanzooError, match="is no checkpoint of this recipe"):
            train(run, resume=True)
        assert checkpoint(run).read_bytes() == broken


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="Linux has such a folder")
def test_a_read_only_folder_is_refused_before_training():
    """/proc takes no files, from nobody: for root a mode is no hindrance."""
    with pytest.raises(GanzooError, match="cannot write in /proc.*Choose another"):
        train("/proc/ganzoo_run")


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "run").write_text("mine")
    with pytest.raises(GanzooError, match="cannot write in .*Choose another"):
        train(tmp_path / "run")
    assert (tmp_path / "run").read_text() == "mine"


def test_a_full_disk_keeps_the_last_checkpoint(tmp_path, monkeypatch):
    """The disk fills while the second checkpoint is written."""
    run, written = tmp_path / "full", []
    plain = ganzoo.GAN.save_weights

    def save_weights(self, path, *args, **kwargs):
        plain(self, path, *args, **kwargs)
        written.append(path)
        if len(written) == 2:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(ganzoo.GAN, "save_weights", save_weights)
    with pytest.raises(GanzooError, match="No space left on device.*untouched"):
        train(run)
    assert not list(run.glob(".*"))
    monkeypatch.undo()
    assert int(train(run, resume=True).step.value) == 20


@pytest.mark.backend
def test_a_loss_that_is_not_finite_stops_the_run(tmp_path):
    """The learning rate is absurd: the message names the player and the step."""
    wild = Recipe.from_dict(
        SMALL.to_dict() | {"model": SMALL.model | {"g_lr": 1e30, "d_lr": 1e30}}
    )
    with pytest.raises(GanzooError, match=r"loss of the \w+ .*at step \d+.*checkpoint"):
        train(tmp_path / "wild", wild)
    assert not checkpoint(tmp_path / "wild").exists()


def test_labels_are_needed_by_models_that_learn_from_them(tmp_path):
    Image.new("L", (28, 28)).save(tmp_path / "one.png")
    Image.new("L", (28, 28), 200).save(tmp_path / "two.png")
    recipe = Recipe("cgan", dataset=str(tmp_path), batch_size=2)
    with pytest.raises(GanzooError, match="to learn from labels.*one subfolder"):
        train(tmp_path / "run", recipe)
    assert not (tmp_path / "run").exists()


def test_a_critic_with_more_turns_gets_more_images(tmp_path):
    recipe = SMALL.with_overrides(["model.n_critic=4", "kimg=0.128"])
    gan = train(tmp_path / "run", recipe)
    assert (int(gan.step.value), int(gan.seen.value)) == (2, 128)


def test_precision_is_the_run_s_own(tmp_path):
    recipe = SMALL.with_overrides(["precision=mixed_bfloat16", "kimg=0.032"])
    gan = train(tmp_path / "run", recipe)
    assert gan.generator.layers[1].compute_dtype == "bfloat16"
    assert keras.config.dtype_policy().name == "float32"
    assert ganzoo.load(tmp_path / "run").generator.compute_dtype == "float32"


def test_tensorboard_files_are_written(tmp_path):
    pytest.importorskip("tensorboardX")
    recipe = SMALL.with_overrides(["kimg=0.064"])
    train(tmp_path / "run", recipe, tensorboard=True)
    files = list((tmp_path / "run" / "tensorboard").iterdir())
    assert files and files[0].stat().st_size > 1000


def test_a_cut_line_of_metrics_is_left_out(finished, tmp_path):
    run = tmp_path / "cut"
    run.mkdir()
    (run / "metrics.jsonl").write_text('{"step": 1}\n{"step": 2, "d_l')
    assert Run(run, SMALL, resume=False).metrics() == [{"step": 1}]


@pytest.mark.parametrize(
    "step, total, tick, told",
    [
        (0, 20, 4, [(0, 5, 4)]),
        (6, 20, 4, [(1, 2, 2), (2, 5, 4)]),
        (0, 10, 4, [(0, 2, 4), (2, 3, 2)]),
        (9, 10, 4, [(2, 3, 1)]),
        (20, 20, 4, []),
    ],
)
def test_ticks_cover_the_run(step, total, tick, told):
    assert list(training._segments(step, total, tick)) == told


@pytest.mark.parametrize(
    "total, wanted, tick", [(20, 4, 4), (938, 156, 157), (3, 10, 3), (10, 4, 5)]
)
def test_the_last_tick_is_no_stub(total, wanted, tick):
    assert training._tick(total, wanted) == tick


def test_health_is_told_in_plain_words():
    fine = {"d_loss": 1.2, "real_score": 0.4, "fake_score": -0.3, "kimg": 100}
    assert health.verdict(fine, 60, 70) == "all is well"
    assert "repeats itself" in health.verdict(fine, 5, 70)
    caught = fine | {"d_loss": 0.001, "real_score": 9.0, "fake_score": -9.0}
    assert "enforcer wins" in health.verdict(caught, 60, 70)
    assert health.diversity(np.zeros((4, 8, 8, 1), "uint8")) == 0
