"""A row that a condition speaks of: which table it is of, what it is called, and how its columns are spelled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.conditions.statements import Table
from runner.core.declared_segment import ColumnKind, Columns
from runner.core.sql_quoting import folded

if TYPE_CHECKING:
    from sqlglot import exp

_CASES: Mapping[str, Callable[[str], str]] = {"postgres": str.lower, "redshift": str.lower, "snowflake": str.upper}
"""What a dialect makes of a name without quotes; elsewhere case does not matter, or is kept."""


def in_case_of(dialect: str, name: str) -> str:
    """A name without quotes as the dialect understands it."""
    return _CASES.get(dialect, str)(name)


def spelled(name: str, columns: Columns) -> tuple[str, ...]:
    """The columns that a name means: the one spelled so, else each that differs in case only."""
    return (name,) if name in columns else tuple(one for one in columns if folded(one) == folded(name))


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table under an alias; `columns` are None where they are not known."""

    table: Table
    alias: str
    dialect: str
    columns: Columns | None

    def column(self, name: str) -> exp.Column:
        """The column, qualified."""
        from sqlglot import exp

        found = spelled(name, self.columns or {})
        return exp.column(
            exp.to_identifier(found[0] if found else in_case_of(self.dialect, name), quoted=True),
            table=exp.to_identifier(in_case_of(self.dialect, self.alias), quoted=True),
        )

    def kind(self, name: str) -> ColumnKind | None:
        """What the column holds; None where that is not known."""
        found = spelled(name, self.columns or {})
        return (self.columns or {}).get(found[0]) if found else None

    def source(self) -> exp.Table:
        """The table, under its alias."""
        source = relation(self.table, self.dialect)
        source.set("alias", self.alias_of())
        return source

    def alias_of(self) -> exp.TableAlias:
        """The alias in an expression."""
        from sqlglot import exp

        return exp.TableAlias(this=exp.to_identifier(in_case_of(self.dialect, self.alias), quoted=True))


def relation(table: Table, dialect: str) -> exp.Table:
    """The table in an expression, its names quoted."""
    from sqlglot import exp

    names = [part.text if part.quoted else in_case_of(dialect, part.text) for part in table.parts]
    parts = [exp.to_identifier(name, quoted=True) for name in names]
    return exp.Table(**dict(zip(("this", "db", "catalog"), reversed(parts), strict=False)))
