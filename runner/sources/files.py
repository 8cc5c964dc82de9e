"""Sources of type `files`: each table is a view over Parquet, CSV or JSON files, local ones or objects of a store."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from runner.core.errors import SegmentError
from runner.core.findings import Location
from runner.core.project import Source
from runner.core.sql_quoting import quoted
from runner.core.suggest import quoted_word
from runner.object_stores.addresses import is_object, means
from runner.object_stores.fault_sentences import said
from runner.object_stores.interface import OUT_OF_REACH, RemoteObject, StoreFault, Why
from runner.object_stores.reach import objects
from runner.quick_dataclass import dataclass, field, replace
from runner.sources.data_faults import format_of
from runner.sources.file_view import create_view
from runner.sources.interface import (
    UNREACHABLE,
    Attaching,
    Declaration,
    Missing,
    NamesFrom,
    Reachable,
    Step,
    unreadable,
)
from runner.sources.local_paths import INSIDE, RELATIVE, absolute, anchor, fault, matching, nothing_at
from runner.sources.object_paths import THERE, address, nothing_there
from runner.sources.table_form import GUESSED, TableForm, declared_form, out_of_place


@dataclass(frozen=True, slots=True)
class FilesSource(Source):
    """`tables`: table name -> absolute paths, addresses of objects, or patterns of either; `table_places`: where each
    is declared.

    `anchors`: pattern -> the folder that links may not lead it out of, where there is one. `partitions`: table -> the
    columns that its paths hold (`year=2026/`), with their types. `forms`: table -> how its files are written, where the
    document says so.
    """

    tables: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    table_places: Mapping[str, Location] = field(default_factory=dict)
    anchors: Mapping[str, str] = field(default_factory=dict)
    partitions: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    forms: Mapping[str, TableForm] = field(default_factory=dict)

    def place(self, table: str) -> Location:
        """Where the table is declared."""
        return self.table_places.get(table, self.location)

    def files(self, pattern: str) -> tuple[str, ...]:
        """The files that one of the patterns means. Raises OSError for what may not or cannot be read, StoreFault."""
        if is_object(pattern):
            return tuple(one.url for one in objects().listed(pattern))
        return matching(pattern, self.anchors.get(pattern, "/"))

    def table_of(self, url: str) -> str | None:
        """The first table that an object, or a pattern of objects, is one of; None where it is none's."""
        for table, patterns in self.tables.items():
            if any(one == url or (is_object(one) and means(one, url)) for one in patterns):
                return table
        return None

    @property
    def remote(self) -> tuple[str, ...]:
        """The addresses and patterns of its objects."""
        return tuple(pattern for patterns in self.tables.values() for pattern in patterns if is_object(pattern))


