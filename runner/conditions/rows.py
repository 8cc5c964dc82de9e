"""A row that a condition speaks of: which table it is of, what it is called, and how its columns are spelled."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from runner.conditions.statements import Table
from runner.core.declared_segment import ColumnKind, Columns
from runner.core.sql_quoting import folded
from runner.quick_dataclass import dataclass, field, replace

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
    """A row of a table under an alias; `columns` are None where they are not known.

    `renamed` are columns that a subquery gives other names: by those that they have in the table.
    """

    table: Table
    alias: str
    dialect: str
    columns: Columns | None
    renamed: Mapping[str, str] = field(default_factory=dict)

    def column(self, name: str) -> exp.Column:
        """The column, qualified."""
        from sqlglot import exp

        found = (self.renamed[name],) if name in self.renamed else spelled(name, self.columns or {})
        of = exp.Identifier(this=in_case_of(self.dialect, self.alias), quoted=True)
        own = exp.Identifier(this=found[0] if found else in_case_of(self.dialect, name), quoted=True)
        return exp.Column(this=own, table=of)  # sqlglot's own function would copy both

    def kind(self, name: str) -> ColumnKind | None:
        """What the column holds; None where that is not known."""
        found = spelled(name, self.columns or {})
        return (self.columns or {}).get(found[0]) if found else None

    def hides(self, other: Row, names: Iterable[str]) -> bool:
        """Whether a column of this row is called as the other row is: inside of a subquery, some engines would take
        `other.column` for a part of it. `names` are columns that there are, whatever is known.
        """
        return folded(other.alias) in {folded(name) for name in (*(self.columns or ()), *names)}

    def under_other_names(self, names: Sequence[str]) -> Row:
        """The row of a subquery that yields these columns, and no other, under names that hide nothing."""
        return replace(self, renamed={name: f"headcount_{number}" for number, name in enumerate(names)})

    def source(self) -> exp.Table:
        """The table, under its alias."""
        source = relation(self.table, self.dialect)
        source.set("alias", self.alias_of())
        return source

    def alias_of(self) -> exp.TableAlias:
        """The alias in an expression."""
        from sqlglot import exp

        return exp.TableAlias(this=exp.Identifier(this=in_case_of(self.dialect, self.alias), quoted=True))


def relation(table: Table, dialect: str) -> exp.Table:
    """The table in an expression, its names quoted."""
    from sqlglot import exp

    names = [part.text if part.quoted else in_case_of(dialect, part.text) for part in table.parts]
    parts = [exp.Identifier(this=name, quoted=True) for name in names]
    return exp.Table(**dict(zip(("this", "db", "catalog"), reversed(parts), strict=False)))
