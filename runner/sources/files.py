"""Sources of type `files`: each table is a view over Parquet, CSV or JSON files."""
# ruff: noqa: S608 (names and paths are quoted; they come from the project's files)

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

from runner.core.errors import SegmentError
from runner.core.findings import Location
from runner.core.project import Source
from runner.core.sql_quoting import paths, quoted
from runner.core.suggest import quoted_word
from runner.sources.data_faults import faulty, format_of, whole_fault
from runner.sources.interface import (
    Attaching,
    CannotRead,
    Cause,
    Declaration,
    Missing,
    NamesFrom,
    Reachable,
    unreadable,
)
from runner.sources.local_paths import INSIDE, RELATIVE, absolute, anchor, fault, matching, nothing_at, shown

_HINTS = {Cause.FORBIDDEN: "this user may not read it", Cause.NOT_UTF8: "it is not UTF-8: save it as UTF-8"}


@dataclass(frozen=True, slots=True)
class FilesSource(Source):
    """`tables`: table name -> absolute paths or glob patterns; `table_places`: where each is declared.

    `anchors`: pattern -> the folder that links may not lead it out of, where there is one.
    """

    tables: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    table_places: Mapping[str, Location] = field(default_factory=dict)
    anchors: Mapping[str, str] = field(default_factory=dict)

    def place(self, table: str) -> Location:
        """Where the table is declared."""
        return self.table_places.get(table, self.location)

    def files(self, pattern: str) -> tuple[str, ...]:
        """The files that one of the patterns means. Raises OSError for what may not or cannot be read."""
        return matching(pattern, self.anchors.get(pattern, "/"))


class FilesKind:
    """A table is a name with a path, a glob or a list of them. Files of one table are of one format, by their names."""

    type: ClassVar = "files"

    def declare(self, written: Declaration) -> FilesSource:
        tables: dict[str, tuple[str, ...]] = {}
        first: dict[str, str] = {}
        anchors: dict[str, str] = {}
        for table, given in (written.value("tables") or {}).items():
            earlier = first.setdefault(table.lower(), table)
            if earlier != table:
                message = f"{quoted_word(table)} and {quoted_word(earlier)} are one name in SQL; rename one of them"
                written.refuse("duplicate-name", message, "tables", table, at_key=True)
            at = ("tables", table)
            paths = {at: given} if isinstance(given, str) else {(*at, row): path for row, path in enumerate(given)}
            tables[table] = tuple(absolute(path, written, *steps, is_glob=True) for steps, path in paths.items())
            anchors.update(zip(tables[table], (anchor(path, written) for path in paths.values()), strict=True))
        places = {table: written.place("tables", table, at_key=True) for table in tables}
        return FilesSource(written.name, self.type, written.location, tables, places, anchors)

    def missing(self, source: FilesSource) -> Iterator[Missing]:
        for table, pattern in ((table, one) for table, patterns in source.tables.items() for one in patterns):
            place = source.place(table)
            try:
                if not source.files(pattern):
                    yield Missing(table, place, nothing_at(pattern), RELATIVE)
            except OSError as error:
                yield Missing(table, place, fault(error), INSIDE, "path-not-allowed")

    def identity(self, source: FilesSource, folder: Path) -> tuple[object, ...]:
        tables = tuple(
            (table, tuple(os.path.relpath(pattern, folder) for pattern in patterns))
            for table, patterns in sorted(source.tables.items())
        )
        return (source.name, source.type, tables, "")

    def only(self, source: FilesSource, tables: Collection[str]) -> FilesSource:
        return replace(source, tables={table: paths for table, paths in source.tables.items() if table in tables})

    def tables(self, source: FilesSource) -> tuple[str, ...]:
        return tuple(source.tables)

    def attach(self, source: FilesSource, used: Collection[str], connection: Attaching) -> Reachable:
        """A schema of the source's name, with a view for each table that is used."""
        connection.run(f"create schema {quoted(source.name)}")
        files: list[str] = []
        for table in (table for table in source.tables if table.lower() in used):
            own = _files(source, table)
            _create_view(source, table, own, connection)
            files += own
        formats = {format_of(file) for file in files}
        names = NamesFrom.CSV if "csv" in formats else NamesFrom.JSON if "json" in formats else NamesFrom.SCHEMA
        return Reachable(source.name, tuple(source.tables), tuple(files), names=names)


def _files(source: FilesSource, table: str) -> tuple[str, ...]:
    """The files of a table, each once, in the order of its patterns."""
    found: dict[str, None] = {}
    for pattern in source.tables[table]:
        try:
            files = source.files(pattern)
        except OSError as error:
            raise _unreadable(source, table, fault(error), INSIDE) from None
        if not files:
            raise _unreadable(source, table, nothing_at(pattern), RELATIVE)
        found.update(dict.fromkeys(files))
    return tuple(found)


def _create_view(source: FilesSource, table: str, files: tuple[str, ...], connection: Attaching) -> None:
    unknown = next((file for file in files if not format_of(file)), None)
    if unknown is not None:
        hint = "known: .parquet, .csv, .tsv, .json, .jsonl, .ndjson, with .gz or .zst for the text formats"
        raise _unreadable(source, table, f"the format of {shown(unknown)} is not known by its name", hint)
    formats = {format_of(file) for file in files}
    if len(formats) > 1:
        hint = "declare one table per format"
        raise _unreadable(source, table, f'the files of table "{table}" are of several formats', hint)
    reader = f"read_{formats.pop()}({paths(files)}, union_by_name = true)"
    try:
        connection.run(f"create view {quoted(source.name)}.{quoted(table)} as select * from {reader}", files)
    except CannotRead as error:
        looked_at = () if error.cause is Cause.FORBIDDEN else (error.file,) if error.file else files
        fault = next(filter(None, map(whole_fault, looked_at)), None)
        if fault is not None:
            raise faulty(fault) from None
        at_fault = error.file or files[0]
        hint = _HINTS.get(error.cause, "it is damaged, empty or in another format than its name says")
        what = f"{shown(at_fault)} cannot be read as {format_of(at_fault)}"
        raise _unreadable(source, table, what, hint) from None


def _unreadable(source: FilesSource, table: str, what: str, hint: str) -> SegmentError:
    return unreadable(source, table, source.place(table), what, hint)
