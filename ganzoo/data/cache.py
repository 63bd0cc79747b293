"""Decoded data sets on disk: found again by key, written once, listed and cleared."""

import dataclasses
import fnmatch
import hashlib
import json
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from filelock import FileLock, Timeout

from ganzoo import paths
from ganzoo.data import storage
from ganzoo.data.content import Content
from ganzoo.errors import GanzooError

__all__ = ["Entry", "clear", "entries", "fetch", "find", "root"]

_BUILDING = ".building"
_DAMAGED = (OSError, ValueError, KeyError, TypeError, AttributeError)


@dataclasses.dataclass(frozen=True)
class Entry:
    """A decoded split on disk; not `complete` when its decoding was cut short."""

    name: str
    folder: Path
    bytes: int
    complete: bool


def root() -> Path:
    """Return the folder of all decoded data, `paths.home() / "data"`."""
    return paths.home() / "data"


def fetch(key: Mapping[str, object], plan: Callable[[], storage.Plan]) -> Content:
    """Return the decoded split of `key`, decoding it by `plan()` where it is missing.

    It is decoded into a folder beside the final one, which is then renamed, under a
    lock: parallel processes decode once, and a killed one leaves nothing that is taken
    for whole. A damaged entry is decoded again.

    Raises:
        GanzooError: the source is at fault, or the cache folder cannot be written.
    """
    folder = root() / _folder_name(key)
    content = _read(folder)
    if content is not None:
        return content
    try:
        return _build(folder, key, plan)
    except OSError as error:
        raise GanzooError(
            f"the decoded data cannot be kept in {folder}: {error}. A folder with room "
            "that can be written to is needed: set GANZOO_HOME to one, or make room "
            "with `ganzoo cache`."
        ) from error


def find(wanted: Mapping[str, object], version: str = "*") -> dict[str, object] | None:
    """Return the key of a whole entry that is `wanted` but for its version.

    The newest version that fits the glob `version` is taken; None where there is none.
    """
    keys = [storage.read_key(each.folder) for each in entries() if each.complete]
    fitting = [
        key
        for key in keys
        if {**wanted, "version": None} == {**key, "version": None}
        and fnmatch.fnmatch(str(key.get("version")), version)
    ]
    return max(fitting, key=lambda key: _numbers(key["version"]), default=None)


def entries() -> list[Entry]:
    """Return what is in the cache, by name, with its size in bytes.

    Example:
        >>> [entry.name for entry in entries()]  # doctest: +SKIP
        ['mnist-3.0.1-train-1f0a2c3b4d5e']
    """
    found = [_entry(folder) for folder in _folders()]
    return sorted(found, key=lambda entry: entry.name)


def clear(pattern: str = "*") -> list[Entry]:
    """Remove the entries whose names match the glob `pattern`, and return them.

    Leftovers of decodings that were cut short go too; one under way is left alone.

    Raises:
        GanzooError: an entry cannot be removed.
    """
    return [
        entry
        for entry in entries()
        if fnmatch.fnmatch(entry.name, pattern) and _remove(entry)
    ]


def _read(folder: Path) -> Content | None:
    try:
        return storage.read(folder)
    except _DAMAGED:
        return None


def _build(folder: Path, key: Mapping[str, object], plan: Callable) -> Content:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _locked(folder):
        content = _read(folder)
        if content is not None:
            return content
        building = _building(folder)
        # Under the lock, whatever is there was left by a process that died.
        _discard(building)
        try:
            storage.write(plan(), building, key)
            _discard(folder)
            building.rename(folder)
        finally:
            _discard(building)
        return storage.read(folder)


def _lock(folder: Path, timeout: float) -> FileLock:
    return FileLock(folder.with_name(f".{folder.name}.lock"), timeout=timeout)


def _locked(folder: Path) -> FileLock:
    """Return the lock of an entry, saying so where another process holds it."""
    try:
        with _lock(folder, timeout=0.5):
            pass
    except Timeout:
        print(
            f"waiting for another process that decodes {folder.name}", file=sys.stderr
        )
    return _lock(folder, timeout=-1)


def _building(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}{_BUILDING}")


def _discard(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)


def _folder_name(key: Mapping[str, object]) -> str:
    """Return a readable name with a hash that tells all keys apart."""
    digest = hashlib.sha256(json.dumps(dict(key), sort_keys=True).encode()).hexdigest()
    parts = [
        str(key.get(name) or "") for name in ("name", "config", "version", "split")
    ]
    parts += [f"{key['image_size']}px" if key.get("image_size") else ""]
    parts += [f"{key['channels']}ch" if key.get("channels") else ""]
    words = (re.sub(r"[^\w.]+", "_", part).strip("_.")[:40] for part in parts)
    return "-".join([*filter(None, words), digest[:12]])


def _folders() -> Iterator[Path]:
    if root().is_dir():
        yield from (each for each in root().iterdir() if each.is_dir())


def _entry(folder: Path) -> Entry:
    name = folder.name.removeprefix(".").removesuffix(_BUILDING)
    complete = not folder.name.startswith(".") and _read(folder) is not None
    return Entry(name, folder, sum(map(_bytes, folder.rglob("*"))), complete)


def _bytes(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:
        return 0  # another process has just finished or removed it


def _remove(entry: Entry) -> bool:
    try:
        with _lock(root() / entry.name, timeout=0):
            _discard(entry.folder)
    except Timeout:
        return False
    except OSError as error:
        raise GanzooError(
            f"the cache entry {entry.folder} cannot be removed: {error}. "
            "Remove the folder by hand."
        ) from error
    return True


def _numbers(version: object) -> list[int]:
    return [int(each) for each in re.findall(r"\d+", str(version))]
