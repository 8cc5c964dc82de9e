"""Conditions read naively, one person after the other, in Python: slow, plain, and without a null anywhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from runner.conditions.statements import (
    Aggregate,
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
)

Record = Mapping[str, Any]
Records = Mapping[str, Sequence[Record]]


def people(statement: Statement, tables: Records) -> list[Record]:
    """The rows of the people of a statement."""
    key = statement.entity.key.name
    rows = [
        row for row in tables[str(statement.entity.table)] if holds(statement.where, row, row[key], statement, tables)
    ]
    top = statement.top
    if top is None:
        return rows
    rows.sort(key=lambda row: (row[key] is None, row[key] or 0))
    known = [row for row in rows if row[top.by.name] is not None]
    known.sort(key=lambda row: row[top.by.name], reverse=not top.lowest)
    return (known + [row for row in rows if row[top.by.name] is None])[: top.count]


def holds(condition: Condition, row: Record, key: Any, statement: Statement, tables: Records) -> bool:
    """Whether a condition holds for a row."""

    def one(part: Condition) -> bool:
        return holds(part, row, key, statement, tables)

    match condition:
        case Every(parts):
            return all(map(one, parts))
        case Some(parts):
            return any(map(one, parts))
        case Opposite(part):
            return not one(part)
        case PropertyComparison():
            return compared(row[condition.column.name], condition, statement)
        case Happening():
            return _happens(condition, key, statement, tables) == condition.happened
        case InSegment(segment=Statement() as other):
            keys = [one[other.entity.key.name] for one in people(other, tables)]
            return (key is not None and key in keys) == condition.is_in
    raise AssertionError(condition)


def compared(value: Any, comparison: PropertyComparison, statement: Statement) -> bool:
    """Whether a value is what it is compared with."""
    operator, given = comparison.operator, comparison.values
    if operator is Operator.KNOWN:
        return (value is not None) == given[0]
    if operator in (Operator.IS_NOT, Operator.NOT_IN):
        return value is None or value not in given
    if value is None:
        return False
    if operator in (Operator.WITHIN, Operator.OLDER_THAN):
        is_within = _is_within(value, int(given[0]), statement)
        return is_within == (operator is Operator.WITHIN)
    return _OPERATORS[operator](value, given)


_OPERATORS: Mapping[Operator, Callable[[Any, Any], bool]] = {
    Operator.IS: lambda value, given: value in given,
    Operator.IN: lambda value, given: value in given,
    Operator.AT_LEAST: lambda value, given: value >= given[0],
    Operator.MORE_THAN: lambda value, given: value > given[0],
    Operator.AT_MOST: lambda value, given: value <= given[0],
    Operator.LESS_THAN: lambda value, given: value < given[0],
    Operator.BETWEEN: lambda value, given: given[0] <= value <= given[1],
    Operator.CONTAINS: lambda value, given: given[0] in value,
    Operator.STARTS_WITH: lambda value, given: value.startswith(given[0]),
}


def _is_within(value: date | datetime, days: int, statement: Statement) -> bool:
    first = statement.day.today - timedelta(days=days)
    if not isinstance(value, datetime):
        return value >= first
    start = datetime.combine(first, time(), ZoneInfo(statement.day.timezone))
    return _moment(value, statement) >= start


def _moment(value: datetime, statement: Statement) -> datetime:
    return (value if value.tzinfo else value.replace(tzinfo=ZoneInfo(statement.entity.timezone))).astimezone(UTC)


def _happens(happening: Happening, key: Any, statement: Statement, tables: Records) -> bool:
    mine = _of_person(happening.event, key, tables)
    left = [
        row
        for row in mine
        if holds(happening.where, row, key, statement, tables)
        and all(
            _followed(row, one, happening.event, key, statement, tables) == one.happens for one in happening.sequels
        )
    ]
    return bool(left) and all(_measured(left, one, statement) for one in happening.measures)


def _of_person(event: EntityEvent, key: Any, tables: Records) -> list[Record]:
    return [row for row in tables[str(event.table)] if key is not None and row[event.key.name] == key]


def _followed(row: Record, sequel: Sequel, event: EntityEvent, key: Any, statement: Statement, tables: Records) -> bool:
    before = row[event.at.name]
    for other in _of_person(sequel.event, key, tables):
        after = other[sequel.event.at.name]
        if before is None or after is None or not holds(sequel.where, other, key, statement, tables):
            continue
        if _is_next(before, after, sequel.seconds, statement):
            return True
    return False


def _is_next(before: Any, after: Any, seconds: int | None, statement: Statement) -> bool:
    """Whether some moment of `after` is later than some moment of `before`, and not too late."""
    first, first_end = _span(before, statement)
    second, second_end = _span(after, statement)
    if second_end <= first:
        return False
    if seconds is None:
        return True
    latest = first_end + timedelta(seconds=seconds)
    return second <= latest if first == first_end else second < latest


def _span(value: Any, statement: Statement) -> tuple[datetime, datetime]:
    """A moment, or the moments that a day begins and ends with."""
    if isinstance(value, datetime):
        return (_moment(value, statement),) * 2
    start = _moment(datetime.combine(value, time()), statement)
    return start, start + timedelta(days=1)


def _measured(rows: list[Record], measure: Measure, statement: Statement) -> bool:
    comparison = measure.comparison
    if measure.aggregate is Aggregate.TIMES:
        return compared(Decimal(len(rows)), comparison, statement)
    values = [row[comparison.column.name] for row in rows if row[comparison.column.name] is not None]
    if not values:
        return compared(None, comparison, statement)
    made = {
        Aggregate.SUM: sum,
        Aggregate.MIN: min,
        Aggregate.MAX: max,
        Aggregate.AVG: lambda found: Decimal(sum(found)) / len(found),
    }
    return compared(made[measure.aggregate](values), comparison, statement)
