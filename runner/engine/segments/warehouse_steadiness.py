"""What makes a segment of a warehouse yield other people in each run: warnings, as `steadiness` has them for DuckDB.

It goes by the classes that sqlglot gives what each dialect calls its own way: `getdate()`, `now()` and
`current_timestamp` are one, and so are `rand()` and `random()`. A function that it does not know is known by its name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from runner.engine.segments.sql_functions import CHANCE, NOW
from runner.engine.segments.sql_policy import MOST_FLAWS, Flaw
from runner.engine.segments.steadiness import CODE, ORDER, TODAY
from runner.engine.segments.warehouse_policy import at_word, text_of

if TYPE_CHECKING:
    from sqlglot.tokenizer_core import Token

_TIMES = frozenset(
    {"CurrentDate", "CurrentDatetime", "CurrentTime", "CurrentTimestamp", "CurrentTimestampLTZ"}
    | {"Localtime", "Localtimestamp", "UtcDate", "UtcTime", "UtcTimestamp"}
)
_BY_CHANCE = frozenset({"Rand", "Randn", "Uuid", "Shuffle"})
_ANY_OF_SEVERAL = frozenset({"AnyValue", "First", "Last"})
_BY_POSITION = frozenset({"RowNumber", "Ntile", "Lag", "Lead", "FirstValue", "LastValue", "NthValue", *_ANY_OF_SEVERAL})
"""Classes of sqlglot's, by name: not every version has each."""

_NAMED_TIMES = NOW | {"clock_timestamp", "statement_timestamp", "timeofday", "getdate", "sysdate", "systimestamp"}
_NAMED_CHANCE = CHANCE | {"monotonically_increasing_id", "uuid_string", "generate_uuid", "newid"}

_SAMPLE = "for a sample that stays, take it by a key: a hash of customer_id, modulo 100"


def unsteady_in(sql: str, dialect: str) -> tuple[Flaw, ...]:
    """Each place of SQL without flaws (see `warehouse_flaws`) that can yield something else in the next run."""
    import sqlglot

    text = text_of(sql)
    words = sqlglot.tokenize(text, read=dialect)
    found: dict[Flaw, None] = {}
    for node in sqlglot.parse_one(text, read=dialect).walk():
        found.update(dict.fromkeys(_unsteady(node, text, words)))
        if len(found) >= MOST_FLAWS:
            break
    return tuple(sorted(found, key=lambda flaw: flaw.offset or 0))


def _unsteady(node: Any, text: str, words: Sequence[Token]) -> Iterator[Flaw]:
    from sqlglot import exp

    kind, parent = type(node).__name__, node.parent
    if isinstance(node, exp.Func):
        yield from _of_function(node, kind, text, words)
    elif isinstance(node, exp.Window):
        inner = node.this.this if isinstance(node.this, exp.IgnoreNulls | exp.RespectNulls) else node.this
        if type(inner).__name__ in _BY_POSITION and not node.args.get("order"):
            name, word = _called(inner, text, words)
            yield _flaw(text, word, f"{name}() goes by the order of the rows, which is none without ORDER BY", ORDER)
    elif isinstance(node, exp.TableSample):
        word = _word(words, "TABLESAMPLE", "SAMPLE")
        yield _flaw(text, word, "a sample is made of other people in each run", _SAMPLE)
    elif isinstance(node, exp.Limit | exp.Fetch | exp.Offset) and not _ordered_or_asked_for_any(parent):
        word = _word(words, "LIMIT", "TOP", "FETCH", "OFFSET")
        yield _flaw(text, word, "LIMIT without ORDER BY keeps other people in each run", ORDER)
    elif isinstance(node, exp.Distinct) and node.args.get("on") and not parent.args.get("order"):
        message = "DISTINCT ON without ORDER BY keeps any row of each, perhaps another one"
        yield _flaw(text, _word(words, "DISTINCT"), message, ORDER)


def _of_function(node: Any, kind: str, text: str, words: Sequence[Token]) -> Iterator[Flaw]:
    from sqlglot import exp

    name, word = _called(node, text, words)
    written = name if isinstance(node, exp.Anonymous) else ""
    if kind in _TIMES or written in _NAMED_TIMES or (written == "age" and len(node.expressions) == 1):
        yield _flaw(text, word, f"{name} goes by the time of the run", TODAY)
    elif kind in _BY_CHANCE or written in _NAMED_CHANCE:
        yield _flaw(text, word, f"{name}() gives something else in each run", _SAMPLE)
    elif kind in _ANY_OF_SEVERAL and not isinstance(node.this, exp.HavingMax | exp.Order):
        if isinstance(node.parent, exp.Window | exp.WithinGroup | exp.IgnoreNulls):
            return
        message = f"{name}() takes any value of its group, in each run perhaps another one"
        yield _flaw(text, word, message, "say which: min(...) or max(...)")


def _ordered_or_asked_for_any(query: Any) -> bool:
    """Whether a query has an order, or is asked whether it has rows, and not which."""
    from sqlglot import exp

    return bool(query.args.get("order")) or isinstance(query.parent, exp.Exists)


def _called(node: Any, text: str, words: Sequence[Token]) -> tuple[str, Token | None]:
    """What the SQL itself calls the function, in lower case, and the word, where the tree knows it."""
    from sqlglot import exp

    start = node.meta.get("start")
    if start is not None:
        word = next((one for one in words if one.start == start), None)
    else:
        word = _word(words, *(name.upper() for name in getattr(node, "sql_names", tuple)()))
    if word is not None:
        return text[word.start : word.end + 1].lower(), word
    return (node.name if isinstance(node, exp.Anonymous) else node.sql_name()).lower(), None


def _word(words: Sequence[Token], *names: str) -> Token | None:
    return next((one for one in words if one.text.upper() in names), None)


def _flaw(text: str, word: Token | None, message: str, hint: str) -> Flaw:
    return at_word(text, word, CODE, message, hint) if word is not None else Flaw(CODE, message, hint)
