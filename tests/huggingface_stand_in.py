"""A server that speaks as much of the Hugging Face Hub as huggingface_hub asks of it.

Repositories are kept as their commits; a small file goes into a commit whole. What has
no place here is Xet and Git LFS: this Hub asks for neither.
"""

import base64
import contextlib
import hashlib
import http.server
import json
import re
import threading
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

TOKEN = "hf_of_the_tests"  # may do everything; others see what is public
COMMIT_HEADER = "X-Repo-Commit"


@dataclass
class Repo:
    """A repository: commits by their names, and which of them a branch is at."""

    private: bool = False
    gated: bool = False
    commits: dict = field(default_factory=dict)  # name -> {path: bytes}
    branches: dict = field(default_factory=dict)
    messages: list = field(default_factory=list)

    def __post_init__(self):
        self.commit("main", {".gitattributes": b""}, "initial commit")

    def commit(self, branch, files, message):
        parent = self.branches.get(branch)
        content = self.commits.get(parent, {}) | files
        name = hashlib.sha1(f"{parent} {len(self.commits)}".encode()).hexdigest()
        self.commits[name] = content
        self.branches[branch] = name
        self.messages.append(message)
        return name

    def at(self, revision):
        """The name of the commit that a branch, or a commit's name, stands for."""
        name = self.branches.get(revision, revision)
        return name if name in self.commits else None


