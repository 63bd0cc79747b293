"""The Hugging Face Hub, by `hf://org/repo[@revision][/folder/inside]`.

Cache, locks, tokens and transfers are those of huggingface_hub; what is here is how an
address is written, and what its errors mean for whoever wanted a model.
"""

import contextlib
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ganzoo import paths
from ganzoo.errors import GanzooError

__all__ = ["Address", "check_ready", "download", "parse", "upload"]

_HUB = "https://huggingface.co"
_NAME = r"\w([\w.-]{0,94}\w)?"  # of an organisation, or of its repository
_PART = r"\w[\w.+=-]{0,199}"  # of a folder's path, or a revision
_ADDRESS = re.compile(
    rf"hf://(?P<repo>{_NAME}/{_NAME})(@(?P<revision>refs/pr/\d{{1,9}}|{_PART}))?"
    rf"(?P<folder>(/{_PART}){{0,20}})/?",
    re.ASCII,
)
_COMMIT = re.compile(r"[0-9a-f]{40}")
# In place of huggingface_hub's own line, which lists what else is installed.
_HEADERS = {"user-agent": "ganzoo"}

# By the names of their classes, which stay while the modules they lie in change: what
# an error of huggingface_hub says, and what to do.
_MEANINGS = {
    "GatedRepoError": (
        "its authors choose who may have it",
        "Ask them at {page}, then log in by `hf auth login`, or set HF_TOKEN",
    ),
    "RepositoryNotFoundError": (
        "there is no such repository, or it is private",
        "Check the name at {page}; for a private one log in by `hf auth login`, or "
        "set HF_TOKEN",
    ),
    "RevisionNotFoundError": (
        "the repository has no revision {revision!r}",
        "Name a branch, a tag or a commit of {page}/commits, or leave it out",
    ),
    "EntryNotFoundError": (
        "the repository has no such file there",
        "If its models lie in folders, name one: hf://{repo}/FOLDER. Its files are at "
        "{page}/tree/{revision}",
    ),
    "OfflineModeIsEnabled": (
        "it is not in the cache, and HF_HUB_OFFLINE forbids to ask for it",
        "Unset HF_HUB_OFFLINE",
    ),
    "TransportError": (
        "{endpoint} could not be reached",
        "Check the connection, and HF_ENDPOINT if you set it; then try again",
    ),
    "FileMetadataError": (
        "what {endpoint} answered is not the Hugging Face Hub's",
        "Check HF_ENDPOINT, and the proxy if there is one",
    ),
}


@dataclass(frozen=True)
class Address:
    """A model's place on the Hub.

    Args:
        repo: "org/name".
        revision: a branch, a tag or a commit; None is the main branch.
        folder: where in the repository the model lies, "" for its top.
    """

    repo: str
    revision: str | None = None
    folder: str = ""

    def __str__(self):
        revision = f"@{self.revision}" if self.revision else ""
        return _joined("hf:/", self.repo + revision, self.folder)

    def file(self, name: str) -> str:
        """Return the path of one of the model's files in the repository."""
        return _joined(self.folder, name)

    @property
    def page(self) -> str:
        """The web page of what the address names."""
        page = _joined(_endpoint(), self.repo)
        if not self.revision and not self.folder:
            return page
        return _joined(page, "tree", self.revision or "main", self.folder)


def _joined(*parts):
    return "/".join(filter(None, parts))


def parse(text: str) -> Address:
    """Return the address that is written as `hf://org/repo[@revision][/folder]`.

    Raises: `GanzooError` for anything else, such as a path that leads out of it.

    Example:
        >>> parse("hf://me/my-gan@v2/faces")
        Address(repo='me/my-gan', revision='v2', folder='faces')
    """
    found = _ADDRESS.fullmatch(text)
    if found is None or ".." in text or "--" in found["repo"]:
        raise GanzooError(
            "an address on the Hugging Face Hub is hf://org/repo[@revision][/folder], "
            "each part of letters, digits and . _ - and none with '..'; received "
            f"{text!r}."
        )
    return Address(found["repo"], found["revision"], found["folder"].strip("/"))


def check_ready() -> None:
    """Make sure that the Hub can be asked, before work goes into what is for it.

    Raises: `GanzooError` without huggingface_hub, and offline.
    """
    _library()
    if paths.offline():
        raise GanzooError(
            "nothing can be pushed to the Hugging Face Hub while GANZOO_OFFLINE is "
            "set. Unset it, or push to a folder."
        )


def download(address: Address, filename: str) -> Path:
    """Return a file of the model, downloaded unless huggingface_hub's cache has it.

    `GANZOO_OFFLINE` leaves the cache alone to be asked, `HF_ENDPOINT` names another
    Hub, `HF_TOKEN` or `hf auth login` opens what is private.

    Raises: `GanzooError` where the file cannot be had.

    Example:
        >>> download(parse("hf://me/my-gan"), "config.json")
    """
    library = _library()
    with _explained(address, f"{filename} could not be had"), _quiet():
        path = library.hf_hub_download(
            address.repo,
            address.file(filename),
            revision=address.revision,
            endpoint=_endpoint(),
            cache_dir=os.environ.get("HF_HUB_CACHE") or None,
            local_files_only=paths.offline(),
            headers=_HEADERS,
        )
    return Path(path)


