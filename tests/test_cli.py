"""The command line: what it prints, writes, refuses, and how it fails."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import click
import keras
import pytest
from click.testing import CliRunner
from commands import ROOT, ganzoo_, in_a_process, refused
from PIL import Image

import ganzoo
from ganzoo import cli, hub, paths
from ganzoo.cli import making

BACKEND = os.environ["KERAS_BACKEND"]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """A current folder of each test's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GANZOO_DEBUG", raising=False)


@pytest.fixture
def zoo(tmp_path, monkeypatch):
    """A zoo of its own: weights that are here, published ones, and a recipe."""
    root = tmp_path / "extra"
    for tag in ("here", "away", "plan"):
        (root / "zoo" / "dcgan" / tag).mkdir(parents=True)
        (root / "zoo" / "dcgan" / tag / "recipe.toml").write_text('variant = "dcgan"')
    for tag in ("here", "away"):
        config = {"weights": {"sha256": f"of_{tag}", "bytes": 3}}
        (root / "zoo" / "dcgan" / tag / "config.json").write_text(json.dumps(config))
    (root / "zoo" / "dcgan" / "here" / hub.WEIGHTS).write_bytes(b"...")
    monkeypatch.setenv("GANZOO_EXTRA", str(root))
    return root


# ------------------------------------------------------------------------ list, info


def test_list_loads_nothing_heavy():
    done = in_a_process(
        "import sys; from ganzoo.cli import main; main(['list'], standalone_mode=False)"
        "; heavy = {'keras', 'numpy', 'tensorflow', 'jax', 'torch'}"
        "; print(sorted(heavy & set(sys.modules)))"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
    assert "dcgan" in done.stdout


def test_list_is_a_table_with_a_row_a_variant(zoo):
    output = ganzoo_("list").output
    head, _, *rows = output.splitlines()
    assert head.split() == "name title year paper tasks labels tags".split()
    assert {row.split()[0] for row in rows if row} > set(ganzoo.list_models())
    (row,) = (row for row in rows if row.startswith("dcgan "))
    assert {"here*", "away", "plan", "2015", "arXiv:1511.06434", "no"} <= {*row.split()}
    assert output.endswith("* its weights are here: ganzoo sample NAME.TAG\n")


def test_list_takes_a_glob_a_task_and_pretrained(zoo):
    def names(*arguments):
        return [row["name"] for row in json.loads(ganzoo_("list", *arguments).output)]

    every = ["--json"]
    assert names("wgan*", *every) == ["wgan_gp"]
    assert {"dcgan.away", "dcgan.here", "dcgan.plan"} <= {*names("dcgan.*", *every)}
    pretrained = names("dcgan", "--pretrained", *every)
    assert {"dcgan.away", "dcgan.here"} <= {*pretrained}
    assert "dcgan.plan" not in pretrained
    assert names("--task", "molecule", *every) == []


def test_list_as_json_tells_where_weights_are(zoo):
    (row,) = json.loads(ganzoo_("list", "dcgan", "--json").output)
    states = {"here": "here", "away": "published", "plan": "none"}
    assert states.items() <= row["tags"].items()
    assert row["labels"] is False and row["tasks"] == ["image"]


def test_weights_in_the_cache_are_here(zoo, monkeypatch, tmp_path):
    monkeypatch.setenv("GANZOO_HOME", str(tmp_path))
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "of_away.weights.h5").write_bytes(b"...")
    (row,) = json.loads(ganzoo_("list", "dcgan.away", "--json").output)
    assert row["tags"] == {"away": "here"}


def test_the_names_of_files_are_those_of_the_hub():
    assert paths.WEIGHTS == hub.WEIGHTS
    assert f"runs/a/{hub.WEIGHTS}" in making._summary(Path("runs/a"))


def test_nothing_matches():
    assert "nothing matches 'zzz*'" in ganzoo_("list", "zzz*").output


def test_info_of_a_variant_and_of_a_tag(zoo):
    assert "arXiv:1511.06434 (2015)" in ganzoo_("info", "dcgan").output
    record = json.loads(ganzoo_("info", "dcgan", "--json").output)
    assert record["year"] == 2015 and {"here", "plan"} <= {*record["tags"]}
    assert "published" in ganzoo_("info", "dcgan.away").output
    tag = json.loads(ganzoo_("info", "dcgan.away", "--json").output)
    assert tag["recipe"] == {"variant": "dcgan"}
    assert tag["config"]["weights"]["bytes"] == 3


def test_unknown_names_offer_the_closest():
    assert "Did you mean: dcgan" in refused("info", "dcga")
    assert "unknown tag of 'dcgan'" in refused("sample", "dcgan.nothing")
    assert "unknown variant 'wgan'" in refused("train", "wgan")