class Hub(http.server.ThreadingHTTPServer):
    """The server; `repos` is what it holds, `asked` what it was
    asked, `agents` by whom."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repos = {}
        self.asked = []
        self.agents = set()
        self.broken = 0  # the status that every answer has instead

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.server_port}"

    def files(self, repo, revision="main"):
        """The files of a revision, by their paths."""
        there = self.repos[repo]
        return there.commits[there.at(revision)]


@contextlib.contextmanager
def running():
    """A hub, for as long as the block lasts."""
    hub = Hub()
    thread = threading.Thread(target=hub.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield hub
    finally:
        hub.shutdown()
        thread.join()
        hub.server_close()


def connect(hub, cache, monkeypatch):
    """Make huggingface_hub, and so ganzoo, ask this hub as one who may write."""
    settings = {
        "HF_ENDPOINT": hub.endpoint,
        "HF_HUB_CACHE": str(cache),
        "HF_TOKEN": TOKEN,
        "NO_PROXY": "127.0.0.1",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("GANZOO_OFFLINE", raising=False)


class _Refusal(Exception):
    """An answer that is no: its status, its error code, its words."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        """Tests want no log."""

    def do_GET(self):
        self._answer("GET")

    def do_HEAD(self):
        self._answer("HEAD")

    def do_POST(self):
        self._answer("POST")

    def _answer(self, method):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        path = urlsplit(self.path).path
        self.server.asked.append(f"{method} {unquote(path)}")
        self.server.agents.add(self.headers["User-Agent"])
        try:
            if self.server.broken:
                raise _Refusal(self.server.broken, "", "out of order")
            for pattern, function in _ROUTES:
                if found := re.fullmatch(pattern, f"{method} {path}"):
                    given = found.groupdict().items()
                    values = {key: unquote(each) for key, each in given if each}
                    return function(self, body=body, **values)
            raise _Refusal(404, "", f"this hub knows no {method} {path}")
        except _Refusal as refusal:
            status, code, words = refusal.args
            headers = {"X-Error-Code": code, "X-Error-Message": words} if code else {}
            self._send_json({"error": words}, status, headers)

    def _send_json(self, value, status=200, headers=None):
        self._send(json.dumps(value).encode(), status, headers or {})

    def _send(self, content, status, headers):
        self.send_response(status)
        for key, value in ({"Content-Length": len(content)} | headers).items():
            self.send_header(key, str(value))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    # ------------------------------------------------------------------- who may

    @property
    def _known(self):
        return self.headers.get("Authorization") == f"Bearer {TOKEN}"

    def _repo(self, name, *, write=False):
        repo = self.server.repos.get(name)
        if repo is None or (repo.private and not self._known):
            raise _Refusal(404 if self._known else 401, "RepoNotFound", "not found")
        if repo.gated and not self._known:
            raise _Refusal(403, "GatedRepo", "you are not in the authorized list")
        if write and not self._known:
            raise _Refusal(403, "", "you may not write here")
        return repo

    def _commit_of(self, repo, revision):
        name = repo.at(revision)
        if name is None:
            raise _Refusal(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return name

    # ------------------------------------------------------------------- the routes

    def create_repo(self, body):
        asked = json.loads(body)
        name = f"{asked['organization']}/{asked['name']}"
        url = {"url": f"{self.server.endpoint}/{name}"}
        if not self._known:
            raise _Refusal(401, "", "Invalid username or password.")
        if asked["organization"] == "others":
            words = "You don't have the rights to create a model under others"
            raise _Refusal(403, "", words)
        if name in self.server.repos:
            return self._send_json(url | {"error": "you have it already"}, 409)
        # huggingface_hub 1 says it by the first of these, 2 by the second.
        private = asked.get("private") or asked.get("visibility") == "private"
        self.server.repos[name] = Repo(private=bool(private))
        self._send_json(url)

    def create_branch(self, body, repo, branch):
        there = self._repo(repo, write=True)
        if branch in there.branches:
            raise _Refusal(409, "", "the branch is there already")
        there.branches[branch] = there.branches["main"]
        self._send_json({})

    def model_info(self, body, repo, revision="main"):
        there = self._repo(repo)
        name = self._commit_of(there, revision)
        siblings = [{"rfilename": path} for path in there.commits[name]]
        about = {"id": repo, "sha": name, "private": there.private}
        self._send_json(about | {"siblings": siblings, "tags": []})

    def validate_yaml(self, body):
        head = json.loads(body)["content"].split("---\n")[1]
        found = re.search(r"^license: (.*)$", head, re.MULTILINE)
        if found and found[1] not in ("mit", "apache-2.0", "cc-by-4.0", "unknown"):
            errors = [{"message": '"license" must be one of [apache-2.0, mit, ...]'}]
            return self._send_json({"errors": errors, "warnings": []}, 400)
        self._send_json({"errors": [], "warnings": []})

    def preupload(self, body, repo, revision):
        there = self._repo(repo, write=True)
        self._commit_of(there, revision)
        answer = {"uploadMode": "regular", "shouldIgnore": False}
        asked = [each["path"] for each in json.loads(body)["files"]]
        self._send_json({"files": [{"path": path} | answer for path in asked]})

    def commit(self, body, repo, revision):
        there = self._repo(repo, write=True)
        self._commit_of(there, revision)
        lines = [json.loads(line) for line in body.splitlines()]
        header, *rest = (line["value"] for line in lines)
        assert [line["key"] for line in lines] == ["header", *["file"] * len(rest)]
        files = {each["path"]: base64.b64decode(each["content"]) for each in rest}
        name = there.commit(revision, files, header["summary"])
        url = f"{self.server.endpoint}/{repo}/commit/{name}"
        self._send_json({"success": True, "commitOid": name, "commitUrl": url})

    def resolve(self, body, repo, revision, path):
        there = self._repo(repo)
        name = self._commit_of(there, revision)
        if path not in there.commits[name]:
            raise _Refusal(404, "EntryNotFound", "Entry not found")
        content = there.commits[name][path]
        headers = {
            "ETag": f'"{hashlib.sha1(content).hexdigest()}"',
            COMMIT_HEADER: name,
            "Accept-Ranges": "bytes",
        }
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if not wanted:
            return self._send(content, 200, headers)
        start = int(wanted[1])
        span = f"bytes {start}-{len(content) - 1}/{len(content)}"
        self._send(content[start:], 206, headers | {"Content-Range": span})


_MODEL = r"/api/models/(?P<repo>[^/]+/[^/]+)"
_ROUTES = [
    (r"POST /api/repos/create", _Handler.create_repo),
    (r"POST /api/validate-yaml", _Handler.validate_yaml),
    (rf"GET {_MODEL}(/revision/(?P<revision>[^/]+))?", _Handler.model_info),
    (rf"POST {_MODEL}/branch/(?P<branch>[^/]+)", _Handler.create_branch),
    (rf"POST {_MODEL}/preupload/(?P<revision>[^/]+)", _Handler.preupload),
    (rf"POST {_MODEL}/commit/(?P<revision>[^/]+)", _Handler.commit),
    (
        r"(GET|HEAD) /(?P<repo>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<path>.+)",
        _Handler.resolve,
    ),
]
