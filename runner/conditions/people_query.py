"""A statement as the engine gets it: it becomes SQL once the columns of its tables are known."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from runner.conditions.column_checks import ColumnChecks
from runner.conditions.rows import Row
from runner.conditions.sql_text import select_all, select_all_of, select_where, sql_of
from runner.conditions.statements import (
    Condition,
    Every,
    Fragment,
    Happening,
    InSegment,
    Opposite,
    Some,
    Statement,
    Table,
)
from runner.core.declared_segment import Columns, TableOf
from runner.core.findings import Finding
from runner.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class PeopleQuery:
    """Implements runner.core.declared_segment.DeclaredSegment for a statement and a dialect."""

    statement: Statement
    dialect: str
    files: frozenset[str] = frozenset()

    def tables(self) -> tuple[TableOf, ...]:
        found: dict[str, TableOf] = {}
        for one in _read_by(self.statement):
            table = self._written(one) if isinstance(one, InSegment) else self._declared(one)
            found.setdefault(table.name, table)
        return tuple(found.values())

    def _declared(self, table: Table) -> TableOf:
        return TableOf(str(table), select_all(table, self.dialect), table.location)

    def _written(self, membership: InSegment) -> TableOf:
        return TableOf(membership.yielded, select_all_of(str(membership.segment)), membership.location)

    def fragments(self) -> tuple[TableOf, ...]:
        return tuple(
            TableOf("this condition", select_where(fragment, row), fragment.location)
            for fragment, row in _fragments(self.statement, self.dialect)
        )

    def check(self, columns: Mapping[str, Columns], shown: Collection[str]) -> tuple[Finding, ...]:
        return tuple(sorted(set(ColumnChecks(columns, shown).of(self.statement))))

    def text(self, columns: Mapping[str, Columns]) -> str:
        return sql_of(self.statement, self.dialect, columns)


def _fragments(statement: Statement, dialect: str) -> Iterator[tuple[Fragment, Row]]:
    """The conditions in SQL, each with the row that it speaks of."""
    entity = statement.entity
    yield from _fragments_in(statement.where, Row(entity.table, entity.name, dialect, None))


def _fragments_in(condition: Condition, row: Row) -> Iterator[tuple[Fragment, Row]]:
    match condition:
        case Fragment():
            yield condition, row
        case Every(parts) | Some(parts):
            for part in parts:
                yield from _fragments_in(part, row)
        case Opposite(part):
            yield from _fragments_in(part, row)
        case Happening(event=event, where=where, sequels=sequels):
            yield from _fragments_in(where, Row(event.table, event.name, row.dialect, None))
            for one in sequels:
                yield from _fragments_in(one.where, Row(one.event.table, one.event.name, row.dialect, None))
        case InSegment(segment=Statement() as statement):
            yield from _fragments(statement, row.dialect)


def _read_by(statement: Statement) -> Iterator[Table | InSegment]:
    """The tables that a statement reads, and the segments in SQL."""
    yield statement.entity.table
    yield from _read_in(statement.where)


def _read_in(condition: Condition) -> Iterator[Table | InSegment]:
    match condition:
        case Every(parts) | Some(parts):
            for part in parts:
                yield from _read_in(part)
        case Opposite(part):
            yield from _read_in(part)
        case Happening(event=event, where=where, sequels=sequels):
            yield event.table
            yield from _read_in(where)
            for sequel in sequels:
                yield sequel.event.table
                yield from _read_in(sequel.where)
        case InSegment(segment=Statement() as statement):
            yield from _read_by(statement)
        case InSegment():
            yield condition
