"""Batches by index, and the sources that need no tensorflow-datasets."""

import itertools

import numpy as np
import pytest
from PIL import Image

import ganzoo.data
from ganzoo.data import pixels


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A cache of its own for every test, and no prepared data."""
    monkeypatch.setenv("GANZOO_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("GANZOO_DATA", raising=False)
    return tmp_path / "home"


def numbered(count=10):
    """Images whose every pixel is the number of the example."""
    images = np.zeros((count, 4, 4), np.uint8) + np.arange(count)[:, None, None]
    return images.astype(np.uint8), np.arange(count)


def numbers(batch):
    return np.rint((batch["image"][:, 0, 0, 0] + 1) * 127.5).astype(int).tolist()


def save(folder, name, shape=(8, 8, 3), seed=0):
    folder.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    Image.fromarray(pixels).save(folder / name)
    return pixels


@pytest.fixture
def classes(tmp_path):
    """A folder with two classes of three pictures, and what belongs in none."""
    folder = tmp_path / "pictures"
    for label, name in enumerate(("cat", "dog")):
        for number in range(3):
            save(folder / name, f"{number}.png", seed=3 * label + number)
    (folder / "cat" / ".hidden.png").write_bytes(b"not looked at")
    (folder / "cat" / "notes.txt").write_text("not looked at")
    (folder / ".cache").mkdir()
    return folder


# Order


def test_batch_is_a_function_of_seed_and_step():
    one = ganzoo.data.load(numbered(), batch_size=3, seed=5)
    two = ganzoo.data.load(numbered(), batch_size=3, seed=5)
    steps = [7, 0, 3, 7, 100]
    for step in steps:
        assert numbers(one.batch_at(step)) == numbers(two.batch_at(step))
    other = ganzoo.data.load(numbered(), batch_size=3, seed=6)
    assert [numbers(one.batch_at(s)) for s in range(3)] != [
        numbers(other.batch_at(s)) for s in range(3)
    ]


def test_order_is_the_documented_permutation():
    images = ganzoo.data.load(numbered(), batch_size=3, seed=5)
    order = np.random.default_rng([5, 2]).permutation(10)
    assert len(images) == 3
    assert numbers(images.batch_at(2 * 3 + 1)) == order[3:6].tolist()


def test_every_example_once_in_a_pass():
    images = ganzoo.data.load(numbered(12), batch_size=3)
    for turn in range(3):
        seen = [numbers(images.batch_at(4 * turn + place)) for place in range(4)]
        assert sorted(itertools.chain(*seen)) == list(range(12))


def test_stream_goes_on_from_any_step():
    images = ganzoo.data.load(numbered(), batch_size=4)
    stream = images.stream(5)
    for step in range(5, 12):
        batch, expected = next(stream), images.batch_at(step)
        assert batch.keys() == expected.keys()
        assert all(np.array_equal(batch[name], expected[name]) for name in batch)


def test_fit_sees_another_permutation_each_pass(monkeypatch):
    import keras

    images = ganzoo.data.load(numbered(12), batch_size=3)
    steps = []
    batch_at = images.batch_at
    monkeypatch.setattr(images, "batch_at", lambda s: steps.append(s) or batch_at(s))

    class Loss(keras.layers.Layer):
        def call(self, inputs):
            self.add_loss(keras.ops.mean(inputs))
            return inputs

    image = keras.Input((4, 4, 1), name="image")
    label = keras.Input((), dtype="int32", name="label")
    model = keras.Model(
        {"image": image, "label": label}, Loss()(keras.layers.Dense(1)(image))
    )
    model.compile(optimizer="sgd")
    model.fit(images, epochs=3, verbose=0, shuffle=False)
    # Keras looks at the first batches once more, to learn their shapes.
    assert steps[-12:] == list(range(12))
    assert len({tuple(numbers(batch_at(step))) for step in (0, 4, 8)}) == 3


def test_iterating_is_one_pass():
    images = ganzoo.data.load(numbered(), batch_size=5)
    first = list(itertools.chain(*map(numbers, images)))
    assert first == numbers(images.batch_at(0)) + numbers(images.batch_at(1))
    assert sorted(first) == list(range(10))
    images.on_epoch_end()
    assert numbers(images[0]) == numbers(images.batch_at(2))
    with pytest.raises(IndexError):
        images[2]


# Batches


def test_batch_types_and_range():
    images = ganzoo.data.load("fashion_mini", batch_size=200)
    batch = images.batch_at(0)
    assert batch["image"].dtype == np.float32 and batch["label"].dtype == np.int32
    assert batch["image"].shape == (200, 28, 28, 1) and batch["label"].shape == (200,)
    assert batch["image"].min() == -1 and batch["image"].max() == 1
    assert images.image_shape == (28, 28, 1) and images.num_classes == 10
    assert images.class_names[7] == "Sneaker" and images.num_examples == 1600
    assert images.name == "fashion_mini" and len(images) == 8


@pytest.mark.parametrize(
    ("split", "count"),
    [("test", 300), ("train[:10%]", 160), ("test[-20:]", 20), ("train[5:15]", 10)],
)
def test_splits_of_the_embedded_default(split, count):
    images = ganzoo.data.load("fashion_mini", split, batch_size=5)
    assert images.num_examples == count and images.split == split


def test_embedded_default_in_another_size_and_colour():
    images = ganzoo.data.load("fashion_mini", "test", image_size=32, channels=3)
    assert images.image_shape == (32, 32, 3)
    image = images.batch_at(0)["image"]
    assert np.array_equal(image[..., 0], image[..., 2])


# Arrays


def test_uint8_arrays_are_not_copied(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((8, 6, 5, 3), np.uint8))
    stored = np.load(tmp_path / "x.npy", mmap_mode="r")
    images = ganzoo.data.load(stored, batch_size=2)
    assert np.shares_memory(images.fields["image"], stored)
    assert images.image_shape == (6, 5, 3) and images.num_classes == 0
    assert images.batch_at(0).keys() == {"image"}


def test_float_arrays_come_back_exactly():
    original = np.arange(256, dtype=np.uint8).reshape(4, 8, 8)
    images = ganzoo.data.load(original.astype(np.float32) / 127.5 - 1, batch_size=4)
    assert np.array_equal(images.fields["image"][..., 0], original)


def test_floats_from_nought_to_one_are_warned_of():
    with pytest.warns(UserWarning, match=r"images \* 2 - 1"):
        ganzoo.data.load(np.linspace(0, 1, 64).reshape(4, 4, 4), batch_size=4)


def test_dict_of_arrays_keeps_other_fields():
    pictures, label = numbered()
    source = {"image": pictures, "label": label[:, None], "hat": label > 3}
    images = ganzoo.data.load(source, batch_size=10)
    batch = images.batch_at(0)
    assert batch["hat"].dtype == bool and images.num_classes == 10
    assert batch["label"].tolist() == numbers(batch)
    assert np.array_equal(batch["hat"], batch["label"] > 3)


# Pixels


def test_resizing_is_pillows_on_the_centre_square():
    picture = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    square = Image.fromarray(picture[:, 5:25])
    smaller = square.resize((8, 8), Image.Resampling.LANCZOS)
    larger = square.resize((64, 64), Image.Resampling.BICUBIC)
    assert np.array_equal(pixels.fit_picture(picture, 8), smaller)
    assert np.array_equal(pixels.fit_picture(picture, 64), larger)
    right = picture[:, :20]
    assert pixels.fit_picture(right, 20, 3) is not None
    assert np.shares_memory(pixels.fit_picture(right, 20, 3), picture)


def test_channels_luma_repetition_and_white_below_transparency():
    colour = np.full((2, 2, 3), (255, 0, 0), np.uint8)
    assert pixels.fit_picture(colour, 0, 1)[0, 0].tolist() == [76]
    assert pixels.fit_picture(colour[..., :1], 0, 3)[0, 0].tolist() == [255] * 3
    clear = np.zeros((2, 2, 4), np.uint8)
    assert pixels.fit_picture(clear).tolist() == np.full((2, 2, 3), 255).tolist()
    assert ganzoo.data.load(clear[None], batch_size=1).image_shape == (2, 2, 3)


def test_maps_of_classes_are_never_mixed():
    labels = np.random.default_rng(0).choice([0, 200], (12, 16, 1)).astype(np.uint8)
    for size in (5, 12, 40):
        resized = pixels.fit_labels(labels, size)
        assert resized.shape == (size, size, 1) and set(resized.flat) <= {0, 200}


# Folders


def test_folder_with_classes(classes):
    images = ganzoo.data.load(classes, batch_size=6)
    assert images.class_names == ("cat", "dog") and images.num_classes == 2
    assert images.fields["label"].tolist() == [0, 0, 0, 1, 1, 1]
    assert np.array_equal(
        images.fields["image"][4], np.asarray(Image.open(classes / "dog" / "1.png"))
    )
    assert isinstance(images.fields["image"], np.memmap)


def test_flat_folder_of_any_sizes_and_modes(tmp_path):
    folder = tmp_path / "flat"
    save(folder, "a.png", (10, 12, 3))
    save(folder, "b.JPG", (7, 9))
    save(folder, "c.webp", (16, 16, 4))
    deep = np.full((9, 9), 65535, np.uint16)
    Image.fromarray(deep).save(folder / "d.png")
    images = ganzoo.data.load(str(folder), image_size=8, batch_size=4)
    assert images.image_shape == (8, 8, 3) and "label" not in images.fields
    assert images.fields["image"][3].min() == 255
    grey = ganzoo.data.load(folder, image_size=8, channels=1, batch_size=4)
    assert grey.image_shape == (8, 8, 1)


def test_all_grey_stays_grey_and_exif_turns(tmp_path):
    picture = Image.fromarray(np.arange(48, dtype=np.uint8).reshape(6, 8))
    exif = picture.getexif()
    exif[0x0112] = 6
    picture.save(tmp_path / "a.png", exif=exif)
    images = ganzoo.data.load(tmp_path, batch_size=1)
    assert images.image_shape == (8, 6, 1)


def test_changed_folder_is_decoded_again(classes):
    assert ganzoo.data.load(classes, batch_size=1).num_examples == 6
    save(classes / "cat", "new.png", seed=9)
    assert ganzoo.data.load(classes, batch_size=1).num_examples == 7
