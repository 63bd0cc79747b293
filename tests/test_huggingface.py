"""The Hugging Face Hub, through huggingface_hub itself: addresses, down and up."""

import re
import sys

import huggingface_stand_in as stand_in
import numpy as np
import pytest
import tiny

import ganzoo
from ganzoo import hub
from ganzoo.errors import GanzooError
from ganzoo.hub import huggingface
from ganzoo.hub.huggingface import Address, download, parse, upload

ADDRESS = Address("me/gan")


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A hub of one's own, and an empty cache."""
    with stand_in.running() as running:
        stand_in.connect(running, tmp_path / "cache", monkeypatch)
        yield running


@pytest.fixture
def quickly(monkeypatch):
    """huggingface_hub waits between its attempts; a test does not."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)


@pytest.fixture
def folder(tmp_path):
    """A folder with a binary file in it."""
    folder = tmp_path / "folder"
    (folder / "not this").mkdir(parents=True)
    (folder / "a.bin").write_bytes(bytes(range(256)) * 40)
    (folder / "b.txt").write_text("b")
    return folder


def put(server, content=b"one", address=ADDRESS):
    """A file in a repository."""
    repo = server.repos.setdefault(address.repo, stand_in.Repo())
    return repo.commit("main", {address.file("config.json"): content}, "by hand")


def refused(address=ADDRESS, name="config.json"):
    """What a download is refused with."""
    with pytest.raises(GanzooError) as caught:
        download(address, name)
    text = str(caught.value)
    assert text.startswith(f"{address}: {name} could not be had: ")
    assert "\n" not in text and text.endswith(".") and stand_in.TOKEN not in text
    return text


# ---------------------------------------------------------------------- the addresses


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("hf://me/gan", Address("me/gan")),
        ("hf://me/gan/", Address("me/gan")),
        ("hf://Me-1/my_gan.v2", Address("Me-1/my_gan.v2")),
        ("hf://me/gan@v1.0", Address("me/gan", "v1.0")),
        ("hf://me/gan/a/b-2", Address("me/gan", None, "a/b-2")),
        ("hf://me/gan@main/faces", Address("me/gan", "main", "faces")),
        ("hf://me/gan@refs/pr/3/faces", Address("me/gan", "refs/pr/3", "faces")),
    ],
)
def test_addresses_are_read_and_written(text, address):
    assert parse(text) == address
    assert str(address) == text.rstrip("/")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "me/gan",
        "https://me/gan",
        "HF://me/gan",
        "hf://",
        "hf://gan",
        "hf:///gan",
        "hf://me/",
        "hf://me//gan",
        "hf://me/gan//a",
        "hf://me/gan/a//",
        "hf://me/gan@",
        "hf://me/gan@/a",
        "hf://me/gan@..",
        "hf://me/gan@v1@v2",
        "hf://../gan",
        "hf://me/..",
        "hf://./gan",
        "hf://me/gan/..",
        "hf://me/gan/../../a",
        "hf://me/gan/./a",
        "hf://me/gan/a\\..\\b",
        "hf://me\\gan",
        "hf://me/gan\n",
        "hf://me/ga\0n",
        "hf://me/gan/%2e%2e/a",
        "hf://me/gan?x=1",
        "hf://me/gan#a",
        "hf://me/my gan",
        "hf://me/gän",
        "hf://me:secret@host/gan",
        "hf://me/models--gan",
        "hf://-me/gan",
        f"hf://me/{'g' * 97}",
        "hf://me/gan" + "/a" * 21,
        "hf://me/gan/" + "a" * 10_000,
    ],
)
def test_what_is_no_address_is_refused(text):
    with pytest.raises(GanzooError, match=r"hf://org/repo\[@revision\]\[/folder\]"):
        parse(text)


# ---------------------------------------------------------------------- downloading


def test_a_file_is_asked_for_once(server):
    put(server)
    path = download(ADDRESS, "config.json")
    assert path.read_bytes() == b"one"
    server.asked.clear()
    assert download(ADDRESS, "config.json") == path
    # Whether there is a newer one: a HEAD, and no second transfer.
    assert server.asked == ["HEAD /me/gan/resolve/main/config.json"]


def test_a_revision_stays_and_the_main_branch_moves_on(server):
    first = put(server)
    put(server, b"two")
    assert download(Address("me/gan", first), "config.json").read_bytes() == b"one"
    assert download(ADDRESS, "config.json").read_bytes() == b"two"
    put(server, b"three")
    assert download(ADDRESS, "config.json").read_bytes() == b"three"


def test_a_folder_of_a_repository(server):
    address = Address("me/gan", None, "a/b")
    put(server, b"deep", address)
    assert download(address, "config.json").read_bytes() == b"deep"


def test_what_the_hub_has_not(server):
    text = refused()
    assert "no such repository, or it is private" in text
    assert f"{server.endpoint}/me/gan" in text and "hf auth login" in text
    put(server)
    assert "no such file there" in refused(name="other.json")
    assert "hf://me/gan/FOLDER" in refused(name="other.json")
    assert "no revision 'v9'" in refused(Address("me/gan", "v9"))


def test_what_is_not_for_everyone(server, monkeypatch):
    put(server)
    monkeypatch.setenv("HF_TOKEN", "hf_of_another")
    server.repos["me/gan"].private = True
    assert "or it is private" in refused()
    server.repos["me/gan"] = stand_in.Repo(gated=True)
    put(server)
    assert "choose who may have it. Ask them at" in refused()
    monkeypatch.setenv("HF_TOKEN", stand_in.TOKEN)
    assert download(ADDRESS, "config.json").read_bytes() == b"one"


def test_a_hub_that_is_out_of_order(server, quickly):
    put(server)
    server.broken = 503
    assert "answered 503. Try again later" in refused()
    server.broken = 0
    download(ADDRESS, "config.json")
    server.broken = 503
    assert download(ADDRESS, "config.json").read_bytes() == b"one"


def test_a_hub_that_is_not_there(tmp_path, monkeypatch, quickly):
    with stand_in.running() as gone:
        stand_in.connect(gone, tmp_path, monkeypatch)
    text = refused()
    assert f"{gone.endpoint} could not be reached. Check the connection" in text


def test_a_server_that_is_no_hub(server, monkeypatch):
    put(server)
    monkeypatch.setattr(stand_in, "COMMIT_HEADER", "X-Other")
    assert "is not the Hugging Face Hub's. Check HF_ENDPOINT" in refused()


def test_a_cache_that_cannot_be_written(server, tmp_path, monkeypatch):
    put(server)
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "file" / "cache"))
    assert "Not a directory. Free some space, or set HF_HOME" in refused()


def test_offline(server, monkeypatch):
    put(server)
    monkeypatch.setenv("GANZOO_OFFLINE", "1")
    text = refused(Address("me/gan", "v1"))
    assert "GANZOO_OFFLINE forbids to ask for it. Unset GANZOO_OFFLINE once" in text
    assert "`hf download me/gan --revision v1`" in text
    monkeypatch.delenv("GANZOO_OFFLINE")
    download(ADDRESS, "config.json")
    monkeypatch.setenv("GANZOO_OFFLINE", "1")
    server.asked.clear()
    assert download(ADDRESS, "config.json").read_bytes() == b"one"
    assert not server.asked


def test_nothing_is_drawn_where_nobody_looks(server, capfd):
    put(server, b"x" * 100_000)
    download(ADDRESS, "config.json")
    out, err = capfd.readouterr()
    assert not out and not err


def test_nobody_is_told_what_is_installed(server, folder):
    upload(folder, ADDRESS, message="first")
    download(ADDRESS, "b.txt")
    assert server.agents == {"ganzoo"}


def test_without_huggingface_hub(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(GanzooError, match=r'pip install "ganzoo\[hub\]"'):
        download(ADDRESS, "config.json")


# ------------------------------------------------------------------------ uploading


def test_uploaded_files_are_had_again_byte_for_byte(server, folder):
    url = upload(folder, ADDRESS, message="first")
    assert url == f"{server.endpoint}/me/gan"
    assert set(server.files("me/gan")) == {".gitattributes", "a.bin", "b.txt"}
    got = download(ADDRESS, "a.bin").read_bytes()
    assert got == (folder / "a.bin").read_bytes()
    assert server.repos["me/gan"].messages == ["initial commit", "first"]
    assert not server.repos["me/gan"].private


def test_an_upload_into_a_branch_and_a_folder(server, folder):
    address = parse("hf://me/gan@v2/deep/er")
    url = upload(folder, address, message="aside")
    assert url == f"{server.endpoint}/me/gan/tree/v2/deep/er"
    assert "deep/er/b.txt" in server.files("me/gan", "v2")
    assert "deep/er/b.txt" not in server.files("me/gan")
    (folder / "b.txt").write_text("c")
    upload(folder, address, message="again")
    assert server.files("me/gan", "v2")["deep/er/b.txt"] == b"c"


def upload_refused(folder, address=ADDRESS, **settings):
    """What an upload is refused with."""
    with pytest.raises(GanzooError) as caught:
        upload(folder, address, message="no", **settings)
    assert stand_in.TOKEN not in str(caught.value)
    return str(caught.value)


def test_private_is_private(server, folder):
    upload(folder, ADDRESS, message="mine", private=True)
    assert server.repos["me/gan"].private
    upload(folder, ADDRESS, message="mine again", private=True)
    server.repos["me/gan"].private = False
    text = upload_refused(folder, private=True)
    assert "public: nothing was pushed" in text and "me/gan/settings" in text
    assert len(server.repos["me/gan"].messages) == 3


def test_uploads_that_the_hub_refuses(server, folder, monkeypatch):
    text = upload_refused(folder, Address("others/gan"))
    assert text.startswith("hf://others/gan: it could not be pushed: ")
    assert "403 (You don't have the rights" in text and "HF_TOKEN" in text
    text = upload_refused(folder, token="hf_wrong")
    assert "hf auth login" in text and "hf_wrong" not in text
    (folder / "README.md").write_text("---\nlicense: none\n---\n")
    text = upload_refused(folder)
    assert '"license" must be one of' in text
    assert server.repos["me/gan"].messages == ["initial commit"]


def test_uploads_that_are_not_tried(server, folder, monkeypatch):
    commit = put(server)
    server.asked.clear()
    assert "names a commit" in upload_refused(folder, Address("me/gan", commit))
    monkeypatch.setenv("GANZOO_OFFLINE", "1")
    assert "Unset it, or push to a folder" in upload_refused(folder)
    assert not server.asked


def test_an_upload_when_the_hub_is_not_there(tmp_path, monkeypatch, folder, quickly):
    with stand_in.running() as gone:
        stand_in.connect(gone, tmp_path, monkeypatch)
    assert f"{gone.endpoint} could not be reached" in upload_refused(folder)


# ----------------------------------------------------------------------- the models


def test_a_model_is_loaded_from_the_hub(server, tmp_path, monkeypatch):
    gan = tiny.create("dcgan")
    pictures = gan.generate(4, seed=3)
    upload(gan.save(tmp_path / "model"), ADDRESS, message="a model")
    assert np.array_equal(ganzoo.load("hf://me/gan").generate(4, seed=3), pictures)
    monkeypatch.setenv("GANZOO_OFFLINE", "1")
    assert np.array_equal(ganzoo.load("hf://me/gan").generate(4, seed=3), pictures)


def test_the_downloaded_files_make_a_folder_to_load_from(server, tmp_path):
    gan = tiny.create("dcgan")
    upload(
        gan.save(tmp_path / "model"), Address("me/gan", "v1", "a"), message="a model"
    )
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in (hub.CONFIG, hub.WEIGHTS):
        path = huggingface.download(Address("me/gan", "v1", "a"), name)
        (elsewhere / name).write_bytes(path.read_bytes())
    loaded = ganzoo.load(elsewhere)
    assert np.array_equal(loaded.generate(4, seed=3), gan.generate(4, seed=3))


def test_a_repository_without_a_model(server):
    repo = server.repos["me/gan"] = stand_in.Repo()
    with pytest.raises(GanzooError, match="no such file there"):
        ganzoo.load("hf://me/gan")
    repo.commit("main", {hub.CONFIG: b"<html>"}, "not ours")
    with pytest.raises(GanzooError, match=re.escape(hub.CONFIG)):
        ganzoo.load("hf://me/gan")
