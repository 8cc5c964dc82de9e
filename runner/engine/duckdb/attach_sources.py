"""Putting the sources that a segment names within its reach, each as its kind says."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from runner.core.project import RESERVED_SOURCE_NAMES, Source, TableName
from runner.core.sql_quoting import folded
from runner.engine.duckdb import cancellable
from runner.engine.duckdb.file_identity import FileIdentity, identity
from runner.engine.duckdb.os_errors import full
from runner.engine.duckdb.parsed_files import ParsedFiles
from runner.object_stores.addresses import is_object
from runner.object_stores.reach import objects
from runner.quick_dataclass import dataclass, field
from runner.sources.attached_kinds import attached_kind_of
from runner.sources.interface import CannotRead, Cause, Reachable, unreadable

if TYPE_CHECKING:
    import duckdb

_CAUSES = {"set lock on": Cause.LOCKED, "Permission denied": Cause.FORBIDDEN, "not utf-8 encoded": Cause.NOT_UTF8}
"""Words of DuckDB's by which a cause is recognised."""


@dataclass(frozen=True, slots=True)
class SharedTables:
    """How many segments read tables, by source and name in lower case, and what reads their files once for all."""

    readers: Mapping[TableName, int]
    parsed: ParsedFiles


@dataclass(frozen=True, slots=True)
class Attachment:
    """What came of attaching: the files as they were then, and further files that the instance reads."""

    seen: dict[str, FileIdentity] = field(default_factory=dict)
    copies: list[Path] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Connection:
    """A connection that is not locked yet, for a source's kind to attach it with (`Attaching`)."""

    connection: duckdb.DuckDBPyConnection
    deadline: float
    found: Attachment
    shared: SharedTables | None

    def run(self, sql: str, files: Collection[str] = ()) -> list[cancellable.Row]:
        from runner.engine.duckdb.compiled import duckdb

        self._look_at(files)
        try:
            return cancellable.run(self.connection, sql, deadline=self.deadline)
        except duckdb.Error as error:
            if not files or full(error):
                raise
            text = str(error)
            cause = next((cause for words, cause in _CAUSES.items() if words in text), Cause.UNKNOWN)
            if isinstance(error, duckdb.PermissionException):
                cause = Cause.FORBIDDEN
            raise CannotRead(cause, next((file for file in files if file in text), "")) from None

    def readers(self, source: str, table: str) -> int:
        return 1 if self.shared is None else self.shared.readers.get((folded(source), folded(table)), 1)

    def parsed(self, reader: str, files: Collection[str]) -> str | None:
        if self.shared is None:
            return None
        self._look_at(files)
        seen = {file: objects().known(file) if is_object(file) else self.found.seen[file] for file in files}
        copy = self.shared.parsed.attach(self.connection, reader, seen, self.deadline)
        if copy is None:
            return None
        self.found.copies.append(copy[1])
        return copy[0]

    def _look_at(self, files: Collection[str]) -> None:
        for file in files:
            if not is_object(file):  # what is read of one is what was listed
                self.found.seen.setdefault(file, identity(file))


def attach(
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    used: Collection[str],
    deadline: float,
    found: Attachment,
    shared: SharedTables | None = None,
) -> Reachable:
    """Make the source's tables that are used (names in lower case) readable; `found` gets what comes of it.

    Raises SegmentError with the place of what cannot be read, TimeLimitReached.
    """
    if source.name.lower() in RESERVED_SOURCE_NAMES:
        message = f'a source cannot be called "{source.name}"'
        raise unreadable(source, "", source.location, message, "choose another name")
    reachable: Reachable = attached_kind_of(source).attach(
        source, used, _Connection(connection, deadline, found, shared)
    )
    return reachable
