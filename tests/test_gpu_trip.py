"""Trips to a lent GPU: what is packed, and what it becomes over there."""

import os
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from commands import ROOT
from PIL import Image
from test_gpu_queue import ORDER, script, suite_in

import ganzoo.data
from ganzoo.benchmark import parcel
from ganzoo.data import cache, encoded
from ganzoo.errors import GanzooError

tfds = pytest.importorskip("tensorflow_datasets")


def test_zip_files_stay_below_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(parcel, "LIMIT", 10_000)
    jobs = []
    for number in range(10):
        slug = f"gan.t{number}-seed0"
        folder = tmp_path / "models" / slug
        folder.mkdir(parents=True)
        for name in parcel.MODEL_FILES:
            (folder / name).write_bytes(bytes(300))
        Image.new("L", (8, 8)).save(folder / "samples.png")
        about = {"name": "gan", "tag": f"t{number}", "publish": True}
        jobs.append({"slug": slug, "label": slug, **about})
    (tmp_path / "queue.json").write_text('{"suite": "tiny"}')
    told = parcel.write(tmp_path, tmp_path / "out", jobs)
    bags = sorted((tmp_path / "out").glob("*.zip"))
    assert len(bags) == 4 and all(bag.stat().st_size < 10_000 for bag in bags)
    held = [job for job in told if job["weights"]]
    assert 8 <= len(held) < 10 and held == told[: len(held)]
    assert len(list((tmp_path / "out").iterdir())) <= 8


def prepare(folder, name, encoding, shape, splits=(160, 120)):
    """A small data set of smooth pictures, as tensorflow-datasets writes it."""
    rng = np.random.default_rng(0)

    def examples(count):
        for number in range(count):
            small = rng.integers(0, 256, (4, 4, shape[2]), np.uint8)
            channels = [
                np.asarray(Image.fromarray(small[..., c]).resize(shape[:2]))
                for c in range(shape[2])
            ]
            picture = np.stack(channels, axis=-1)
            yield number, {"image": picture, "label": number % 10, "id": f"n{number}"}

    features = tfds.features
    tfds.dataset_builders.store_as_tfds_dataset(
        name=name,
        version="3.0.1",
        features=features.FeaturesDict(
            {
                "image": features.Image(shape=shape, encoding_format=encoding),
                "label": features.ClassLabel(names=[f"class {i}" for i in range(10)]),
                "id": features.Text(),
            }
        ),
        split_datasets={
            name: examples(count)
            for name, count in zip(("train", "test"), splits, strict=True)
        },
        data_dir=folder,
        disable_shuffling=True,
    )


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prepared")
    prepare(folder, "fashion_mnist", "png", (28, 28, 1))
    prepare(folder, "coloured", "png", (6, 6, 3), (20, 10))
    prepare(folder, "lossy", "jpeg", (32, 32, 3), (40, 20))
    return folder


@pytest.fixture
def home(prepared, tmp_path, monkeypatch):
    monkeypatch.setenv("GANZOO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GANZOO_DATA", str(prepared))
    return tmp_path / "home"


def entries_of(home):
    """What the cache holds: name -> (meta, texts, arrays)."""
    return {
        entry.name: (
            (entry.folder / "meta.json").read_text(),
            (entry.folder / "texts.json").read_text(),
            {path.name: np.load(path) for path in sorted(entry.folder.glob("*.npy"))},
        )
        for entry in cache.entries()
    }


@pytest.mark.parametrize("name", ["fashion_mnist", "coloured", "lossy"])
def test_an_unpacked_data_set_is_as_if_it_had_been_decoded(
    home, name, tmp_path, monkeypatch
):
    encoded.write(name, tmp_path / "a.npz")
    here = entries_of(home)
    monkeypatch.setenv("GANZOO_HOME", str(tmp_path / "there"))
    monkeypatch.delenv("GANZOO_DATA")
    encoded.unpack(tmp_path / "a.npz")
    there = entries_of(tmp_path / "there")
    assert list(here) == list(there) and len(here) == 2
    for (meta, texts, arrays), other in zip(here.values(), there.values(), strict=True):
        assert (meta, texts) == other[:2]
        for file, values in arrays.items():
            if name == "lossy" and file == "image.npy":
                apart = np.abs(values.astype(int) - other[2][file])
                assert apart.mean() < 2 and apart.max() < 16
            else:
                assert np.array_equal(values, other[2][file])
    images = ganzoo.data.load(name, "test", batch_size=1)
    assert images.class_names[3] == "class 3"


