"""What a statement says held against the columns of its tables: is each there, and does what is said suit its type?"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from decimal import Decimal

from runner.conditions.comparisons import moment_of
from runner.conditions.rows import spelled
from runner.conditions.statements import (
    Aggregate,
    Column,
    Condition,
    EntityEvent,
    Every,
    Happening,
    InSegment,
    Measure,
    Operator,
    Opposite,
    PropertyComparison,
    Sequel,
    Some,
    Statement,
    Table,
    Value,
)
from runner.core.declared_segment import ColumnKind, Columns
from runner.core.findings import Finding
from runner.core.suggest import nearest, quoted_word

_TIMES = frozenset({ColumnKind.DATE, ColumnKind.LOCAL_TIME, ColumnKind.INSTANT})
_ORDERED = _TIMES | {ColumnKind.NUMBER, ColumnKind.TEXT}
_KEYS = frozenset(ColumnKind) - {ColumnKind.BOOLEAN, ColumnKind.OTHER}

_SUITED = {
    **dict.fromkeys((Operator.CONTAINS, Operator.STARTS_WITH), frozenset({ColumnKind.TEXT})),
    **dict.fromkeys((Operator.WITHIN, Operator.OLDER_THAN), _TIMES),
    **dict.fromkeys(
        (Operator.AT_LEAST, Operator.MORE_THAN, Operator.AT_MOST, Operator.LESS_THAN, Operator.BETWEEN), _ORDERED
    ),
    **dict.fromkeys(
        (Operator.IS, Operator.IS_NOT, Operator.IN, Operator.NOT_IN), frozenset(ColumnKind) - {ColumnKind.OTHER}
    ),
    Operator.KNOWN: frozenset(ColumnKind),
}
"""The operators, and what a column may hold that is compared with them."""

_WITHOUT_VALUES = frozenset({Operator.KNOWN, Operator.WITHIN, Operator.OLDER_THAN})
"""Operators whose values say nothing about what the column holds."""

_EXAMPLES = {
    ColumnKind.TEXT: 'write a text; a number in quotes is one: "75001"',
    ColumnKind.WORD: "write a text",
    ColumnKind.NUMBER: "write a number",
    ColumnKind.BOOLEAN: "write true or false",
    ColumnKind.DATE: 'write a day, such as "2026-11-28"',
    ColumnKind.LOCAL_TIME: 'write a day or a time, such as "2026-11-28 08:30:00"',
    ColumnKind.INSTANT: 'write a day or a time, such as "2026-11-28 08:30:00+01:00"',
}


class ColumnChecks:
    """Checks statements against the columns of tables, by the tables' names. Only the columns `shown` are suggested."""

    def __init__(self, columns: Mapping[str, Columns], shown: Collection[str]) -> None:
        self._columns = columns
        self._shown = shown

    def of(self, statement: Statement) -> Iterator[Finding]:
        """What is wrong, in no order, and some of it perhaps twice."""
        entity = statement.entity
        yield from self._suits(entity.table, entity.key, _KEYS, "a key")
        yield from self._condition(statement.where, entity.table, statement)
        if statement.top is not None:
            kinds = _TIMES | {ColumnKind.NUMBER}
            yield from self._suits(entity.table, statement.top.by, kinds, "an order of people")

    def _condition(self, condition: Condition, table: Table, statement: Statement) -> Iterator[Finding]:
        match condition:
            case Every(parts) | Some(parts):
                for part in parts:
                    yield from self._condition(part, table, statement)
            case Opposite(part):
                yield from self._condition(part, table, statement)
            case PropertyComparison(column):
                kind, findings = self._kind(table, column)
                yield from findings
                yield from _misfits(condition, kind)
            case Happening():
                yield from self._happening(condition, statement)
            case InSegment(segment=Statement() as other):
                yield from self.of(other)
            case InSegment():
                yield from self._yields_key(condition, statement)

    def _happening(self, happening: Happening, statement: Statement) -> Iterator[Finding]:
        yield from self._event(happening.event, statement, is_timed=bool(happening.sequels))
        yield from self._condition(happening.where, happening.event.table, statement)
        for measure in happening.measures:
            yield from self._measure(measure, happening.event)
        for sequel in happening.sequels:
            yield from self._sequel(sequel, statement)

    def _sequel(self, sequel: Sequel, statement: Statement) -> Iterator[Finding]:
        yield from self._event(sequel.event, statement, is_timed=True)
        yield from self._condition(sequel.where, sequel.event.table, statement)

    def _event(self, event: EntityEvent, statement: Statement, *, is_timed: bool) -> Iterator[Finding]:
        entity = statement.entity
        kind, findings = self._kind(event.table, event.key)
        yield from findings
        key = self._kind(entity.table, entity.key)[0]
        if kind is not None and key is not None and kind is not key:
            message = (
                f"{quoted_word(event.key.name)} holds {kind}, and {quoted_word(entity.key.name)} of {entity.name} {key}"
            )
            yield _finding(event.key, "condition-type", message, "give both the same type, in a view")
        if is_timed:
            yield from self._suits(event.table, event.at, _TIMES, "the time of an event")

    def _yields_key(self, membership: InSegment, statement: Statement) -> Iterator[Finding]:
        """A segment in SQL has the key among its columns, or nobody can be looked up in it."""
        key, known = statement.entity.key, self._columns.get(membership.yielded)
        if known is None:
            return
        found = spelled(key.name, known)
        name = f"segment {quoted_word(membership.name)}"
        what = f"{quoted_word(key.name)}, the key of {statement.entity.name}"
        own = self._kind(statement.entity.table, key)[0]
        if len(found) != 1:
            message = f"{name} yields no column {what}" if not found else f"{name} yields several columns {what}"
            yield Finding(membership.location, "unknown-property", message, "select it in its SQL")
        elif own is not None and known[found[0]] is not own:
            message = f"{name} yields {known[found[0]]} as {what}, which is {own}"
            yield Finding(membership.location, "condition-type", message, "cast it in its SQL")

    def _measure(self, measure: Measure, event: EntityEvent) -> Iterator[Finding]:
        aggregate, comparison = measure.aggregate, measure.comparison
        if aggregate is Aggregate.TIMES:
            return
        kind, findings = self._kind(event.table, comparison.column)
        yield from findings
        if kind is not None and aggregate in (Aggregate.SUM, Aggregate.AVG) and kind is not ColumnKind.NUMBER:
            yield _finding(
                comparison.column, "condition-type", f"{_holds(comparison.column, kind)}, which has no {aggregate}"
            )
        else:
            yield from _misfits(comparison, kind)

    def _suits(self, table: Table, column: Column, kinds: Collection[ColumnKind], what: str) -> Iterator[Finding]:
        kind, findings = self._kind(table, column)
        yield from findings
        if kind is not None and kind not in kinds:
            yield _finding(column, "condition-type", f"{_holds(column, kind)}, which cannot be {what}")

    def _kind(self, table: Table, column: Column) -> tuple[ColumnKind | None, tuple[Finding, ...]]:
        """What a column holds; None where that is not known or not there, which is a finding then."""
        known = self._columns.get(str(table))
        if known is None:
            return None, ()
        found = spelled(column.name, known)
        if len(found) == 1:
            return known[found[0]], ()
        if found:
            message = f"{table} has {len(found)} columns called {quoted_word(column.name)}, in different case"
            return None, (_finding(column, "unknown-property", message, "write one as it is spelled there"),)
        near = nearest(column.name, [name for name in known if name in self._shown])
        message = f"{table} has no column {quoted_word(column.name)}" + (f'; did you mean "{near}"?' if near else "")
        return None, (_finding(column, "unknown-property", message),)


