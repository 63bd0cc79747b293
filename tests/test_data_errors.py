"""Bad input: each error says what is wrong, accepted and received, and what to do."""

import re
import resource
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import ganzoo.data
from ganzoo.data import cache
from ganzoo.errors import GanzooError


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A cache of its own for every test, and no prepared data."""
    monkeypatch.setenv("GANZOO_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("GANZOO_DATA", raising=False)
    return tmp_path / "home"


def refused(source, *parts, **arguments):
    """Load, expect the refusal, and hold its text against the parts."""
    with pytest.raises(GanzooError) as caught:
        ganzoo.data.load(source, **{"batch_size": 1, **arguments})
    for part in parts:
        assert part in str(caught.value), str(caught.value)


IMAGES = np.zeros((6, 4, 4, 1), np.uint8)


# Arguments


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ({"batch_size": 0}, ["batch_size must be", "at least 1", "received 0", "Give"]),
        ({"batch_size": 2.5}, ["batch_size must be a whole number", "received 2.5"]),
        ({"seed": -1}, ["seed must be", "at least 0", "received -1"]),
        ({"image_size": -8}, ["image_size must be", "received -8"]),
        ({"image_size": "64"}, ["image_size must be a whole number", "received '64'"]),
        ({"split": None}, ["split must be a string", "'train'", "received None"]),
        ({"channels": 2}, ["channels must be 1", "3 (colour)", "received 2", "Give"]),
        ({"split": "test"}, ["arrays are one split", "'train'", "'test'", "yourself"]),
        (
            {"batch_size": 7},
            ["batch_size 7 is larger", "6 examples", "Give batch_size=6 or less"],
        ),
    ],
)
def test_arguments(arguments, parts):
    refused(IMAGES, *parts, **arguments)


def test_negative_step():
    images = ganzoo.data.load(IMAGES, batch_size=2)
    for call in (images.batch_at, lambda step: next(images.stream(step))):
        with pytest.raises(GanzooError, match=r"step must be .* received -1"):
            call(-1)


@pytest.mark.parametrize("split", ["valid", "train[", "train[a:b]", "train+test"])
def test_split_of_the_embedded_default(split):
    refused(
        "fashion_mini",
        f"no split {split!r}",
        "'train' (1600 examples), 'test' (300)",
        "'train[:10%]'",
        split=split,
    )


def test_empty_split():
    refused("fashion_mini", "no examples", "at least one", "wider", split="train[:0]")
    refused(IMAGES[:0], "no examples", "at least one batch")


# Arrays

LAYOUT = ["layout of arrays is unknown", "a pair (images, labels)", "Name the images"]
FLOATS = np.zeros((3, 4, 4, 1), np.float32)
BROKEN = FLOATS.copy()
BROKEN[2, 1, 3, 0] = np.nan


@pytest.mark.parametrize(
    ("source", "parts"),
    [
        ({"x": IMAGES, "y": 0}, [*LAYOUT, "a dict with the keys ['x', 'y']"]),
        (7, [*LAYOUT, "received a int"]),
        ((IMAGES, IMAGES, IMAGES), [*LAYOUT, "received a tuple of 3"]),
        (IMAGES[0, 0], ["3-d (N, H, W)", "4-d (N, H, W, C)", "the shape (4,)", "axis"]),
        (np.zeros((2, 3, 32, 32), np.uint8), ["shape (2, 3, 32, 32)", "moveaxis"]),
        (np.zeros((2, 0, 4, 1), np.uint8), ["must be 3-d", "received the shape"]),
        (IMAGES.astype(int), ["uint8 in [0, 255]", "type int64", "astype('uint8')"]),
        (IMAGES > 0, ["uint8 in [0, 255]", "received the type bool"]),
        (FLOATS + 255, ["lie in [-1, 1]", "from 255 to 255", "x / 127.5 - 1"]),
        (FLOATS - 1.01, ["lie in [-1, 1]", "from -1.01"]),
        (BROKEN, ["finite", "received nan", "image 2 at row 1, column 3", "Repair"]),
        (FLOATS + np.inf, ["received inf", "image 0 at row 0, column 0, channel 0"]),
    ],
)
def test_images(source, parts):
    refused(source, *parts)


def test_infinity_far_into_a_large_array():
    images = np.zeros((3000, 2, 2), np.float32)
    images[2500, 1, 0] = -np.inf
    refused(images, "received -inf", "image 2500 at row 1, column 0")


@pytest.mark.parametrize(
    ("labels", "parts"),
    [
        (np.zeros(5, int), ["'label'", "6 images", "shape (5,)", "Cut both"]),
        (np.arange(6) - 1, ["from 0", "values from -1 to 4", "numpy.unique"]),
        (np.arange(6) + 2**31, ["below 2**31", "received values"]),
        (np.zeros(6), ["whole numbers", "type float64", "astype('int32')"]),
        (np.eye(6, dtype=int), ["shape (N,)", "shape (6, 6)", "numpy.argmax"]),
        (np.array(["a"] * 6), ["whole numbers", "received the type <U1"]),
    ],
)
def test_labels(labels, parts):
    refused((IMAGES, labels), *parts)


def test_other_fields():
    refused({"image": IMAGES, "age": [1, 2]}, "'age'", "6 images", "shape (2,)")
    refused({"image": IMAGES, "text": ["a"] * 6}, "'text'", "type <U1", "leave it out")


# Folders


@pytest.fixture
def folder(tmp_path):
    """A good folder of two classes, to be spoilt."""
    for name in ("cat", "dog"):
        picture(tmp_path / "pictures" / name / "0.png")
    return tmp_path / "pictures"


def picture(path, size=(8, 8), mode="RGB"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.effect_noise(size, 90).convert(mode).save(path)
    return path


def test_missing_folder_or_a_file(folder):
    refused(folder / "no", "there is no folder", "a path to nothing", "existing folder")
    refused(str(folder / "cat" / "0.png"), "there is no folder", "a path to a file")


def test_folder_without_images(tmp_path):
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", "no images in", "received none", ".png", "splits")
    (tmp_path / "empty" / "notes.txt").write_text("")
    picture(tmp_path / "empty" / "train" / "cat" / "0.png")
    refused(tmp_path / "empty", "subfolders without images: train", "one of them")


def test_class_without_images(folder):
    (folder / "eel").mkdir()
    refused(folder, "class folder 'eel'", "at least one", "Fill or remove")


def test_mixed_layout(folder):
    picture(folder / "stray.png")
    refused(folder, "mixes two layouts", "'stray.png'", "'cat'", "Accepted", "Move")


def test_folder_has_one_split(folder):
    refused(folder, "one split, 'train'", "split 'test'", "folder", split="test")


def test_mixed_sizes(folder):
    picture(folder / "dog" / "wide.png", (12, 9))
    refused(
        folder, "'0.png' is 8 high and 8 wide", "9 high and 12 wide", "image_size=64"
    )
    assert cache.entries() == []
    assert ganzoo.data.load(folder, image_size=6, batch_size=3).num_examples == 3


@pytest.mark.parametrize("kind", ["png", "jpg", "webp", "gif"])
def test_truncated_image_is_named_and_nothing_is_kept(folder, kind):
    damaged = picture(folder / "dog" / f"damaged.{kind}", (64, 64))
    whole = damaged.read_bytes()
    if kind != "webp":  # whose reader takes whole files only
        assert ganzoo.data.load(folder, image_size=8, batch_size=3).num_examples == 3
        assert len(cache.clear()) == 1
    damaged.write_bytes(whole[: len(whole) // 2])
    refused(folder, str(damaged), "cannot be read", "Repair or remove", image_size=8)
    assert cache.entries() == []
    damaged.write_bytes(b"")
    refused(folder, str(damaged), "cannot be read", image_size=8)


def test_image_of_an_unknown_depth_is_named(folder):
    Image.new("F", (8, 8)).save(folder / "dog" / "deep.tif")
    refused(folder, "deep.tif", "mode F", "8 or 16 bit")


def test_file_that_is_no_image(folder):
    (folder / "cat" / "text.jpg").write_text("this is text")
    refused(folder, "text.jpg", "cannot be read", "Repair or remove the file")


# Names that need no tensorflow-datasets


@pytest.mark.parametrize("name", ["a/b/c", "mnist:new", "my pictures", ""])
def test_text_that_is_no_name(name):
    refused(name, f"{name!r} is not the name", "Accepted: 'name'", "'./'")


# The cache folder


def test_cache_folder_that_cannot_be_made(folder, home, monkeypatch):
    home.write_text("a file")
    refused(folder, "cannot be kept in", str(home), "GANZOO_HOME", "ganzoo cache")
    assert home.read_text() == "a file"


def test_full_disk_leaves_nothing(folder):
    big = picture(folder / "cat" / "0.png", (256, 256))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        refused(folder, "cannot be kept", "GANZOO_HOME", image_size=256)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert cache.entries() == []
    assert ganzoo.data.load(folder, image_size=256, batch_size=1).num_examples == 2
    assert big.is_file()


def test_every_error_is_one_line(folder):
    for source in (folder / "no", IMAGES.astype(int), {"x": 1}, "a/b/c"):
        with pytest.raises(GanzooError) as caught:
            ganzoo.data.load(source)
        assert re.fullmatch(r"[^\n]{40,}[.]", str(caught.value))
    assert isinstance(caught.value, ValueError) and Path(folder).is_dir()
