"""The plain PyTorch networks that speed is compared with are the same networks."""

import importlib
import math
from pathlib import Path

import keras
import numpy as np
import pytest
import tiny
import torch
from keras import layers

from ganzoo import registry
from ganzoo.errors import GanzooError

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"
# step_speed.py compares these: what is told texts has no counterpart there.
DRAWN_ALONE = registry.list_models(task="image")


@pytest.fixture(autouse=True)
def scripts(monkeypatch):
    """Let the scripts beside step_speed.py be imported, as it does."""
    monkeypatch.syspath_prepend(BENCHMARKS)


def load(name):
    return importlib.import_module(name)


def networks(gan):
    """The two networks that play at the model's stage."""
    actives = gan.active_generator(), gan.active_discriminator()
    return [getattr(each, "network", each) for each in actives]


def noise(network, size=8):
    """Noise for each input of a network, as Keras takes it."""
    rng = np.random.default_rng(3)
    fed = {
        key: rng.normal(size=(size, *each.shape[1:])).astype("float32")
        for key, each in network.input.items()
    }
    labels = np.arange(size, dtype="int32") % tiny.CLASSES
    return fed | ({"label": labels} if "label" in fed else {})


def shake(network):
    """Move the weights, of which some start as constants, and settle u and v.

    They go to where the power iteration ends: PyTorch's starts half a step off.
    """
    rng = np.random.default_rng(4)
    for weight in network.trainable_weights:
        moved = keras.ops.convert_to_numpy(weight)
        weight.assign(moved + rng.normal(size=weight.shape, scale=0.05))
    for layer in network._flatten_layers():
        if hasattr(layer, "_normalised"):
            kernel = keras.ops.convert_to_numpy(layer.trainable_weights[0])
            v, _, u = np.linalg.svd(kernel.reshape(-1, kernel.shape[-1]))
            layer.u.assign(u[0])
            layer.v.assign(v[:, 0])


def pytorch_outputs(module, fed):
    """What the counterpart gives, in Keras's layout."""
    tensors = {key: torch.from_numpy(value) for key, value in fed.items()}
    if "image" in tensors:
        tensors["image"] = tensors["image"].permute(0, 3, 1, 2)
    if "label" in tensors:
        tensors["label"] = tensors["label"].long()
    with torch.no_grad():
        outputs = module(**tensors)
    return (outputs.permute(0, 2, 3, 1) if outputs.dim() == 4 else outputs).numpy()


def modes(network):
    """Inference, and training where it draws nothing at random."""
    drops = (isinstance(each, layers.Dropout) for each in network._flatten_layers())
    return (False,) if any(drops) else (False, True)


@pytest.mark.parametrize("variant", DRAWN_ALONE)
def test_each_variant_has_the_same_networks_in_pytorch(variant):
    for network in networks(tiny.create(variant)):
        shake(network)
        fed = noise(network)
        module = load("torch_peer").peer(network, aligned=True)
        for training in modes(network):
            theirs = pytorch_outputs(module.train(training), fed)
            ours = keras.ops.convert_to_numpy(network(fed, training=training))
            assert np.std(ours) > 1e-3
            np.testing.assert_allclose(ours, theirs, atol=1e-4, rtol=1e-4)


def test_it_pads_as_people_write_it_where_it_need_not_be_aligned():
    network = tiny.create("dcgan").discriminator
    module = load("torch_peer").peer(network)
    kinds = [each for each in module.modules() if isinstance(each, torch.nn.Conv2d)]
    assert [each.padding for each in kinds] == [(2, 2), (2, 2)]
    assert pytorch_outputs(module, noise(network)).shape == (8, 1)


def test_a_network_told_the_label_from_outside_has_a_counterpart():
    gan = tiny.create("dcgan", conditioning="projection", num_classes=tiny.CLASSES)
    for network in networks(gan):
        fed = noise(network)
        module = load("torch_peer").peer(network, aligned=True).eval()
        ours = keras.ops.convert_to_numpy(network(fed, training=False))
        np.testing.assert_allclose(ours, pytorch_outputs(module, fed), atol=1e-4)


def test_a_layer_without_a_counterpart_is_refused_by_name():
    image = keras.Input((4, 4, 1), name="image")
    network = keras.Model({"image": image}, layers.DepthwiseConv2D(3)(image))
    with pytest.raises(GanzooError, match="DepthwiseConv2D .* has no counterpart"):
        load("torch_peer").peer(network)


@pytest.mark.parametrize(
    ("variant", "settings"),
    [
        ("cgan", {"architecture": "conv", "loss": "least_squares"}),
        ("gan", {"loss": "minimax"}),
        ("r3gan", {}),
        ("progan", {"stable_kimg": 1.0, "fade_kimg": 1.0}),
        ("sngan_projection", {"n_critic": 2, "g_batch_scale": 2}),
        ("wgan_gp", {"penalties": ["gradient_penalty", {"name": "r1", "every": 2}]}),
    ],
)
def test_a_game_in_pytorch_moves_both_networks(variant, settings):
    gan = tiny.create(variant, **settings)
    off = torch.autocast("cpu", enabled=False)
    game = load("torch_game").Game(gan, tiny.batch(gan), off)
    sides = game.generator, game.discriminator
    before = [[w.detach().clone() for w in each.parameters()] for each in sides]
    for _ in range(2):
        game.step()
    for side, old in zip(sides, before, strict=True):
        moved = [
            not torch.equal(w, o) for w, o in zip(side.parameters(), old, strict=True)
        ]
        assert sum(moved) > 0.8 * len(moved)
        assert all(torch.isfinite(weight).all() for weight in side.parameters())


@pytest.mark.parametrize("name", ["gradient_penalty", "r1", "r2", "drift"])
def test_a_penalty_in_pytorch_has_the_value_of_ours(name):
    gan = tiny.create("r3gan", penalties=[name])
    shake(gan.discriminator)
    batch = tiny.batch(gan)
    game = load("torch_game").Game(gan, batch, torch.autocast("cpu", enabled=False))
    real = game.image.detach().requires_grad_()
    logits = game.judge(real, None)
    # One picture twice: what lies between the two is that picture.
    theirs = game.penalty(real, real, logits, logits, None)
    evidence = load("ganzoo.penalties").Evidence(
        judge=lambda images: gan.judge(images, batch),
        real=keras.ops.convert_to_tensor(batch["image"]),
        fake=keras.ops.convert_to_tensor(batch["image"]),
        real_logits=gan.judge(batch["image"], batch),
        uniform=gan.draw_uniform,
        step=0,
    )
    ours = float(load("ganzoo.penalties").total(gan.penalties, evidence))
    assert math.isclose(float(theirs.detach()), ours, rel_tol=1e-3)


def test_a_game_in_pytorch_has_no_augmentation():
    gan = tiny.create("dcgan", augment="diffaugment")
    off = torch.autocast("cpu", enabled=False)
    with pytest.raises(GanzooError, match="no augmentation"):
        load("torch_game").Game(gan, tiny.batch(gan), off)
