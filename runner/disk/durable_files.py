"""Files that survive: whole or not at all under their name, flushed, checked by their content, locked while in use."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from runner.disk.regular_files import NotRegular


def write_atomically(path: Path, content: str, mode: int) -> None:
    """Write a text file with these rights so that its name stands for the old content or the new one, never for half.

    The content is flushed; `flush(path.parent)` makes the name survive a power cut as well. Only a new name or that
    of a regular file is taken, never that of a link, a device or a pipe. Raises NotRegular, OSError, and then leaves
    no draft behind.
    """
    with _draft_of(path, mode) as draft:
        draft.write_text(content, encoding="utf-8")


def copy_atomically(source: Path, path: Path, mode: int) -> None:
    """Copy a file with these rights, as `write_atomically` writes one; until it is whole, its owner alone reads it."""
    with _draft_of(path, mode) as draft:
        shutil.copyfile(source, draft)


@contextmanager
def _draft_of(path: Path, mode: int) -> Iterator[Path]:
    """A file beside `path`, readable to its owner only, that takes its name once it is written."""
    handle, name = tempfile.mkstemp(prefix=".draft-", suffix=".tmp", dir=path.parent)
    os.close(handle)
    draft = Path(name)
    try:
        yield draft
        draft.chmod(mode)
        flush(draft)
        if os.path.lexists(path) and not stat.S_ISREG(path.lstat().st_mode):
            raise NotRegular(path)
        draft.replace(path)
    except BaseException:
        with suppress(OSError):
            draft.unlink()
        raise


def rights_of_a_new_file() -> int:
    """The mode that a program which asks for nothing special gives to a file."""
    mask = os.umask(0)
    os.umask(mask)
    return 0o644 & ~mask


def flush(path: Path) -> None:
    """Make a file's content, or a folder's entries, survive a power cut. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        full = getattr(fcntl, "F_FULLFSYNC", None)
        if full is not None and not path.is_dir():
            fcntl.fcntl(descriptor, full)  # what fsync does not do on macOS
        else:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def checksum(path: Path) -> str:
    """The SHA-256 of a file's content, in hex. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_abandoned(path: Path) -> bool:
    """Whether no process holds the lock of a file or folder, or it is not there. In doubt it counts as held."""
    try:
        access = os.O_RDONLY if path.is_dir() else os.O_RDWR
        descriptor = os.open(path, access | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True
