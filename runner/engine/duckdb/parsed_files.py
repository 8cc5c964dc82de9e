"""Files that several segments read, parsed once: as tables of encrypted databases, for all instances of a process.

A table is copied whole, so a value that does not fit fails the copy, also where no segment reads its column: the table
is then read as it is, by each segment, and what is wrong is reported as ever.
"""
# ruff: noqa: S608 (names are this module's own or quoted, and so are paths)

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from runner.core.sql_quoting import literal, quoted
from runner.engine.duckdb import cancellable
from runner.engine.duckdb.file_identity import FileIdentity, require_same
from runner.engine.duckdb.os_errors import full
from runner.object_stores.interface import RemoteObject
from runner.quick_dataclass import dataclass

if TYPE_CHECKING:
    import duckdb

Seen = Mapping[str, FileIdentity | RemoteObject]
"""The files of a table, as they were when their rows were looked at."""


PARSING = quoted("parsing now")
"""What a copy is called while it is made: as the names of copies that are read, none that a source can have."""


@dataclass(frozen=True, slots=True)
class _Copy:
    """The rows of some files; `path` is None where they could not be copied."""

    seen: Seen
    number: int
    path: Path | None


class ParsedFiles:
    """The copies of one process; may be used from several threads. `folder` is for them, and is the caller's to remove.

    They are encrypted with a key that is nowhere but in this object: who finds them after a crash finds noise.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = os.urandom(16).hex()
        self._copies: dict[str, _Copy] = {}
        self._numbers = count()
        self._guard = threading.Lock()

    def attach(
        self, connection: duckdb.DuckDBPyConnection, reader: str, seen: Seen, deadline: float
    ) -> tuple[str, Path] | None:
        """Let an instance read what a reader, as SQL has it, makes of these files from a copy, made if need be.

        The table to read instead, and its file; None where they are to be read as they are. Raises SourceReplaced for
        files that changed, TimeLimitReached, StoreFault, and what DuckDB raises where the disk is full.
        """
        with self._guard:
            copy = self._copies.get(reader)
            if copy is None or copy.seen != seen:
                copy = self._renewed(connection, reader, copy, seen, deadline)
            if copy.path is None:
                return None
            name = quoted(f"parsed {copy.number}")
            # Two tables of one instance may be of the same files.
            attach = f"attach if not exists {literal(str(copy.path))} as {name} (read_only, {self._encrypted})"
            cancellable.run(connection, attach)
            return f"{name}.main.rows", copy.path

    @property
    def _encrypted(self) -> str:
        return f"type duckdb, encryption_key {literal(self._key)}"

    def _renewed(
        self, connection: duckdb.DuckDBPyConnection, reader: str, before: _Copy | None, seen: Seen, deadline: float
    ) -> _Copy:
        if before is not None and before.path is not None:
            before.path.unlink(missing_ok=True)  # an instance that has it open reads on
        number = next(self._numbers)
        path = self._folder / f"parsed-{number}.duckdb"
        copied = self._copied(connection, reader, seen, path, deadline)
        copy = self._copies[reader] = _Copy(seen, number, path if copied else None)
        return copy

    def _copied(
        self, connection: duckdb.DuckDBPyConnection, reader: str, seen: Seen, path: Path, deadline: float
    ) -> bool:
        """Whether the rows of these files are in the file now; else there is none."""
        import duckdb

        whole = False
        try:
            connection.execute(f"attach {literal(str(path))} as {PARSING} ({self._encrypted})")
            cancellable.run(
                connection, f"create table {PARSING}.main.rows as select * from {reader}", deadline=deadline
            )
            connection.execute(f"detach {PARSING}")
            require_same({file: one for file, one in seen.items() if not isinstance(one, RemoteObject)})
            whole = True
        except duckdb.Error as error:
            if full(error):
                raise
        finally:
            if not whole:
                with suppress(duckdb.Error):
                    connection.execute(f"detach {PARSING}")
                path.unlink(missing_ok=True)
                path.with_name(f"{path.name}.wal").unlink(missing_ok=True)
        return whole
