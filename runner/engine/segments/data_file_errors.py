"""Faults of data files behind what DuckDB says of a segment: reported at the file, not under SQL that is innocent.

DuckDB's words quote the data. What is taken from them are a line's number, a column's name where it may be shown, a
type out of a list, and which of the files that are known to be in reach is meant; all else is found in the file itself.
"""
# ruff: noqa: S608 (types are out of a list)

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from runner.engine.segments.column_privacy import showable
from runner.engine.segments.data_file_reading import lines_by, unfit_value
from runner.engine.segments.engine_sentences import written
from runner.engine.segments.segment_errors import BEFORE_READING, fault, unknown_column
from runner.sources.data_faults import (
    VALUE_HINT,
    DataFault,
    format_of,
    header_fault,
    header_of,
    layout_fault,
    only_header,
    value_fault,
    whole_fault,
)
from runner.sources.interface import NamesFrom, Reachable
from runner.sources.table_form import GUESSED, TableForm
from runner.sources.text_lines import Lines, plain_lines

if TYPE_CHECKING:
    import duckdb

_TYPES = {
    **dict.fromkeys(("BOOL", "BOOLEAN"), ("BOOLEAN", "true or false")),
    **{f"INT{bits}": (name, "whole number") for bits, name in ((8, "TINYINT"), (16, "SMALLINT"), (32, "INTEGER"))},
    **{name: (name, "whole number") for name in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")},
    "INT64": ("BIGINT", "whole number"),
    "INT128": ("HUGEINT", "whole number"),
    **{name: (name, "number") for name in ("FLOAT", "DOUBLE")},
    "DATE": ("DATE", "date"),
    "TIME": ("TIME", "time of day"),
    "UUID": ("UUID", "UUID"),
    "TIMESTAMP": ("TIMESTAMP", "time"),
    "TIMESTAMP WITH TIME ZONE": ("TIMESTAMP WITH TIME ZONE", "time"),
}
"""Types as DuckDB's errors call them -> as its SQL does, and as a person would."""

_DECLARED = {"timestamptz": "TIMESTAMP WITH TIME ZONE"}
"""Types as files declare them -> the same, where case is not all."""

_NAMES_FROM = {"csv": NamesFrom.CSV, "json": NamesFrom.JSON, "parquet": NamesFrom.SCHEMA}

_MEANT = {False: "trim(x) <> ''", True: "true"}
"""Which values of a column count: where its type was found out, blanks are none; where it is declared, all."""

# Compiled where something is wrong.
_JSON_AT = r'JSON transform error in file "[^"\n]*", in (line|record/value) (\d+):'
_READER = r"CSV Error on Line: (\d+)\n"
_READ_AS = r"(?m)^Column (.+) is being converted as type ([A-Z ]+)$"
_CAST = r"when casting from source column (.+)$"
_CAST_TO = r"(?:invalid )?(date|time|timestamp) field |.* to (?:type )?'?([A-Z][A-Z0-9 ]*?)'? when casting"


def behind_missing_columns(names: Iterable[str], reachable: tuple[Reachable, ...]) -> DataFault | None:
    """The fault of a CSV file for which a column is not found; None where the SQL or the mapping is to blame."""
    files = _csv(reachable)
    for name in names:
        read_by = {file: _form(file, reachable).delimiter for file in files}
        headers = {file: header_of(file, delimiter=delimiter) for file, delimiter in read_by.items()}
        having = [file for file, header in headers.items() if header and header.position(name) is not None]
        faults = (header_fault(file, name, delimiter=read_by[file]) for file in having or files)
        fault_found = next(filter(None, faults), None)
        if fault_found is not None:
            return fault_found
    return None


def behind_binding(error: duckdb.Error, reachable: tuple[Reachable, ...], sql: str) -> DataFault | None:
    """The fault of a data file for which SQL cannot be bound, if it is one."""
    found = fault(error)
    name = unknown_column(found)
    if name:
        return behind_missing_columns((name,), reachable) if written(name, sql) else None
    if found.kind == "Binder":
        return next(filter(None, map(only_header, _csv(reachable))), None)
    return None if found.kind in BEFORE_READING else _named_fault(found.message, reachable)


def behind_running(
    error: duckdb.Error, reachable: tuple[Reachable, ...], connection: duckdb.DuckDBPyConnection, sql: str
) -> DataFault | None:
    """The fault of a data file that made a segment fail while it ran, if it is one.

    `connection` is one that runs no SQL of a segment: values are tried on it.
    """
    found = fault(error)
    if re.match(_READER, found.message):
        return _reader_fault(found.message, reachable, connection, sql)
    if found.kind == "Conversion":
        column, to = re.search(_CAST, found.message), re.match(_CAST_TO, found.message)
        type_name = (to[1] or to[2]).upper() if to else ""
        if column is None or type_name not in _TYPES:
            return None
        faults = (
            _value(file, _form(file, reachable), column[1], type_name, connection, sql)
            for file in _data_files(reachable)
        )
        return next(filter(None, faults), None)
    if (at := re.match(_JSON_AT, found.message)) is not None:
        return _json_fault(at, found.message, reachable, connection, sql)
    known = found.kind in ("IO", "Invalid Input", "Serialization")
    return _named_fault(found.message, reachable, lines_by(connection)) if known else None


def _reader_fault(
    message: str, reachable: tuple[Reachable, ...], connection: duckdb.DuckDBPyConnection, sql: str
) -> DataFault | None:
    files = _csv(reachable)
    file = _named(message, files) or (files[0] if len(files) == 1 else "")
    match, read_as = re.match(_READER, message), re.search(_READ_AS, message)
    if not file or match is None:
        return None
    line = int(match[1])
    form = _form(file, reachable)
    layout = layout_fault(file, lines_by(connection), form.delimiter)
    if read_as and read_as[2] in _TYPES and (layout is None or layout.line != line):
        found = _value(file, form, read_as[1], read_as[2], connection, sql, line)
        if found is not None:
            return found
    return layout or DataFault(file, line, "this line does not fit the rest of the file")


def _json_fault(
    at: re.Match[str],
    message: str,
    reachable: tuple[Reachable, ...],
    connection: duckdb.DuckDBPyConnection,
    sql: str,
) -> DataFault | None:
    """A value that DuckDB met in a line of a JSON file, or in a record where there are several lines to one."""
    file, number = _named(message, _data_files(reachable)), int(at[2])
    if not file:
        return None
    form = _form(file, reachable)
    for column, declared in form.columns.items():
        found = _value(file, form, column, _DECLARED.get(declared, declared.upper()), connection, sql)
        if found is not None:
            return found
    what = "a value is of another type than in what comes before it"
    if at[1] == "line":
        return DataFault(file, number, what, VALUE_HINT)
    return DataFault(file, 1, f"record {number:,}: {what}", VALUE_HINT)


def _value(
    file: str,
    form: TableForm,
    column: str,
    type_name: str,
    connection: duckdb.DuckDBPyConnection,
    sql: str,
    line: int | None = None,
) -> DataFault | None:
    """The value of the column that is not of the type, if the file has the column."""
    if type_name not in _TYPES:  # any value is a text
        return None
    sql_type, word = _TYPES[type_name]
    kind = format_of(file)
    is_shown = form.declares(column) or written(column, sql) or bool(showable((column,), sql, _NAMES_FROM[kind]))
    if kind != "csv":
        return unfit_value(file, column, sql_type, word, is_shown, connection, declared=form.declares(column))
    positions = (
        "select i - 1 from (select unnest($1::varchar[]) as x, generate_subscripts($1::varchar[], 1) as i)"
        f" where {_MEANT[form.declares(column)]} and not list_contains($2::varchar[], x)"
        f" and try_cast(x as {sql_type}) is null"
    )
    nulls = list(form.nulls or ("",))

    def unfit(values: list[str]) -> Collection[int]:
        return [int(position) for (position,) in connection.execute(positions, [values, nulls]).fetchall()]

    return value_fault(file, column, word, unfit, is_shown, line, lines_by(connection), form)


def _named_fault(message: str, reachable: tuple[Reachable, ...], lines: Lines = plain_lines) -> DataFault | None:
    """What is wrong with the file that a message names, if it names one of those in reach."""
    file = _named(message, _data_files(reachable))
    if not file:
        return None
    damaged = DataFault(file, 1, f"it cannot be read as {format_of(file)}: it is damaged", "copy or write it again")
    return whole_fault(file, lines, _form(file, reachable).delimiter) or damaged


def _named(message: str, files: tuple[str, ...]) -> str:
    return next((file for file in sorted(files, key=len, reverse=True) if file in message), "")


def _form(file: str, reachable: tuple[Reachable, ...]) -> TableForm:
    return next((source.forms[file] for source in reachable if file in source.forms), GUESSED)


def _data_files(reachable: tuple[Reachable, ...]) -> tuple[str, ...]:
    return tuple(file for source in reachable for file in source.files if format_of(file))


def _csv(reachable: tuple[Reachable, ...]) -> tuple[str, ...]:
    return tuple(file for source in reachable for file in source.files if format_of(file) == "csv")
