"""Putting declared sources within reach of segment SQL: files as views, DuckDB files attached read-only."""
# ruff: noqa: S608 (names and paths are quoted; they come from the project's files)

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING

from runner.core.errors import SegmentError
from runner.core.findings import Finding, Location
from runner.core.project import RESERVED_SOURCE_NAMES, Source
from runner.engine.duckdb import cancellable
from runner.engine.duckdb.os_errors import full
from runner.engine.duckdb.session import literal, paths, quoted

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True)
class Reachable:
    """One attached source: the names of its tables in SQL, and the files that must stay readable."""

    name: str
    tables: tuple[str, ...]
    files: tuple[str, ...]


def attach(connection: duckdb.DuckDBPyConnection, source: Source, used: frozenset[str], deadline: float) -> Reachable:
    """Make the source's tables that are used (names in lower case) readable.

    Raises SegmentError with the place of what cannot be read, TimeLimitReached.
    """
    if source.name.lower() in RESERVED_SOURCE_NAMES:
        raise _unreadable(source, "", f'a source cannot be called "{source.name}"', "choose another name")
    if source.type == "duckdb":
        return _attach_database(connection, source)
    return _attach_files(connection, source, used, deadline)


def _attach_database(connection: duckdb.DuckDBPyConnection, source: Source) -> Reachable:
    import duckdb

    path = source.path or ""
    if not Path(path).is_file():
        raise _unreadable(
            source, "", f"there is no file {_told(path)}", "paths are relative to the file that declares them"
        )
    try:
        connection.execute(f"attach {literal(path)} as {quoted(source.name)} (type duckdb, read_only)")
        rows = connection.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = $1 and not internal union all "
            "select schema_name, view_name from duckdb_views() where database_name = $1 and not internal",
            [source.name],
        ).fetchall()
    except duckdb.Error as error:
        locked = "lock" in str(error)
        hint = "another process has it open for writing" if locked else "it is damaged, or written by a newer DuckDB"
        raise _unreadable(source, "", f"{_told(path)} cannot be opened as a DuckDB file", hint) from None
    tables = tuple(sorted(table if schema == "main" else f"{schema}.{table}" for schema, table in rows))
    return Reachable(source.name, tables, (path, f"{path}.wal"))


def _attach_files(
    connection: duckdb.DuckDBPyConnection, source: Source, used: frozenset[str], deadline: float
) -> Reachable:
    connection.execute(f"create schema {quoted(source.name)}")
    readable: list[str] = []
    for table, patterns in source.tables.items():
        if table.lower() in used:
            files = _expand(source, table, patterns)
            _create_view(connection, source, table, files, deadline)
            readable += files
    return Reachable(source.name, tuple(source.tables), tuple(readable))


def _expand(source: Source, table: str, patterns: tuple[str, ...]) -> tuple[str, ...]:
    """The files that the patterns mean, each once, in the order of the patterns."""
    found: dict[str, None] = {}
    for pattern in patterns:
        here = [pattern]
        if not Path(pattern).is_file():
            matches = glob(pattern, recursive=True)  # noqa: PTH207 (patterns are absolute)
            here = sorted(match for match in matches if Path(match).is_file())
        if not here:
            missing = "no file matches" if any(mark in pattern for mark in "*?[") else "there is no file"
            hint = "paths are relative to the file that declares them"
            raise _unreadable(source, table, f"{missing} {_told(pattern)}", hint)
        found.update(dict.fromkeys(here))
    return tuple(found)


def _create_view(
    connection: duckdb.DuckDBPyConnection, source: Source, table: str, files: tuple[str, ...], deadline: float
) -> None:
    import duckdb

    formats = {_format(file) for file in files}
    unknown = next((file for file in files if _format(file) is None), None)
    if unknown is not None:
        hint = "known: .parquet, .csv, .tsv, .json, .jsonl, .ndjson, with .gz or .zst for the text formats"
        raise _unreadable(source, table, f"the format of {_told(unknown)} is not known by its name", hint)
    if len(formats) > 1:
        hint = "declare one table per format"
        raise _unreadable(source, table, f'the files of table "{table}" are of several formats', hint)
    reader = f"read_{formats.pop()}({paths(files)}, union_by_name = true)"
    try:
        view = f"create view {quoted(source.name)}.{quoted(table)} as select * from {reader}"
        cancellable.run(connection, view, deadline=deadline)
    except duckdb.Error as error:
        if full(error):
            raise
        at_fault = next((file for file in files if file in str(error)), files[0])
        if isinstance(error, duckdb.PermissionException) or "Permission denied" in str(error):
            hint = "this user may not read it"
        elif "not utf-8 encoded" in str(error):
            hint = "it is not UTF-8: save it as UTF-8"
        else:
            hint = "it is damaged, empty or in another format than its name says"
        raise _unreadable(source, table, f"{_told(at_fault)} cannot be read as {_format(at_fault)}", hint) from None


def is_csv(file: str) -> bool:
    """Whether a file is read as CSV, by its name."""
    return _format(file) == "csv"


def _format(file: str) -> str | None:
    match = re.search(r"\.(parquet|pq|csv|tsv|json|jsonl|ndjson)(?:\.(?:gz|zst))?$", file, re.IGNORECASE)
    return _FORMATS[match[1].lower()] if match else None


def _told(path: str) -> str:
    """The path as a person would write it: from the current folder, if it is below."""
    return os.path.relpath(path) if Path(path).is_relative_to(Path.cwd()) else path


def _unreadable(source: Source, table: str, what: str, hint: str) -> SegmentError:
    location: Location = source.table_locations.get(table, source.location)
    name = f"{source.name}.{table}" if table else source.name
    message = f"source {name}: {what}"
    return SegmentError(message, hint, Finding(location, "source-unreadable", message, hint))


_FORMATS = {"parquet": "parquet", "pq": "parquet", "csv": "csv", "tsv": "csv"} | dict.fromkeys(
    ("json", "jsonl", "ndjson"), "json"
)
