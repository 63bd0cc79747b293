"""Files that were made to harm, or damaged by chance: a message, and nothing else.

`GANZOO_FUZZ=10000` tries that many damaged files instead of the few of each run.
"""

import json
import os
import random
import shutil
import zipfile

import h5py
import numpy as np
import pytest
import tiny

import ganzoo
from ganzoo import files, hub
from ganzoo.errors import GanzooError
from ganzoo.hub import configs, weights

FUZZ = int(os.environ.get("GANZOO_FUZZ", "300"))


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """The folder of a small model."""
    return tiny.create("dcgan").save(tmp_path_factory.mktemp("saved"))


@pytest.fixture
def copied(saved, tmp_path):
    """A copy of it to be damaged, alone in a folder of its own."""
    return shutil.copytree(saved, tmp_path / "only" / "copied")


def claim(folder):
    """Make the config agree with the weights, as an attacker would."""
    config = json.loads((folder / hub.CONFIG).read_text())
    config["weights"]["sha256"] = files.sha256_of(folder / hub.WEIGHTS)
    (folder / hub.CONFIG).write_text(json.dumps(config))


def first_array(file):
    """The name of an array in a weight file."""
    names = []
    file.visititems(lambda name, x: names.append(name) if hasattr(x, "dtype") else None)
    return names[0]


# ----------------------------------------------------------------- files that harm


def soft_link(file, name, outside):
    del file[name]
    file[name] = h5py.SoftLink("/layers")


def external_link(file, name, outside):
    del file[name]
    file[name] = h5py.ExternalLink(str(outside), "/x")


def external_storage(file, name, outside):
    shape, kind = file[name].shape, file[name].dtype
    del file[name]
    size = int(np.prod(shape)) * kind.itemsize
    file.create_dataset(name, shape, kind, external=[(str(outside), 0, size)])


def virtual_array(file, name, outside):
    shape, kind = file[name].shape, file[name].dtype
    del file[name]
    layout = h5py.VirtualLayout(shape=shape, dtype=kind)
    layout[...] = h5py.VirtualSource(str(outside), "x", shape=shape)
    file.create_virtual_dataset(name, layout)


def strings(file, name, outside):
    del file[name]
    file.create_dataset(name, data=["x"] * 3, dtype=h5py.string_dtype())


def references(file, name, outside):
    group = file[name].parent.ref
    del file[name]
    file.create_dataset(name, data=group, dtype=h5py.ref_dtype)


def named_type(file, name, outside):
    file["kind"] = np.dtype("float32")


def circle(file, name, outside):
    file["layers/round"] = file["/"]


def deep(file, name, outside):
    file.create_group("/".join("d" * 100))


def promise(file, name, outside):
    """An array of a petabyte, of which nothing is stored."""
    del file[name]
    file.create_dataset(name, (2**48,), "float32", chunks=(2**20,))


def bomb(file, name, outside):
    """A gigabyte of zeros in a megabyte."""
    zeros = np.zeros(2**20, "float32")
    packed = file.create_dataset(
        "z", (2**28,), "float32", chunks=(2**20,), compression=9
    )
    packed[: 2**20] = zeros


def own_filter(file, name, outside):
    file.create_dataset("y", data=np.zeros(10, "float32"), compression="lzf")


HARM = {
    soft_link: "is a link to somewhere else",
    external_link: "is a link to somewhere else",
    external_storage: "lies in another file",
    virtual_array: "lies in another file",
    strings: "holds object, not numbers",
    references: "holds object, not numbers",
    named_type: "is neither an array nor a group",
    circle: "nested deeper than 32",
    deep: "nested deeper than 32",
    promise: "is packed as no weights are",
    bomb: "is packed as no weights are",
    own_filter: "is packed as no weights are",
}


