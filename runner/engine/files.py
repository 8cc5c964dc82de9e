"""Parquet files of the state, written so that a crash leaves the old file, the new one, or none; never half of one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from runner.engine import watched
from runner.engine.session import literal
from runner.errors import StateError

if TYPE_CHECKING:
    import duckdb


def write_durably(connection: duckdb.DuckDBPyConnection, query: str, path: Path) -> None:
    """Write the query's rows to `path`: first under another name, flushed to disk, then renamed. Raises StateError."""
    import duckdb

    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        watched.run(connection, f"copy ({query}) to {literal(unfinished)} (format parquet, compression zstd)")
        unfinished.chmod(0o600)
        _flush(unfinished)
        unfinished.replace(path)
        _flush(path.parent)
    except (duckdb.Error, OSError) as error:
        raise StateError(
            f"{path} cannot be written: {_reason(error)}", "nothing was changed; free space, or check its rights"
        ) from None
    finally:
        unfinished.unlink(missing_ok=True)


def unreadable(path: Path) -> StateError:
    """The error for a file of the state that is missing or damaged."""
    return StateError(f"{path} cannot be read: it is missing or damaged", "restore the state from a copy")


def _reason(error: Exception) -> str:
    """The operating system's words, or a sentence of our own: DuckDB's may quote what it read."""
    if isinstance(error, OSError):
        return error.strerror or "the operating system refused"
    text = str(error)
    known = ("No space left on device", "Permission denied", "Read-only file system", "Disk quota exceeded")
    return next((reason for reason in known if reason in text), "DuckDB could not write it or read what goes into it")


def _flush(path: Path) -> None:
    """Make what was written to a file, or the names in a folder, survive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
