"""Loading trained models: what is there, and what is damaged, foreign or missing."""

import functools
import http.server
import json
import re
import shutil
import threading
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
import tiny

import ganzoo
from ganzoo import files, hub, paths, registry, sampling
from ganzoo.errors import GanzooError
from ganzoo.hub import sources

PUBLISHED = registry.list_models(pretrained=True)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """The folder of a small model."""
    folder = tmp_path_factory.mktemp("saved")
    tiny.create("dcgan").save(folder)
    return folder


@pytest.fixture
def copied(saved, tmp_path):
    """A copy of it to be damaged."""
    return shutil.copytree(saved, tmp_path / "copied")


@pytest.fixture
def no_sockets(monkeypatch):
    """A machine without a network."""

    def refuse(*args, **kwargs):
        raise AssertionError("the network was used")

    monkeypatch.setattr("socket.socket.connect", refuse)


def test_the_default_loads_with_no_network(no_sockets):
    gan = ganzoo.load("dcgan")
    pictures = gan.generate(4, seed=7)
    assert pictures.shape == (4, 28, 28, 1)
    assert np.array_equal(
        pictures, ganzoo.load("dcgan.fashion_mnist").generate(4, seed=7)
    )
    assert pictures.std() > 40


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_weights_draw_varied_pictures(name):
    gan = ganzoo.load(name)
    pictures = gan.generate(40, seed=0)
    assert np.float32(pictures).std(axis=0).mean() > 20
    assert len({picture.tobytes() for picture in pictures}) == 40
    record = registry.info(name)
    assert record.config["weights"]["bytes"] < 8e6
    assert (record.folder / "card.md").read_text().startswith("---\n")
    assert (record.folder / "samples.png").exists()


def test_weights_go_on_to_be_trained(saved):
    gan = ganzoo.load(saved)
    live = tiny.values(gan.generator.weights)
    assert tiny.same(live, tiny.values(gan.generator_ema.weights))
    tiny.fit(gan)


def test_unknown_names_offer_the_closest():
    with pytest.raises(
        GanzooError, match="unknown variant 'dcgna'. Did you mean: dcgan"
    ):
        ganzoo.load("dcgna")
    with pytest.raises(
        GanzooError, match="unknown tag of 'dcgan' 'fashion'.*fashion_mn"
    ):
        ganzoo.load("dcgan.fashion")
    with pytest.raises(GanzooError, match="there is no model at .*config.json"):
        ganzoo.load("./nowhere/at_all")
    with pytest.raises(GanzooError, match="no file .*gan.keras"):
        ganzoo.load("gan.keras")


def test_a_recipe_without_weights_says_how_to_train():
    unpublished = sorted(set(registry.list_models("*.*")) - set(PUBLISHED))
    for name in unpublished:
        with pytest.raises(GanzooError, match=f"`ganzoo train {name}`"):
            ganzoo.load(name)


@pytest.mark.parametrize("keep", [0, 100, 5000], ids="{} bytes".format)
def test_a_truncated_file_is_refused(copied, keep):
    weights = copied / hub.WEIGHTS
    weights.write_bytes(weights.read_bytes()[:keep])
    with pytest.raises(GanzooError, match="damaged or another file.*Remove it"):
        ganzoo.load(copied)


