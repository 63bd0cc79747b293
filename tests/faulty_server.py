"""A server of one file that misbehaves as it is told, request by request."""

import contextlib
import hashlib
import http.server
import threading
import time

CONTENT = bytes(range(256)) * 2000  # 512,000 bytes
SHA256 = hashlib.sha256(CONTENT).hexdigest()
HTML = b"<!DOCTYPE html><title>Sign in</title>" + b" " * len(CONTENT)


class Handler(http.server.BaseHTTPRequestHandler):
    """Does what the next word of the server's plan says; "fine" when it has run out."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        server = self.server
        with server.lock:
            word = server.plan.pop(0) if server.plan else "fine"
            server.asked.append((word, self.headers.get("Range")))
        getattr(self, f"do_{word}", self.refuse)(word)

    def log_message(self, *args):
        """Tests have no use for it."""

    def send(self, body, *, state=200, promised=None, kind="application/x-hdf5"):
        """Send what the request's range asks for of the body, then hang up."""
        start = 0
        if (ranged := self.headers.get("Range")) and state == 200:
            start = int(ranged.removeprefix("bytes=").partition("-")[0])
            state = 206 if start < len(body) else 416
        self.send_response(state)
        promised = len(body) - start if promised is None else promised - start
        self.send_header("Content-Length", str(max(promised, 0)))
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(body[start:])
        self.close_connection = True

    def do_fine(self, word):
        self.send(CONTENT)

    def do_cut(self, word):
        self.send(CONTENT[: len(CONTENT) * 6 // 10], promised=len(CONTENT))

    def do_wrong(self, word):
        body = bytearray(CONTENT)
        body[1000] ^= 1
        self.send(bytes(body))

    def do_wrong_cut(self, word):
        body = bytearray(CONTENT[: len(CONTENT) // 2])
        body[1000] ^= 1
        self.send(bytes(body), promised=len(CONTENT))

    def do_short(self, word):
        self.send(CONTENT[:-1])

    def do_long(self, word):
        self.send(CONTENT + b"x")

    def do_html(self, word):
        self.send(HTML, kind="text/html; charset=utf-8")

    def do_little_html(self, word):
        self.send(HTML[:100], kind="text/html")

    def do_whole(self, word):
        """A server that knows no ranges."""
        del self.headers["Range"]
        self.send(CONTENT)

    def do_unsized_cut(self, word):
        """The length is not told, the end is where the connection ends: too early."""
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(CONTENT[:300_000])
        self.close_connection = True

    def do_hang(self, word):
        time.sleep(1)
        self.close_connection = True

    def do_stall(self, word):
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT[:1000])
        self.do_hang(word)

    def do_moved(self, word):
        self.send_response(302)
        self.send_header("Location", "/elsewhere/file.h5")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_away(self, word):
        self.send_response(302)
        self.send_header("Location", "ftp://example.org/file.h5")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def refuse(self, word):
        self.send(b"<html>no</html>", state=int(word), kind="text/html")


@contextlib.contextmanager
def serving(*plan):
    """Run a server with that plan: `url` of the file, `asked` what it was asked."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.plan, server.asked, server.lock = list(plan), [], threading.Lock()
    server.url = f"http://127.0.0.1:{server.server_port}/file.h5"
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.02}
    )
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
