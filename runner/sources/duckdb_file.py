"""Sources of type `duckdb`: a DuckDB database file, attached read-only under the source's name."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import ClassVar

from runner.core.findings import Location
from runner.core.project import Source
from runner.core.sql_quoting import literal, quoted
from runner.quick_dataclass import dataclass
from runner.sources.interface import (
    Attaching,
    CannotRead,
    Cause,
    Declaration,
    Missing,
    Reachable,
    StoredCode,
    unreadable,
)
from runner.sources.local_paths import INSIDE, RELATIVE, absolute, anchor, fault, file_at, shown

_CONTENT = """
    select 'table', schema_name, table_name, (
        select 'select ' || string_agg('(' || generation_expression || ')', ', ') from duckdb_columns() as c
        where c.database_name = {name} and c.table_oid = t.table_oid and c.is_generated
    ) from duckdb_tables() as t where database_name = {name} and not internal
    union all
    select 'view', schema_name, view_name, sql from duckdb_views() where database_name = {name} and not internal
    union all
    select 'macro', schema_name, function_name, '' from duckdb_functions() where database_name = {name} and not internal
"""
"""What is in the database: of which sort, its schema and name, and the SQL that runs when it is read."""

_NAME = r'(?:"(?:[^"]|"")*"|[^\s".(),]+)'
_VIEW = rf"CREATE VIEW (?:{_NAME}\.)?{_NAME}(?: \({_NAME}(?:, {_NAME})*\))? AS (.*?);?\s*"
"""A view as DuckDB writes it out: of what it holds, not of the text that it was made from."""


@dataclass(frozen=True, slots=True)
class DuckDBFileSource(Source):
    """`path`: the absolute path of the file; `path_place`: where it is declared; `anchor`: see `local_paths.anchor`."""

    path: str
    path_place: Location
    anchor: str = "/"


class DuckDBFileKind:
    """All of the database's tables and views are the source's; those outside the schema main as `schema.table`, so that
    names that hold a dot are left out: they would be two in one.

    The author of the file may have put SQL into it, which runs when it is read: it is handed out to be judged.
    Attaching it and looking at what is in it run none of that, and open no file but this one and its log of changes.
    """

    type: ClassVar = "duckdb"

    def declare(self, written: Declaration) -> DuckDBFileSource:
        declared = written.value("path") or ""
        path = absolute(declared, written, "path")
        at = anchor(declared, written)
        return DuckDBFileSource(written.name, self.type, written.location, path, written.place("path"), at)

    def missing(self, source: DuckDBFileSource) -> Iterator[Missing]:
        if not Path(source.path).is_file():
            yield Missing("", source.path_place, f"there is no file {shown(source.path)}", RELATIVE)
            return
        try:
            _require_allowed(source)
        except OSError as error:
            yield Missing("", source.path_place, fault(error), INSIDE, "path-not-allowed")

    def identity(self, source: DuckDBFileSource, folder: Path) -> tuple[object, ...]:
        return (source.name, source.type, (), os.path.relpath(source.path, folder))

    def only(self, source: DuckDBFileSource, tables: Collection[str]) -> DuckDBFileSource:
        return source

    def tables(self, source: DuckDBFileSource) -> tuple[str, ...]:
        return ()

    def files(self, source: DuckDBFileSource, used: Collection[str]) -> tuple[str, ...]:
        path = str(file_at(source.path, source.anchor))
        return path, f"{path}.wal"

    def attach(self, source: DuckDBFileSource, used: Collection[str], connection: Attaching) -> Reachable:
        """The database, whole."""
        for missing in self.missing(source):
            raise unreadable(source, "", missing.location, missing.what, missing.hint)
        files = path, _ = self.files(source, used)
        attach = f"attach {literal(path)} as {quoted(source.name)} (type duckdb, read_only)"
        try:
            connection.run(attach, (path,))
            content = connection.run(_CONTENT.format(name=literal(source.name)), (path,))
        except CannotRead as error:
            hint = "write it again with this version of DuckDB: it is damaged, or of a newer one"
            if error.cause is Cause.LOCKED:
                hint = "close it in the process that has it open for writing, then run again"
            what = f"{shown(source.path)} cannot be opened as a DuckDB file"
            raise unreadable(source, "", source.path_place, what, hint) from None
        macros = frozenset(name for sort, _, name, _ in content if sort == "macro")
        tables: dict[str, str | None] = {}
        for sort, schema, name, sql in content:
            if sort != "macro" and "." not in f"{schema}{name}":
                tables[name if schema == "main" else f"{schema}.{name}"] = _select(sql) if sort == "view" else sql
        code = {table: sql for table, sql in tables.items() if sql is not None}
        return Reachable(source.name, tuple(sorted(tables)), files, StoredCode(code, macros))


def _select(view: str) -> str:
    """The SELECT of a view; empty where it cannot be distinguished from what is before it."""
    found = re.fullmatch(_VIEW, view, re.DOTALL)
    return found[1] if found else ""


def _require_allowed(source: DuckDBFileSource) -> None:
    """Raise OSError where the file, or the log of changes that DuckDB reads with it, may not be read."""
    path = file_at(source.path, source.anchor)
    log = path.with_name(f"{path.name}.wal")
    if os.path.lexists(log):
        file_at(str(log))
