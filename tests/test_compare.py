"""Runs and tags side by side."""

import json
from pathlib import Path

import numpy as np
import pytest
import tiny
from click.testing import CliRunner
from PIL import Image

from ganzoo import hub, pictures
from ganzoo.benchmark import compare as compare_
from ganzoo.benchmark.compare import compare
from ganzoo.cli import scoring
from ganzoo.errors import GanzooError
from ganzoo.recipe import Recipe

SHAPE = (16, 28, 28, 1)


def write_run(folder, moments=(10, 20, 40), batch=64, scores=(), **recipe):
    """A run folder with a line and a grid at each of those thousands of images."""
    (folder / "samples").mkdir(parents=True)
    Recipe("dcgan", batch_size=batch, **recipe).write(folder / "recipe.toml")
    lines, rng = [], np.random.default_rng(0)
    for kimg in (0, *moments):
        seen = round(1000 * kimg) // batch * batch
        grid = rng.integers(0, 256, SHAPE, "uint8")
        pictures.save_grid(folder / "samples" / f"{seen:08d}.png", grid)
        if seen:
            losses = {"d_loss": 1 / kimg, "g_loss": 0.1 * kimg}
            line = {"step": seen // batch, "kimg": seen / 1000, "seconds": 6.0 * kimg}
            lines.append(line | losses | {"diversity": 60.0, "health": "all is well"})
    for name, found in {"metrics.jsonl": lines, "scores.jsonl": scores}.items():
        text = "".join(json.dumps(each) + "\n" for each in found)
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Two runs in the current folder: other batches, another seed."""
    monkeypatch.chdir(tmp_path)
    score = {"kimg": 20.0, "seconds": 120.0, "metric": "fd[mnist-cnn]", "value": 7.5}
    write_run(Path("runs/a"), scores=[score], model={"channels": 16})
    write_run(Path("runs/b"), moments=(10, 20, 30, 40, 50), batch=100, seed=1)
    return ["runs/a", "runs/b"]


@pytest.fixture
def zoo(tmp_path, monkeypatch):
    """A zoo with a tag that has weights and a claim."""
    folder = tmp_path / "extra" / "zoo" / "cgan" / "small"
    gan = tiny.create("cgan")
    gan.seen.assign(40_000)
    hub.save_folder(gan, folder)
    claim = {"kimg": 40.0, "minutes": 3.5, "diversity": 50.0, "scores": {"kd[x]": 0.25}}
    Recipe("cgan", claim=claim).write(folder / "recipe.toml")
    monkeypatch.setenv("GANZOO_EXTRA", str(tmp_path / "extra"))
    return folder


def line(folder, key):
    """The cells of a table's line in `compare.md`."""
    text = (folder / "compare.md").read_text()
    (found,) = (each for each in text.splitlines() if each.startswith(f"| {key} "))
    return [cell.strip() for cell in found.strip("|").split("|")][1:]


def size(path):
    with Image.open(path) as picture:
        return picture.size


def test_runs_are_held_side_by_side(runs):
    out = compare(runs, "out")
    assert sorted(path.name for path in out.iterdir()) == [
        "compare.md",
        "curves.png",
        "grids.png",
    ]
    assert line(out, "kimg") == ["40", "50"]
    assert line(out, "minutes") == ["4", "5"]
    assert line(out, "batch_size") == ["64", "100"]
    assert line(out, "model.channels") == ["16", "default"]
    assert line(out, "fd[mnist-cnn]") == ["7.5", "–"]
    width, height = size(out / "grids.png")
    assert 3 * 224 < width < 3 * 224 + 80 and 2 * 224 < height < 2 * 224 + 120


def test_grids_stand_at_equal_images_seen(runs):
    sides = [compare_._side(name, name) for name in runs]
    moments = compare_._common_moments(sides)
    assert moments == [[9.984, 10.0], [19.968, 20.0], [40.0, 40.0]]
    many = {float(kimg): Path("x.png") for kimg in range(10, 401, 10)}
    sides = [compare_._Side("x", sides[0].recipe, {}, {}, many)] * 2
    chosen = [kimg for kimg, _ in compare_._common_moments(sides)]
    assert len(chosen) == 4 and (chosen[0], chosen[-1]) == (10, 400)


def test_the_same_comparison_writes_the_same_files(runs):
    first, second = compare(runs, "first"), compare(runs, "second")
    for path in first.iterdir():
        assert path.read_bytes() == (second / path.name).read_bytes(), path.name


def test_a_tag_has_its_claim_and_draws_its_grid(runs, zoo):
    out = compare(["cgan.small", runs[0]], "out", seed=3)
    assert line(out, "minutes") == ["3.5", "4"]
    assert line(out, "kd[x]") == ["0.25", "–"]
    assert line(out, "diversity") == ["50", "60"]
    wanted = hub.load("cgan.small").generate(40, seed=3)
    drawn = compare_._grid(zoo, seed=3)
    assert np.array_equal(
        np.array(drawn)[::2, ::2, 0], pictures.grid(wanted, 4)[..., 0]
    )


def test_a_tag_whose_weights_are_elsewhere_shows_its_samples(runs, zoo):
    (zoo / hub.WEIGHTS).unlink()
    with pytest.raises(GanzooError, match="not on this machine"):
        compare(["cgan.small", runs[0]], "out")
    Image.new("L", (30, 20)).save(zoo / "samples.png")
    assert compare_._grid(zoo, seed=0).size == (30, 20)


def test_runs_of_one_name_keep_their_paths(runs):
    write_run(Path("other/a"))
    out = compare(["runs/a", "other/a"], "out")
    assert (out / "compare.md").read_text().startswith("# runs/a and other/a\n")
    assert compare(runs, "out") == Path("out")
    assert (out / "compare.md").read_text().startswith("# a and b\n")


def test_equal_recipes_are_told(runs):
    write_run(Path("runs/c"), model={"channels": 16})
    out = compare(["runs/a", "runs/c"], "out")
    assert "Nothing that would make them" in (out / "compare.md").read_text()


@pytest.mark.parametrize(
    "sources, told",
    [
        ([], "takes two or more different runs or tags.*received none"),
        (["runs/a"], "received runs/a"),
        (["runs/a", "runs/a"], "two or more different"),
        (["runs/a", "runs/no"], "runs/no is neither a run folder.*nor a tag"),
        (["runs/a", "dcgan.no"], "unknown tag of 'dcgan'"),
        (["runs/a", "lsgan.fashion_mnist"], "has no published weights yet"),
        (["runs/a", "runs/late"], "late: 90, 95.*--resume"),
        (["runs/a", "runs/new"], "a: 9.984 to 40 .3 grids.; new: none"),
    ],
)
def test_what_cannot_be_compared_is_told(runs, sources, told, monkeypatch):
    write_run(Path("runs/late"), moments=(90, 95), batch=1000)
    write_run(Path("runs/new"), moments=())
    untrained = Path("extra/zoo/lsgan/fashion_mnist")
    untrained.mkdir(parents=True)
    Recipe("lsgan").write(untrained / "recipe.toml")
    monkeypatch.setattr("ganzoo.paths.zoos", lambda: [Path("extra/zoo")])
    with pytest.raises(GanzooError, match=told):
        compare(sources, "out")
    assert not Path("out").exists()


def test_scores_that_are_damaged_are_told(runs):
    Path("runs/a/scores.jsonl").write_text('{"kimg": 1.0, "met')
    with pytest.raises(GanzooError, match=r"scores\.jsonl has a line that is no JSON"):
        compare(runs, "out")


def test_the_command_prints_the_tables(runs):
    result = CliRunner().invoke(scoring.compare, [*runs, "--out", "mine"])
    assert result.exit_code == 0, result.output
    assert "| batch_size " in result.output and "![" not in result.output
    assert result.output.endswith("wrote mine/grids.png\n")
    assert size("mine/curves.png")[0] == 1200