def upload(
    folder: str | Path,
    address: Address,
    *,
    message: str,
    private: bool = False,
    token: str | None = None,
) -> str:
    """Push the files of a folder as one commit; return the address of their web page.

    A repository, and a branch, that are not there are made. Without `private` a new
    repository is as its organisation's new ones are.

    Args:
        folder: whose files are pushed; folders in it are not.
        message: of the commit.
        private: whether nobody else may see it.
        token: of the Hub; else that of `HF_TOKEN` or `hf auth login`.

    Raises: `GanzooError` for what the Hub refuses, for `private` where the repository
    is public already, and for a commit as the revision.

    Example:
        >>> upload("my_gan", parse("hf://me/my-gan"), message="50 kimg")
        'https://huggingface.co/me/my-gan'
    """
    check_ready()
    _refuse_commit(address)
    library = _library()
    client = library.HfApi(endpoint=_endpoint(), token=token, headers=_HEADERS)
    with _explained(address, "it could not be pushed"), _quiet():
        _prepare(client, address, private)
        # Not `upload_folder`: that may split a folder into several commits, and a
        # reader between two of them would get the config of other weights.
        client.create_commit(
            address.repo,
            [
                library.CommitOperationAdd(address.file(path.name), path)
                for path in sorted(Path(folder).iterdir())
                if path.is_file()
            ],
            commit_message=message,
            revision=address.revision,
        )
    return address.page


def _refuse_commit(address):
    if address.revision and _COMMIT.fullmatch(address.revision):
        raise GanzooError(
            f"{address} names a commit, and what is committed stays as it is. Push to "
            "a branch."
        )


def _prepare(client, address, private):
    """Make the repository and the branch, unless they are there."""
    client.create_repo(address.repo, private=private or None, exist_ok=True)
    if private and not client.model_info(address.repo).private:
        raise GanzooError(
            f"{address.repo} is there already, and public: nothing was pushed. Make it "
            f"private at {_endpoint()}/{address.repo}/settings, or leave out private."
        )
    branch = address.revision
    if branch and not branch.startswith("refs/"):
        client.create_branch(address.repo, branch=branch, exist_ok=True)


# -------------------------------------------------------------------- huggingface_hub


def _library():
    try:
        import huggingface_hub
    except ModuleNotFoundError as error:
        raise GanzooError(
            "addresses that begin with hf:// need huggingface_hub, which is not "
            'installed: pip install "ganzoo[hub]".'
        ) from error
    return huggingface_hub


def _endpoint():
    return (os.environ.get("HF_ENDPOINT") or _HUB).rstrip("/")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """No bars where nobody looks: huggingface_hub draws some of them into files too."""
    from huggingface_hub import constants, utils

    decided = constants.HF_HUB_DISABLE_PROGRESS_BARS is not None
    if decided or utils.are_progress_bars_disabled() or sys.stderr.isatty():
        yield
        return
    utils.disable_progress_bars()
    try:
        yield
    finally:
        utils.enable_progress_bars()


@contextlib.contextmanager
def _explained(address, failure) -> Iterator[None]:
    """Turn what goes wrong into an error with the address, the cause and a way out."""
    try:
        yield
    except GanzooError:
        raise
    # The errors of the HTTP client below huggingface_hub, and of its transfers, have no
    # base in common but this one.
    except Exception as error:
        cause, advice = _meaning(error, address)
        raise GanzooError(f"{address}: {failure}: {cause}. {advice}.") from error


def _meaning(error, address):
    """The cause that an error names, and what to do."""
    names = [each.__name__ for each in type(error).__mro__]
    if "LocalEntryNotFoundError" in names:
        if error.__cause__ is not None:
            return _meaning(error.__cause__, address)
        return _not_in_cache(address)
    for name in names:
        if name in _MEANINGS:
            return tuple(_filled(each, address) for each in _MEANINGS[name])
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status is not None:
        return _status_meaning(error, status, address)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror, "Free some space, or set HF_HOME to another folder"
    return f"{type(error).__name__}: {_one_line(error)}", "Mend that, then try again"


def _filled(text, address):
    return text.format(
        repo=address.repo,
        revision=address.revision or "main",
        page=f"{_endpoint()}/{address.repo}",
        endpoint=_endpoint(),
    )


def _not_in_cache(address):
    revision = f" --revision {address.revision}" if address.revision else ""
    return (
        "it is not in the cache, and GANZOO_OFFLINE forbids to ask for it",
        "Unset GANZOO_OFFLINE once, or copy the cache of a machine that did "
        f"`hf download {address.repo}{revision}` and set HF_HOME to it",
    )


def _status_meaning(error, status, address):
    said = _one_line(getattr(error, "server_message", None) or "")
    cause = f"{_endpoint()} answered {status}" + (f" ({said})" if said else "")
    if status in (401, 403):
        return cause, "Log in by `hf auth login`, or set HF_TOKEN to one that may"
    if status == 429 or status >= 500:
        return cause, "Try again later"
    return cause, f"Look at {_endpoint()}/{address.repo}"


def _one_line(text, longest=300):
    return " ".join(str(text).split())[:longest].rstrip(".")
