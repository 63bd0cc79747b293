"""The Inception network of 2015: what it computes, and what files it takes."""

import functools
import hashlib
import http.server
import importlib.util
import pickle
import shutil
import sys
import threading
import types
import zipfile
from collections import OrderedDict

import keras
import numpy as np
import pytest
import tensorflow as tf
import torch

from ganzoo import paths
from ganzoo.errors import GanzooError
from ganzoo.metrics import inception, inception_weights, torch_files

FORMATS = pytest.mark.parametrize("zipped", [True, False], ids=["zip", "stream"])


def without_its_package(name):
    """A module of torch-fidelity whose package is not run: that wants torchvision."""
    found = importlib.util.find_spec("torch_fidelity")
    package = types.ModuleType("torch_fidelity")
    package.__path__ = list(found.submodule_search_locations)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "torch_fidelity", package)
        return importlib.import_module(f"torch_fidelity.{name}")


def their_network():
    """Torch-fidelity's network with weights that keep all maps alive and different."""
    module = without_its_package("feature_extractor_inceptionv3")
    cls = module.FeatureExtractorInceptionV3
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "load_state_dict_from_url", lambda *a, **k: {})
        patch.setattr(cls, "load_state_dict", lambda *a: None)
        network = cls("inception", ["2048", "logits_unbiased"])
    chance = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for part in network.modules():
            scatter(part, chance)
    return network


def scatter(part, chance):
    if isinstance(part, (torch.nn.Conv2d, torch.nn.Linear)):
        fan_in = part.weight[0].numel()
        part.weight.normal_(0, (2 / fan_in) ** 0.5, generator=chance)
    elif isinstance(part, torch.nn.BatchNorm2d):
        for value in (part.weight, part.running_var):
            value.uniform_(0.5, 1.5, generator=chance)
        for value in (part.bias, part.running_mean):
            value.normal_(0, 0.1, generator=chance)


def save(state, path, zipped=True):
    torch.save(state, path, _use_new_zipfile_serialization=zipped)
    return path


@pytest.fixture(scope="module")
def theirs():
    return their_network()


@pytest.fixture(scope="module")
def file(theirs, tmp_path_factory):
    """Its weights in the format of 2019."""
    folder = tmp_path_factory.mktemp("inception")
    return save(theirs.state_dict(), folder / "weights.pth", zipped=False)


@pytest.fixture(scope="module")
def ours(file):
    """Made under a policy that must not reach the network."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        return inception.load(file)
    finally:
        keras.config.set_dtype_policy(before)


# ------------------------------------------------------------------ what it computes


@pytest.mark.backend
@pytest.mark.parametrize("size", [(32, 32), (331, 305)])
def test_features_are_those_of_torch_fidelity(size, theirs, ours):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (1, *size, 3), dtype="uint8")
    with torch.no_grad():
        expected = theirs(torch.from_numpy(images).permute(0, 3, 1, 2).contiguous())
    found = ours.predict_on_batch(images)
    for name, wanted in zip(("features", "logits"), expected, strict=True):
        value, wanted = np.asarray(found[name]), wanted.numpy()
        assert value.dtype == np.float32 and value.shape == wanted.shape
        assert wanted.std() > 1  # the weights tell something
        assert np.abs(value - wanted).max() < 2e-5 * np.abs(wanted).max()


@pytest.mark.parametrize("size", [(1, 1), (32, 32), (299, 299), (417, 300)])
def test_the_resize_is_tensorflows_of_old(size):
    images = np.random.default_rng(1).integers(0, 256, (2, *size, 3), dtype="uint8")
    old = tf.compat.v1.image.resize_bilinear(images, (299, 299), align_corners=False)
    found = np.asarray(inception.Resized(299)(images))
    assert np.abs(found - old.numpy()).max() < 1e-3


def test_the_resize_starts_at_the_corner_and_holds_the_last_pixel():
    images = np.uint8([[[[0], [60]]]])
    found = np.asarray(inception.Resized(4)(images))
    assert found[0, :, :, 0].tolist() == 4 * [[0, 30, 60, 60]]


def test_it_stays_as_it_is_when_called_for_training(ours):
    stem = keras.Model(ours.input, ours.get_layer("Conv2d_1a_3x3_relu").output)
    images = np.random.default_rng(2).integers(0, 256, (1, 8, 8, 3), dtype="uint8")
    before = stem.get_weights()
    outputs = [np.asarray(stem(images, training=mode)) for mode in (False, True)]
    assert np.array_equal(*outputs)
    for old, new in zip(before, stem.get_weights(), strict=True):
        assert np.array_equal(old, new)
    assert not ours.trainable_weights


# ------------------------------------------------------------------- what it takes


@FORMATS
def test_arrays_are_read_as_torch_saved_them(tmp_path, zipped):
    base = torch.arange(24, dtype=torch.float32).reshape(2, 3, 4)
    state = OrderedDict(
        whole=base,
        view=base[1, :, 1:3],
        turned=base.permute(2, 0, 1),
        half=torch.tensor([0.5, -2.0], dtype=torch.float16),
        count=torch.tensor(7),
        parameter=torch.nn.Parameter(torch.ones(2)),
        nothing=torch.zeros(0, 3),
    )
    found = torch_files.read(save(state, tmp_path / "state.pth", zipped))
    assert list(found) == list(state)
    for name, value in state.items():
        assert found[name].dtype == value.detach().numpy().dtype
        assert np.array_equal(found[name], value.detach().numpy())


class Hostile:
    """Creates a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@FORMATS
