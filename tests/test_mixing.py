"""Parts that go together and parts that do not: errors, labels, the page of both."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tiny
from keras import ops

import ganzoo
from ganzoo import registry
from ganzoo.errors import GanzooError

ROOT = Path(__file__).resolve().parent.parent
NAMES = ["ant", "bee", "cat", "dog"]
TOLD = {"conditioning": "projection", "class_names": NAMES}


def plain_variants():
    """The variants of pictures that can be told labels by a keyword."""
    names = registry.list_models(task="image")
    return [n for n in names if "projection" in registry.get_class(n).conditionings]


@pytest.mark.parametrize(
    ("name", "parts", "said"),
    [
        ("dcgan", {"loss": "wasserstein"}, "the wasserstein loss has no lower end"),
        ("dcgan", {"penalties": ["gradient_penalty"]}, "batch normalisation mixes"),
        ("lsgan", {"augment": "ada"}, "0 does not part real from fake"),
        ("dcgan", {"loss": "relativistic", "augment": "ada"}, "0 does not part"),
        ("cgan", {"conditioning": "projection"}, "its paper's own way"),
        ("sngan", {"conditioning": "projection"}, "sngan_projection"),
        ("dcgan", {"conditioning": "projection"}, "give num_classes of at least 2"),
        ("dcgan", {"conditioning": "projecton"}, "Did you mean: projection"),
        ("dcgan", {"class_names": NAMES}, "Add conditioning='projection'"),
        ("dcgan", {"augment": "adda"}, "Did you mean: ada"),
    ],
)
def test_what_does_not_go_together_is_refused_with_a_way_out(name, parts, said):
    with pytest.raises(GanzooError, match=said):
        tiny.create(name, **parts)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("dcgan", {"loss": "wasserstein", "penalties": ["r1"]}),
        ("sngan", {"loss": "wasserstein"}),
        ("cgan", {"penalties": ["gradient_penalty"]}),
        ("lsgan", {"augment": {"name": "ada", "target": 0.0, "p": 0.3}}),
        ("gan", {"loss": "hinge", "penalties": ["r1", "drift"]}),
    ],
)
def test_what_goes_together_is_made(name, parts):
    assert tiny.create(name, **parts).get_config()["name"] == tiny.create(name).name


def test_the_page_of_what_goes_with_what_is_up_to_date():
    command = [sys.executable, ROOT / "tools" / "mixing", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", plain_variants())
def test_any_plain_variant_can_be_told_the_label(name):
    gan = tiny.create(name, **TOLD)
    assert gan.generator.input.keys() == {"latents", "label"}
    assert gan.discriminator.input.keys() == {"image", "label"}
    assert gan.latent_dim == 16 and gan.generator.name == "generator"
    assert not np.array_equal(tiny.raw(gan, 1, label=0), tiny.raw(gan, 1, label=3))
    batch = tiny.batch(gan, 4)
    image = ops.convert_to_tensor(batch["image"])
    labels = [ops.full((4,), k, dtype="int32") for k in (0, 3)]
    logits = [gan.judge(image, {"label": each}) for each in labels]
    assert not np.array_equal(*map(ops.convert_to_numpy, logits))


@pytest.mark.backend
def test_a_model_that_is_told_labels_trains_and_is_kept(tmp_path):
    gan = tiny.create("dcgan", **TOLD)
    before = tiny.values(gan.players[0].variables + gan.players[1].variables)
    logs = tiny.fit(gan, steps=2)
    after = tiny.values(gan.players[0].variables + gan.players[1].variables)
    moved = [not np.array_equal(a, b) for a, b in zip(before, after, strict=True)]
    assert all(moved) and np.isfinite(list(logs.values())).all()
    gan.save(tmp_path / "mine")
    loaded = ganzoo.load(tmp_path / "mine")
    assert np.array_equal(
        loaded.generate(labels=["bee", "dog"], seed=1),
        gan.generate(labels=["bee", "dog"], seed=1),
    )


def test_a_recipe_can_ask_for_labels():
    recipe = ganzoo.Recipe(
        "dcgan",
        split="train[:64]",
        batch_size=8,
        model={"channels": 8, "conditioning": "projection"},
    )
    from ganzoo import training

    gan, images = training.build(recipe)
    assert gan.class_names == tuple(images.class_names) and gan.num_classes == 10
