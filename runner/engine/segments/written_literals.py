"""Literals that SQL writes out as values of a type, and that are none: `date '2026-13-01'`. No row has to be read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from runner.core.sql_quoting import folded
from runner.core.suggest import quoted_word
from runner.engine.segments.sql_policy import Flaw, Parsed, flaw_at

if TYPE_CHECKING:
    import duckdb

_NUMBER = ("number", "digits without quotes", "bigint")
_TIME = ("time", "'2026-12-31 23:59:00'", "timestamp")
_TYPES = {
    "date": ("date", "'2026-12-31'", "date"),
    "time": ("time of day", "'23:59:00'", "time"),
    **dict.fromkeys(("timestamp", "timestamptz", "datetime"), _TIME),
    **dict.fromkeys(("smallint", "integer", "int", "bigint", "hugeint", "double", "float", "real"), _NUMBER),
}
"""Types whose literals are looked at -> what a value is called, how one is written, and a type that is like it."""


def word_of(type_name: str) -> tuple[str, str]:
    """What a value of a type is called, and a type to read a text as; any that is not known is taken for a number."""
    word, _, like = _TYPES.get(folded(type_name), _NUMBER)
    return word, like


def not_of_type(text: str, type_name: str) -> tuple[str, str]:
    """Message and hint for a text in SQL that is no value of a type."""
    word, written, _ = _TYPES.get(folded(type_name), _NUMBER)
    return f"{quoted_word(text)} is no {word}", f"a {word} is written {written}"


def wrong_literals(connection: duckdb.DuckDBPyConnection, statement: Parsed) -> Iterator[Flaw]:
    """A flaw for each; `connection` is one that runs no SQL of a segment."""
    for node, text, type_name in _literals(statement.tree):
        row = connection.execute(f"select try_cast($1 as {type_name}) is null", [text]).fetchone()
        if row is not None and row[0]:
            yield flaw_at(node, "sql-literal", *not_of_type(text, type_name))


def _literals(tree: Any) -> Iterator[tuple[dict[str, Any], str, str]]:
    """The casts of texts to a type that is looked at: the node, the text, the type."""
    pending: list[Any] = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, list):
            pending.extend(node)
        elif isinstance(node, dict):
            pending.extend(node.values())
            if node.get("class") == "CAST" and not node.get("try_cast"):
                literal = (node.get("child") or {}).get("literal") or {}
                type_name = folded(str((node.get("type_expr") or {}).get("type_name", "")))
                if literal.get("kind") == "STRING" and type_name in _TYPES:
                    yield node, str(literal["text"]), type_name
