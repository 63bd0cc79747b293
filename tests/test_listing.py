"""A zoo's listing, its check, and the server of a zoo: real requests, real attacks."""

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading

import numpy as np
import pytest
import tiny
from click.testing import CliRunner
from commands import ROOT, ganzoo_, refused

import ganzoo
from ganzoo import cli, fetching, files, paths
from ganzoo.cli import hubs
from ganzoo.errors import GanzooError
from ganzoo.hub import listing, serving
from ganzoo.recipe import Recipe

WEIGHTS = paths.WEIGHTS
CONTENT = bytes(range(256)) * 1000
ENCODER = "text_encoders/emoji_captions"
PLACE = f"/dcgan/tiny/{WEIGHTS}"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A zoo of one tag, one feature network and one text encoder, listed."""
    zoo = tmp_path_factory.mktemp("made") / "zoo"
    tag, network = zoo / "dcgan" / "tiny", zoo / "feature_networks" / "mnist-cnn"
    tiny.create("dcgan").save(tag)
    Recipe("dcgan", dataset="mnist", claim={"scores": {"fd[x]": 2.0}}).write(
        tag / "recipe.toml"
    )
    (zoo / "lsgan" / "plan").mkdir(parents=True)
    Recipe("lsgan").write(zoo / "lsgan" / "plan" / "recipe.toml")
    shutil.copytree(ROOT / "zoo" / "feature_networks" / "mnist-cnn", network)
    shutil.copytree(ROOT / "zoo" / ENCODER, zoo / ENCODER)
    listing.write(zoo)
    return zoo


@pytest.fixture
def zoo(made, tmp_path):
    shutil.copytree(made, tmp_path / "zoo")
    return tmp_path / "zoo"


# --------------------------------------------------------------------------- listing


def test_the_committed_listing_is_that_of_the_files():
    assert listing.check(ROOT / "zoo") == []
    told = (ROOT / "zoo" / "index.json").read_text(encoding="utf-8")
    assert told == listing.text(ROOT / "zoo"), "run `ganzoo hub index`"


def test_a_tag_is_listed_with_all_that_a_download_needs(zoo):
    told = listing.read(zoo)["tags"]["dcgan.tiny"]
    config = json.loads((zoo / "dcgan" / "tiny" / "config.json").read_text())
    assert told["sha256"] == config["weights"]["sha256"]
    assert told["bytes"] == (zoo / "dcgan" / "tiny" / WEIGHTS).stat().st_size
    assert sorted(told["files"]) == ["config.json", WEIGHTS, "recipe.toml"]
    for name, about in told["files"].items():
        path = zoo / "dcgan" / "tiny" / name
        assert about["sha256"] == files.sha256_of(path)
        assert about["bytes"] == path.stat().st_size
    wanted = {
        "variant": "dcgan",
        "tag": "tiny",
        "task": "image",
        "dataset": "mnist",
        "image_shape": [28, 28, 1],
        "scores": {"fd[x]": 2.0},
        "recipe_hash": Recipe.read(zoo / "dcgan" / "tiny").hash(),
    }
    assert wanted.items() <= told.items()
    assert told["licences"]["data"].startswith("none stated (MNIST")


def test_a_recipe_without_weights_is_nothing_to_download(zoo):
    told = listing.read(zoo)
    assert list(told["tags"]) == ["dcgan.tiny"]
    assert list(told["feature_networks"]) == ["mnist-cnn"]
    assert list(told["text_encoders"]) == ["emoji_captions"]


def test_a_text_encoder_is_listed_with_all_of_its_files(zoo):
    told = listing.read(zoo)["text_encoders"]["emoji_captions"]
    config = json.loads((zoo / ENCODER / "config.json").read_text())
    others = ["card.md", "config.json", "recipe.toml"]
    assert sorted(told["files"]) == sorted([*config["files"], *others])
    for name, record in config["files"].items():
        about = {key: record[key] for key in ("bytes", "sha256")}
        assert told["files"][name] == about
    assert told["weights"] == "text.weights.h5"
    assert told["sha256"] == config["files"]["text.weights.h5"]["sha256"]
    assert told["text"] == config["text"] and told["retrieval"] == config["retrieval"]
    assert "Unicode License" in told["licences"]["data"]


def test_a_listing_from_before_text_encoders_is_read(zoo):
    index = json.loads((zoo / "index.json").read_text())
    del index["text_encoders"]
    (zoo / "index.json").write_text(json.dumps(index))
    assert listing.check(zoo) == ["emoji_captions is not listed"]


def test_the_same_files_give_the_same_listing(zoo, tmp_path):
    other = shutil.copytree(zoo, tmp_path / "elsewhere")
    (other / "index.json").unlink()
    ganzoo_("hub", "index", other)
    assert (other / "index.json").read_bytes() == (zoo / "index.json").read_bytes()


def change_encoder(folder, what):
    """Do something to a text encoder that its listing does not know of."""
    config = json.loads((folder / "config.json").read_text())
    match what:
        case "altered":
            data = bytearray((folder / "text.weights.h5").read_bytes())
            data[-1] ^= 1
            (folder / "text.weights.h5").write_bytes(data)
        case "no tokenizer":
            (folder / "tokenizer.json").unlink()
        case "longer":
            with open(folder / "picture.weights.h5", "ab") as file:
                file.write(b"x")
        case "other pictures":
            config["files"]["picture.weights.h5"]["sha256"] = "0" * 64
        case "half a config":
            del config["files"]["tokenizer.json"]
        case "no files":
            config["files"] = ["text.weights.h5"]
        case "gone":
            shutil.rmtree(folder)
    if what in ("other pictures", "half a config", "no files"):
        (folder / "config.json").write_text(json.dumps(config))


def change(zoo, what):
    """Do something to the zoo that its listing does not know of."""
    tag = zoo / "dcgan" / "tiny"
    index = json.loads((zoo / "index.json").read_text())
    match what:
        case "missing":
            (tag / WEIGHTS).unlink()
        case "longer":
            with open(tag / WEIGHTS, "ab") as file:
                file.write(b"x")
        case "altered":
            data = bytearray((tag / WEIGHTS).read_bytes())
            data[-1] ^= 1
            (tag / WEIGHTS).write_bytes(data)
        case "added":
            (tag / "notes.txt").write_text("x")
        case "stray":
            (zoo / "dcgan" / "old.h5").write_text("x")
        case "new tag":
            shutil.copytree(tag, zoo / "dcgan" / "newer")
        case "gone tag":
            shutil.rmtree(tag)
        case "broken config":
            (tag / "config.json").write_text("{")
        case "other weights":
            config = json.loads((tag / "config.json").read_text())
            config["weights"]["sha256"] = "0" * 64
            (tag / "config.json").write_text(json.dumps(config))
        case "other facts":
            index["tags"]["dcgan.tiny"]["kimg"] = 7
        case "network":
            (zoo / "feature_networks" / "mnist-cnn" / "card.md").write_text("x")
    if what == "other facts":
        (zoo / "index.json").write_text(json.dumps(index))


@pytest.mark.parametrize(
    "what, told",
    [
        ("missing", f"dcgan.tiny: {WEIGHTS} is missing"),
        ("longer", f"dcgan.tiny: bytes of {WEIGHTS}"),
        ("altered", f"dcgan.tiny: sha256 of {WEIGHTS}"),
        ("added", "dcgan.tiny: notes.txt is not listed"),
        ("stray", "dcgan/old.h5 belongs to nothing that is listed"),
        ("new tag", "dcgan.newer is not listed"),
        ("gone tag", "dcgan.tiny is listed, and its folder has no config.json"),
        ("broken config", "config.json is no model's config"),
        ("other weights", f"config.json names another file than this {WEIGHTS}"),
        ("other facts", "dcgan.tiny: kimg is 0.0, listed as 7"),
        ("network", "mnist-cnn: sha256 of card.md"),
    ],
)
def test_check_tells_every_difference(zoo, what, told):
    assert "all as" in ganzoo_("hub", "check", zoo).output
    change(zoo, what)
    found = listing.check(zoo)
    assert any(told in line for line in found), found
    if what in ("missing", "added", "stray", "new tag", "other facts"):
        assert len(found) == 1


@pytest.mark.parametrize(
    "what, told",
    [
        ("altered", "emoji_captions: sha256 of text.weights.h5"),
        ("no tokenizer", "emoji_captions: tokenizer.json is missing"),
        ("longer", "emoji_captions: bytes of picture.weights.h5"),
        ("other pictures", "names another file than this picture.weights.h5"),
        ("half a config", "is no config of a network: KeyError('tokenizer.json')"),
        ("no files", "is no config of a network"),
        ("gone", "emoji_captions is listed, and its folder has no config.json"),
    ],
)
def test_check_finds_damage_of_a_text_encoder(zoo, what, told):
    change_encoder(zoo / ENCODER, what)
    found = listing.check(zoo)
    assert any(told in line for line in found), found
    assert all("emoji_captions" in line for line in found)
    if what in ("half a config", "no files"):
        assert told in refused("hub", "index", zoo)


def test_check_ends_with_1(zoo):
    change(zoo, "missing")
    change(zoo, "stray")
    for more in ([], ["--json"]):
        result = CliRunner().invoke(cli.main, ["hub", "check", str(zoo), *more])
        assert result.exit_code == 1
        assert "is missing" in result.stdout and "old.h5" in result.stdout
    assert len(json.loads(result.stdout)) == 2


def test_a_listing_that_is_none_is_refused(zoo, tmp_path):
    assert "there is no folder" in refused("hub", "index", tmp_path / "nowhere")
    for text, told in (
        ('{"format": 2, "tags": {}, "feature_networks": {}}', "has format 2"),
        ("[1]", "is no listing"),
        ('{"format": 1, "tags": 3}', "is no listing"),
    ):
        (zoo / "index.json").write_text(text)
        assert told in refused("hub", "check", zoo)
    (zoo / "index.json").unlink()
    assert "ganzoo hub index" in refused("hub", "check", zoo)


# ---------------------------------------------------------------------------- serving


@contextlib.contextmanager
def running(folder, **how):
    server = serving.server(folder, port=0, **how)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A folder to serve, with a secret beside it and ways that lead there."""
    base = tmp_path_factory.mktemp("served")
    tag = base / "zoo" / "dcgan" / "tiny"
    tag.mkdir(parents=True)
    (tag / WEIGHTS).write_bytes(CONTENT)
    (tag / "config.json").write_text("{}")
    (tag / ".hidden").write_text("secret")
    (tag / "empty.txt").touch()
    (base / "secret.txt").write_text("secret")
    (tag / "out.txt").symlink_to(base / "secret.txt")
    (tag / "away").symlink_to(base)
    (tag / "same.h5").symlink_to(tag / WEIGHTS)
    return base / "zoo"


