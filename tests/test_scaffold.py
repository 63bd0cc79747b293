"""A scaffolded variant is one of the zoo's, with no edit outside its own files."""

import ast
import json
import os
import re
import subprocess
import sys
import textwrap
from importlib.util import find_spec
from pathlib import Path

import pytest
from click.testing import CliRunner

from ganzoo import cli, registry, scaffold
from ganzoo.errors import GanzooError
from ganzoo.recipe import Recipe

ROOT = Path(__file__).resolve().parent.parent
BACKEND = os.environ["KERAS_BACKEND"]
NAMES = ("scaffolded", "conditioned")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A folder of variants that `ganzoo new` has written: without and with labels."""
    root = tmp_path_factory.mktemp("mine")
    for name, *options in ((NAMES[0],), (NAMES[1], "--conditional")):
        arguments = ["new", name, "--into", str(root), "--year", "2021", *options]
        result = CliRunner().invoke(cli.main, arguments)
        assert result.exit_code == 0, result.output
        assert f"export GANZOO_EXTRA={root}" in result.output
    return root


def python(root, *arguments):
    """The output of a new interpreter that knows the folder."""
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        env=os.environ | {"GANZOO_EXTRA": str(root)},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_is_listed_with_its_tag(root):
    rows = json.loads(python(root, "-m", "ganzoo", "list", "*ed", "--json"))
    assert [row["name"] for row in rows] == sorted(NAMES)
    assert [row["labels"] for row in rows] == [True, False]
    assert rows[1]["title"] == "Scaffolded" and rows[1]["year"] == 2021
    assert rows[0]["tags"] == {"fashion_mini": "none"}


def test_it_is_created_one_step_moves_all_networks_and_its_recipe_trains(root):
    code = """
        import numpy as np, ganzoo
        from ganzoo.cli import main

        images = np.random.default_rng(0).integers(0, 256, (16, 28, 28, 1), "uint8")
        batch = {"image": images, "label": np.arange(16) % 4}
        for name, classes in (("scaffolded", 0), ("conditioned", 4)):
            gan = ganzoo.create(
                name, image_shape=(28, 28, 1), num_classes=classes, channels=4
            )
            networks = gan.generator, gan.discriminator, gan.generator_ema
            before = [network.get_weights() for network in networks]
            gan.fit(batch, batch_size=16, epochs=1, verbose=0)
            for network, old in zip(networks, before):
                moved = [(a != b).any() for a, b in zip(network.get_weights(), old)]
                print(name, network.name, all(moved), gan.generate(2, seed=0).shape)

        small = ["--set", "kimg=0.128", "--set", "model.channels=4"]
        main(["train", name, *small, "--out", "RUN"], standalone_mode=False)
    """
    run = root / "run"
    output = python(root, "-c", textwrap.dedent(code).replace("RUN", str(run)))
    networks = ("generator", "discriminator", "generator_ema")
    for line in (f"{name} {each} True" for name in NAMES for each in networks):
        assert f"{line} (2, 28, 28, 1)" in output
    assert (run / "generator_ema.weights.h5").stat().st_size
    assert len(list((run / "samples").glob("*.png"))) == 2


@pytest.mark.backend
def test_it_passes_the_whole_battery(root):
    arguments = ["tests/test_battery.py", "-k", " or ".join(NAMES), "-v", "--tb=short"]
    plugins = ["-p", "no:cacheprovider", "-p", "no:xdist"]
    if BACKEND != "tensorflow":
        arguments += ["-m", "backend"]
    output = python(root, "-m", "pytest", *arguments, *plugins)
    for name in NAMES:
        assert len(re.findall(rf"{name}\S*( \d+\))?\] PASSED", output)) >= 8, output
    assert not re.search("FAILED|ERROR|SKIPPED", output), output


@pytest.mark.skipif(not find_spec("ruff"), reason="ruff is not installed")
@pytest.mark.parametrize("command", [["check"], ["format", "--check"]], ids=" ".join)
def test_its_modules_pass_ruff(root, command):
    settings = ["--no-cache", "--config", ROOT / "pyproject.toml"]
    python(root, "-m", "ruff", *command, *settings, root / "variants")


def test_the_longest_title_passes_ruff_and_is_written_as_given(tmp_path):
    title, paper = "A" * 69 + "'", "https://a.b/" + "c" * 58
    made = scaffold.write("scaffolded", into=tmp_path, title=title, paper=paper)
    lines = made.module.read_text().splitlines()
    assert max(map(len, lines)) <= 88
    assert ast.parse(made.module.read_text())
    assert lines[0] == f'"""{title}.' and f'    paper="{paper}",' in lines
    assert f"Paper: {paper}" in made.card.read_text()


