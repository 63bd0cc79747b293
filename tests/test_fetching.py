"""Downloads from servers that do what servers do: the right file, or a clear error."""

import subprocess
import sys
from pathlib import Path

import pytest
import requests
from faulty_server import CONTENT, SHA256, serving

from ganzoo import fetching
from ganzoo.errors import GanzooError
from ganzoo.fetching import FetchError, fetch, fetch_text

FILE = {"sha256": SHA256, "size": len(CONTENT)}


@pytest.fixture(autouse=True)
def hasty(monkeypatch):
    """Waits of a test's length."""
    monkeypatch.setattr(fetching, "PAUSES", (0.01,) * 4)
    monkeypatch.setattr(fetching, "TIMEOUT", (5, 0.3))


@pytest.fixture
def target(tmp_path):
    return tmp_path / "cache" / "file.h5"


def left(target):
    """The files beside the target that hold anything."""
    return {path.name for path in target.parent.iterdir() if path.stat().st_size}


@pytest.mark.parametrize(
    "plan, requests",
    [
        ([], 1),
        (["cut"], 2),
        (["cut", "cut", "500", "cut"], 5),
        (["500", "503", "429"], 4),
        (["moved"], 2),
        (["hang"], 2),
        (["stall"], 2),
        (["unsized_cut", "whole"], 2),
        (["cut", "whole"], 2),
        (["wrong"], 2),
        (["wrong_cut"], 3),
    ],
    ids=lambda value: "-".join(value) or "fine" if isinstance(value, list) else "",
)
def test_a_server_that_recovers_gives_the_right_file(target, plan, requests):
    with serving(*plan) as server:
        assert fetch(server.url, target, **FILE) == target
    assert target.read_bytes() == CONTENT
    assert len(server.asked) == requests
    assert left(target) == {target.name}


def test_a_broken_download_goes_on_where_it_stopped(target):
    with serving("cut") as server:
        fetch(server.url, target, **FILE)
    assert server.asked == [("cut", None), ("fine", "bytes=262144-")]


def test_a_later_call_goes_on_where_an_earlier_one_gave_up(target):
    with serving(*["cut"] * 5) as server, pytest.raises(FetchError, match="broke"):
        fetch(server.url, target, **FILE)
    assert not target.exists()
    with serving() as server:
        fetch(server.url, target, **FILE)
    assert target.read_bytes() == CONTENT
    assert server.asked == [("fine", "bytes=262144-")]


def test_what_a_wrong_beginning_spoilt_is_fetched_anew(target):
    """The first half is wrong: only the whole tells, so the next call starts over."""
    with serving(*["wrong_cut"] * 5) as server, pytest.raises(FetchError):
        fetch(server.url, target, **FILE)
    with serving() as server:
        fetch(server.url, target, **FILE)
    assert target.read_bytes() == CONTENT
    assert [ranged for _, ranged in server.asked] == ["bytes=196608-", None]


