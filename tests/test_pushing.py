"""Pushing models: to the Hub, to a folder that others share, by the command line."""

import json
import shutil

import huggingface_stand_in as stand_in
import numpy as np
import pytest
import tiny
from commands import ganzoo_, refused
from PIL import Image

import ganzoo
from ganzoo import files, hub
from ganzoo.errors import GanzooError
from ganzoo.hub import sources
from ganzoo.hub.plain_cards import plain_card
from ganzoo.hub.pushing import push

FILES = {"config.json", hub.WEIGHTS, "card.md", "samples.png"}
RECIPE = 'variant = "dcgan"\ndataset = "some/where/fashion_mini"\n'


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A hub of one's own, and an empty cache."""
    with stand_in.running() as running:
        stand_in.connect(running, tmp_path / "cache", monkeypatch)
        yield running


@pytest.fixture(scope="module")
def gan():
    """A small model."""
    return tiny.create("dcgan")


@pytest.fixture
def run(gan, tmp_path):
    """What a training leaves: more than a model's files, and weights of half length."""
    folder = tmp_path / "run"
    hub.save_folder(gan, folder, kimg=50.0, licence={"data": "MIT"})
    (folder / "recipe.toml").write_text(RECIPE)
    (folder / "checkpoint.weights.h5").write_bytes(b"large")
    return folder


def names(folder):
    return {path.name for path in folder.iterdir()}


def config_of(folder):
    return json.loads((folder / "config.json").read_text())


# ---------------------------------------------------------------------------- a folder


@pytest.mark.backend
def test_a_pushed_model_draws_the_same_pictures_elsewhere(tmp_path):
    gan = tiny.create("cgan")
    tiny.fit(gan)
    gan.save(tmp_path / "mine")
    place = push(ganzoo.load(tmp_path / "mine"), tmp_path / "share")
    elsewhere = shutil.copytree(place, tmp_path / "elsewhere")
    pictures = ganzoo.load(elsewhere).generate(8, seed=5)
    assert np.array_equal(pictures, gan.generate(8, seed=5))


def test_a_folder_gets_the_model_its_card_and_its_grid(gan, tmp_path):
    place = push(gan, tmp_path / "team" / "mine", licence="MIT")
    folder = tmp_path / "team" / "mine"
    assert place == str(folder)
    assert names(folder) == FILES
    assert names(folder.parent) == {"mine"}
    config = config_of(folder)
    assert config["licence"] == {"weights": "MIT"}
    assert config["weights"]["sha256"] == files.sha256_of(folder / hub.WEIGHTS)
    with Image.open(folder / "samples.png") as picture:
        shown = np.asarray(picture)
    first = gan.generate(100, seed=0)[0, ..., 0]
    assert shown.shape == (10 * 56, 10 * 56)
    assert np.array_equal(shown[:56:2, :56:2], first)
    # As the shares of a team need it: what a program writes by default.
    (tmp_path / "usual").mkdir()
    assert folder.stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_the_grid_has_a_column_a_class(tmp_path):
    gan = tiny.create("cgan")
    place = push(gan, (tmp_path / "cgan").as_uri())
    with Image.open(f"{place}/samples.png") as picture:
        assert picture.size == (tiny.CLASSES * 56, 10 * 56)


def test_a_model_is_pushed_again_but_not_over_another(gan, tmp_path):
    folder = tmp_path / "mine"
    push(gan, folder)
    before = config_of(folder)
    push(gan, folder, licence="mit")
    assert config_of(folder) == before | {"licence": {"weights": "mit"}}
    other = tiny.create("dcgan", latent_dim=8)
    with pytest.raises(GanzooError, match="holds another model.*overwrite=True"):
        push(other, folder)
    assert config_of(folder)["config"]["latent_dim"] == 16
    push(other, folder, overwrite=True)
    assert config_of(folder)["config"]["latent_dim"] == 8
    assert names(folder) == FILES and names(tmp_path) == {"mine"}


def test_the_training_state_goes_along_if_it_is_wanted(gan, tmp_path):
    gan.save(tmp_path / "mine", training_state=True)
    ganzoo_("push", tmp_path / "mine", tmp_path / "share")
    assert names(tmp_path / "share") == FILES
    assert "training" not in config_of(tmp_path / "share")
    ganzoo_("push", tmp_path / "mine", tmp_path / "share", "--training-state")
    loaded = ganzoo.load(tmp_path / "share", training_state=True)
    assert tiny.same(tiny.state(loaded), tiny.state(gan))
    with pytest.raises(GanzooError, match=r"other files too \(checkpoint"):
        push(gan, tmp_path / "share")


def test_a_folder_with_other_files_is_left_alone(gan, run):
    with pytest.raises(
        GanzooError, match=r"other files too \(checkpoint.weights.h5, r"
    ):
        push(gan, run, overwrite=True)
    assert (run / "checkpoint.weights.h5").read_bytes() == b"large"