def test_a_flipped_bit_is_refused(copied):
    weights = copied / hub.WEIGHTS
    data = bytearray(weights.read_bytes())
    data[len(data) // 2] ^= 1
    weights.write_bytes(data)
    with pytest.raises(GanzooError, match="damaged or another file"):
        ganzoo.load(copied)


def _claim(folder):
    """Make the config agree with the weights, as an attacker or a bug would."""
    config = json.loads((folder / hub.CONFIG).read_text())
    config["weights"]["sha256"] = files.sha256_of(folder / hub.WEIGHTS)
    (folder / hub.CONFIG).write_text(json.dumps(config))


def test_weights_of_another_model_are_refused(copied):
    tiny.create("dcgan", latent_dim=5).generator_ema.save_weights(copied / hub.WEIGHTS)
    _claim(copied)
    with pytest.raises(GanzooError, match="holds no weights of this dcgan generator"):
        ganzoo.load(copied)


@pytest.mark.parametrize("content", [b"PK\x03\x04 no", b"", b"\x89HDF\r\n\x1a\n"])
def test_a_file_that_is_no_hdf5_is_refused(copied, content):
    (copied / hub.WEIGHTS).write_bytes(content)
    _claim(copied)
    with pytest.raises(GanzooError, match="holds no weights: Unable to"):
        ganzoo.load(copied)


def test_an_empty_hdf5_file_is_refused(copied):
    h5py.File(copied / hub.WEIGHTS, "w").close()
    _claim(copied)
    with pytest.raises(GanzooError, match="holds no weights of this dcgan generator"):
        ganzoo.load(copied)


@pytest.mark.parametrize(
    "change, told",
    [
        ({"format": 99}, "has format 99, this ganzoo reads format 1. Upgrade"),
        ({"variant": "nogan"}, "unknown variant 'nogan'"),
        ({"config": {"channels": 8, "chanels": 8}}, "does not know: chanels"),
        ({"weights": {}}, "is no model's config"),
        ({"config": None}, "is no model's config"),
    ],
    ids=str,
)
def test_a_config_that_does_not_fit_is_refused(copied, change, told):
    config = json.loads((copied / hub.CONFIG).read_text()) | change
    (copied / hub.CONFIG).write_text(json.dumps(config))
    with pytest.raises(GanzooError, match=told):
        ganzoo.load(copied)


@pytest.mark.parametrize("text", ["", "{", "[]", '"x"', "\x00"], ids=repr)
def test_a_config_that_is_none_is_refused(copied, text):
    (copied / hub.CONFIG).write_text(text)
    with pytest.raises(GanzooError, match="is no model's config"):
        ganzoo.load(copied)


def test_a_class_without_a_name_cannot_be_saved_to_a_folder(tmp_path):
    class Nameless(registry.get_class("dcgan")):
        pass

    gan = Nameless(image_shape=(28, 28, 1), channels=8)
    with pytest.raises(GanzooError, match="Nameless has no name.*register"):
        gan.save(tmp_path / "mine")
    assert not (tmp_path / "mine").exists()


def test_a_foreign_keras_file_is_refused(tmp_path):
    (tmp_path / "x.keras").write_bytes(b"not a zip file")
    with pytest.raises(GanzooError, match="is no saved model of this zoo"):
        ganzoo.load(tmp_path / "x.keras")


@pytest.fixture
def remote(saved, tmp_path, monkeypatch):
    """A zoo whose weights lie on a server: (name, the server's folder)."""
    here, there = tmp_path / "here" / "zoo", tmp_path / "there"
    for zoo in (here, there):
        shutil.copytree(saved, zoo / "dcgan" / "tiny")
    (here / "dcgan" / "tiny" / hub.WEIGHTS).unlink()
    monkeypatch.setenv("GANZOO_EXTRA", str(tmp_path / "here"))
    monkeypatch.setenv("GANZOO_HOME", str(tmp_path / "home"))
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=there)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield "dcgan.tiny", there, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_weights_are_fetched_once_and_checked(remote, saved, monkeypatch):
    name, there, address = remote
    with pytest.raises(GanzooError, match="not on this machine.*GANZOO_HUB.*Put gen"):
        ganzoo.load(name)
    monkeypatch.setenv("GANZOO_HUB", f"{address}/nothing {address}")
    pictures = ganzoo.load(name).generate(2, seed=1)
    assert np.array_equal(pictures, ganzoo.load(saved).generate(2, seed=1))
    shutil.rmtree(there)
    ganzoo.load(name)


def test_a_wrong_file_of_a_server_never_gets_into_the_cache(remote, monkeypatch):
    name, there, address = remote
    (there / "dcgan" / "tiny" / hub.WEIGHTS).write_bytes(b"<html>sorry</html>")
    monkeypatch.setenv("GANZOO_HUB", address)
    with pytest.raises(GanzooError, match="not on this machine.*Put gen"):
        ganzoo.load(name)
    assert not list((paths.home() / "weights").glob("*.h5"))