class FilesKind:
    """A table is a name with a path, a glob or a list of them. Files of one table are of one format, by their names."""

    type: ClassVar = "files"

    def declare(self, written: Declaration) -> FilesSource:
        tables: dict[str, tuple[str, ...]] = {}
        partitions: dict[str, Mapping[str, str]] = {}
        forms: dict[str, TableForm] = {}
        first: dict[str, str] = {}
        anchors: dict[str, str] = {}
        for table, given in (written.value("tables") or {}).items():
            earlier = first.setdefault(table.lower(), table)
            if earlier != table:
                message = f"{quoted_word(table)} and {quoted_word(earlier)} are one name in SQL; rename one of them"
                written.refuse("duplicate-name", message, "tables", table, at_key=True)
            at: tuple[Step, ...] = ("tables", table)
            if isinstance(given, Mapping):
                if given.get("partitions"):
                    partitions[table] = given["partitions"]
                if (form := _form(given, written, *at)) != GUESSED:
                    forms[table] = form
                at, given = (*at, "path"), given["path"]
            paths = {at: given} if isinstance(given, str) else {(*at, row): path for row, path in enumerate(given)}
            tables[table] = tuple(_declared(path, written, *steps) for steps, path in paths.items())
            found = zip(tables[table], paths.values(), strict=True)
            anchors.update({one: anchor(path, written) for one, path in found if not is_object(path)})
        places = {table: written.place("tables", table, at_key=True) for table in tables}
        return FilesSource(written.name, self.type, written.location, tables, places, anchors, partitions, forms)

    def missing(self, source: FilesSource) -> Iterator[Missing]:
        for table, pattern in ((table, one) for table, patterns in source.tables.items() for one in patterns):
            place = source.place(table)
            try:
                if not source.files(pattern):
                    yield Missing(table, place, *_nothing_at(pattern))
            except OSError as error:
                yield Missing(table, place, fault(error), INSIDE, "path-not-allowed")
            except StoreFault as error:
                yield Missing(table, place, *said(error), _code(error))

    def identity(self, source: FilesSource, folder: Path) -> tuple[object, ...]:
        tables = tuple(
            (table, tuple(one if is_object(one) else os.path.relpath(one, folder) for one in patterns))
            for table, patterns in sorted(source.tables.items())
        )
        declared = tuple((table, tuple(columns.items())) for table, columns in sorted(source.partitions.items()))
        forms = tuple((table, form.identity) for table, form in sorted(source.forms.items()))
        said = (("forms", *forms),) if forms else ()
        return (source.name, source.type, tables, "", *((declared,) if declared else ()), *said)

    def only(self, source: FilesSource, tables: Collection[str]) -> FilesSource:
        chosen = {table: paths for table, paths in source.tables.items() if table in tables}
        partitions = {table: columns for table, columns in source.partitions.items() if table in tables}
        forms = {table: form for table, form in source.forms.items() if table in tables}
        return replace(source, tables=chosen, partitions=partitions, forms=forms)

    def tables(self, source: FilesSource) -> tuple[str, ...]:
        return tuple(source.tables)

    def files(self, source: FilesSource, used: Collection[str]) -> tuple[str, ...]:
        found: list[str] = []
        for table, patterns in source.tables.items():
            local = (one for one in patterns if table.lower() in used and not is_object(one))
            found += dict.fromkeys(file for pattern in local for file in source.files(pattern))
        return tuple(found)

    def attach(self, source: FilesSource, used: Collection[str], connection: Attaching) -> Reachable:
        """A schema of the source's name, with a view for each table that is used."""
        connection.run(f"create schema {quoted(source.name)}")
        files: list[str] = []
        listed: dict[str, tuple[RemoteObject, ...]] = {}
        forms: dict[str, TableForm] = {}
        for table in (table for table in source.tables if table.lower() in used):
            try:
                own = _files(source, table, listed)
                create_view(source, table, own, connection)
            except StoreFault as error:
                if error.why is Why.CHANGED:  # it is read again
                    raise
                raise unread(error, (source,)) from None
            files += own
            if table in source.forms:
                forms.update(dict.fromkeys(own, source.forms[table]))
        formats = {format_of(file) for file in files}
        names = NamesFrom.CSV if "csv" in formats else NamesFrom.JSON if "json" in formats else NamesFrom.SCHEMA
        return Reachable(source.name, tuple(source.tables), tuple(files), names=names, listed=listed, forms=forms)


def unread(fault: StoreFault, sources: Iterable[Source]) -> SegmentError:
    """The error for objects that cannot be read, at the table that names them."""
    what, hint = said(fault)
    for source in sources:
        table = source.table_of(fault.url) if isinstance(source, FilesSource) else None
        if isinstance(source, FilesSource) and table is not None:
            return unreadable(source, table, source.place(table), what, hint, _code(fault))
    return SegmentError(what, hint)


def _code(fault: StoreFault) -> str:
    return UNREACHABLE if fault.why in OUT_OF_REACH else "source-unreadable"


def _form(given: Mapping[str, Any], written: Declaration, *at: Step) -> TableForm:
    """How the files are written; a key is refused that says nothing about a format that one of the paths names."""
    paths = [given["path"]] if isinstance(given["path"], str) else given["path"]
    for file_format in dict.fromkeys(filter(None, map(format_of, paths))):
        wrong = out_of_place(given, file_format)
        if wrong is not None:
            written.refuse(
                "table-form", f"`{wrong[0]}` says nothing about these files: {wrong[1]}", *at, wrong[0], at_key=True
            )
            break
    return declared_form(given, written, *at)


def _declared(path: str, written: Declaration, *steps: Step) -> str:
    return address(path, written, *steps) if is_object(path) else absolute(path, written, *steps, is_glob=True)


def _nothing_at(pattern: str) -> tuple[str, str]:
    return (nothing_there(pattern), THERE) if is_object(pattern) else (nothing_at(pattern), RELATIVE)


def _files(source: FilesSource, table: str, listed: dict[str, tuple[RemoteObject, ...]]) -> tuple[str, ...]:
    """The files of a table, each once, in the order of its patterns; `listed` gets the objects. Raises StoreFault."""
    found: dict[str, None] = {}
    for pattern in source.tables[table]:
        try:
            files = source.files(pattern)
        except OSError as error:
            raise unreadable(source, table, source.place(table), fault(error), INSIDE) from None
        if not files:
            raise unreadable(source, table, source.place(table), *_nothing_at(pattern))
        if is_object(pattern):
            listed[pattern] = tuple(objects().known(file) for file in files)
        found.update(dict.fromkeys(files))
    return tuple(found)