def test_a_push_that_breaks_leaves_what_was_there(gan, tmp_path, monkeypatch):
    folder = tmp_path / "mine"
    push(gan, folder)
    before = config_of(folder)

    def fail(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("PIL.Image.Image.save", fail)
    with pytest.raises(GanzooError, match="No space left.*is untouched"):
        push(gan, folder, licence="mit")
    assert config_of(folder) == before
    assert names(folder) == FILES and names(tmp_path) == {"mine"}


def test_a_rename_that_fails_puts_the_old_one_back(gan, tmp_path, monkeypatch):
    folder = tmp_path / "mine"
    push(gan, folder)
    rename = type(folder).rename

    def fail(path, target):
        if path.suffix == ".tmp":
            raise OSError(5, "Input/output error")
        return rename(path, target)

    monkeypatch.setattr(type(folder), "rename", fail)
    with pytest.raises(GanzooError, match="Input/output error"):
        push(gan, folder)
    assert names(folder) == FILES and names(tmp_path) == {"mine"}


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("https://example.org/mine", "pushed to hf://org/repo"),
        ("s3://bucket/mine", "pushed to hf://org/repo"),
        ("file://other-host/mine", "pushed to hf://org/repo"),
        ("hf://mine", "hf://org/repo"),
        ("mine.keras", "gan.save"),
        ("", "no folder"),
    ],
)
def test_places_that_are_none(gan, place, told):
    with pytest.raises(GanzooError, match=told):
        push(gan, place)


def test_what_cannot_be_asked_of_a_folder(gan, tmp_path):
    with pytest.raises(GanzooError, match="permissions keep private"):
        push(gan, tmp_path / "mine", private=True)
    with pytest.raises(GanzooError, match="such as mit.*received 'my\\\\nown'"):
        push(gan, tmp_path / "mine", licence="my\nown")
    (tmp_path / "file").write_text("")
    with pytest.raises(GanzooError, match="is a file"):
        push(gan, tmp_path / "file")
    assert names(tmp_path) == {"file"}


def test_a_class_without_a_name_is_refused_first(tmp_path):
    class Unnamed(ganzoo.GAN):
        pass

    with pytest.raises(GanzooError, match="no name in the registry"):
        push(Unnamed.__new__(Unnamed), tmp_path / "mine")
    assert not names(tmp_path)


# ----------------------------------------------------------------------------- the hub


def test_the_hub_gets_one_commit(gan, server):
    url = push(gan, "hf://me/my-gan", licence="mit", private=True)
    assert url == f"{server.endpoint}/me/my-gan"
    repo = server.repos["me/my-gan"]
    assert repo.private
    assert repo.messages == ["initial commit", "dcgan, 0.0 thousand images seen"]
    there = server.files("me/my-gan")
    assert set(there) == FILES - {"card.md"} | {"README.md", ".gitattributes"}
    card = there["README.md"].decode()
    assert card.startswith("---\nlibrary_name: keras\n")
    assert "\nlicense: mit\n" in card and 'ganzoo.load("hf://me/my-gan")' in card


def test_a_pushed_revision_stays_when_another_is_pushed(gan, server, tmp_path):
    push(gan, "hf://me/my-gan", message="the first")
    first = server.repos["me/my-gan"].branches["main"]
    other = tiny.create("dcgan", latent_dim=8)
    push(other, "hf://me/my-gan", message="the second")
    pinned = ganzoo.load(f"hf://me/my-gan@{first}")
    assert np.array_equal(pinned.generate(2, seed=1), gan.generate(2, seed=1))
    assert ganzoo.load("hf://me/my-gan").latent_dim == 8
    assert server.repos["me/my-gan"].messages[1:] == ["the first", "the second"]


def test_nothing_is_drawn_for_a_hub_that_cannot_be_asked(gan, monkeypatch):
    monkeypatch.setenv("GANZOO_OFFLINE", "1")
    monkeypatch.setattr(type(gan), "generate", None)
    with pytest.raises(GanzooError, match="GANZOO_OFFLINE is set"):
        push(gan, "hf://me/my-gan")


# --------------------------------------------------------------------------- the cards


def test_a_card_says_what_is_known_and_what_is_not(gan, tmp_path):
    push(gan, tmp_path / "mine")
    config = config_of(tmp_path / "mine") | {"kimg": 50.0}
    card = plain_card(config, "hf://me/gan@v2/faces", "fashion_mini")
    assert "\n# faces\n" in card
    assert "license:" not in card and "to be chosen by the author" in card
    assert "arXiv:1511.06434, 2015" in card and "| 28 x 28, grey |" in card
    assert "| images seen in training | 50.0 thousand |" in card
    assert "| learned from | fashion_mini, licence: MIT (Fashion-MNIST" in card
    assert "| learned from | mine |" in plain_card(config, "here", "mine")
    assert config["weights"]["sha256"] in card
    assert "`channels=8`, `latent_dim=16`" in card
    assert "Scores: not measured." in card
    assert 'ganzoo.load("hf://me/gan@v2/faces")' in card and "ganzoo[hub]" in card
    assert "not recorded" in plain_card(config, "mine")
    assert "ganzoo[hub]" not in plain_card(config, "mine")


