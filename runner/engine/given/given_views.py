"""The rows that a test gives a table, as a SELECT, and the values among them that do not fit."""
# ruff: noqa: S608 (names and values are quoted; they come from the project's files)

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from runner.core.findings import Finding
from runner.core.segment_test import GivenRow, GivenTable
from runner.core.sql_quoting import folded, literal, quoted
from runner.core.suggest import quoted_word, suggest
from runner.engine.duckdb import cancellable
from runner.engine.given.value_types import UNKNOWN, type_of
from runner.quick_dataclass import dataclass

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a table with their types, in order; `declared` says that there are no others."""

    types: Mapping[str, str]
    declared: bool = False


def columns_of(table: GivenTable | None, known: Mapping[str, str] | None, used: Mapping[str, str]) -> Columns:
    """A table's columns: those of the source where they are `known`; else those that the test gives, and that the SQL
    uses (with the type that it asks for, empty where that is any)."""
    if known is not None:
        return Columns(known, declared=True)
    values: dict[str, list[object]] = {}
    spelled: dict[str, str] = {}
    for row in table.rows if table else ():
        for name, value in row.values.items():
            values.setdefault(spelled.setdefault(folded(name), name), []).append(value)
    found = {name: type_of(column) for name, column in values.items()}
    there = {folded(name) for name in found}
    absent = {name: kind or UNKNOWN for name, kind in used.items() if folded(name) not in there}
    empty = {name: used.get(name) or kind for name, kind in found.items() if kind == UNKNOWN}
    types = {**found, **empty, **absent}
    return Columns(types or {"nothing": UNKNOWN})


def unknown_columns(table: GivenTable, columns: Columns) -> tuple[Finding, ...]:
    """A finding for each column that the source does not have."""
    known = {folded(name) for name in columns.types}
    found: dict[str, Finding] = {}
    for row in table.rows if columns.declared else ():
        for name, place in row.places.items():
            if folded(name) not in known:
                message = f"{quoted_word(table.name)} has no column {quoted_word(name)}{suggest(name, columns.types)}"
                found.setdefault(name, Finding(place, "test-unknown-column", message))
    return tuple(found.values())


def view_of(table: GivenTable | None, columns: Columns) -> str:
    """The SELECT that yields the rows; nulls where a row does not say."""
    cells = (
        f"{_cell(position, kind)} as {quoted(name)}" for position, (name, kind) in enumerate(columns.types.items())
    )
    return f"select {', '.join(cells)} from {_rows(table, columns)}"


def misfits(connection: duckdb.DuckDBPyConnection, table: GivenTable, columns: Columns) -> tuple[Finding, ...]:
    """A finding for each value that is none of its column's type, the first of each column."""
    found = []
    for position, (name, kind) in enumerate(columns.types.items()):
        if kind == UNKNOWN or _is_text(kind):
            continue
        cast = _cell(position, kind, "try_cast")
        query = (
            f"select min(n) from {_rows(table, columns)} "
            f"where json_extract_string(r, '$[{position}]') is not null and {cast} is null"
        )
        [(at,)] = cancellable.run(connection, query)
        if at is not None:
            found.append(_misfit(table, table.rows[at], name, kind))
    return tuple(found)


def _misfit(table: GivenTable, row: GivenRow, name: str, kind: str) -> Finding:
    value = next((value for column, value in row.values.items() if folded(column) == folded(name)), None)
    place = next((place for column, place in row.places.items() if folded(column) == folded(name)), row.location)
    shown = quoted_word(str(value))
    return Finding(place, "test-value", f"{shown} is no {kind}, which {quoted_word(f'{table.name}.{name}')} is")


def _rows(table: GivenTable | None, columns: Columns) -> str:
    """A relation of the rows: `r`, the values as a list of JSON in the order of the columns, and `n`, their number."""
    order = [folded(name) for name in columns.types]
    lists = []
    for row in table.rows if table else ():
        values = {folded(name): value for name, value in row.values.items()}
        lists.append([values.get(name) for name in order])
    text = literal(json.dumps(lists, ensure_ascii=False))
    return f"""(select unnest(l) as r, unnest(range(len(l))) as n from (select from_json({text}, '["JSON"]') as l))"""


def _cell(position: int, kind: str, cast: str = "cast") -> str:
    if kind == UNKNOWN:
        return "null"
    text = f"json_extract_string(r, '$[{position}]')"
    if _is_text(kind):
        return text
    if kind.endswith("]") or kind.startswith(("STRUCT", "MAP", "UNION")):
        return f"try_cast(json_extract(r, '$[{position}]') as {kind})"  # else every field would have to be given
    return f"{cast}({text} as {kind})"


def _is_text(kind: str) -> bool:
    return kind == "VARCHAR" or kind.startswith("ENUM") or kind == "JSON"
