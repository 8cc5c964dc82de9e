"""Sources of type `duckdb`: a DuckDB database file, attached read-only under the source's name."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from runner.core.findings import Location
from runner.core.project import Source
from runner.core.sql_quoting import literal, quoted
from runner.sources.interface import Attaching, CannotRead, Cause, Declaration, Missing, Reachable, unreadable
from runner.sources.local_paths import RELATIVE, absolute, shown

_TABLES = """
    select schema_name, table_name from duckdb_tables() where database_name = {name} and not internal
    union all select schema_name, view_name from duckdb_views() where database_name = {name} and not internal
"""


@dataclass(frozen=True, slots=True)
class DuckDBFileSource(Source):
    """`path`: the absolute path of the file; `path_place`: where it is declared."""

    path: str
    path_place: Location


class DuckDBFileKind:
    """All of the database's tables and views are the source's; those outside the schema main as `schema.table`."""

    type: ClassVar = "duckdb"

    def declare(self, written: Declaration) -> DuckDBFileSource:
        path = absolute(written.value("path") or "", written, "path")
        return DuckDBFileSource(written.name, self.type, written.location, path, written.place("path"))

    def missing(self, source: DuckDBFileSource) -> Iterator[Missing]:
        if not Path(source.path).is_file():
            yield Missing("", source.path_place, f"there is no file {shown(source.path)}", RELATIVE)

    def identity(self, source: DuckDBFileSource, folder: Path) -> tuple[object, ...]:
        return (source.name, source.type, (), os.path.relpath(source.path, folder))

    def tables(self, source: DuckDBFileSource) -> tuple[str, ...]:
        return ()

    def attach(self, source: DuckDBFileSource, used: Collection[str], connection: Attaching) -> Reachable:
        """The database, whole."""
        for missing in self.missing(source):
            raise unreadable(source, "", missing.location, missing.what, missing.hint)
        attach = f"attach {literal(source.path)} as {quoted(source.name)} (type duckdb, read_only)"
        try:
            connection.run(attach, (source.path,))
            rows = connection.run(_TABLES.format(name=literal(source.name)), (source.path,))
        except CannotRead as error:
            hint = "it is damaged, or written by a newer DuckDB"
            if error.cause is Cause.LOCKED:
                hint = "another process has it open for writing"
            what = f"{shown(source.path)} cannot be opened as a DuckDB file"
            raise unreadable(source, "", source.path_place, what, hint) from None
        tables = tuple(sorted(table if schema == "main" else f"{schema}.{table}" for schema, table in rows))
        return Reachable(source.name, tables, (source.path, f"{source.path}.wal"), schemas=True)
