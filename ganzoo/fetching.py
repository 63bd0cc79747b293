"""Downloads: resumed, tried again, checked, and by one process at a time.

pooch keeps the rule that a file gets its name only once its sha256 is right; what is
added here goes on where a broken connection stopped, and waits between attempts.
"""

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote, urlsplit

from filelock import FileLock

from ganzoo import files, paths
from ganzoo.errors import GanzooError

__all__ = ["FetchError", "check_address", "fetch", "fetch_text"]

PAUSES = (0.5, 1, 2, 4)  # seconds between one attempt and the next
TIMEOUT = (10, 30)  # seconds to connect, and without a byte
_CHUNK = 1 << 16
_AGAIN = {408, 425, 429, 500, 502, 503, 504}  # states of a server that may pass
_Result = TypeVar("_Result")


class FetchError(GanzooError):
    """A file that could not be had from an address."""


class _OtherLength(FetchError):
    """A body that is not as long as the file that is wanted."""


class _WrongDigest(Exception):
    """A file that has the length and not the sha256."""


class _Broken(Exception):
    """An attempt that failed in a way that another may not."""


def fetch(url: str, target: Path, *, sha256: str, size: int) -> Path:
    """Return `target`, downloaded from `url` if it is not there; both are checked.

    What a broken connection left is kept beside the target and gone on with, also by
    another process later. Of several processes one downloads, the others wait.

    Args:
        url: https://, http:// of this machine, or file://.
        sha256: in hexadecimal digits.
        size: in bytes.

    Raises: `FetchError` where nothing was had, or not that file; `GanzooError` where it
    cannot be written. Neither leaves a file at `target`.

    Example:
        >>> fetch("https://example.org/w.h5", Path("w.h5"), sha256=digest, size=1234)
    """
    check_address(url)
    files.writable_folder(target.parent)
    with FileLock(target.with_name(f".{target.name}.lock")):
        if target.exists() and files.sha256_of(target) == sha256:
            return target
        target.unlink(missing_ok=True)  # damaged: it is in a cache, so it is ours
        if url.startswith("file://"):
            _copy(url, target, sha256)
        else:
            _download(url, target, sha256, size)
    return target


def fetch_text(url: str, *, limit: int) -> bytes:
    """Return what an address sends, if it has no more than `limit` bytes.

    Raises: `FetchError` where it cannot be had or is longer.

    Example:
        >>> fetch_text("https://example.org/mine/config.json", limit=1_000_000)
    """
    check_address(url)
    if url.startswith("file://"):
        return _read_local(url, limit)

    def receive():
        with _answer(url) as response:
            return b"".join(_pieces(response, url, limit, exact=False))

    return _persist(url, receive)


def check_address(url: str) -> None:
    """Refuse what is not https://, file://, or http:// of this machine.

    Raises: `FetchError`.
    """
    parts = urlsplit(url)
    secure = parts.scheme == "https" and parts.netloc
    if secure or parts.scheme == "file" or (parts.scheme == "http" and _is_here(parts)):
        return
    raise FetchError(
        f"{url} is no address to fetch from: https://, file://, or http:// of this "
        "machine (127.0.0.1) are."
    )


def _is_here(parts):
    host = parts.hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _refuse_offline(url):
    if paths.offline():
        raise FetchError(f"{url} was not asked: GANZOO_OFFLINE is set")


# ----------------------------------------------------------------------- file://


def _local(url):
    return Path(unquote(urlsplit(url).path))


def _copy(url, target, sha256):
    source = _local(url)
    try:
        content = source.read_bytes()
    except OSError as error:
        raise FetchError(f"{url}: {error.strerror}") from error
    with files.replacing(target) as temporary:
        temporary.write_bytes(content)
        if files.sha256_of(temporary) != sha256:
            raise _another(url, sha256)


def _short(content, url, limit):
    if len(content) > limit:
        raise FetchError(f"{url}: the file has more than {limit:,} bytes")
    return content


def _read_local(url, limit):
    try:
        with open(_local(url), "rb") as file:
            return _short(file.read(limit + 1), url, limit)
    except OSError as error:
        raise FetchError(f"{url}: {error.strerror}") from error


# ----------------------------------------------------------------------- https://


def _download(url, target, sha256, size):
    """Let pooch check and name what is received; a wrong file gets a second chance.

    It may have been put together from two, when the server's changed in between.
    """
    part = target.with_name(f".{target.name}.part")
    try:
        for _ in range(2):
            with contextlib.suppress(_WrongDigest):
                return _retrieve(url, target, sha256, size, part)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise GanzooError(
            f"cannot write {target}: {error.strerror or error}. Free some space, or "
            "choose another folder by GANZOO_HOME."
        ) from error
    raise _another(url, sha256)