def test_latents_are_those_of_numpy():
    """So that a seed means the same pictures on every backend."""
    gan = ganzoo.load("dcgan")
    latents = sampling.draw_latents(gan, 2, np.random.default_rng(7))
    expected = np.random.default_rng(7).uniform(-1, 1, (2, 100))
    assert np.allclose(latents, expected)
    cut = tiny.create("wgan_gp")
    drawn = sampling.draw_latents(cut, 500, np.random.default_rng(0), truncation=0.5)
    assert np.abs(drawn).max() <= 1.0


# ------------------------------------------------------------- state of training


@pytest.mark.backend
def test_the_state_of_training_comes_back(tmp_path):
    gan = tiny.create("dcgan")
    tiny.fit(gan)
    gan.save(tmp_path / "mine", training_state=True)
    back = ganzoo.load(tmp_path / "mine", training_state=True)
    assert tiny.same(tiny.values(back.variables), tiny.values(gan.variables))
    assert int(back.step.value) == int(gan.step.value) > 0
    for model in (gan, back):
        tiny.fit(model)
    assert tiny.same(tiny.values(back.variables), tiny.values(gan.variables))


def test_a_model_without_it_says_so(saved, copied):
    with pytest.raises(GanzooError, match="without its training state.*averaged"):
        ganzoo.load(saved, training_state=True)
    tiny.create("dcgan").save(copied, training_state=True)
    (copied / paths.TRAINING).write_bytes(b"x")
    with pytest.raises(GanzooError, match="damaged or another file"):
        ganzoo.load(copied, training_state=True)


# ---------------------------------------------------------------- addresses


def test_a_folder_on_a_server(saved, remote, monkeypatch):
    name, there, address = remote
    url = f"{address}/dcgan/tiny"
    wanted = ganzoo.load(saved).generate(2, seed=1)
    assert np.array_equal(ganzoo.load(url).generate(2, seed=1), wanted)
    shutil.rmtree(there)
    with pytest.warns(UserWarning, match="404.*going on with what was had before"):
        assert np.array_equal(ganzoo.load(f"{url}/").generate(2, seed=1), wanted)
    monkeypatch.setenv("GANZOO_OFFLINE", "1")
    assert np.array_equal(ganzoo.load(url).generate(2, seed=1), wanted)
    with pytest.raises(GanzooError, match="there is no model at .*GANZOO_OFFLINE"):
        ganzoo.load(f"{address}/dcgan/other")


def test_a_folder_by_its_file_address(saved):
    assert ganzoo.load(saved.as_uri()).generate(1).shape == (1, 28, 28, 1)


def test_offline_names_the_file_and_where_to_put_it(remote, saved, monkeypatch):
    name, there, address = remote
    monkeypatch.setenv("GANZOO_HUB", address)
    monkeypatch.setenv("GANZOO_OFFLINE", "1")
    with pytest.raises(GanzooError, match="GANZOO_OFFLINE is set") as caught:
        ganzoo.load(name)
    place = re.search(r"Put generator_ema.weights.h5 .* at (\S+)\.$", str(caught.value))
    shutil.copy(saved / hub.WEIGHTS, files.writable_folder(Path(place[1]).parent))
    (Path(place[1]).parent / hub.WEIGHTS).rename(place[1])
    assert ganzoo.load(name).generate(1).shape == (1, 28, 28, 1)


def test_the_addresses_are_the_packages_own_or_those_given(monkeypatch):
    monkeypatch.setenv("GANZOO_HUB", "file:///a https://b/c")
    assert sources.addresses() == ["file:///a", "https://b/c"]
    monkeypatch.setenv("GANZOO_HUB", "")
    assert sources.addresses() == []
    monkeypatch.delenv("GANZOO_HUB")
    about = {"Project-URL": ["Home, https://x", "Weights, https://y/z"]}
    fake = SimpleNamespace(get_all=about.get)
    monkeypatch.setattr(sources.metadata, "metadata", lambda name: fake)
    assert sources.addresses() == ["https://y/z"]