def test_its_recipe_and_card_are_complete(root):
    for name in NAMES:
        recipe = Recipe.read(root / "zoo" / name / "fashion_mini")
        assert (recipe.variant, recipe.dataset) == (name, "fashion_mini")
        card = (root / "zoo" / name / "card.md").read_text()
        assert card.startswith("---\nlibrary_name: keras\nlicense: apache-2.0\n")
        assert f"ganzoo sample runs/{name}.fashion_mini" in card
        assert "$" not in card


# --------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    "name, near",
    [
        ("class", "class_gan"),
        ("My-GAN", "my_gan"),
        ("3gan", "gan_3gan"),
        ("", "my_gan"),
        ("../up", "up"),
        ("über", "ber"),
    ],
)
def test_names_that_no_module_can_have(name, near, tmp_path):
    with pytest.raises(
        GanzooError, match=f"a module's name.*Accepted would be '{near}'"
    ):
        scaffold.write(name, into=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_name_of_a_variant_that_exists(tmp_path):
    with pytest.raises(GanzooError, match="variant 'dcgan' exists: ganzoo.variants.dc"):
        scaffold.write("dcgan", into=tmp_path)


@pytest.mark.parametrize("bad", ["two\nlines", 'a "b"', "a\\b", "x" * 71])
@pytest.mark.parametrize("what", ["title", "paper"])
def test_texts_that_would_break_the_module(what, bad, tmp_path):
    with pytest.raises(GanzooError, match=f"the {what} is one line of at most 70"):
        scaffold.write("scaffolded", into=tmp_path, **{what: bad})


@pytest.mark.parametrize("there", ["variants/mine.py", "zoo/mine/card.md"])
def test_existing_files_are_kept_and_nothing_is_written(there, tmp_path):
    (tmp_path / there).parent.mkdir(parents=True)
    (tmp_path / there).write_text("mine")
    with pytest.raises(GanzooError, match="would be overwritten"):
        scaffold.write("mine", into=tmp_path)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files == [tmp_path / there] and files[0].read_text() == "mine"


def test_all_files_are_written_or_none(tmp_path):
    (tmp_path / "variants").write_text("a file where a folder must be")
    with pytest.raises(GanzooError, match="cannot write .*variants"):
        scaffold.write("mine", into=tmp_path)
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == ["variants"]


# ---------------------------------------------------------------- where it is written


def test_in_a_checkout_it_goes_beside_the_others(tmp_path, monkeypatch):
    monkeypatch.setattr(scaffold, "_PACKAGE", tmp_path / "ganzoo")
    (tmp_path / "zoo").mkdir()
    (tmp_path / "setup.cfg").touch()
    made = scaffold.write("mine")
    assert made.module == tmp_path / "ganzoo" / "variants" / "mine.py"
    assert made.recipe == tmp_path / "zoo" / "mine" / "fashion_mini" / "recipe.toml"
    assert made.extra is None


def test_elsewhere_it_goes_into_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(scaffold, "_PACKAGE", tmp_path / "installed" / "ganzoo")
    monkeypatch.chdir(tmp_path)
    made = scaffold.write("mine")
    assert made.module == tmp_path / "variants" / "mine.py"
    assert made.extra == tmp_path


def test_a_folder_that_is_known_needs_no_setting(tmp_path, monkeypatch):
    monkeypatch.setenv("GANZOO_EXTRA", str(tmp_path))
    assert scaffold.write("mine", into=tmp_path).extra is None
    assert registry.info("mine").title == "Mine"


def test_a_setting_that_is_there_is_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("GANZOO_EXTRA", str(tmp_path / "first"))
    arguments = ["new", "mine", "--into", str(tmp_path / "second")]
    result = CliRunner().invoke(cli.main, arguments)
    both = os.pathsep.join([str(tmp_path / "first"), str(tmp_path / "second")])
    assert f"export GANZOO_EXTRA={both}" in result.output


@pytest.mark.parametrize(
    "name, expected",
    [("tiny", "TinyGAN"), ("my_gan", "MyGAN"), ("g_a_n", "GANGAN"), ("x", "XGAN")],
)
def test_class_names_never_hide_the_base(name, expected):
    assert scaffold._class_name(name) == expected
