"""The commands that draw, export and train."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import tiny
from click.testing import CliRunner
from commands import ganzoo_, in_a_process, refused
from PIL import Image

import ganzoo
from ganzoo import cli, hub, training
from ganzoo.cli import making, models
from ganzoo.recipe import Recipe

BACKEND = os.environ["KERAS_BACKEND"]
OTHER = "torch" if BACKEND == "jax" else "jax"
TINY = ["batch_size=32", "kimg=0.128", "sample_kimg=0.064", "model.channels=4"]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """A current folder of each test's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GANZOO_DEBUG", raising=False)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The folder of a small model that has labels."""
    folder = tmp_path_factory.mktemp("models") / "small"
    tiny.create("cgan").save(folder)
    return folder


def pixels(path):
    with Image.open(path) as picture:
        return np.array(picture)


# ---------------------------------------------------------------------------- sample


def test_sample_writes_a_grid_named_after_the_model(model):
    output = ganzoo_("sample", model, "--count", 6, "--columns", 3).output
    assert output == "wrote small.png: 6 pictures of seed 0\n"
    height, width = pixels("small.png").shape
    assert width * 2 == height * 3


def test_a_folder_gets_what_generate_gives(model):
    ganzoo_("sample", model, "--seed", 3, "--truncation", 0.5, "--out", "all/")
    gan = ganzoo.load(model)
    pictures = gan.generate(16, seed=3, truncation=0.5)
    assert sorted(os.listdir("all"))[-1] == "00015.png"
    assert np.array_equal(pixels("all/00015.png"), pictures[15, ..., 0])
    assert len(os.listdir("all")) == 16


def test_labels_take_turns(model):
    labels = ["--label", "bee", "--label", 0]
    Path("pictures").mkdir()
    ganzoo_("sample", model, *labels, "--count", 3, "--out", "pictures")
    wanted = ganzoo.load(model).generate(labels=["bee", "ant", "bee"], seed=0)
    for i in range(3):
        picture = pixels(f"pictures/{i:05d}.png")
        assert np.array_equal(picture, wanted[i, ..., 0])


def test_a_run_a_tag_and_a_keras_file_have_names_of_their_own():
    assert models.stem("dcgan.fashion_mnist") == "dcgan.fashion_mnist"
    assert models.stem("runs/mine/") == "mine"
    assert models.stem("models/mine.keras") == "mine"


@pytest.fixture
def no_loading(monkeypatch):
    """Whoever loads a model fails."""
    monkeypatch.setattr(hub, "load", lambda name: pytest.fail("a model was loaded"))


@pytest.mark.usefixtures("no_loading")
def test_what_cannot_be_written_is_known_before_a_model_is_loaded():
    Path("file.png").write_bytes(b"mine")
    Path("file.png").chmod(0o444)
    told = refused("sample", "dcgan", "--out", "file.png")
    assert "file.png is write-protected" in told
    assert "cannot write in" in refused("sample", "dcgan", "--out", "file.png/x.png")
    assert "takes a .png file" in refused("sample", "dcgan", "--out", "grid.jpg")
    assert Path("file.png").read_bytes() == b"mine"
    Path("dcgan.png").mkdir()
    assert "dcgan.png is a folder" in refused("sample", "dcgan")


def test_nothing_is_left_of_a_sample_that_fails(model):
    assert "unknown label 'wasp'" in refused("sample", model, "--label", "wasp")
    told = refused("sample", model, "--label", "wasp", "--out", "new/folder/")
    assert "Accepted: ant, bee, cat, dog" in told
    assert os.listdir(".") == []