@pytest.fixture(scope="module")
def server(root):
    with pytest.MonkeyPatch.context() as patch:
        lines = []
        patch.setattr(
            serving._Handler, "log_message", lambda self, *told: lines.append(told)
        )
        with running(root) as made:
            made.lines = lines
            yield made


def ask(server, path, method="GET", **headers):
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=5)
    with contextlib.closing(connection):
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer, answer.read()


def raw(server, request):
    """The whole answer to bytes that no well-behaved client sends."""
    with socket.create_connection(("127.0.0.1", server.server_port), 5) as connection:
        connection.sendall(request + b"Host: x\r\nConnection: close\r\n\r\n")
        return b"".join(iter(lambda: connection.recv(4096), b""))


def test_a_whole_file(server):
    answer, body = ask(server, PLACE)
    assert answer.status == 200 and body == CONTENT
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["Content-Type"] == "application/octet-stream"
    answer, body = ask(server, "/dcgan/tiny/config.json?download=1")
    assert body == b"{}" and answer.headers["Content-Type"] == "application/json"
    assert ask(server, "/dcgan/tiny/same.h5")[1] == CONTENT
    assert ask(server, "/dcgan/tiny/empty.txt")[1] == b""


def test_head_tells_the_length_and_sends_nothing(server):
    for headers in ({}, {"Range": "bytes=5-"}):
        answer, body = ask(server, PLACE, "HEAD", **headers)
        assert (answer.status, body) == (200, b"")
        assert answer.headers["Content-Length"] == str(len(CONTENT))
    assert raw(server, b"HEAD /nothing HTTP/1.1\r\n").endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    "wanted, start, stop",
    [
        ("bytes=0-0", 0, 1),
        ("bytes=1000-", 1000, None),
        ("bytes=255999-", 255999, None),
        ("bytes=10-999999999", 10, None),
        ("bytes=-5", -5, None),
        ("bytes=-999999999", 0, None),
        ("Bytes= 3-7", 3, 8),
    ],
)
def test_a_range(server, wanted, start, stop):
    answer, body = ask(server, PLACE, Range=wanted)
    part = CONTENT[start:stop]
    first = len(CONTENT) + start if start < 0 else start
    assert (answer.status, body) == (206, part)
    place = f"bytes {first}-{first + len(part) - 1}/{len(CONTENT)}"
    assert answer.headers["Content-Range"] == place
    assert answer.headers["Content-Length"] == str(len(part))


