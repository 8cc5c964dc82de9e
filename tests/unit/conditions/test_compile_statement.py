"""Whatever is said about whichever people, the SQL finds those whom a plain reading finds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.conditions.sql_text import sql_of
from runner.conditions.statements import (
    Aggregate,
    Column,
    Condition,
    Day,
    Entity,
    EntityEvent,
    Every,
    Happening,
    InSegment,
    Measure,
    Name,
    Operator,
    Opposite,
    PropertyComparison,
    Sequel,
    Some,
    Statement,
    Table,
    Top,
)
from runner.core.declared_segment import ColumnKind
from runner.core.findings import Location
from runner.engine.segments.warehouse_policy import warehouse_flaws
from tests.unit.conditions.naive import people

HERE = Location("a.yaml", 1, 1)
TODAY = date(2026, 3, 30)
"""The clocks of Paris went forward on the day before."""


def column(name: str) -> Column:
    return Column(name, HERE)


def table(name: str) -> Table:
    return Table((Name(name),), HERE)


KINDS = {
    "people": {"id": ("integer", None), "ltv": ("integer", "number"), "name": ("varchar", "text"),
               "vip": ("boolean", "truth"), "born": ("date", "time"), "seen": ("timestamptz", "time")},
    "orders": {"person": ("integer", None), "at": ("timestamp", "time"), "amount": ("integer", "number"),
               "kind": ("varchar", "text")},
    "visits": {"person": ("integer", None), "at": ("timestamptz", "time"), "page": ("varchar", "text")},
    "days": {"person": ("integer", None), "at": ("date", "time"), "amount": ("integer", "number")},
}  # fmt: skip
COLUMN_KINDS = {
    "integer": ColumnKind.NUMBER,
    "varchar": ColumnKind.TEXT,
    "boolean": ColumnKind.BOOLEAN,
    "date": ColumnKind.DATE,
    "timestamp": ColumnKind.LOCAL_TIME,
    "timestamptz": ColumnKind.INSTANT,
}
EVENTS = tuple(
    EntityEvent(name[:-1], table(name), column("person"), column("at")) for name in ("orders", "visits", "days")
)

NUMBERS = st.sampled_from([-2, -1, 0, 1, 2, 3])
TEXTS = st.sampled_from(["", "a", "A", "ab", "b", "%", "_", "'", "é"])
MOMENTS = st.integers(-60, 60).map(lambda hours: datetime(2026, 3, 28, 22, 30) + timedelta(hours=hours))
VALUES = {
    "integer": NUMBERS,
    "varchar": TEXTS,
    "boolean": st.booleans(),
    "date": MOMENTS.map(datetime.date),
    "timestamp": MOMENTS,
    "timestamptz": MOMENTS.map(lambda moment: moment.replace(tzinfo=UTC)),
}


@st.composite
def tables(draw: st.DrawFn) -> dict[str, list[dict[str, Any]]]:
    """Some rows of each table, with a null here and there; keys repeat."""
    made = {}
    for name, kinds in KINDS.items():
        row = st.fixed_dictionaries(
            {
                field: st.none() | st.integers(1, 4) if what is None else st.none() | VALUES[kind]
                for field, (kind, what) in kinds.items()
            }
        )
        made[name] = draw(st.lists(row, max_size=6))
    return made


def numbers(operators: Sequence[Operator], values: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    """Operators with one value each."""
    return st.tuples(st.sampled_from(operators), values.map(lambda value: (value,)))


ORDERS = (Operator.IS, Operator.IS_NOT, Operator.AT_LEAST, Operator.MORE_THAN, Operator.AT_MOST, Operator.LESS_THAN)
DECIMALS = NUMBERS.map(Decimal) | st.just(Decimal("1.5"))
SAID = {
    "number": numbers(ORDERS, DECIMALS)
    | st.tuples(st.just(Operator.BETWEEN), st.tuples(DECIMALS, DECIMALS).map(sorted).map(tuple))
    | st.tuples(st.sampled_from([Operator.IN, Operator.NOT_IN]), st.lists(DECIMALS, min_size=1, max_size=3).map(tuple)),
    "text": numbers(ORDERS, TEXTS)
    | numbers((Operator.CONTAINS, Operator.STARTS_WITH), TEXTS.filter(bool))
    | st.tuples(st.sampled_from([Operator.IN, Operator.NOT_IN]), st.lists(TEXTS, min_size=1, max_size=3).map(tuple)),
    "truth": numbers((Operator.IS, Operator.IS_NOT), st.booleans()),
    "time": numbers((Operator.WITHIN, Operator.OLDER_THAN), st.integers(1, 4).map(Decimal)),
}


@st.composite
def comparisons(draw: st.DrawFn, of: str) -> PropertyComparison:
    """Something about a property of a table."""
    name, (_, what) = draw(st.sampled_from([one for one in KINDS[of].items() if one[1][1] is not None]))
    operator, values = draw(SAID[str(what)] | numbers((Operator.KNOWN,), st.booleans()))
    return PropertyComparison(column(name), operator, values)


def nested(parts: st.SearchStrategy[Any], leaves: int) -> st.SearchStrategy[Any]:
    """Conditions of conditions."""

    def around(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        several = st.lists(inner, min_size=1, max_size=3).map(tuple)
        return several.map(Every) | several.map(Some) | inner.map(Opposite)

    return st.recursive(parts, around, max_leaves=leaves)


@st.composite
def sequels(draw: st.DrawFn) -> Sequel:
    """Something that follows."""
    event = draw(st.sampled_from(EVENTS))
    seconds = draw(st.none() | st.sampled_from([3_600, 7_200, 86_400, 172_800]))
    where = draw(st.just(Every(())) | comparisons(str(event.table)))
    return Sequel(event, where, seconds, draw(st.booleans()))


@st.composite
def happenings(draw: st.DrawFn) -> Happening:
    """Something that people did, or did not."""
    event = draw(st.sampled_from(EVENTS))
    name = str(event.table)
    measures: list[Measure] = []
    if draw(st.booleans()):
        operator, values = draw(numbers(ORDERS, st.integers(1, 3).map(Decimal)))
        measures.append(Measure(Aggregate.TIMES, PropertyComparison(column(""), operator, values)))
    if "amount" in KINDS[name] and draw(st.booleans()):
        operator, values = draw(SAID["number"])
        aggregate = draw(st.sampled_from([Aggregate.SUM, Aggregate.MIN, Aggregate.MAX, Aggregate.AVG]))
        measures.append(Measure(aggregate, PropertyComparison(column("amount"), operator, values)))
    return Happening(
        event,
        draw(st.just(Every(())) | nested(comparisons(name), 3)),
        draw(st.booleans()),
        tuple(measures),
        tuple(draw(st.lists(sequels(), max_size=1))),
    )


@st.composite
def statements(draw: st.DrawFn, depth: int = 1) -> Statement:
    """What somebody may say about people."""
    zone, home = (
        draw(st.sampled_from(["UTC", "Europe/Paris", "America/New_York"])),
        draw(st.sampled_from(["UTC", "Europe/Paris"])),
    )
    entity = Entity("person", table("people"), column("id"), home, EVENTS)
    day = Day(TODAY, zone)
    parts: st.SearchStrategy[Condition] = comparisons("people") | happenings()
    if depth:
        parts |= st.builds(
            lambda other, is_in: InSegment("other", other, is_in, HERE), _others(entity, day), st.booleans()
        )
    where = draw(nested(parts, 4))
    top = draw(st.none() | st.builds(Top, st.just(column("ltv")), st.integers(1, 3), st.booleans()))
    return Statement(entity, where, top, day)


def _others(entity: Entity, day: Day) -> st.SearchStrategy[Statement]:
    return (comparisons("people") | happenings()).map(lambda where: Statement(entity, where, None, day))


@pytest.fixture(scope="module")
def connection() -> duckdb.DuckDBPyConnection:
    made = duckdb.connect()
    made.execute("set timezone = 'UTC'; set threads = 1")
    for name, kinds in KINDS.items():
        fields = ", ".join(f'"{field}" {kind}' for field, (kind, _) in kinds.items())
        made.execute(f"create table {name} ({fields})")
    return made


def filled(connection: duckdb.DuckDBPyConnection, rows: dict[str, list[dict[str, Any]]]) -> None:
    for name, kinds in KINDS.items():
        connection.execute(f"delete from {name}")
        if rows[name]:
            marks = f"({', '.join('?' * len(kinds))})"
            values = [row[field] for row in rows[name] for field in kinds]
            connection.execute(f"insert into {name} values {', '.join([marks] * len(rows[name]))}", values)


COLUMNS = {name: {field: COLUMN_KINDS[kind] for field, (kind, _) in kinds.items()} for name, kinds in KINDS.items()}


@settings(max_examples=60)
@given(tables(), statements())
def test_the_sql_finds_whom_a_naive_reading_finds(
    connection: duckdb.DuckDBPyConnection, rows: dict[str, list[dict[str, Any]]], statement: Statement
) -> None:
    filled(connection, rows)
    wanted = sorted(str(row["id"]) for row in people(statement, rows))
    found = connection.execute(f"select id from ({sql_of(statement, 'duckdb', COLUMNS)})").fetchall()
    assert sorted(str(row[0]) for row in found) == wanted


@settings(max_examples=40)
@given(tables(), statements())
def test_what_holds_does_not_hold_for_the_others(
    connection: duckdb.DuckDBPyConnection, rows: dict[str, list[dict[str, Any]]], statement: Statement
) -> None:
    filled(connection, rows)
    counts = []
    for where in (statement.where, Opposite(statement.where), Every(())):
        other = Statement(statement.entity, where, None, statement.day)
        [(count,)] = connection.execute(f"select count(*) from ({sql_of(other, 'duckdb', COLUMNS)})").fetchall()
        counts.append(count)
    assert counts[0] + counts[1] == counts[2] == len(rows["people"])


@settings(max_examples=25)
@given(statements())
def test_the_sql_is_one_that_every_warehouse_may_be_sent(statement: Statement) -> None:
    for dialect in ("postgres", "redshift", "snowflake", "bigquery", "databricks", "spark", ""):
        assert warehouse_flaws(sql_of(statement, dialect, COLUMNS), dialect) == (), dialect
