"""Conditions that are written in SQL: one expression, and nothing that ends it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlglot import exp

_LONGEST = 20_000
"""Characters of one condition."""


class NoFragment(Exception):
    """Text that is no condition in SQL; the message is a sentence that quotes none of it."""


def parsed_fragment(sql: str, dialect: str) -> exp.Expression:
    """The expression that the SQL of a condition is. Raises NoFragment."""
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    logging.getLogger("sqlglot").setLevel(logging.CRITICAL)  # it quotes the SQL
    if len(sql) > _LONGEST:
        raise NoFragment(f"has more than {_LONGEST:,} characters; put it into a view, or write the segment in SQL")
    try:
        # On a line of its own, so that a comment ends before the parenthesis does.
        found = sqlglot.parse(f"select (\n{sql}\n) as a", read=dialect)
    except (SqlglotError, RecursionError):
        raise NoFragment("cannot be read as one condition in SQL, such as `a > b`") from None
    except Exception:  # noqa: BLE001 (a parser of many dialects, and SQL that it does not foresee)
        raise NoFragment("cannot be read; put what it says into a view") from None
    tree = found[0] if len(found) == 1 else None
    if not isinstance(tree, exp.Select) or set(_given(tree)) != {"expressions"} or len(tree.expressions) != 1:
        raise NoFragment("must be one condition, such as `a > b`, and nothing after it")
    [alias] = tree.expressions
    inside = alias.this if isinstance(alias, exp.Alias) and alias.alias == "a" else None
    if not isinstance(inside, exp.Paren) or isinstance(inside.this, exp.Query | exp.Tuple):
        raise NoFragment("must be one condition, such as `a > b`, and nothing after it")
    condition: exp.Expression = inside.this
    return condition


def _given(tree: exp.Expression) -> list[str]:
    return [name for name, value in tree.args.items() if value not in (None, [], False)]