@pytest.mark.parametrize(
    "wanted", ["bytes=256000-", "bytes=9999999-9999999", "bytes=-0"]
)
def test_a_range_that_the_file_does_not_have(server, wanted):
    answer, body = ask(server, PLACE, Range=wanted)
    assert (answer.status, body) == (416, b"")
    assert answer.headers["Content-Range"] == f"bytes */{len(CONTENT)}"


@pytest.mark.parametrize(
    "wanted",
    ["bytes=0-1,5-6", "bytes=7-3", "bytes=-", "bytes=a-b", "lines=0-1", "bytes=٣-"]
    + ["bytes=" + "9" * 30 + "-"],
)
def test_what_is_no_single_range_gets_the_whole(server, wanted):
    answer, body = ask(server, PLACE, Range=wanted.encode())
    assert (answer.status, body) == (200, CONTENT)


def test_a_range_of_a_file_that_has_changed_gets_the_whole(server):
    mark = ask(server, PLACE)[0].headers["ETag"]
    wanted = {"Range": "bytes=5-", "If-Range": mark}
    assert ask(server, PLACE, **wanted)[0].status == 206
    assert ask(server, PLACE, **wanted | {"If-Range": '"older"'})[1] == CONTENT


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "//",
        "/dcgan",
        "/dcgan/tiny/",
        "/dcgan/tiny/nothing.h5",
        "/../secret.txt",
        "/dcgan/../../secret.txt",
        "/dcgan/tiny/../../../secret.txt",
        "/%2e%2e/secret.txt",
        "/dcgan/%2E%2E/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/%252e%252e/secret.txt",
        "/..%5csecret.txt",
        "/dcgan/tiny/.hidden",
        "/dcgan/tiny/%2ehidden",
        "/dcgan/./tiny/config.json",
        "/dcgan//tiny/config.json",
        "/dcgan/tiny/config.json/",
        "/dcgan/tiny/config.json%00.png",
        "/dcgan/tiny/out.txt",
        "/dcgan/tiny/away/secret.txt",
        "/dcgan/tiny/%ff%fe",
        "/" + "a" * 300,
        "/dcgan/tiny/config.json%0d%0aX-Evil: 1",
        "dcgan/tiny/config.json",
        "*",
        "http://[::1",
    ],
)
def test_there_is_no_way_out_and_no_list(server, path):
    answer = raw(server, f"GET {path.replace(' ', '%20')} HTTP/1.1\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b"secret" not in answer and b"tiny" not in answer and b"Evil" not in answer


@pytest.mark.parametrize("path", [PLACE, "/../secret.txt"])
@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "OPTIONS"])
def test_nothing_can_be_written(server, root, method, path):
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    assert ask(server, path, method)[0].status == 501
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before