# ----------------------------------------------------------------------------- cache


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A cache with weights, decoded data, and what a killed decoding left."""
    monkeypatch.setenv("GANZOO_HOME", str(tmp_path / "home"))
    (tmp_path / "home" / "weights").mkdir(parents=True)
    (tmp_path / "home" / "weights" / "ab.weights.h5").write_bytes(bytes(1234))
    (tmp_path / "pictures").mkdir()
    for i in range(4):
        Image.new("L", (8, 8), i).save(tmp_path / "pictures" / f"{i}.png")
    ganzoo.data.load(tmp_path / "pictures", batch_size=2)
    (tmp_path / "home" / "data" / ".cut.building").mkdir()
    return tmp_path / "home"


def test_cache_is_listed_with_sizes(home):
    rows = json.loads(ganzoo_("cache", "ls", "--json").output)
    kinds = sorted(row["kind"] for row in rows)
    assert kinds == ["data", "data, incomplete", "weights"]
    assert {"kind": "weights", "name": "ab.weights.h5", "bytes": 1234} in rows
    assert next(row for row in rows if row["kind"] == "data")["bytes"] >= 4 * 64
    output = ganzoo_("cache", "ls").output
    assert "1,234" in output and f"bytes in {home}" in output


def test_weights_in_the_cache_are_verified(home):
    damaged = home / "weights" / f"{'0' * 64}.weights.h5"
    content = b"sound"
    sound = home / "weights" / f"{hashlib.sha256(content).hexdigest()}.weights.h5"
    (home / "weights" / "ab.weights.h5").unlink()
    sound.write_bytes(content)
    damaged.write_bytes(content)
    (home / "weights" / ".cut.weights.h5.part").write_bytes(content)
    assert "weights, incomplete  cut.weights.h5.part" in ganzoo_("cache", "ls").output
    told = refused("cache", "verify")
    assert f"1 of 2 weight files are damaged: {damaged}. Remove them" in told
    assert f"removed {damaged}" in ganzoo_("cache", "verify", "--remove").output
    assert "1 of 1 weight files are sound" in ganzoo_("cache", "verify").output
    ganzoo_("cache", "clear")
    assert not list((home / "weights").glob("*.h5"))
    assert not list((home / "weights").glob(".*.part"))


def test_cache_is_cleared_by_a_glob_or_whole(home):
    assert "removed 1 entry, 1,234 bytes" in ganzoo_("cache", "clear", "ab*").output
    assert len(json.loads(ganzoo_("cache", "ls", "--json").output)) == 2
    assert "removed 2 entries" in ganzoo_("cache", "clear").output
    assert "0 entries, 0 bytes" in ganzoo_("cache", "ls").output


# ------------------------------------------------------------------ failing, helping


@pytest.mark.parametrize(
    "error, told",
    [
        (ganzoo.errors.GanzooError("two\nlines"), "ganzoo: error: two lines"),
        (PermissionError(13, "Permission denied", "a/b"), "a/b: Permission denied"),
        (ModuleNotFoundError("No module named 'jax'", name="jax"), "'jax': install it"),
    ],
    ids=["ganzoo", "os", "module"],
)
def test_errors_are_one_line_and_a_traceback_on_demand(error, told, monkeypatch):
    def fail(name):
        raise error

    monkeypatch.setattr(hub, "load", fail)
    assert told in refused("sample", "dcgan")
    monkeypatch.setenv("GANZOO_DEBUG", "1")
    assert CliRunner().invoke(cli.main, ["sample", "dcgan"]).exception is error


def test_a_fault_of_ganzoo_itself_is_not_hidden(monkeypatch):
    fault = ModuleNotFoundError(
        "No module named 'ganzoo.nothing'", name="ganzoo.nothing"
    )
    monkeypatch.setattr(hub, "load", lambda name: (_ for _ in ()).throw(fault))
    assert CliRunner().invoke(cli.main, ["sample", "dcgan"]).exception is fault


def test_a_pipe_that_breaks_is_no_error():
    command = [sys.executable, "-m", "ganzoo", "list"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, **pipes) as process:
        process.stdout.close()
        assert process.stderr.read() == b""


def test_version_and_module():
    command = [sys.executable, "-m", "ganzoo", "--version"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == f"ganzoo {ganzoo.__version__}\n"


def commands(group=cli.main, path=()):
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name)


@pytest.mark.parametrize("path", commands(), ids=" ".join)
def test_help_has_an_example_and_tells_of_each_option(path):
    output = ganzoo_(*path, "--help").output
    if path != ("cache", "ls"):
        assert f"\n  ganzoo {' '.join(path)}" in output
    command = cli.main
    for name in path:
        command = command.commands[name]
    assert command.get_short_help_str(80)[-3:] != "..."
    assert all(each.help for each in command.params if isinstance(each, click.Option))


def test_tensorflow_is_told_to_be_quiet(monkeypatch):
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    ganzoo_("list")
    assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == "2"
    assert keras.config.backend() == BACKEND
    assert paths.home()
