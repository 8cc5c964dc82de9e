"""What can be said about a person: the grammar of conditions, as values. Nothing here knows YAML or SQL."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import StrEnum

from runner.core.findings import Location
from runner.quick_dataclass import dataclass

Value = str | bool | Decimal


class Operator(StrEnum):
    """How a property is compared, in the words of the files."""

    IS = "is"
    IS_NOT = "is_not"
    AT_LEAST = "at_least"
    MORE_THAN = "more_than"
    AT_MOST = "at_most"
    LESS_THAN = "less_than"
    BETWEEN = "between"
    IN = "in"
    NOT_IN = "not_in"
    CONTAINS = "contains"
    STARTS_WITH = "starts_with"
    KNOWN = "known"
    WITHIN = "within"
    OLDER_THAN = "older_than"


OPPOSITES = {Operator.IS_NOT: Operator.IS, Operator.NOT_IN: Operator.IN}
"""Operators that are true exactly where another one is false."""


class Aggregate(StrEnum):
    """What is computed over the events of a person, in the words of the files."""

    TIMES = "times"
    SUM = "sum"
    MIN = "min"
    MAX = "max"
    AVG = "avg"


@dataclass(frozen=True, slots=True)
class Name:
    """A part of a table's name. One in quotes is taken as it is spelled, another in the case of the dialect."""

    text: str
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table and where it is declared."""

    parts: tuple[Name, ...]
    location: Location

    def __str__(self) -> str:
        return ".".join(part.text for part in self.parts)


@dataclass(frozen=True, slots=True)
class Column:
    """A property of a row, and where a condition speaks of it."""

    name: str
    location: Location


@dataclass(frozen=True, slots=True)
class EntityEvent:
    """What people did: a row for each time, with the person's key and when it was."""

    name: str
    table: Table
    key: Column
    at: Column


@dataclass(frozen=True, slots=True)
class Entity:
    """What conditions speak of: a table with one row per person. Times without zone in it are in `timezone`."""

    name: str
    table: Table
    key: Column
    timezone: str = "UTC"
    events: tuple[EntityEvent, ...] = ()


@dataclass(frozen=True, slots=True)
class PropertyComparison:
    """A property compared with values. `values` are texts, numbers or truths; of `within` and `older_than` the days,
    of `known` whether it is. False where the property is unknown, but for `is_not`, `not_in` and `known: false`.
    """

    column: Column
    operator: Operator
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Every:
    """All of the parts hold."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Some:
    """One of the parts holds, or more."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Opposite:
    """The part does not hold."""

    part: Condition


@dataclass(frozen=True, slots=True)
class Fragment:
    """A condition written in the dialect of the source."""

    sql: str
    location: Location


@dataclass(frozen=True, slots=True)
class Measure:
    """What the events of a person come to. The column of `times` has no meaning."""

    aggregate: Aggregate
    comparison: PropertyComparison


@dataclass(frozen=True, slots=True)
class Sequel:
    """Whether an event is followed by another one, later than it and at most so many seconds after."""

    event: EntityEvent
    where: Condition
    seconds: int | None
    happens: bool


@dataclass(frozen=True, slots=True)
class Happening:
    """Whether a person has events for which `where` holds, and the measures taken of these hold as well."""

    event: EntityEvent
    where: Condition
    happened: bool
    measures: tuple[Measure, ...] = ()
    sequels: tuple[Sequel, ...] = ()


@dataclass(frozen=True, slots=True)
class InSegment:
    """Whether a person is in a segment: one of conditions, or one written in SQL that yields the key."""

    name: str
    segment: Statement | str
    is_in: bool
    location: Location

    @property
    def yielded(self) -> str:
        """What the columns that SQL yields are known by, among those of tables."""
        return f"segment {self.name}"


Condition = PropertyComparison | Every | Some | Opposite | Fragment | Happening | InSegment


@dataclass(frozen=True, slots=True)
class Top:
    """The `count` people with the highest values of a property, or the lowest; unknown last, ties by key."""

    by: Column
    count: int
    lowest: bool = False


@dataclass(frozen=True, slots=True)
class Day:
    """The day that a run counts from, and the zone whose midnight begins it."""

    today: date
    timezone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Statement:
    """The people of a segment: those of an entity for whom a condition holds."""

    entity: Entity
    where: Condition
    top: Top | None
    day: Day