def _misfits(comparison: PropertyComparison, kind: ColumnKind | None) -> Iterator[Finding]:
    """An operator that does not suit what the column holds, or a value that does not."""
    if kind is None:
        return
    operator, column = comparison.operator, comparison.column
    if kind not in _SUITED[operator]:
        yield _finding(column, "condition-type", f"{_holds(column, kind)}, which `{operator}` cannot compare")
    elif operator not in _WITHOUT_VALUES and not all(_fits(value, kind) for value in comparison.values):
        yield _finding(column, "condition-type", f"{_holds(column, kind)}; {_EXAMPLES[kind]}")


def _fits(value: Value, kind: ColumnKind) -> bool:
    if isinstance(value, bool):
        return kind is ColumnKind.BOOLEAN
    if isinstance(value, Decimal):
        return kind is ColumnKind.NUMBER
    if kind in _TIMES:
        found = moment_of(value)
        return found is not None and (kind is not ColumnKind.DATE or not isinstance(found, datetime))
    return kind in (ColumnKind.TEXT, ColumnKind.WORD)


def _holds(column: Column, kind: ColumnKind) -> str:
    return f"{quoted_word(column.name)} holds {kind}"


def _finding(column: Column, code: str, message: str, hint: str = "") -> Finding:
    return Finding(column.location, code, message, hint)
