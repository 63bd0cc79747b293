"""The package as others get it: a wheel, far from the checkout, without its zoo."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from ganzoo import files, registry

ROOT = Path(__file__).resolve().parent.parent
PUBLISHED = registry.list_models(pretrained=True)
PARTS = ("ganzoo", "zoo", "setup.cfg", "pyproject.toml", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The folder that a wheel of this checkout was unpacked into."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("site")
    for part in PARTS:
        if (ROOT / part).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / part, source / part, ignore=ignored)
        elif (ROOT / part).exists():
            shutil.copyfile(ROOT / part, source / part)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", source]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = (source / "dist").glob("*.whl")
    zipfile.ZipFile(wheel).extractall(target)
    return target


def run(installed, folder, *arguments, **settings):
    """Run Python on the wheel, in a folder that has nothing of the checkout."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GANZOO_")}
    environment |= {"PYTHONPATH": str(installed), "GANZOO_HOME": str(folder / "home")}
    command = [sys.executable, *map(str, arguments)]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=folder, env=environment | settings
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def server():
    """`ganzoo hub serve` of the checkout's zoo."""
    command = [
        sys.executable,
        "-m",
        "ganzoo",
        "hub",
        "serve",
        ROOT / "zoo",
        "--port",
        "0",
    ]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        address = None
        while address is None:
            address = re.search(r"http://[\w.]+:\d+", process.stdout.readline())
        yield address[0]
        process.terminate()


def test_a_wheel_lists_all_tags(installed, tmp_path):
    listed = run(installed, tmp_path, "-m", "ganzoo", "list", "*.*", "--pretrained")
    assert all(name in listed for name in PUBLISHED)
    code = "import ganzoo; print(ganzoo.__file__, ganzoo.list_models(pretrained=True))"
    told = run(installed, tmp_path, "-c", code)
    assert told.strip() == f"{installed / 'ganzoo/__init__.py'} {PUBLISHED}"
    card = run(installed, tmp_path, "-m", "ganzoo", "info", "cgan.fashion_mnist")
    assert "What it is bad at" in card


def test_a_wheel_holds_the_text_encoders(installed):
    own, theirs = ROOT / "zoo/text_encoders", installed / "ganzoo/zoo/text_encoders"
    names = {path.relative_to(own) for path in own.rglob("*") if path.is_file()}
    assert {path.name for path in names} >= {"text.weights.h5", "tokenizer.json"}
    for name in names:
        assert files.sha256_of(theirs / name) == files.sha256_of(own / name)


def test_a_wheel_draws_with_no_network(installed, tmp_path):
    code = (
        "import socket, ganzoo\n"
        "def refuse(*args): raise AssertionError('the network was used')\n"
        "socket.socket.connect = refuse\n"
        "print(ganzoo.load('dcgan').generate(4, seed=7).shape)\n"
        "from ganzoo.metrics import networks\n"
        "print(networks.get('fashion_mnist-cnn').dims)\n"
        "from ganzoo.metrics import pairs\n"
        "print(pairs.get('emoji_captions-judge').texts(['red apple']).shape)\n"
        "made = ganzoo.create('dfgan', image_shape=(16, 16, 3), channels=4)\n"
        "print(made.generate(text=['red apple'], seed=7).shape)\n"
    )
    told = run(installed, tmp_path, "-c", code).splitlines()
    assert told == ["(4, 28, 28, 1)", "128", "(1, 160)", "(1, 16, 16, 3)"]


def test_a_wheel_fetches_the_other_tags(installed, tmp_path, server):
    code = (
        "import ganzoo\n"
        "from ganzoo import files\n"
        "for name in ganzoo.list_models(pretrained=True):\n"
        "    pictures = ganzoo.load(name).generate(4, seed=7)\n"
        "    print(name, int(pictures.std()))\n"
    )
    told = run(installed, tmp_path, "-c", code, GANZOO_HUB=server)
    drawn = dict(line.split() for line in told.splitlines() if line)
    assert sorted(drawn) == PUBLISHED
    assert all(int(spread) > 40 for spread in drawn.values())
    kept = list((tmp_path / "home" / "weights").glob("[!.]*.h5"))
    assert len(kept) == len(PUBLISHED) - 1, "all but the one in the package"
    again = run(installed, tmp_path, "-c", code, GANZOO_OFFLINE="1")
    assert again == told
