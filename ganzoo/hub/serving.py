"""A zoo folder over HTTP, for a team: whole files and single ranges, nothing else.

A name in the address is looked at before the disk is: it may hold letters, digits and
`_ . + = -`, and starts with one of the first three. So there is no way out by `..`, no
hidden file, and no folder is ever listed.
"""

import os
import re
import socket
import ssl
import sys
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ganzoo.errors import GanzooError

__all__ = ["byte_range", "file_of", "server"]

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+=-]*")
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.IGNORECASE | re.ASCII)
_KINDS = {
    ".json": "application/json",
    ".md": "text/markdown; charset=utf-8",
    ".png": "image/png",
    ".toml": "application/toml",
}
_CHUNK = 1 << 16


def server(
    zoo: Path, host: str = "127.0.0.1", port: int = 8000, *, tls: tuple = ()
) -> ThreadingHTTPServer:
    """Return a server of a zoo folder that listens already; `serve_forever()` runs it.

    Args:
        zoo: the folder, `zoo/dcgan/mnist/card.md` being `/dcgan/mnist/card.md`.
        host: the address it listens at.
        port: 0 takes a free one, which `server_port` names.
        tls: (certificate, key), two PEM files, for https://.

    Raises: `GanzooError` for a folder that is none, a port that cannot be had, and a
    certificate that cannot be read.

    Example:
        >>> server(paths.zoo(), port=0).serve_forever()
    """
    root = Path(zoo).resolve()
    if not root.is_dir():
        raise GanzooError(f"there is no folder {zoo} to serve.")
    context = _context(*tls) if tls else None
    try:
        made = _Server((host, port), partial(_Handler, root))
    except (OSError, OverflowError) as error:
        raise GanzooError(
            f"cannot listen at {host}:{port}: {error}. Choose another --port or --host."
        ) from error
    if context:
        # The handshake is left to each request's own thread.
        made.socket = context.wrap_socket(
            made.socket, server_side=True, do_handshake_on_connect=False
        )
    return made


def _context(certificate, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise GanzooError(
            f"{certificate} and {key} are no certificate and its key: {error}. Both "
            "must be PEM files."
        ) from error
    return context


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address, handler):
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, handler)

    def handle_error(self, request, client_address):
        """Say nothing of clients that leave: they come back for the rest."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


def file_of(root: Path, address: str) -> Path | None:
    """Return the file that an address means, None for all that is no file of the zoo.

    Example:
        >>> file_of(root, "/dcgan/%2e%2e/secret") is None
        True
    """
    try:
        parts = unquote(urlsplit(address).path, errors="strict").split("/")
        if parts[0] or not all(map(_NAME.fullmatch, parts[1:])):
            return None
        found = root.joinpath(*parts[1:]).resolve()
        return found if found.is_relative_to(root) and found.is_file() else None
    except (ValueError, OSError):  # an address that is none, a name too long
        return None


def byte_range(header: str | None, size: int) -> range | None:
    """Return the bytes of a file that a `Range` header asks for (RFC 9110, 14.1.2).

    None means the whole file: for no header, several ranges, and what is no range. An
    empty range is one that the file does not have.

    Example:
        >>> byte_range("bytes=6-", 10)
        range(6, 10)
    """
    match = _RANGE.fullmatch((header or "").replace(" ", ""))
    if not match or match[0].endswith("=-"):
        return None
    first, last = match.groups()
    if not first:
        return range(max(size - int(last), 0), size)
    if last and int(last) < int(first):
        return None
    return range(int(first), min(int(last) + 1, size) if last else size)


class _Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD; http.server refuses the rest with 501."""

    protocol_version = "HTTP/1.1"
    server_version = "ganzoo"
    sys_version = ""
    timeout = 60  # seconds without a byte, then the thread is free

    def __init__(self, root, *arguments):
        self.root = root
        super().__init__(*arguments)

    def do_GET(self):
        self._answer()

    def do_HEAD(self):
        self._answer()

    def _answer(self):
        path = file_of(self.root, self.path)
        try:
            file = open(path, "rb") if path else None
        except OSError:
            file = None
        if file is None:
            return self.send_error(404, explain="No file of this zoo has that name.")
        with file:
            self._send(file, path.suffix)

    def _send(self, file, suffix):
        about = os.fstat(file.fileno())
        mark = f'"{about.st_size:x}-{about.st_mtime_ns:x}"'
        wanted = self._wanted(about.st_size, mark)
        span = range(about.st_size) if wanted is None else wanted
        self._send_head(wanted, span, about.st_size)
        self.send_header("Content-Type", _KINDS.get(suffix, "application/octet-stream"))
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("ETag", mark)
        self.end_headers()
        if self.command == "GET":
            self._copy(file, span)

    def _wanted(self, size, mark):
        """The range that is asked for, as long as it is one of this very file."""
        if self.command != "GET" or self.headers.get("If-Range", mark) != mark:
            return None
        return byte_range(self.headers.get("Range"), size)

    def _send_head(self, wanted, span, size):
        self.send_response(200 if wanted is None else 206 if span else 416)
        self.send_header("Content-Length", str(len(span)))
        if wanted is not None:
            place = f"{span[0]}-{span[-1]}" if span else "*"
            self.send_header("Content-Range", f"bytes {place}/{size}")

    def _copy(self, file, span):
        file.seek(span.start)
        left = len(span)
        while left and (piece := file.read(min(_CHUNK, left))):
            self.wfile.write(piece)
            left -= len(piece)
        # A file that was cut while it was sent must not look whole.
        self.close_connection = self.close_connection or bool(left)