@pytest.mark.parametrize(
    "plan, told",
    [
        (["wrong"] * 2, "damaged or another file: its sha256 is not"),
        (["short"], "has 511,999 bytes, not the 512,000 that it should have"),
        (["long"], "has more than 512,000 bytes"),
        (["html"], "a page of HTML, has more than 512,000 bytes"),
        (["little_html"], "a page of HTML, has 100 bytes"),
        (["404"], "answered 404 Not Found"),
        (["403"], "answered 403 Forbidden"),
        (["away"], "No connection adapters|no address to fetch from"),
        (["500"] * 5, r"answered 500 Internal Server Error \(tried 5 times\)"),
        (["hang"] * 5, r"no answer within 0.3 seconds \(tried 5 times\)"),
        (["unsized_cut"] * 5, r"ended after 300,000 of 512,000 bytes"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_server_that_does_not_is_told_of(target, plan, told):
    with serving(*plan) as server, pytest.raises(FetchError, match=told) as caught:
        fetch(server.url, target, **FILE)
    assert not target.exists()
    assert server.url in str(caught.value)
    assert len(server.asked) == len(plan), "what cannot pass is not asked again"
    kept = {f".{target.name}.part"} if "cut" in plan[0] else set()
    assert left(target) <= kept, "only what can be gone on with is kept"


def test_nobody_there():
    with pytest.raises(FetchError, match="refused.*tried 5 times"):
        fetch_text("http://127.0.0.1:9/config.json", limit=10)


def test_a_host_that_is_none(monkeypatch):
    def no_host(*args, **kwargs):
        raise requests.ConnectionError("Failed to resolve 'nobody.invalid'")

    monkeypatch.setattr(requests, "get", no_host)
    with pytest.raises(FetchError, match="no such host, or no network.*5 times"):
        fetch_text("https://nobody.invalid/config.json", limit=10)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/file.h5",
        "ftp://example.org/file.h5",
        "https://",
        "file.h5",
        "http://127.0.0.1.example.org/x",
        "http://user@example.org:80/127.0.0.1",
    ],
)
def test_addresses_that_are_not_asked(target, url):
    with pytest.raises(FetchError, match="is no address to fetch from: https://"):
        fetch(url, target, **FILE)


def test_offline_nothing_is_asked(target, monkeypatch):
    monkeypatch.setenv("GANZOO_OFFLINE", "1")
    with serving() as server, pytest.raises(FetchError, match="GANZOO_OFFLINE is set"):
        fetch(server.url, target, **FILE)
    assert not server.asked


def test_a_file_that_is_there_is_not_asked_for(target):
    target.parent.mkdir()
    target.write_bytes(CONTENT)
    with serving() as server:
        fetch(server.url, target, **FILE)
        assert not server.asked
        target.write_bytes(CONTENT[:-5])
        fetch(server.url, target, **FILE)
    assert target.read_bytes() == CONTENT


def test_a_file_address(target, tmp_path):
    (tmp_path / "a file.h5").write_bytes(CONTENT)
    url = (tmp_path / "a file.h5").as_uri()
    assert fetch(url, target, **FILE).read_bytes() == CONTENT
    target.unlink()
    with pytest.raises(FetchError, match="damaged or another file"):
        fetch(url, target, sha256="0" * 64, size=5)
    with pytest.raises(FetchError, match="No such file"):
        fetch((tmp_path / "none").as_uri(), target, **FILE)
    with pytest.raises(FetchError, match="more than 100 bytes"):
        fetch_text(url, limit=100)
    assert not left(target)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux's full device")
def test_a_full_disk_leaves_nothing_behind(target):
    target.parent.mkdir()
    part = target.with_name(f".{target.name}.part")
    part.symlink_to("/dev/full")
    with serving() as server, pytest.raises(GanzooError, match="No space left.*Free"):
        fetch(server.url, target, **FILE)
    assert not part.is_symlink()
    assert not left(target)


def test_text_of_a_server_that_breaks_once():
    with serving("cut", "500") as server:
        assert fetch_text(server.url, limit=10**6) == CONTENT
    with serving() as server, pytest.raises(FetchError, match="more than 1,000 bytes"):
        fetch_text(server.url, limit=1000)


def test_eight_processes_download_once(target):
    code = (
        "import sys; from pathlib import Path; from ganzoo.fetching import fetch; "
        "url, path, digest, size = sys.argv[1:]; "
        "fetch(url, Path(path), sha256=digest, size=int(size))"
    )
    with serving() as server:
        command = [sys.executable, "-c", code, server.url, target, SHA256]
        command = [str(each) for each in (*command, len(CONTENT))]
        running = [subprocess.Popen(command) for _ in range(8)]
        assert [process.wait() for process in running] == [0] * 8
    assert len(server.asked) == 1
    assert target.read_bytes() == CONTENT
