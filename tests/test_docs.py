"""The guides run, and the README's table is that of the registry."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
GUIDES = [
    ROOT / "docs" / f"{name}.md"
    for name in (
        "getting-started",
        "data",
        "hub",
        "latents",
        "scores",
        "augmentation",
        "mix-and-match",
        "text-to-image",
    )
]


def blocks(path):
    return re.findall(r"```python\n(.*?)```", path.read_text(), flags=re.DOTALL)


def run(code, folder):
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_guides_run(guide, tmp_path):
    done = run("\n".join(blocks(guide)), tmp_path)
    assert done.returncode == 0, done.stderr


def test_the_four_calls_of_the_readme_run(tmp_path):
    (code,) = blocks(ROOT / "README.md")
    # The last call trains for half an hour; here a step will do.
    short = 'ganzoo.train(ganzoo.Recipe.of("dcgan").with_overrides(["kimg=0.064"'
    short += ', "dataset=fashion_mini", "model.channels=8"])'
    assert 'ganzoo.train("dcgan.fashion_mnist"' in code
    done = run(code.replace('ganzoo.train("dcgan.fashion_mnist"', short), tmp_path)
    assert done.returncode == 0, done.stderr


def test_the_table_of_variants_is_that_of_the_registry():
    check = [sys.executable, str(ROOT / "tools" / "readme"), "--check"]
    plain = {key: x for key, x in os.environ.items() if key != "GANZOO_EXTRA"}
    done = subprocess.run(check, capture_output=True, text=True, env=plain)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "page", [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")], ids=lambda p: p.name
)
def test_links_inside_the_project_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), target
