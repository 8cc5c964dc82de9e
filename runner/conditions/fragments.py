"""Conditions that are written in SQL: one expression, and nothing that ends it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlglot import exp

_LONGEST, _DEEPEST = 4_000, 10
"""Characters of one condition, and brackets inside of each other: of some, each doubles the parser's work."""


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
    if _depth(sql) > _DEEPEST:
        raise NoFragment(f"has more than {_DEEPEST} brackets inside of each other; put parts of it into a view")
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


def _depth(sql: str) -> int:
    """How deep brackets are nested, those in texts and comments included."""
    depth = deepest = 0
    for sign in sql:
        depth += (sign in "([{") - (sign in ")]}" and depth > 0)
        deepest = max(deepest, depth)
    return deepest


def _given(tree: exp.Expression) -> list[str]:
    return [name for name, value in tree.args.items() if value not in (None, [], False)]
