"""Whether `state.db` is whole: what is refused before anything is read from it."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from pathlib import Path
from sqlite3 import Connection

from runner.core.errors import StateError
from runner.state.db import checksums, schema
from runner.state.state_errors import damaged, file_faults


def log(path: Path) -> Path:
    """SQLite's write-ahead log: what was committed and is not in the database file yet."""
    return path.with_name(path.name + "-wal")


def has_content(path: Path) -> bool:
    """Whether the file is there and not empty."""
    try:
        return path.stat().st_size > 0
    except OSError:
        return False


def require_file(path: Path) -> None:
    """SQLite would take an empty file for an empty database."""
    with file_faults(path):
        if path.is_file() and path.stat().st_size == 0:
            raise damaged(path, "it is empty")


def checked_version(connection: Connection, path: Path) -> int:
    """The format version of a database that is whole and not newer than this Headcount."""
    require_file(path)
    connection.execute("BEGIN")  # one moment, whatever a run commits meanwhile
    try:
        version = schema.version_of(connection)
        if not version:
            raise damaged(path, "it has no format version")
        if version > schema.newest():
            raise StateError(
                f"{path} was written by a newer Headcount (format {version}; this one reads up to {schema.newest()})",
                "update headcount here",
            )
        _require_pages(connection, path)
        if version >= schema.WITH_CHECKSUMS:
            checksums.compare(connection)
    except checksums.Mismatch as error:
        raise damaged(path, str(error)) from error
    finally:
        give_up(connection)
    return version


def _require_pages(connection: Connection, path: Path) -> None:
    """Raise StateError for a database whose pages do not fit together."""
    found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise damaged(path, found)
    (page_size,) = connection.execute("PRAGMA page_size").fetchone()
    # quick_check takes half a page for a whole one; where a log has content, the log may hold the other half.
    if path.stat().st_size % page_size and not has_content(log(path)):
        raise damaged(path, "its last page is not whole")


def give_up(connection: Connection) -> None:
    """End a transaction that was not committed. A failure here would only hide the one that led to it."""
    if connection.in_transaction:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