def test_a_pickle_that_calls_a_function_is_refused(tmp_path, zipped):
    mark = tmp_path / "mark"
    state = {"fc.weight": torch.ones(2), "extra": Hostile(mark)}
    path = save(state, tmp_path / "state.pth", zipped)
    with pytest.raises(GanzooError, match="refused: it asks for .*open.*can run code"):
        torch_files.read(path)
    assert not mark.exists()
    torch.load(path, weights_only=False)["extra"].close()
    assert mark.exists()  # so the file was hostile indeed


@pytest.mark.parametrize(
    "names",
    [
        ("builtins", "eval"),
        ("os", "system"),
        ("torch._utils", "_rebuild_tensor_v2.__globals__"),
        ("collections", "OrderedDict.fromkeys"),
    ],
)
def test_other_names_are_refused_before_they_are_looked_up(tmp_path, names):
    path = tmp_path / "state.pth"
    texts = b"".join(b"\x8c%c%s" % (len(name), name.encode()) for name in names)
    path.write_bytes(b"\x80\x04" + texts + b"\x93.")
    with pytest.raises(GanzooError, match="it asks for " + ".".join(names)):
        torch_files.read(path)


class View:
    """Is pickled as a tensor that claims to lie so in a storage of three numbers."""

    def __init__(self, *where):
        self.where = where
        self.storage = torch.ones(3)._typed_storage()

    def __reduce__(self):
        arguments = (self.storage, *self.where, False, OrderedDict())
        return torch._utils._rebuild_tensor_v2, arguments


@FORMATS
def test_a_view_beyond_its_storage_is_refused(tmp_path, zipped):
    path = tmp_path / "state.pth"
    save({"a": View(1, (2,), (1,))}, path, zipped)
    assert torch_files.read(path)["a"].tolist() == [1, 1]
    for where in [(0, (4,), (1,)), (2, (2,), (1,)), (-1, (1,), (1,)), (1, (3,), (-1,))]:
        save({"a": View(*where)}, path, zipped)
        with pytest.raises(GanzooError, match="damaged"):
            torch_files.read(path)


@FORMATS
def test_a_file_that_ends_early_is_refused(tmp_path, zipped):
    path = save({"a": torch.ones(1000)}, tmp_path / "state.pth", zipped)
    data = path.read_bytes()
    for length in (0, 10, 200, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:length])
        with pytest.raises(GanzooError, match=r"state.pth"):
            torch_files.read(path)


def test_files_that_torch_did_not_save_are_refused(tmp_path):
    path = tmp_path / "state.pth"
    with pytest.raises(GanzooError, match="there is no file .*state.pth"):
        torch_files.read(path)
    for data in (pickle.dumps({"a": 1}), b"<html>sorry</html>"):
        path.write_bytes(data)
        with pytest.raises(GanzooError, match="state.pth"):
            torch_files.read(path)
    save({"a": 1}, path)
    with pytest.raises(GanzooError, match="a int where a state dict has a tensor"):
        torch_files.read(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({}))
    with pytest.raises(GanzooError, match="compressed"):
        torch_files.read(path)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"Mixed_7c.branch_pool.conv.weight": None}, "has no Mixed_7c_branch_pool"),
        ({"fc.weight": torch.ones(1000, 2048)}, r"\(2048, 1000\).*\(2048, 1008\)"),
    ],
)
def test_weights_of_another_network_leave_it_as_it_was(
    ours, theirs, tmp_path, change, message
):
    state = {**theirs.state_dict(), "Conv2d_1a_3x3.bn.bias": torch.ones(32), **change}
    state = {name: value for name, value in state.items() if value is not None}
    before = ours.get_layer("Conv2d_1a_3x3_bn").get_weights()
    with pytest.raises(GanzooError, match=message):
        inception_weights.assign(ours, save(state, tmp_path / "state.pth"))
    after = ours.get_layer("Conv2d_1a_3x3_bn").get_weights()
    for old, new in zip(before, after, strict=True):
        assert np.array_equal(old, new)


# ---------------------------------------------------------- where it comes from


@pytest.fixture
def remote(tmp_path, monkeypatch):
    """A server that has a stand-in for the published file at the second address."""
    monkeypatch.setenv("GANZOO_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("GANZOO_OFFLINE", raising=False)
    there = tmp_path / "there"
    there.mkdir()
    content = b"what the weights are"
    (there / "second.pth").write_bytes(content)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=there)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    urls = (f"{address}/first.pth", f"{address}/second.pth")
    monkeypatch.setattr(inception_weights, "URLS", urls)
    digest = hashlib.sha256(content).hexdigest()
    monkeypatch.setattr(inception_weights, "SHA256", digest)
    yield there
    server.shutdown()
    server.server_close()


def test_the_file_is_fetched_once_and_checked(remote):
    path = inception_weights.find()
    assert path == paths.home() / "networks" / "second.pth"
    shutil.rmtree(remote)
    assert inception_weights.find() == path
    path.write_bytes(b"what the weights were")
    with pytest.raises(GanzooError, match="second.pth is damaged .*Remove it"):
        inception_weights.find()


def test_a_wrong_file_of_a_server_never_gets_into_the_cache(remote):
    (remote / "second.pth").write_bytes(b"<html>sorry</html>")
    with pytest.raises(GanzooError, match="not on this machine.*Put first.pth"):
        inception.load()
    assert not list((paths.home() / "networks").glob("*.pth"))


def test_offline_it_says_what_to_put_where(tmp_path, monkeypatch):
    monkeypatch.setenv("GANZOO_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("GANZOO_OFFLINE", "1")
    with pytest.raises(GanzooError) as caught:
        inception.load()
    name = "weights-inception-2015-12-05-6726825d.pth"
    for part in ("GANZOO_OFFLINE is set", name, inception.SHA256, "https://"):
        assert part in str(caught.value)
    assert str(tmp_path / "cache" / "networks") in str(caught.value)
    assert inception.SHA256.startswith(name.rpartition("-")[2].removesuffix(".pth"))
