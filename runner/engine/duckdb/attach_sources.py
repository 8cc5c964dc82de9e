"""Putting the sources that a segment names within its reach, each as its kind says."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.core.project import RESERVED_SOURCE_NAMES, Source
from runner.engine.duckdb import cancellable
from runner.engine.duckdb.file_identity import FileIdentity, identity
from runner.engine.duckdb.os_errors import full
from runner.object_stores.addresses import is_object
from runner.sources.interface import CannotRead, Cause, Reachable, unreadable
from runner.sources.registry import attached_kind_of

if TYPE_CHECKING:
    import duckdb

_CAUSES = {"set lock on": Cause.LOCKED, "Permission denied": Cause.FORBIDDEN, "not utf-8 encoded": Cause.NOT_UTF8}
"""Words of DuckDB's by which a cause is recognised."""


@dataclass(frozen=True, slots=True)
class _Connection:
    """A connection that is not locked yet, for a source's kind to attach it with (`Attaching`)."""

    connection: duckdb.DuckDBPyConnection
    deadline: float
    seen: dict[str, FileIdentity]

    def run(self, sql: str, files: Collection[str] = ()) -> list[cancellable.Row]:
        from runner.engine.duckdb.compiled import duckdb

        for file in files:
            if not is_object(file):  # what is read of one is what was listed
                self.seen.setdefault(file, identity(file))
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


def attach(
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    used: Collection[str],
    deadline: float,
    seen: dict[str, FileIdentity],
) -> Reachable:
    """Make the source's tables that are used (names in lower case) readable; `seen` gets its files as they are now.

    Raises SegmentError with the place of what cannot be read, TimeLimitReached.
    """
    if source.name.lower() in RESERVED_SOURCE_NAMES:
        message = f'a source cannot be called "{source.name}"'
        raise unreadable(source, "", source.location, message, "choose another name")
    reachable: Reachable = attached_kind_of(source).attach(source, used, _Connection(connection, deadline, seen))
    return reachable