def test_a_client_that_leaves_is_no_matter(server, capfd):
    with socket.create_connection(("127.0.0.1", server.server_port), 5) as connection:
        reset = (1).to_bytes(4, sys.byteorder) + bytes(4)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
        connection.sendall(f"GET {PLACE} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert ask(server, PLACE)[1] == CONTENT
    assert "Traceback" not in capfd.readouterr().err


def test_a_broken_download_of_ours_goes_on(server, tmp_path):
    target = tmp_path / "file.h5"
    (tmp_path / ".file.h5.part").write_bytes(CONTENT[:100_000])
    del server.lines[:]
    url = f"http://127.0.0.1:{server.server_port}{PLACE}"
    (tmp_path / "whole").write_bytes(CONTENT)
    digest = files.sha256_of(tmp_path / "whole")
    fetching.fetch(url, target, sha256=digest, size=len(CONTENT))
    assert target.read_bytes() == CONTENT
    assert [told[2] for told in server.lines] == ["206"]


def test_a_team_loads_by_name_from_it(made, tmp_path, monkeypatch):
    """Two machines: one serves, the other has the configs and no weights."""
    there = tmp_path / "there" / "zoo"
    shutil.copytree(made, there, ignore=shutil.ignore_patterns("*.h5"))
    monkeypatch.setenv("GANZOO_EXTRA", str(there.parent))
    monkeypatch.setenv("GANZOO_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(serving._Handler, "log_message", lambda self, *told: None)
    with running(made) as server:
        monkeypatch.setenv("GANZOO_HUB", f"http://127.0.0.1:{server.server_port}")
        drawn = ganzoo.load("dcgan.tiny").generate(4, seed=1)
    wanted = ganzoo.load(made / "dcgan" / "tiny").generate(4, seed=1)
    assert np.array_equal(drawn, wanted)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate of this machine's own address, and its key."""
    if not shutil.which("openssl"):
        pytest.skip("there is no openssl to make a certificate with")
    folder = tmp_path_factory.mktemp("certificate")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-nodes", "-days", "2"]
        + ["-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj", "/CN=localhost"]
        + ["-addext", "subjectAltName=IP:127.0.0.1"]
        + ["-keyout", "key.pem", "-out", "certificate.pem"],
        cwd=folder,
        capture_output=True,
        check=True,
    )
    return folder / "certificate.pem", folder / "key.pem"


def test_https(root, certificate, tmp_path, monkeypatch):
    monkeypatch.setattr(serving._Handler, "log_message", lambda self, *told: None)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate[0]))
    (tmp_path / "whole").write_bytes(CONTENT)
    with running(root, tls=certificate) as server:
        # One that never shakes hands keeps nobody waiting.
        with socket.create_connection(("127.0.0.1", server.server_port), 5):
            fetching.fetch(
                f"https://127.0.0.1:{server.server_port}{PLACE}",
                tmp_path / "file.h5",
                sha256=files.sha256_of(tmp_path / "whole"),
                size=len(CONTENT),
            )
    assert (tmp_path / "file.h5").read_bytes() == CONTENT