def _retrieve(url, target, sha256, size, part):
    import pooch

    def receive(url, output_file, _):
        _resume(url, part, size)
        os.replace(part, output_file)

    pooch.get_logger().setLevel("WARNING")
    try:
        pooch.retrieve(
            url, f"sha256:{sha256}", target.name, target.parent, None, receive
        )
    except FetchError:
        raise
    except ValueError as error:  # pooch's word for it
        raise _WrongDigest from error


def _resume(url, part, size):
    """Fill `part` up to `size` bytes."""
    from tqdm import tqdm

    if part.exists() and part.stat().st_size > size:
        part.unlink()
    about = {"unit": "B", "unit_scale": True, "desc": part.name[1:13], "leave": False}
    with tqdm(total=size, disable=None, **about) as progress:
        _persist(url, lambda: _append(url, part, size, progress))


def _append(url, part, size, progress):
    """Receive what `part` lacks, from where it ends if the server can do that."""
    have = part.stat().st_size if part.exists() else 0
    if have == size:
        return
    try:
        with _answer(url, have) as answer:
            start = have if answer.status_code == 206 else 0
            progress.reset()
            progress.update(start)
            with open(part, "ab" if start else "wb") as file:
                for piece in _pieces(answer, url, size, start):
                    file.write(piece)
                    progress.update(len(piece))
    except _OtherLength:
        part.unlink(missing_ok=True)  # of another file
        raise


def _persist(url: str, attempt: Callable[[], _Result]) -> _Result:
    """Return what an attempt gives, trying again while it is only broken."""
    _refuse_offline(url)
    for pause in (*PAUSES, None):
        try:
            return attempt()
        except _Broken as error:
            if pause is None:
                tried = len(PAUSES) + 1
                raise FetchError(f"{url}: {error} (tried {tried} times)") from error
            time.sleep(pause)
    raise AssertionError("the last pause ends it")


@contextlib.contextmanager
def _answer(url, start=0) -> Iterator:
    """Give the server's answer from byte `start` on, once its state is a good one."""
    import requests

    again = requests.ConnectionError, requests.Timeout
    headers = {"Accept-Encoding": "identity"}  # bytes as they are counted and hashed
    if start:
        headers["Range"] = f"bytes={start}-"
    try:
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
            _check_answer(answer, url)
            yield answer
    except requests.exceptions.SSLError as error:
        raise FetchError(f"{url}: {error}") from error
    except (*again, requests.exceptions.ChunkedEncodingError) as error:
        raise _Broken(_plain(error)) from error
    except requests.RequestException as error:
        raise FetchError(f"{url}: {error}") from error


def _plain(error):
    """What broke, without the objects that requests wraps it in."""
    text = str(error).lower()
    if "timed out" in text:
        return f"no answer within {TIMEOUT[1]} seconds"
    if "resolve" in text or "name or service" in text:
        return "there is no such host, or no network"
    if "refused" in text:
        return "the connection was refused"
    return "the connection broke"


def _check_answer(answer, url):
    for each in (*answer.history, answer):
        check_address(each.url)
    if answer.status_code in _AGAIN:
        raise _Broken(f"the server answered {answer.status_code} {answer.reason}")
    if answer.status_code == 416:
        raise _OtherLength(f"{url}: the file is shorter than what was had of it")
    if answer.status_code not in (200, 206):
        raise FetchError(
            f"{url}: the server answered {answer.status_code} {answer.reason}"
        )


def _pieces(answer, url, size, start=0, *, exact=True):
    """Give the body in pieces, up to byte `size` of the file and no further."""
    have = start
    for piece in answer.iter_content(_CHUNK):
        have += len(piece)
        if have > size:
            break
        yield piece
    if have > size or (exact and have < size):
        raise _wrong_length(answer, url, have, size)


def _wrong_length(answer, url, have, size):
    """The error of a body that is too long, or that ended early without breaking."""
    if have < size and "Content-Length" not in answer.headers:
        return _Broken(f"the connection ended after {have:,} of {size:,} bytes")
    kind = answer.headers.get("Content-Type", "").partition(";")[0]
    page = ", a page of HTML," if kind == "text/html" else ""
    more = "more than " if have > size else ""
    told = f"the file{page} has {more}{min(have, size):,} bytes"
    return _OtherLength(f"{url}: {told}, not the {size:,} that it should have")


def _another(url, sha256):
    return FetchError(f"{url} is damaged or another file: its sha256 is not {sha256}")