def test_the_card_of_a_model_with_labels(tmp_path):
    push(tiny.create("cgan"), tmp_path / "cgan")
    card = (tmp_path / "cgan" / "card.md").read_text()
    assert "| labels | 4: ant, bee, cat, dog |" in card
    assert "unconditional" not in card


@pytest.fixture(scope="module")
def told():
    """A small model that is told texts."""
    sizes = {"channels": 4, "fusion_units": 8, "latent_dim": 16}
    texts = ["red apple", "smiling cat", "green apple"]
    return ganzoo.create("dfgan", image_shape=(16, 16, 3), captions=texts, **sizes)


def test_a_model_of_texts_is_pushed_with_its_captions(told, tmp_path):
    push(told, tmp_path / "mine")
    assert names(tmp_path / "mine") == FILES
    with Image.open(tmp_path / "mine" / "samples.png") as picture:
        assert picture.size[0] == 10 * (96 + 4)
    card = (tmp_path / "mine" / "card.md").read_text()
    assert "\npipeline_tag: text-to-image\n" in card
    asked = 'text=["red apple", "smiling cat"], seed=7)  # uint8 (2, 16, 16, 3)'
    assert f"gan.generate({asked}" in card
    assert "| texts | read by `emoji_captions`; 3 are drawn where none" in card
    assert "green apple" not in card and "`captions=" not in card
    assert "by the text encoder `emoji_captions`, a part of ganzoo" in card
    assert "of its own captions, not chosen ones" in card


def test_a_model_of_texts_without_captions_has_no_grid(told, tmp_path, monkeypatch):
    monkeypatch.setattr(told, "captions", [])
    monkeypatch.setitem(told._arguments, "captions", [])
    push(told, tmp_path / "mine")
    assert names(tmp_path / "mine") == FILES - {"samples.png"}
    card = (tmp_path / "mine" / "card.md").read_text()
    assert "samples" not in card and "grid" not in card
    config = config_of(tmp_path / "mine")
    config["config"]["text_encoder"] = "my-own"
    other = plain_card(config, "mine")
    assert "`my-own`, which is none of the zoo's" in other
    assert 'text=["red apple"]' in other
    assert ganzoo.load(tmp_path / "mine").text.name == "emoji_captions"


# -------------------------------------------------------------------- the command line


def test_a_run_is_pushed_by_the_command_line(run, tmp_path):
    share = tmp_path / "share"
    result = ganzoo_("push", run, share, "--licence", "apache-2.0")
    assert f"pushed to {share}" in result.output
    assert names(share) == FILES
    config = config_of(share)
    assert config["kimg"] == 50.0
    assert config["licence"] == {"data": "MIT", "weights": "apache-2.0"}
    assert config["weights"] == config_of(run)["weights"]
    card = (share / "card.md").read_text()
    assert "| learned from | fashion_mini, " in card and "some/where" not in card
    assert "| images seen in training | 50.0 thousand |" in card


def test_a_card_of_ones_own_goes_on_unless_the_licence_changes(run, tmp_path):
    share = tmp_path / "share"
    (run / "card.md").write_text("my own words\n")
    ganzoo_("push", run, share)
    assert (share / "card.md").read_text() == "my own words\n"
    ganzoo_("push", run, share, "--licence", "mit")
    assert "license: mit" in (share / "card.md").read_text()


def test_the_command_line_pushes_to_the_hub(run, server):
    arguments = ["--private", "--message", "mine"]
    result = ganzoo_("push", run, "hf://me/my-gan@v2", *arguments)
    assert f"pushed to {server.endpoint}/me/my-gan/tree/v2" in result.output
    assert "ganzoo.load('hf://me/my-gan@v2')" in result.output
    assert stand_in.TOKEN not in result.output
    assert server.repos["me/my-gan"].messages[-1] == "mine"
    assert server.repos["me/my-gan"].private


def test_what_the_command_line_refuses(run, server, tmp_path):
    assert "pushed to hf://org/repo" in refused("push", run, "https://example.org")
    assert "403" in refused("push", run, "hf://others/gan")
    assert "there is no model" in refused("push", tmp_path / "no/where", "hf://me/gan")
    assert "--overwrite" in refused(
        "push", "dcgan", hub.save_folder(*_another(tmp_path))
    )


def _another(tmp_path):
    return tiny.create("gan"), tmp_path / "another"


def test_a_config_with_names_of_arguments_is_pushed_like_others(gan, tmp_path):
    """What else a config says may have any name."""
    folder = gan.save(tmp_path / "mine")
    config = config_of(folder)
    others = {"gan": 1, "folder": "x", "training_state": "y"}
    (folder / "config.json").write_text(json.dumps(config | others))
    for place, settings in (("a", {}), ("b", {"source": sources.find(folder)})):
        push(ganzoo.load(folder), tmp_path / place, **settings)
    assert config_of(tmp_path / "b")["folder"] == "x"
    assert ganzoo.load(tmp_path / "b").generate(1).shape == (1, 28, 28, 1)
