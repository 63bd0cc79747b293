"""Decoded data on disk: written once, rebuilt when damaged, never half there."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import ganzoo.data
from ganzoo.data import cache, storage

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A cache of its own for every test, and no prepared data."""
    monkeypatch.setenv("GANZOO_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("GANZOO_DATA", raising=False)
    return tmp_path / "home"


@pytest.fixture
def classes(tmp_path):
    """A folder with two classes of three pictures."""
    folder = tmp_path / "pictures"
    for number in range(6):
        name = folder / ("cat", "dog")[number % 2] / f"{number}.png"
        name.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (8, 8, 3), np.uint8)
        Image.fromarray(pixels).save(name)
    return folder


def spoil(folder, how):
    if how == "truncated":
        os.truncate(folder / "image.npy", 300)
    elif how == "no meta":
        (folder / "meta.json").unlink()
    elif how == "foreign meta":
        (folder / "meta.json").write_text('["something else"]')
    elif how == "other format":
        meta = json.loads((folder / "meta.json").read_text())
        (folder / "meta.json").write_text(json.dumps(meta | {"format": -1}))
    elif how == "texts cut":
        os.truncate(folder / "texts.json", 1)


@pytest.mark.parametrize(
    "how", ["truncated", "no meta", "foreign meta", "other format", "texts cut"]
)
def test_damaged_cache_is_rebuilt(classes, how):
    good = np.array(ganzoo.data.load(classes, batch_size=1).fields["image"])
    (entry,) = cache.entries()
    spoil(entry.folder, how)
    assert not cache.entries()[0].complete
    again = ganzoo.data.load(classes, batch_size=1).fields["image"]
    assert np.array_equal(again, good)
    assert [each.complete for each in cache.entries()] == [True]


def test_second_load_decodes_nothing(classes, monkeypatch):
    ganzoo.data.load(classes, batch_size=1)
    monkeypatch.setattr(storage, "write", None)
    assert ganzoo.data.load(classes, batch_size=1).num_examples == 6


def test_entries_and_clear(classes, home):
    assert cache.entries() == [] and cache.clear() == []
    ganzoo.data.load(classes, batch_size=1)
    ganzoo.data.load(classes, batch_size=1, image_size=4)
    names = [entry.name for entry in cache.entries()]
    assert len(names) == 2 and any("4px" in name for name in names)
    assert all(entry.bytes > 0 and entry.complete for entry in cache.entries())
    assert [each.name for each in cache.clear("*-4px-*")] == [
        name for name in names if "4px" in name
    ]
    assert len(cache.entries()) == 1 and len(cache.clear()) == 1
    assert not [each for each in (home / "data").iterdir() if each.is_dir()]


def python(code, *arguments, **environment):
    """Start Python on `code` with the checkout importable."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


SLOW = """
import sys, time
from pathlib import Path
from ganzoo.data import folders, storage
write = storage.write
def slow_write(*arguments):
    print("decoding", flush=True)
    time.sleep(0.7)
    write(*arguments)
storage.write = slow_write
print(len(folders.read(Path(sys.argv[1])).fields["image"]))
"""


def test_two_processes_decode_once(classes):
    pair = [python(SLOW, classes), python(SLOW, classes)]
    lines = [process.communicate(timeout=60)[0].split() for process in pair]
    assert sorted(lines) == [["6"], ["decoding", "6"]]
    assert [process.returncode for process in pair] == [0, 0]


STUCK = """
import sys, time
from pathlib import Path
from ganzoo.data import folders
fit = folders.fit_picture
done = []
def stuck(*arguments):
    done.append(1)
    if len(done) == 4:
        print("stuck", flush=True)
        time.sleep(60)
    return fit(*arguments)
folders.fit_picture = stuck
folders.read(Path(sys.argv[1]))
"""


def test_kill_while_decoding_leaves_nothing_bad(classes):
    process = python(STUCK, classes)
    assert process.stdout.readline() == "stuck\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert [entry.complete for entry in cache.entries()] == [False]
    images = ganzoo.data.load(classes, batch_size=1)
    assert images.num_examples == 6
    assert [entry.complete for entry in cache.entries()] == [True]


def test_clear_leaves_a_decoding_alone_and_takes_what_a_dead_one_left(classes):
    process = python(STUCK, classes)
    assert process.stdout.readline() == "stuck\n"
    assert cache.clear() == [] and len(cache.entries()) == 1
    process.kill()
    process.communicate()
    assert len(cache.clear()) == 1 and cache.entries() == []


def test_cache_and_sources_need_no_keras():
    code = (
        "import sys, ganzoo.data; from ganzoo.data import cache, datasets, folders;"
        "print({'keras', 'tensorflow', 'tensorflow_datasets'} & {*sys.modules})"
    )
    assert python(code).communicate(timeout=60)[0] == "set()\n"
