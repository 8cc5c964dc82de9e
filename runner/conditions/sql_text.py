"""The SQL of statements as text, in a dialect, laid out as a person would have."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING

from runner.conditions.statements import Fragment, Statement, Table
from runner.core.declared_segment import Columns
from runner.quick_dataclass import replace

if TYPE_CHECKING:
    from runner.conditions.compile_statement import Compiling
    from runner.conditions.rows import Row

_END = "; \t\r\n"
"""What may stand after a query."""

_NOTHING_KNOWN: Mapping[str, Columns] = {}


def sql_of(statement: Statement, dialect: str, columns: Mapping[str, Columns] = _NOTHING_KNOWN) -> str:
    """The SQL that yields the people of a statement, one row each."""
    return _compiled(statement, dialect, columns)[0]


class UndatedTexts:
    """The SQL of statements, where nothing is known of columns.

    That of a statement which does not count from the day of the run is written once for all days.
    """

    def __init__(self) -> None:
        self._texts: dict[tuple[str, str], str] = {}

    def sql_of(self, statement: Statement, dialect: str) -> str:
        """What the function of that name gives."""
        # As it is shown: to Python, true is equal to 1, and entries of one family are written at one place.
        of_any_day = (repr(replace(statement, day=replace(statement.day, today=date.min))), dialect)
        if of_any_day in self._texts:
            return self._texts[of_any_day]
        text, is_dated = _compiled(statement, dialect, _NOTHING_KNOWN)
        if not is_dated:
            self._texts[of_any_day] = text
        return text


def _compiled(statement: Statement, dialect: str, columns: Mapping[str, Columns]) -> tuple[str, bool]:
    """The SQL of a statement, and whether it would be another one on another day."""
    from runner.conditions.compile_statement import Compiling  # a project without conditions needs none of it

    compiling = Compiling(dialect, columns)
    text = _printed(statement, compiling)
    while any(text.count(name) != 1 for name in compiling.written):  # a value, or a name, holds it as well
        compiling = Compiling(dialect, columns, f"{compiling.mark}_")
        text = _printed(statement, compiling)
    if not compiling.written:
        return text, compiling.is_dated
    names = "|".join(map(re.escape, compiling.written))
    return re.sub(names, lambda found: _within(compiling.written[found[0]]), text), compiling.is_dated


def _printed(statement: Statement, compiling: Compiling) -> str:
    from runner.conditions.compile_statement import people_of

    people = people_of(statement, compiling)
    return people.sql(dialect=compiling.dialect, pretty=True, normalize_functions="lower", comments=False, copy=False)


def select_all(table: Table, dialect: str) -> str:
    """SQL that yields all of a table."""
    from sqlglot import exp

    from runner.conditions.rows import relation

    return exp.select("*").from_(relation(table, dialect)).sql(dialect=dialect)


def select_where(fragment: Fragment, row: Row) -> str:
    """SQL that yields all of a table's rows for which a condition in SQL holds."""
    from sqlglot import exp

    from runner.conditions.fragments import parsed_fragment

    condition = exp.Paren(this=parsed_fragment(fragment.sql, row.dialect))
    select = exp.select("*").from_(row.source(), copy=False).where(condition, copy=False)
    return select.sql(dialect=row.dialect, comments=False)


def select_all_of(sql: str) -> str:
    """SQL that yields all that other SQL does."""
    return f"select * from {_within(sql)} as headcount_members"  # noqa: S608 (a segment's own SQL, as it runs)


def _within(sql: str) -> str:
    """SQL in parentheses, on lines of its own: a comment at its end ends with its line."""
    return f"(\n{sql.rstrip(_END)}\n)"