def test_a_server_that_cannot_be_is_refused(root, server, tmp_path):
    taken = server.server_port
    assert f"127.0.0.1:{taken}" in refused("hub", "serve", root, "--port", taken)
    assert "cannot listen" in refused("hub", "serve", root, "--port", 99999)
    (tmp_path / "x.pem").write_text("x")
    pem = ["--certificate", tmp_path / "x.pem"]
    assert "go together" in refused("hub", "serve", root, *pem)
    told = refused("hub", "serve", root, *pem, "--key", tmp_path / "x.pem")
    assert "must be PEM files" in told
    with pytest.raises(GanzooError, match="no folder"):
        serving.server(tmp_path / "nowhere")


def test_serve_prints_the_line_to_set_and_ctrl_c_ends_it(root, ctrl_c):
    command = [sys.executable, "-m", "ganzoo", "hub", "serve", str(root), "--port", "0"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=ROOT, env=os.environ, **pipes) as process:
        line = process.stdout.readline()
        name, _, address = line.strip().partition("=")
        assert name == "export GANZOO_HUB"
        port = int(address.rpartition(":")[2])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", PLACE)
        assert connection.getresponse().read() == CONTENT
        connection.close()
        process.send_signal(signal.SIGINT)
        try:
            _, errors = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 0, errors
    assert "Traceback" not in errors and errors.endswith("stopped\n")


def test_the_address_is_one_that_others_can_use():
    name = socket.gethostname()
    assert hubs._address("0.0.0.0", 80, "https") == f"https://{name}:80"
    assert hubs._address("::1", 80, "http") == "http://[::1]:80"
    assert not hubs._is_loopback("0.0.0.0") and hubs._is_loopback("127.0.0.1")
