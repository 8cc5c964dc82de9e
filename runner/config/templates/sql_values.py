"""Values of templates as SQL: literals, and what may be printed into SQL as it is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from runner.config.templates.budget import MAX_DEPTH, Budget
from runner.config.templates.template_types import CannotEvaluate, QuoteInSql, TemplateTooLarge
from runner.config.templates.values import kind_of_value, written
from runner.core.sql_quoting import literal

MAX_LISTED = 10_000
"""Values of one list in SQL: a longer one belongs into a table."""
ESCAPING = frozenset({"bigquery", "databricks", "redshift", "snowflake", "spark"})
"""Dialects in whose texts a backslash says something about the next character."""
_DOUBLE_QUOTED = frozenset({"bigquery", "databricks", "spark"})
"""Dialects that take what stands in double quotes for a text."""


class PrintedSql(str):
    """A text that is SQL, and so is printed as it is."""

    __slots__ = ()


def as_sql(value: object, dialect: str, budget: Budget) -> PrintedSql:
    """A value as a literal of the dialect, a list as literals in brackets. Raises CannotEvaluate, TemplateTooLarge."""
    if not isinstance(value, list | tuple):
        return PrintedSql(_literal(value, dialect, budget))
    if not value:
        raise CannotEvaluate("an empty list cannot be written as SQL; leave the condition out with an `if`")
    if len(value) > MAX_LISTED:
        raise TemplateTooLarge(f"a list has more than {MAX_LISTED:,} values, too many for SQL; put them into a table")
    parts = [_literal(item, dialect, budget) for item in value]
    budget.text(sum(map(len, parts)) + 2 * len(parts))
    return PrintedSql(f"({', '.join(parts)})")


def _literal(value: object, dialect: str, budget: Budget) -> str:
    if value is None:
        return "null"
    if isinstance(value, str):
        budget.text(2 * len(value) + 2)
        return _escaped(value) if dialect in ESCAPING else literal(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        return f"date {literal(value.isoformat())}"
    if isinstance(value, list | tuple | Mapping):
        raise CannotEvaluate(f"{kind_of_value(value)} in a list cannot be written as SQL; name one of its values")
    return written(value, budget)


def _escaped(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def require_plain(value: object, dialect: str, budget: Budget, depth: int = 0) -> None:
    """Raise QuoteInSql for a text, or one in a list, that would end the text in SQL that it is printed into."""
    if depth > MAX_DEPTH:
        raise TemplateTooLarge("a list is too deeply nested")
    if isinstance(value, list | tuple):
        budget.step(len(value))
        for item in value:
            require_plain(item, dialect, budget, depth + 1)
    elif isinstance(value, str) and not isinstance(value, PrintedSql):
        budget.look_through(len(value))
        marks = ("'", *("\\" if dialect in ESCAPING else ""), *('"' if dialect in _DOUBLE_QUOTED else ""))
        if any(mark in value for mark in marks):
            raise QuoteInSql("the value has a quote in it, or a backslash")