@pytest.mark.parametrize("harm", HARM, ids=lambda harm: harm.__name__)
def test_a_weight_file_that_is_no_plain_one_is_refused(copied, tmp_path, harm):
    outside = tmp_path / "secret.h5"
    with h5py.File(outside, "w") as file:
        file["x"] = np.ones(8, "float32")
    before = outside.read_bytes()
    with h5py.File(copied / hub.WEIGHTS, "r+") as file:
        harm(file, first_array(file), outside)
    claim(copied)
    with pytest.raises(GanzooError, match=HARM[harm]):
        ganzoo.load(copied)
    assert outside.read_bytes() == before


def test_numbers_that_are_not_finite_are_refused(copied):
    with h5py.File(copied / hub.WEIGHTS, "r+") as file:
        file[first_array(file)][0] = np.nan
    claim(copied)
    with pytest.raises(GanzooError, match="some of its numbers are not finite"):
        ganzoo.load(copied)


@pytest.mark.parametrize(
    "argument, value, told",
    [
        ("channels", 10**6, "make a model of more than"),
        ("latent_dim", 10**9, "make a model of more than"),
        ("channels", 10**400, "cannot take|make a model"),
        ("channels", -1, "cannot take|channels"),
        ("image_shape", [28, 28, 10**7], "with 1 or 3 channels"),
        ("image_shape", [], "image_shape"),
        ("image_shape", "28", "image_shape"),
        ("loss", "__import__('os').system('true')", "unknown loss"),
        ("loss", {"class_name": "Lambda", "config": {}}, "cannot take"),
        ("penalties", [["r1", {"gamma": [[]]}]], "penalt|cannot take"),
        ("seed", "x", "cannot take"),
        ("class_names", {"a": 1}, "class_names must be a list of names"),
        ("class_names", "abc", "class_names must be a list of names"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_config_that_asks_for_too_much_is_refused(copied, argument, value, told):
    config = json.loads((copied / hub.CONFIG).read_text())
    config["config"][argument] = value
    (copied / hub.CONFIG).write_text(json.dumps(config))
    with pytest.raises(GanzooError, match=told):
        ganzoo.load(copied)


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "dcgan/../../x",
        "dcgan.../x",
        "dcgan.fashion_mnist/../..",
        "..",
        "dcgan.\x00",
        "dcgan." + "x" * 5000,
        "hf://../..",
        "hf://org/../../etc",
        "hf://org/repo@../../x",
        "hf://org",
        "https://",
        "http://example.org/x",
        "file:///etc",
        "data:text/plain,x",
        "javascript://x",
        "",
    ],
    ids=lambda name: repr(name)[:30],
)
def test_names_that_lead_nowhere(name, monkeypatch):
    monkeypatch.setenv("GANZOO_OFFLINE", "1")
    with pytest.raises(GanzooError):
        ganzoo.load(name)


def test_the_file_that_a_config_names_is_not_followed(copied, tmp_path):
    """The name of the weight file is the format's, whatever the config says."""
    (tmp_path / "secret.weights.h5").write_bytes(b"secret")
    config = json.loads((copied / hub.CONFIG).read_text())
    config["weights"]["file"] = "../../secret.weights.h5"
    (copied / hub.CONFIG).write_text(json.dumps(config))
    assert ganzoo.load(copied).generate(1).shape == (1, 28, 28, 1)


# ------------------------------------------------------------------------- archives


def _repacked(source, target, change):
    """A copy of a zip file with one of its files changed, or added."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        parts = {name: old.read(name) for name in old.namelist()}
        for name, content in (parts | change(parts)).items():
            new.writestr(name, content)
    return target


def _with_lambda(parts):
    config = json.loads(parts["config.json"])
    config["config"]["loss"] = {
        "module": "builtins",
        "class_name": "eval",
        "config": {"source": "open('harm', 'w')"},
    }
    return {"config.json": json.dumps(config)}


def _of_another_module(parts):
    config = json.loads(parts["config.json"])
    config |= {"module": "os", "class_name": "system", "registered_name": "system"}
    return {"config.json": json.dumps(config)}


@pytest.mark.parametrize(
    "change, told",
    [
        (lambda parts: {"../../harm": b"x"}, "has a file '../../harm'"),
        (lambda parts: {"/tmp/harm": b"x"}, "has a file '/tmp/harm'"),
        (lambda parts: {"assets/x": b"x"}, "has a file 'assets/x'"),
        (_with_lambda, "its arguments name the class 'eval'"),
        (_of_another_module, "no class of this zoo"),
        (lambda parts: {"config.json": b"{"}, "is no saved model"),
        (lambda parts: {"model.weights.h5": b"x"}, "is no saved model"),
    ],
    ids=["up", "root", "assets", "class", "module", "json", "weights"],
)
def test_an_archive_that_was_tampered_with_is_refused(tmp_path, change, told):
    tiny.create("dcgan").save(tmp_path / "gan.keras")
    bad = _repacked(tmp_path / "gan.keras", tmp_path / "bad.keras", change)
    before = sorted(tmp_path.parent.rglob("*"))
    with pytest.raises(GanzooError, match=told):
        ganzoo.load(bad)
    assert sorted(tmp_path.parent.rglob("*")) == before


# ---------------------------------------------------------------- damaged by chance


def damaged(content: bytes, seed: int) -> bytes:
    """The content with bits flipped, bytes changed or moved, or its end cut off."""
    draw = random.Random(seed)
    data = bytearray(content)
    kind = draw.choice(["bit", "zeros", "ones", "end", "swap", "number", "digit"])
    for _ in range(draw.choice([1, 1, 2, 5, 20])):
        i, j = draw.randrange(len(data)), draw.randrange(len(data))
        if kind == "bit":
            data[i] ^= 1 << draw.randrange(8)
        elif kind in ("zeros", "ones"):
            data[i : i + 8] = (b"\0" if kind == "zeros" else b"\xff") * 8
        elif kind == "end":
            del data[max(i, 1) :]
        elif kind == "swap":
            data[i : i + 8], data[j : j + 8] = data[j : j + 8], data[i : i + 8]
        elif kind == "number":
            data[i : i + 4] = draw.getrandbits(32).to_bytes(4, "little")
        else:
            data[i : i + 1] = draw.choice('0123456789-.eE"[]{},: ').encode() * 2
    return bytes(data)


def test_weights_damaged_by_chance(saved, tmp_path):
    """They are refused, or are numbers: no crash, no other error, nothing written."""
    content = (saved / hub.WEIGHTS).read_bytes()
    gan = ganzoo.load(saved)
    outcomes = {True: 0, False: 0}
    for seed in range(FUZZ):
        path = tmp_path / f"{seed}.weights.h5"  # HDF5 remembers files by their names
        path.write_bytes(damaged(content, seed))
        try:
            weights.inspect(path)
            weights.assign(gan.generator_ema, path, "model")
            outcomes[True] += 1
        except GanzooError as error:
            assert str(path) in str(error)
            outcomes[False] += 1
        path.unlink()
    assert min(outcomes.values()) > FUZZ / 10, outcomes
    assert not list(tmp_path.iterdir())


def test_configs_damaged_by_chance(saved, copied):
    """What still is a config makes the model, or says why not."""
    content = (saved / hub.CONFIG).read_bytes()
    refused = 0
    for seed in range(FUZZ // 3):
        (copied / hub.CONFIG).write_bytes(damaged(content, seed))
        try:
            assert ganzoo.load(copied).built
        except GanzooError as error:
            assert len(str(error)) > 20
            refused += 1
    assert refused > FUZZ / 10
    assert sorted(each.name for each in copied.iterdir()) == sorted(
        each.name for each in saved.iterdir()
    )
    assert [each.name for each in copied.parent.iterdir()] == ["copied"]


@pytest.mark.parametrize("text", [b"[" * 10**5, b'{"a":' * 10**5, b"1" * 10**6, b" "])
def test_configs_that_exhaust_a_parser(text):
    with pytest.raises(GanzooError, match="is no model's config"):
        configs.parse(text, "there")


def test_a_config_that_never_ends():
    with pytest.raises(GanzooError, match="more than 1,000,000 bytes"):
        configs.parse(b" " * 1_000_001, "there")
