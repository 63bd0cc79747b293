"""Real data sets as tensorflow-datasets prepared them: pixels, labels, other fields."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import ganzoo.data
from ganzoo.data import cache, pixels

tfds = pytest.importorskip("tensorflow_datasets")
ROOT = Path(__file__).resolve().parents[1]
REAL = [*filter(None, os.environ.get("GANZOO_DATA", "").split(os.pathsep))]


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A cache of its own for every test, and no network."""
    monkeypatch.setenv("GANZOO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GANZOO_OFFLINE", "1")


@pytest.fixture
def real(monkeypatch):
    """The folder of prepared real data sets."""
    places = [*map(Path, REAL), ROOT.parent / "shared" / "tfds"]
    found = [each for each in places if (each / "mnist").is_dir()]
    if not found:
        pytest.skip("no prepared data sets: set GANZOO_DATA to their folder")
    monkeypatch.setenv("GANZOO_DATA", str(found[0]))
    return found[0]


def direct(folder, split):
    """Read a prepared data set by tensorflow-datasets alone."""
    data = tfds.builder_from_directory(folder).as_dataset(split=split)
    return list(tfds.as_numpy(data))


@pytest.mark.parametrize("name", ["mnist", "cifar10_jpeg"])
def test_pixels_and_labels_are_those_of_tfds(real, name):
    images = ganzoo.data.load(name, "test[:64]", batch_size=16)
    (version,) = (each.name for each in (real / name).iterdir())
    expected = direct(real / name / version, "test[:64]")
    assert images.version == version and images.num_examples == 64
    assert images.num_classes == 10 and len(images.class_names) == 10
    for place, example in enumerate(expected):
        assert np.array_equal(images.fields["image"][place], example["image"])
        assert images.fields["label"][place] == example["label"]


def test_text_stays_out_of_the_batches(real):
    images = ganzoo.data.load("emoji_captions", "test[:20]", batch_size=5)
    expected = direct(real / "emoji_captions" / "1.0.0", "test[:20]")
    assert images.batch_at(0).keys() == {"image"}
    assert images.texts["caption"] == [each["caption"].decode() for each in expected]
    assert images.image_shape == (64, 64, 3) and images.num_classes == 0


def test_label_map_keeps_its_own_type_and_follows_the_crop(real):
    whole = ganzoo.data.load("camvid", "test[:8]", batch_size=8)
    batch = whole.batch_at(0)
    assert batch["image"].shape == (8, 192, 256, 3)
    assert batch["segmentation_label"].shape == (8, 192, 256, 1)
    assert batch["segmentation_label"].dtype == np.uint8
    cut = ganzoo.data.load("camvid", "test[:8]", batch_size=8, image_size=48)
    name = "segmentation_label"
    assert np.array_equal(
        cut.fields[name][3], pixels.fit_labels(whole.fields[name][3], 48)
    )
    assert np.array_equal(
        cut.fields["image"][3], pixels.fit_picture(whole.fields["image"][3], 48)
    )


def test_nested_attributes_are_joined_by_slashes(real):
    images = ganzoo.data.load("avatar_faces:1.0.0", "test[:16]", batch_size=16)
    expected = direct(real / "avatar_faces" / "1.0.0", "test[:16]")
    smiling = [each["attributes"]["smiling"] for each in expected]
    assert images.fields["attributes/smiling"].tolist() == smiling
    assert images.fields["hair_style"].dtype == np.int32
    assert list(images.fields)[0] == "image" and len(images.fields) == 15


def test_sums_of_splits_size_and_colour(real):
    images = ganzoo.data.load(
        "mnist/3.0.1", "train[:30]+test[-20:]", image_size=32, channels=3, batch_size=50
    )
    assert images.num_examples == 50 and images.image_shape == (32, 32, 3)


BLOCKED = """
import os, sys
sys.modules["tensorflow"] = sys.modules["tensorflow_datasets"] = None
import ganzoo.data
for _ in range(2):
    images = ganzoo.data.load("mnist", "test[:64]", batch_size=16)
    print(images.class_names[3], float(images.batch_at(9)["image"].sum()))
    os.environ.pop("GANZOO_DATA", None)
try:
    ganzoo.data.load("mnist", "test[:65]")
except ValueError as error:
    print(error)
"""


def test_second_load_needs_no_tensorflow(real):
    """Nor the prepared folder: the decoded cache can be carried to another machine."""
    other = [each for each in ("jax", "torch") if importlib.util.find_spec(each)]
    if not other:
        pytest.skip("needs a second Keras backend: jax or torch")
    images = ganzoo.data.load("mnist", "test[:64]", batch_size=16)
    result = subprocess.run(
        [sys.executable, "-c", BLOCKED],
        env={**os.environ, "KERAS_BACKEND": other[0], "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    prepared_too, cache_alone, refusal = result.stdout.splitlines()
    assert prepared_too == f"3 {float(images.batch_at(9)['image'].sum())}"
    assert cache_alone == prepared_too
    for part in ("not decoded yet", "fashion_mini", "pip install", str(cache.root())):
        assert part in refusal