def test_another_backend_is_chosen_before_keras_is_imported(model):
    into = os.path.abspath("a") + "/"
    arguments = ["sample", str(model), "--backend", OTHER, "--out", into]
    done = in_a_process(
        "from ganzoo.cli import main"
        f"; main({arguments}, standalone_mode=False)"
        "; import keras; print(keras.config.backend())"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == OTHER
    # Rounding may differ by one grey level between backends.
    drawn = np.int32(pixels("a/00000.png"))
    wanted = ganzoo.load(model).generate(16, seed=0)[0, ..., 0]
    assert np.abs(drawn - wanted).max() <= 1


def test_a_process_keeps_its_backend(model):
    told = refused("sample", model, "--backend", OTHER)
    assert f"Keras runs on {BACKEND}" in told
    assert os.environ["KERAS_BACKEND"] == BACKEND


# ---------------------------------------------------------------------------- export


def test_export_writes_what_is_asked_for(model, monkeypatch):
    asked = {}
    monkeypatch.setattr(
        ganzoo.GAN, "export", lambda gan, path, **how: asked.update(how, path=path)
    )
    output = ganzoo_("export", model, "--format", "onnx", "--out", "g.onnx").output
    assert output == "wrote g.onnx\n"
    assert asked["path"] == Path("g.onnx") and asked["format"] == "onnx"


@pytest.mark.usefixtures("no_loading")
def test_export_overwrites_nothing():
    Path("there").mkdir()
    assert "there exists" in refused("export", "dcgan", "--out", "there")


# ----------------------------------------------------------------------------- train


def sets(*overrides):
    return [part for each in overrides for part in ("--set", each)]


def test_train_says_where_all_is_and_goes_on():
    Path("mine.toml").write_text('variant = "dcgan"\n')
    output = ganzoo_("train", "mine.toml", *sets(*TINY), "--out", "runs/a").output
    for told in ("runs/a/samples", "runs/a/training.gif", f"runs/a/{hub.WEIGHTS}"):
        assert told in output and Path(told).exists()
    assert output.endswith("ganzoo sample runs/a\n")
    assert "holds a run of this recipe" in refused("train", "runs/a", "--out", "runs/a")

    longer = sets("kimg=0.192")
    ganzoo_("train", "runs/a", "--resume", *longer)
    assert os.listdir("runs") == ["a"]
    last = json.loads(Path("runs/a/metrics.jsonl").read_text().splitlines()[-1])
    assert last["step"] == 6
    told = refused("train", "runs/a", "--resume", *longer, *sets("seed=1"))
    assert "holds the run of another recipe (seed: 0 there, 1 here)" in told
    ganzoo_("sample", "runs/a")
    assert Path("a.png").exists()


def test_only_a_run_is_resumed_in_its_own_folder():
    for folder in ("runs/a/samples", "zoo/dcgan/tag"):
        Path(folder).mkdir(parents=True)
    assert making._run_folder("runs/a", None, True) == Path("runs/a")
    assert making._run_folder("runs/a", None, False) is None
    assert making._run_folder("zoo/dcgan/tag", None, True) is None
    assert making._run_folder("runs/a", "runs/b", True) == Path("runs/b")


@pytest.mark.parametrize(
    "override, told",
    [
        ("kmig=3", "unknown recipe key 'kmig'. Did you mean: kimg"),
        ("kimg", "an override is written key=value"),
        ("batch_size=0", "batch_size must be at least 1"),
        ("model.chanels=3", "Did you mean: channels"),
    ],
)
def test_overrides_are_checked(override, told):
    Path("mine.toml").write_text('variant = "dcgan"\n')
    assert told in refused("train", "mine.toml", "--set", override)


@pytest.fixture
def asked(monkeypatch):
    """What `training.train` is called with, without a training."""
    calls = []
    monkeypatch.setattr(
        training, "train", lambda recipe, run, **kwargs: calls.append((recipe, run))
    )
    return calls


def test_train_takes_a_variant_and_names_the_run(asked):
    ganzoo_("train", "dcgan", "--set", "dataset=fashion_mini")
    ((recipe, run),) = asked
    overridden = Recipe.of("dcgan").with_overrides(["dataset=fashion_mini"])
    assert recipe == overridden
    assert run == Path("runs/dcgan.fashion_mini")


def test_ctrl_c_tells_how_to_go_on(monkeypatch):
    def stop(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "train", stop)
    result = CliRunner().invoke(cli.main, ["train", "dcgan", "--out", "runs/my run"])
    assert result.exit_code == 130
    assert "to go on: ganzoo train 'runs/my run' --resume" in result.stdout
    assert result.stderr == "ganzoo: interrupted.\n"