def test_an_unpacked_data_set_comes_in_other_sizes(home, tmp_path, monkeypatch):
    encoded.write("lossy", tmp_path / "a.npz")
    monkeypatch.setenv("GANZOO_HOME", str(tmp_path / "there"))
    monkeypatch.delenv("GANZOO_DATA")
    encoded.unpack(tmp_path / "a.npz", 16, 1)
    images = ganzoo.data.load("lossy", image_size=16, channels=1, batch_size=1)
    assert images.image_shape == (16, 16, 1)


def test_damaged_and_missing_data_sets_are_refused(home, tmp_path):
    with pytest.raises(GanzooError, match="not prepared here"):
        encoded.write("absent", tmp_path / "a.npz")
    path = encoded.write("coloured", tmp_path / "a.npz")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(GanzooError, match="damaged"):
        encoded.unpack(path)
    with pytest.raises(GanzooError, match="damaged"):
        encoded.unpack(tmp_path / "nothing.npz")


def test_a_trip_that_does_not_fit_is_listed_and_not_made(home, tmp_path, monkeypatch):
    pack = script("pack")

    def download(folder, wheels, python, processor):
        folder.mkdir()
        (folder / "keras-1-py3-none-any.whl").write_bytes(bytes(100_000))

    monkeypatch.setattr(pack, "download", download)
    out = tmp_path / "trip"
    with pytest.raises(GanzooError, match=r"(?s)0.05 MB.*wheels/keras-1.*in all"):
        pack.pack(out, ["coloured"], ["keras"], megabytes=0.05)
    assert not out.exists()
    sizes = pack.pack(out, ["coloured"], ["keras"], megabytes=1)
    assert list(sizes) == ["data/coloured.npz", "wheels/keras-1-py3-none-any.whl"]
    (tmp_path / "other" / "mine").mkdir(parents=True)
    with pytest.raises(GanzooError, match="other things"):
        pack.pack(tmp_path / "other", [], [])


# --------------------------------------------------------------------- all of it

SHUT_AWAY = """
import sys

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("tensorflow", "tensorflow_datasets"):
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Finder())
"""


def test_a_trip_without_tensorflow(home, tmp_path):
    """Pack, run and look: another process, on JAX, with TensorFlow shut away."""
    trip = tmp_path / "trip"
    script("pack").pack(trip, ["fashion_mnist"], [])
    (trip / "wheels").mkdir()
    with zipfile.ZipFile(trip / "wheels" / "only_there-1.0-py3-none-any.whl", "w") as w:
        for name, text in wheel("only_there").items():
            w.writestr(name, text)
    (tmp_path / "sitecustomize.py").write_text(SHUT_AWAY)
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    for name in ("GANZOO_DATA", "GANZOO_HOME"):
        del environment[name]
    suite = suite_in(tmp_path, "fashion_mnist")
    suite.write_text(suite.read_text().replace("[0, 1]", "[]"))
    command = [sys.executable, str(ROOT / "benchmarks" / "gpu" / "run.py")]
    command += ["--minutes", "9", "--suite", str(suite), "--trip", str(trip)]
    command += ["--out", "out", "--work", "work", "--results", "results"]
    run = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout + run.stderr
    state = parcel.read_state(tmp_path / "out")
    assert state["failed"] == [], (tmp_path / "out" / "log.txt").read_text()
    assert [job["label"] for job in state["jobs"]] == ORDER[1:2]
    assert {job["backend"] for job in state["jobs"]} == {"jax"}
    assert (tmp_path / "work" / "site" / "only_there.py").exists()


def wheel(name):
    """The smallest wheel of one module."""
    about = f"{name}-1.0.dist-info"
    return {
        f"{name}.py": "",
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n"
        "Tag: py3-none-any\n",
        f"{about}/RECORD": "",
    }
