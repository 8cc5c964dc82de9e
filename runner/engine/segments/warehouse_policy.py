"""The static check of SQL that a warehouse runs: one SELECT that changes nothing and reads no files of the server's.

It works on sqlglot's syntax tree and words in the source's dialect. SQL is taken apart where embedded SQL runs, so that
text which means to exhaust a parser is held to limits. It is the first of two walls: what holds is what the role was
granted (SECURITY.md), and a session that is read-only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from runner.core.suggest import quoted_word
from runner.engine.segments.sql_policy import Flaw
from runner.engine.segments.warehouse_functions import reads_as_file, refusal

if TYPE_CHECKING:
    from sqlglot.tokenizer_core import Token

_END = "; \t\r\n"
"""What may stand after the query."""

_PUT_INTO_A_VIEW = "sqlglot, which reads it here, does not know this; put it into a view there, and select from that"
_ONE_SELECT = "a segment is one SELECT"
LONGEST = 200_000
"""Characters that are looked at: a parser takes a thousand times as much memory."""


_PARAMETERS = frozenset({"PARAMETER", "PLACEHOLDER", "COLON"})


def text_of(sql: str) -> str:
    """The query as a part of another one: without what ends a statement."""
    return sql.rstrip(_END)


def warehouse_flaws(sql: str, dialect: str) -> tuple[Flaw, ...]:
    """What is wrong with SQL that a warehouse is to run, in the order of its text."""
    import logging

    import sqlglot
    from sqlglot.errors import ParseError, SqlglotError

    logging.getLogger("sqlglot").setLevel(logging.CRITICAL)  # it quotes the SQL
    text = text_of(sql)
    if len(text) > LONGEST:
        return (Flaw("sql-too-deep", f"the SQL has more than {LONGEST:,} characters", "put parts of it into views"),)
    try:
        words = sqlglot.tokenize(text, read=dialect)
    except SqlglotError:
        return (Flaw("sql-syntax", "the SQL has a quote, a comment or a sign that is not closed"),)
    if not words:
        return (Flaw("sql-empty", "the SQL is empty: write a SELECT that yields one row per person"),)
    for word in words:
        if word.token_type.name == "SEMICOLON":
            return (
                at_word(text, word, "sql-several-statements", f"{_ONE_SELECT}, and nothing after it; take out the ;"),
            )
    try:
        trees = sqlglot.parse(text, read=dialect)
    except ParseError as error:
        return (_unread(text, words, error),)
    except RecursionError:
        return (Flaw("sql-too-deep", "the SQL is nested too deeply", "split it into common table expressions"),)
    except Exception:  # noqa: BLE001 (a parser of many dialects, and SQL that it does not foresee)
        return (Flaw("sql-syntax", "the SQL cannot be read", _PUT_INTO_A_VIEW),)
    found = [*_of_tree(trees[0], text, words), *_of_words(text, words, dialect)]
    return tuple(sorted(dict.fromkeys(found), key=lambda flaw: flaw.offset or 0))


def _of_tree(tree: Any, text: str, words: Sequence[Token]) -> Iterator[Flaw]:
    from sqlglot import exp

    if not isinstance(tree, exp.Query) or isinstance(tree, exp.Values):
        kind = quoted_word(words[0].text.upper())[1:-1]
        yield at_word(text, words[0], "sql-not-a-select", f"only a SELECT can be a segment, not {kind}")
        return
    for node in tree.walk():
        if isinstance(node, exp.DML | exp.DDL | exp.Command | exp.Copy | exp.Set | exp.QueryTransform):
            kind = node.key.upper()
            yield _near(text, words, kind, "sql-not-a-select", f"only a SELECT can be a segment, not {kind}")
        elif isinstance(node, exp.Into):
            yield _near(text, words, "INTO", "sql-not-a-select", "SELECT INTO makes a table; a segment only reads")
        elif isinstance(node, exp.Lock):
            yield _near(
                text, words, "FOR", "sql-not-a-select", "a segment locks no rows; take FOR UPDATE or FOR SHARE out"
            )
        elif isinstance(node, exp.Placeholder | exp.Parameter):
            word = next((one for one in words if one.token_type.name in _PARAMETERS), words[0])
            hint = "write {{ var('x') }} for a variable"
            yield at_word(text, word, "sql-parameter", "a segment takes no parameters", hint)
        elif isinstance(node, exp.Table) and reads_as_file(node.name, node.db):
            yield _near(
                text, words, node.name.upper(), "sql-forbidden-function", "a segment reads tables, and no files"
            )


def _of_words(text: str, words: Sequence[Token], dialect: str) -> Iterator[Flaw]:
    """Calls that a segment may not make, whatever the tree makes of them."""
    for word, after in zip(words, (*words[1:], None), strict=True):
        if word.text == "@" and dialect == "snowflake":
            yield at_word(text, word, "sql-forbidden-function", "a segment reads tables, and no stages")
        if word.token_type.name == "STRING" and text[word.start] == '"':
            name = quoted_word(word.text)[1:-1]
            message = (
                f"in this dialect \"{name}\" is a text, and no name; write `{name}` for a column, '{name}' for a text"
            )
            yield at_word(text, word, "sql-quoted-name", message)
        called = after is not None and after.token_type.name == "L_PAREN"
        reason = refusal(word.text, dialect) if called else None
        if reason is not None:
            message = f"{quoted_word(word.text)[1:-1]}() cannot be used in a segment: {reason}"
            yield at_word(text, word, "sql-forbidden-function", message)


def _unread(text: str, words: Sequence[Token], error: Any) -> Flaw:
    """The flaw for what sqlglot does not understand; nothing of its text is shown but the word of the SQL."""
    details = error.errors[0] if error.errors else {}
    word = next(
        (one for one in words if (one.line, one.col) >= (details.get("line", 0), details.get("col", 0))), words[-1]
    )
    shown = quoted_word(word.text)
    return at_word(text, word, "sql-syntax", f"the SQL cannot be read here, at {shown}", _PUT_INTO_A_VIEW)


def _near(text: str, words: Sequence[Token], name: str, code: str, message: str) -> Flaw:
    """A flaw at the first word of a name; the tree does not say where its parts stand."""
    word = next((one for one in words if one.text.upper() == name), None)
    return at_word(text, word, code, message) if word is not None else Flaw(code, message)


def at_word(text: str, word: Token, code: str, message: str, hint: str = "") -> Flaw:
    """A flaw at a word of the SQL."""
    offset = len(text[: word.start].encode())
    return Flaw(code, message, hint, offset, len(text[word.start : word.end + 1].encode()))
