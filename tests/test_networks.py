"""The zoo's feature networks: published, loaded, as good as their cards say."""

import numpy as np
import pytest

from ganzoo import data, paths
from ganzoo.errors import GanzooError
from ganzoo.evaluation import evaluate
from ganzoo.metrics import classifier, networks

OWN = [name for name in networks.names() if name != networks.INCEPTION]
# What good small networks reach (on CIFAR-10's JPEG copy).
WANTED = {
    "mnist-cnn": 0.994,
    "fashion_mnist-cnn": 0.935,
    "cifar10-cnn": 0.88,
    "avatar_faces-cnn": 0.85,
    "emoji_captions-cnn": 0.84,
}


@pytest.mark.parametrize("name", OWN)
def test_the_published_accuracy_is_good_and_true(name):
    config = networks._configs()[name]
    assert config["accuracy"] >= WANTED[name]
    try:
        images = data.load(config["dataset"], "test", batch_size=1)
        train = data.load(config["dataset"], "train", batch_size=1)
    except GanzooError:
        pytest.skip(f"{config['dataset']} is not at hand")
    told = classifier.Settings.read(config["folder"] / "recipe.toml").labels
    labels = [classifier.label_of(images, train, each) for each in told]
    labels = np.stack(labels, -1)[:1000]
    model, pictures = networks.get(name).model, images.fields["image"][:1000]
    right = classifier.accuracy(model, pictures, labels, config["classes"])
    sigma = np.sqrt(config["accuracy"] * (1 - config["accuracy"]) / len(pictures))
    assert abs(right - config["accuracy"]) < 4 * sigma


@pytest.mark.parametrize("name", OWN)
def test_each_has_its_recipe_card_and_small_features(name):
    folder = paths.zoo() / networks.FOLDER / name
    network = networks.get(name)
    dims = classifier.Settings.read(folder / "recipe.toml").widths[-1]
    assert network.dims == dims <= 256
    assert network.sha256 in (folder / "card.md").read_text()
    height, width, channels = network.image_shape
    seen = network(np.zeros((3, height, width, channels), "uint8"))
    assert seen["features"].shape == (3, dims) and seen["features"].dtype == np.float32
    assert seen["logits"].shape == (3, np.sum(networks._configs()[name]["classes"]))


def test_several_labels_are_learned_at_once():
    rng = np.random.default_rng(0)
    labels = np.stack([rng.integers(0, 2, 256), rng.integers(0, 3, 256)], -1)
    images = np.zeros((256, 8, 8, 1), "uint8")
    images[:, :4] = 200 * labels[:, :1, None, None]  # one by the upper half,
    images[:, 4:] = 100 * labels[:, 1:, None, None]  # the other by the lower
    settings = classifier.Settings(
        "none", widths=(8, 8), epochs=12, batch_size=32, shift=0, mirror=False
    )
    model = classifier.train(settings, images, labels, (2, 3))
    assert model.output["logits"].shape == (None, 5)
    assert classifier.accuracy(model, images, labels, (2, 3)) > 0.95
    swapped = classifier.accuracy(model, images, labels[::-1], (2, 3))
    assert swapped < 0.6


def test_a_network_of_several_labels_has_no_inception_score():
    pictures = np.zeros((20, 64, 64, 3), "uint8")
    with pytest.raises(GanzooError, match="several labels at once"):
        evaluate(pictures, "avatar_faces", ["is"])


def test_the_default_network_of_a_data_set():
    assert networks.for_dataset("fashion_mini") == "fashion_mnist-cnn"
    assert networks.for_dataset("mnist:3.0.1") == "mnist-cnn"
    assert networks.for_dataset("cifar10_jpeg") == "cifar10-cnn"
    assert networks.for_dataset("./pictures") == networks.INCEPTION


def test_pictures_are_made_to_fit():
    network = networks.get("cifar10-cnn")
    grey = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 1), "uint8")
    assert np.array_equal(network.fitted(grey), np.repeat(grey, 3, axis=-1))
    flat = np.full((2, 64, 48, 3), 77, "uint8")
    assert network.fitted(flat).shape == (2, 32, 32, 3)
    assert np.all(network.fitted(flat) == 77)
    assert network.resize_rule((64, 48, 3)) == "pil-bicubic-32"
    assert network.resize_rule((32, 32, 1)) == "none"


def test_damaged_weights_are_refused(tmp_path, monkeypatch):
    source = paths.zoo() / networks.FOLDER / "mnist-cnn"
    target = tmp_path / "zoo" / networks.FOLDER / "mine-cnn"
    target.mkdir(parents=True)
    for path in source.iterdir():
        (target / path.name).write_bytes(path.read_bytes())
    monkeypatch.setenv("GANZOO_EXTRA", str(tmp_path))
    assert "mine-cnn" in networks.names()
    (target / networks.WEIGHTS).write_bytes(b"no weights")
    with pytest.raises(GanzooError, match="damaged"):
        networks.get("mine-cnn")


def test_a_classifier_is_the_same_each_time():
    images = data.load("fashion_mini", "train[:256]", batch_size=1)
    pictures, labels = (np.asarray(images.fields[n]) for n in ("image", "label"))
    settings = classifier.Settings("fashion_mini", (8, 8, 8), epochs=2, batch_size=64)
    first, second = (
        classifier.train(settings, pictures, labels, 10).get_weights() for _ in range(2)
    )
    assert all(np.allclose(a, b, atol=1e-6) for a, b in zip(first, second, strict=True))


def test_moved_pictures_keep_their_pixels():
    images = np.arange(4 * 6 * 6, dtype="uint8").reshape(4, 6, 6, 1)
    settings = classifier.Settings("x", shift=1, mirror=True)
    moved = classifier.moved(images, settings, np.random.default_rng(0))
    assert moved.shape == images.shape
    # The middle of each stays within one pixel of where it was, mirrored or not.
    for before, after in zip(images[..., 0], moved[..., 0], strict=True):
        windows = [
            side[1 + dy : 5 + dy, 1 + dx : 5 + dx]
            for side in (before, before[:, ::-1])
            for dy in (-1, 0, 1)
            for dx in (-1, 0, 1)
        ]
        assert any(np.array_equal(after[1:5, 1:5], window) for window in windows)


def test_too_few_pictures_to_train_on_are_refused():
    with pytest.raises(GanzooError, match="at least a batch"):
        settings = classifier.Settings("x")
        classifier.train(settings, np.zeros((5, 8, 8, 1), "uint8"), np.zeros(5, int), 2)


def test_unknown_settings_are_refused(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text('dataset = "mnist"\nwidth = 3\n')
    with pytest.raises(GanzooError, match="widths"):
        classifier.Settings.read(path)
