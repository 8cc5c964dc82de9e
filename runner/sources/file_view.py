"""The view that a table of files becomes: over files of one format, with the columns that its paths hold."""
# ruff: noqa: S608 (names and paths are quoted; they come from the project's files)

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from runner.core.errors import SegmentError
from runner.core.file_patterns import has_pattern
from runner.core.sql_quoting import file_list, literal, quoted
from runner.core.suggest import quoted_word
from runner.object_stores.addresses import is_object
from runner.object_stores.reach import objects
from runner.sources.data_faults import faulty, format_of, header_fault, header_of, other_delimiter, whole_fault
from runner.sources.interface import Attaching, CannotRead, Cause, unreadable
from runner.sources.local_paths import shown
from runner.sources.table_form import GUESSED, TableForm, out_of_place
from runner.sources.text_lines import plain_lines

if TYPE_CHECKING:
    from runner.sources.files import FilesSource

TEXT = ("csv", "json")
"""Formats that are read as text, which takes far longer than to look a table up."""

READERS_OF_A_COLUMN = 10
"""So many segments for each column of a Parquet table make a copy of it worth while. A copy holds every column, and a
segment reads a few; to make it takes a dozen times what reading the same columns takes, and to read it a tenth."""

GREATEST_COPIED = 100_000_000
"""Bytes of a Parquet table that are copied at most: some ten seconds' work, which counts as the first segment's."""

_HINTS = {Cause.FORBIDDEN: "let this user read it", Cause.NOT_UTF8: "save it as UTF-8, which it is not"}


def create_view(source: FilesSource, table: str, files: tuple[str, ...], connection: Attaching) -> None:
    """Create the view. Raises SegmentError, and StoreFault for objects that cannot be read."""
    unknown = next((file for file in files if not format_of(file)), None)
    if unknown is not None:
        hint = (
            "name it by its format: .parquet, .csv, .tsv, .json, .jsonl, .ndjson, with .gz or .zst for the text formats"
        )
        raise _unreadable(source, table, f"the format of {shown(unknown)} is not known by its name", hint)
    unmeant = next((file for file in files if not has_pattern(file)), None)
    if unmeant is not None:
        what = f"the path of {shown(unmeant)} has a backslash and one of * ? [, which cannot be read together"
        raise _unreadable(source, table, what, "rename it")
    formats = {format_of(file) for file in files}
    if len(formats) > 1:
        hint = "declare one table per format"
        raise _unreadable(source, table, f'the files of table "{table}" are of several formats', hint)
    (kind,) = formats
    form = source.forms.get(table, GUESSED)
    wrong = out_of_place(form.keys, kind)
    if wrong is not None:
        raise _unreadable(source, table, f"`{wrong[0]}` says nothing about {shown(files[0])}", wrong[1])
    base = (file_list(files), "union_by_name = true", _partitions(source, table, files))
    try:
        reader = f"read_{kind}({', '.join((*base, *_options(source, table, kind, base, files, connection)))})"
        readers = connection.readers(source.name, table)
        rows = connection.parsed(reader, files) if _pays(kind, readers, reader, files, connection) else None
        view = f"create view {quoted(source.name)}.{quoted(table)} as select * from {rows or reader}"
        connection.run(view, files)
    except CannotRead as error:
        looked_at = () if error.cause is Cause.FORBIDDEN else (error.file,) if error.file else files
        faults = (whole_fault(file, delimiter=form.delimiter) for file in looked_at)
        fault = next(filter(None, faults), None)
        if fault is not None:
            raise faulty(fault) from None
        if kind == "csv" and error.cause is Cause.UNKNOWN:
            _require_columns(source, table, files, form)
        at_fault = error.file or files[0]
        hint = _HINTS.get(error.cause, "write it again: it is damaged, empty or in another format than its name says")
        what = f"{shown(at_fault)} cannot be read as {format_of(at_fault)}"
        raise _unreadable(source, table, what, hint) from None


def _pays(kind: str, readers: int, reader: str, files: tuple[str, ...], connection: Attaching) -> bool:
    """Whether so many segments read the files sooner from a copy. Raises CannotRead."""
    if kind in TEXT:
        return readers > 1
    if readers < READERS_OF_A_COLUMN or sum(map(_size, files)) > GREATEST_COPIED:
        return False
    return readers >= READERS_OF_A_COLUMN * len(connection.run(f"describe select * from {reader}", files))


def _size(file: str) -> int:
    """The bytes of a file; of one that cannot be read, whoever reads it says so."""
    try:
        return objects().known(file).size if is_object(file) else Path(file).stat().st_size
    except OSError:
        return 0


def _options(
    source: FilesSource,
    table: str,
    kind: str,
    base: tuple[str, ...],
    files: tuple[str, ...],
    connection: Attaching,
) -> tuple[str, ...]:
    """What the reader is to be told of how the files are written. Raises CannotRead."""
    form = source.forms.get(table, GUESSED)
    if kind == "csv":
        return form.csv_options()
    if kind != "json" or not form.columns:
        return ()
    described = connection.run(f"describe select * from read_json({', '.join(base)})", files)
    in_paths = source.partitions.get(table, {})
    return form.json_options((str(name), str(of)) for name, of, *_ in described if name not in in_paths)


def _require_columns(source: FilesSource, table: str, files: tuple[str, ...], form: TableForm) -> None:
    """Raise SegmentError for a column that is declared and that none of these CSV files has."""
    for column, place in form.places.items():
        headers = [header_of(file, delimiter=form.delimiter) for file in files]
        if any(header is not None and header.position(column) is not None for header in headers):
            continue
        others = (other_delimiter(file, column, plain_lines, form.delimiter) for file in files)
        other = next(filter(None, others), None)
        if other is not None:
            what = f"{shown(files[0])} has no column {quoted_word(column)}: {other[0]}"
            raise unreadable(source, table, place, what, other[1])
        fault = next(filter(None, (header_fault(file, column, delimiter=form.delimiter) for file in files)), None)
        if fault is not None:
            raise faulty(fault)
        what = f"{shown(files[0])} has no column {quoted_word(column)}, which `columns` declares"
        hint = "write it as the file's first line does" + ("" if form.delimiter else "; is the `delimiter` clear?")
        raise unreadable(source, table, place, what, hint)


def _partitions(source: FilesSource, table: str, files: tuple[str, ...]) -> str:
    """What the reader is to do about folders such as `year=2026/`: nothing, unless they are declared."""
    declared: Mapping[str, str] = source.partitions.get(table, {})
    if not declared:
        return "hive_partitioning = false"
    for file in files:
        named = [part.partition("=")[0] for part in file.split("/")[:-1] if "=" in part]
        lacking = next((name for name in declared if name not in named), None)
        if lacking is not None:
            what = f"{shown(file)} is in no folder {lacking}=..., which `partitions` declares"
            raise _unreadable(source, table, what, "write a pattern that means folders of that name alone")
        further = next((name for name in named if name not in declared), None)
        if further is not None:
            what = f"{shown(file)} is in a folder {further}=..., which `partitions` does not declare"
            raise _unreadable(source, table, what, f"declare {quoted_word(further)} too, or leave out all partitions")
    types = ", ".join(f"{literal(name)}: {kind}" for name, kind in declared.items())
    return f"hive_partitioning = true, hive_types = {{{types}}}"


def _unreadable(source: FilesSource, table: str, what: str, hint: str) -> SegmentError:
    return unreadable(source, table, source.place(table), what, hint)
