"""A statement as the engine gets it: it becomes SQL once the columns of its tables are known."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from runner.conditions.column_checks import ColumnChecks
from runner.conditions.sql_text import select_all, sql_of
from runner.conditions.statements import (
    Condition,
    Every,
    Happening,
    InSegment,
    Opposite,
    Some,
    Statement,
    Table,
)
from runner.core.declared_segment import Columns, TableOf
from runner.core.findings import Finding


@dataclass(frozen=True, slots=True)
class PeopleQuery:
    """Implements runner.core.declared_segment.DeclaredSegment for a statement and a dialect."""

    statement: Statement
    dialect: str

    def tables(self) -> tuple[TableOf, ...]:
        found: dict[str, Table] = {}
        for table in _tables(self.statement):
            found.setdefault(str(table), table)
        return tuple(TableOf(name, select_all(table, self.dialect), table.location) for name, table in found.items())

    def check(self, columns: Mapping[str, Columns], shown: Collection[str]) -> tuple[Finding, ...]:
        return tuple(sorted(set(ColumnChecks(columns, shown).of(self.statement))))

    def text(self, columns: Mapping[str, Columns]) -> str:
        return sql_of(self.statement, self.dialect, columns)


def _tables(statement: Statement) -> Iterator[Table]:
    yield statement.entity.table
    yield from _tables_in(statement.where)


def _tables_in(condition: Condition) -> Iterator[Table]:
    match condition:
        case Every(parts) | Some(parts):
            for part in parts:
                yield from _tables_in(part)
        case Opposite(part):
            yield from _tables_in(part)
        case Happening(event=event, where=where, sequels=sequels):
            yield event.table
            yield from _tables_in(where)
            for sequel in sequels:
                yield sequel.event.table
                yield from _tables_in(sequel.where)
        case InSegment(segment=Statement() as statement):
            yield from _tables(statement)
