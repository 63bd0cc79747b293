"""Writing files so that a reader never sees half of one."""

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from ganzoo.errors import GanzooError

__all__ = ["replacing", "sha256_of", "writable_folder"]


@contextlib.contextmanager
def replacing(path: str | Path, suffix: str = "") -> Iterator[Path]:
    """Give a temporary name beside `path`; rename it to `path` if all goes well.

    The `suffix` ends the temporary name, for writers that look at it. Nothing is left
    behind by a failure, and what stood at `path` stays.

    Raises: `GanzooError` where the file cannot be written (full disk, read-only).

    Example:
        >>> with replacing("notes.txt") as temporary:
        ...     temporary.write_text("all or nothing")
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp{suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        raise GanzooError(
            f"cannot write {path}: {error.strerror or error}. What was there is "
            "untouched; free some space or choose a folder that can be written."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def writable_folder(path: str | Path) -> Path:
    """Return the folder, made if need be, after a file was written in it and removed.

    Raises: `GanzooError` where that fails.
    """
    folder = Path(path)
    probe = folder / f".writable.{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"x")
        probe.unlink()
    except OSError as error:
        raise GanzooError(
            f"cannot write in {folder}: {error.strerror or error}. Choose another "
            "folder, or free some space."
        ) from error
    return folder


def sha256_of(path: str | Path) -> str:
    """Return the sha256 of a file in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
