"""What a query means, as far as its text tells without an engine: what may differ without changing any result.

Comments, white space and the case of keywords and of functions' names mean nothing. Strings, quoted names, numbers and
other names are kept exactly. Where the text is not plain enough to be sure, all of it counts: a change that is none is
shown once; one that is hidden would ship unseen.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from functools import lru_cache

_KEYWORDS = frozenset(
    """
    all and anti any as asc asof between by case cast collate cross cube current desc distinct else end escape except
    exclude exists extract false filter first following for from full group grouping groups having ilike in inner
    intersect interval is isnull join last lateral left like limit materialized natural not notnull null nulls offset on
    or order outer over partition pivot positional preceding qualify range recursive replace respect right rollup row
    rows sample select semi sets similar some symmetric tablesample then ties to true try_cast unbounded union unpivot
    using values when where window with within
    """.split()  # noqa: SIM905 (a list would be a page long)
)
_OPERATORS = frozenset(
    "<= >= <> != == || :: -> ->> := => ** // << >> ~~ !~~ ~~* !~~* ~* !~ !~* ^@ && @> <@".split()  # noqa: SIM905
)
_TOKEN = re.compile(
    r"""
      (?P<space>\s+)
    | (?P<comment>--[^\n]*|/\*(?:(?!/\*|\*/).)*\*/)
    | (?P<text>[eE]'(?:[^'\\]|\\.|'')*' | [xXbB]?'(?:[^']|'')*' | \$(?P<tag>[A-Za-z_0-9]*)\$.*?\$(?P=tag)\$)
    | (?P<name>"(?:[^"]|"")*")
    | (?P<number>\d[\w.]*|\.\d\w*)
    | (?P<word>[^\W\d][\w$]*)
    | (?P<operator>(?:(?!--|/\*)[+\-*/<>=~!@\#%^&|`?:])+)
    | (?P<mark>[^\s'"])
    """,
    re.VERBOSE | re.DOTALL,
)
_CALL = re.compile(r"\s*\(")
_FILLED = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_CONTROL = ("{%", "{#")
_OF_THE_DAY = re.compile(r"\b(?:today|var|ref)\b")
_OF_THE_ENTRY = re.compile(r"\beach\b")


class _Unclear(Exception):
    """The text has something in it that this module does not understand."""


@lru_cache(5_000)  # a project is resolved for two days, and most SQL is the same on both
def meaning(template: str, text: str) -> str:
    """A fingerprint (SHA-256, hex) of SQL: its `template` as written, and the `text` that it comes to on a fixed day.

    Two of the same fingerprint give the same result over the same tables, on every day.
    """
    if any(mark in template for mark in _CONTROL):
        parts = ["whole", template, text]  # what another day comes to may stand anywhere in it
    else:
        parts = ["plain", *filter(_counts, _FILLED.findall(template)), "", *tokens(text)]
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(f"{len(data)}:".encode() + data)
    return digest.hexdigest()


def _counts(filled: str) -> bool:
    """Whether what a `{{ }}` gives may be another on another day: of an entry of a family, what it gave says it all."""
    return _OF_THE_DAY.search(filled) is not None or _OF_THE_ENTRY.search(filled) is None


def tokens(sql: str) -> tuple[str, ...]:
    """The parts of a query that mean something; the whole text as one part where that cannot be known."""
    try:
        found = list(_tokens(sql))
    except _Unclear:
        return (sql,)
    while found and found[-1] == ";":
        found.pop()
    return tuple(found)


def _tokens(sql: str) -> Iterator[str]:
    at, before, line_broken = 0, "", False
    while at < len(sql):
        match = _TOKEN.match(sql, at)
        if match is None:
            raise _Unclear
        at, kind, part = match.end(), match.lastgroup, match[0]
        if kind in ("space", "comment"):
            line_broken = line_broken or "\n" in part
            continue
        if kind == "word":
            part = _word(part, before, sql, at)
        elif match["text"] is not None and line_broken and before.endswith("'"):
            yield "\n"  # two texts on two lines are one text
        elif kind == "operator" and part not in _OPERATORS and len(part) > 1:
            yield from _operators(part)
            before, line_broken = part, False
            continue
        yield part
        before, line_broken = part, False


def _word(word: str, before: str, sql: str, end: int) -> str:
    """A name keeps its case: it may be the name of a column or of a field."""
    lower = word.lower() if word.isascii() else word
    if before in (".", "as"):
        return word
    calls = _CALL.match(sql, end) is not None
    return lower if calls or lower in _KEYWORDS else word


def _operators(run: str) -> Iterator[str]:
    """Operators without a blank between them; where the last one is a sign, it belongs to what follows."""
    head, last = run[:-1], run[-1]
    if last in "+-" and (head in _OPERATORS or len(head) == 1):
        yield head
        yield last
    else:
        yield run


def tables_named(parts: tuple[str, ...], source: str, tables: tuple[str, ...]) -> frozenset[str] | None:
    """The tables of a source that a query's parts name, None where it may name any of them."""
    if len(parts) < 2:
        return None
    known = {table.lower(): table for table in tables}
    plain = [part[1:-1].replace('""', '"').lower() if part.startswith('"') else part.lower() for part in parts]
    found = set()
    for index, part in enumerate(plain):
        if part == source.lower() and plain[index + 1 : index + 2] == ["."]:
            table = known.get(plain[index + 2]) if index + 2 < len(plain) else None
            if table is None:
                return None
            found.add(table)
    return frozenset(found)
