"""What the disk and SQLite complain of, said as a StateError: which file, and what to do."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runner.core.errors import StateError

RESTORE = (
    "restore the folder from a backup, then `headcount sync --rebuild ID` for each audience; without one, move it away"
    " and take over the audiences with `headcount import`"
)
"""What to do about a database that is damaged or lost."""

_SPACE = "free some space and run again: nothing that was recorded is lost"
_RIGHTS = "give this user the right to write there, or name another folder with HEADCOUNT_STATE"
_NO_ROOM = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE)
_DISK = "check the disk and its file system; the state needs a local disk"


def damaged(path: Path, what: str) -> StateError:
    """The error for a file that is not what it should be."""
    return StateError(f"{path} is damaged: {what}", RESTORE)


def moved_away(here: object, there: str) -> StateError:
    """The error for a state that is somewhere else now."""
    return StateError(
        f"the state is no longer at {here}: it was moved to {there}",
        "set HEADCOUNT_STATE, or `state:` of the Project document, to where it is",
    )


@contextmanager
def database_faults(path: Path) -> Iterator[None]:
    """Turn what SQLite raises into StateError. Misuse of SQLite stays what it is: a programming error."""
    try:
        yield
    except (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.InterfaceError):
        raise
    except sqlite3.Error as error:
        raise _translated(error, path) from error
    except UnicodeDecodeError as error:
        raise damaged(path, "a text in it cannot be read") from error


def _translated(error: sqlite3.Error, path: Path) -> StateError:
    code = primary_code(error)
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return damaged(path, str(error))
    if code == sqlite3.SQLITE_FULL:
        return StateError(f"{path} cannot be written: {error}", _SPACE)
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH):
        return StateError(f"{path} cannot be written: {error}", _RIGHTS)
    if code == sqlite3.SQLITE_CANTOPEN:
        return StateError(f"{path} cannot be opened: {error}", _RIGHTS)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StateError(f"{path} is kept busy by another program", "close what has the file open, then run again")
    return StateError(f"{path} cannot be used: {error}", _DISK)


def unread_log(path: Path, *, full: bool) -> StateError:
    """The error for last changes that only a log holds which cannot be opened; `full` when the disk is."""
    left = f"{path} cannot be read: a run that was killed left changes in {path.name}-wal, and"
    if full:
        return StateError(f"{left} the disk is full", _SPACE)
    return StateError(
        f"{left} this user may not write there", "run any headcount command once as a user who may write there"
    )


def is_full(error: sqlite3.Error) -> bool:
    """Whether there was no room for what SQLite needs even to read: it then speaks of an I/O error."""
    return getattr(error, "sqlite_errorcode", 0) in _NO_ROOM


def primary_code(error: sqlite3.Error) -> int:
    """SQLite's primary result code; 0 when the error did not come from SQLite itself."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


@contextmanager
def file_faults(path: Path) -> Iterator[None]:
    """Turn an OSError into a StateError that names the path."""
    try:
        yield
    except OSError as error:
        raise StateError(f"{path} cannot be used: {error.strerror or error}", _advice(error)) from error


def _advice(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return _SPACE
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return _RIGHTS
    return _DISK
