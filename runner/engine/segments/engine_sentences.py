"""What DuckDB says of SQL before it runs, in sentences of our own: no word of its passes that can be somebody's data.

DuckDB quotes what it sees: all members of an ENUM, the keys of a STRUCT or of JSON, column names, a view's literals.
So its first line must match one of these sentences whole, and each part of it must be what the sentence says it is: a
name that the SQL holds anyway, a type without members or keys, a number. Then the parts go into our sentence.
Anything else becomes the sentence that says nothing but that this place is at fault.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from runner.core.sql_quoting import folded
from runner.core.suggest import closest, quoted_word
from runner.engine.segments.sql_functions import FUNCTIONS
from runner.quick_dataclass import dataclass

_KNOWN_TYPES = """
    ANY BIGINT BIGNUM BIT BLOB BOOLEAN DATE DECIMAL DOUBLE ENUM FLOAT HUGEINT INTEGER INTEGER_LITERAL INTERVAL JSON
    LAMBDA LIST MAP NULL SMALLINT STRING_LITERAL STRUCT TIME TIMESTAMP TIMESTAMPTZ TIMESTAMP_MS TIMESTAMP_NS
    TIMESTAMP_S TINYINT UBIGINT UHUGEINT UINTEGER UNION USMALLINT UTINYINT UUID VARCHAR VARIANT
"""
_WRITTEN_TYPES = """
    bigint blob boolean date decimal double float hugeint integer interval json smallint text time timestamp timestamptz
    tinyint uuid varchar
"""

TYPES = frozenset(_KNOWN_TYPES.split())
"""Types that a message may name, without what is in them."""

UNCLEAR = (
    "this part of the SQL does not fit its data; what DuckDB says of it is not shown because it can quote the data"
)
UNREADABLE = "the SQL cannot be understood from here on"


@dataclass(frozen=True, slots=True)
class _Sentence:
    """`theirs` is matched with the whole line; groups of it called n... are names, t... types, d... numbers, f... a
    function and its types. `bare` is said where a part is not what it should be."""

    theirs: str
    ours: str
    bare: str = ""
    hint: str = ""


_N, _M = r'"(?P<n>.+?)"', r'"(?P<m>.+?)"'
_CAST = "say with a cast which type is meant"
_AGGREGATE = "an aggregate belongs into SELECT, HAVING or ORDER BY"
_WINDOW = "a window function belongs into SELECT, QUALIFY or ORDER BY"

_SENTENCES = (
    # parsing
    _Sentence(rf"syntax error at or near {_N}", 'syntax error at or near "{n}"', "syntax error"),
    _Sentence(r"syntax error at end of input", "the SQL ends too early"),
    _Sentence(r"unterminated string literal", "a string has no closing quote"),
    _Sentence(r"unterminated quoted identifier", "a quoted name has no closing quote"),
    _Sentence(r"unterminated /\* comment.*", "a comment has no end: */ is missing"),
    _Sentence(r"SELECT clause without selection list", "SELECT without anything to select"),
    _Sentence(rf"Duplicate CTE name {_N}", 'two common table expressions are called "{n}"', "a name is given twice"),
    _Sentence(r"VALUES lists must all be the same length.*", "the rows of VALUES differ in length"),
    # names
    _Sentence(
        rf"Ambiguous reference to column name {_N}.*", 'column "{n}" is ambiguous', "a column is ambiguous",
        "say which table's: table.column",
    ),
    _Sentence(rf"Referenced table {_N} not found!", 'there is no table "{n}" in this FROM'),
    _Sentence(
        rf'(?:Table|Values list|Subquery) {_N} does not have a column named {_M}',
        'there is no column "{m}" in "{n}"', "there is no such column",
    ),
    _Sentence(
        rf"Column {_N} in (?:EXCLUDE|REPLACE|RENAME) list not found in FROM clause", 'there is no column "{n}"'
    ),
    _Sentence(
        rf"Column {_N} does not exist on (?P<side>left|right) side of join!",
        'there is no column "{n}" on the {side} side of the join',
    ),
    _Sentence(rf"No matching columns found that match regex {_N}", 'no column matches "{n}"'),
    _Sentence(rf"Could not find key {_N} in struct", 'the struct has no field "{n}"', "the struct has no such field"),
    _Sentence(
        rf"Cannot extract field '(?P<m>.+?)' from expression {_N} because it is not a struct.*",
        'there is no "{m}" in "{n}", which is no struct', "there is no such field, for this is no struct",
    ),
    _Sentence(r"No columns found to join on in NATURAL JOIN\.", "NATURAL JOIN finds no column of both tables"),
    _Sentence(r"Collation with name (?P<n>\S+) does not exist!", 'there is no collation "{n}"'),
    # grouping
    _Sentence(
        rf"column {_N} must appear in the GROUP BY clause.*",
        'column "{n}" must be in the GROUP BY or inside an aggregate', "a column must be in the GROUP BY",
        "add it to the GROUP BY, or say which of its values is meant: min(...)",
    ),
    _Sentence(r"(?P<clause>WHERE|GROUP BY) clause cannot contain aggregates!", "no aggregate may be in {clause}", "",
              _AGGREGATE),
    _Sentence(r"(?P<clause>WHERE|GROUP BY) clause cannot contain window functions!",
              "no window function may be in {clause}", "", _WINDOW),
    _Sentence(r"aggregate function calls cannot be nested", "an aggregate cannot be inside of another one"),
    _Sentence(r"Window functions are not supported here", "a window function needs OVER (...), and a place for it", "",
              _WINDOW),
    _Sentence(r"at least one window function must appear.*", "QUALIFY needs a window function"),
    _Sentence(r"(?P<clause>ORDER|GROUP BY) term out of range - should be between 1 and (?P<d>\d+)",
              "{clause} by position goes from 1 to {d}"),
    # shapes
    _Sentence(r"Subquery returns (?P<d>\d+) columns - expected (?P<e>\d+)", "a subquery yields {d} columns, not {e}"),
    _Sentence(r"Set operations can only apply to.*", "both sides of UNION, INTERSECT or EXCEPT need as many columns"),
    _Sentence(r"UNNEST not supported here", "UNNEST belongs into SELECT or FROM"),
    _Sentence(r"UNNEST.*", "UNNEST takes a list, an array or a struct"),
    _Sentence(r"Invalid LIST argument during lambda.*", "what a lambda goes over must be a list"),
    _Sentence(r"invalid lambda expression", "a lambda stands where none belongs"),
    _Sentence(r"Missing ASOF JOIN inequality", "an ASOF JOIN needs a condition with >= or <="),
    _Sentence(r"DECIMAL type width must be between 1 and 38", "DECIMAL has from 1 to 38 digits"),
    # types
    _Sentence(
        r"Cannot (?:mix|compare) values of type (?P<t>.+) and (?:type )?(?P<u>.+?)(?: in .+)? - an explicit cast is "
        r"required\.?",
        "values of type {t} and {u} do not go together here", "values of these types do not go together here", _CAST,
    ),
    _Sentence(
        r"Cannot deduce template type .*", "the arguments are of types that do not go together", "", _CAST
    ),
    _Sentence(r"STRUCT to STRUCT cast must have.*", "the two structs have no field in common"),
    _Sentence(
        r"No function matches the given name and argument types '(?P<f>[^\s(]+)\((?P<types>.*)\)'\..*",
        "{f} does not take {types}", "this function does not take arguments of these types", _CAST,
    ),
    _Sentence(
        r'Macro "?(?P<f>[^\s("]+)"?\(\) does not support the supplied arguments\..*',
        "{f} takes other arguments", "this function takes other arguments",
    ),
)  # fmt: skip


def sentence(message: str, sql: str) -> tuple[str, str] | None:
    """Message and hint for the first line of what DuckDB said about the SQL; None where it is none of those known."""
    line = message.partition("\n")[0].strip()
    for known in _SENTENCES:
        found = re.fullmatch(known.theirs, line)
        if found:
            parts = dict(_checked(found.groupdict(), sql))
            whole = len(parts) == len(found.groupdict())
            said = known.ours.format(**parts) if whole else known.bare
            return (said or UNCLEAR), known.hint
    return None


def unknown_type(name: str) -> str:
    """The sentence for a type that there is not."""
    near = closest(name, _WRITTEN_TYPES.split())
    return f"there is no type {quoted_word(name)}" + (f'; did you mean "{near}"?' if near else "")


def written(name: str, sql: str) -> bool:
    """Whether the SQL holds the name anyway."""
    return bool(name) and re.search(rf"(?<!\w){re.escape(folded(name))}(?!\w)", folded(sql)) is not None


def bare_type(column_type: str) -> str | None:
    """A type without what is in it: without members, keys, digits; None for one that is not known."""
    brackets = re.search(r"(?:\[\d*\])*$", column_type)
    ending = brackets[0] if brackets else ""
    kind = column_type.removesuffix(ending).partition("(")[0].strip().replace(" WITH TIME ZONE", "TZ").strip('"')
    kind = kind.replace("TIMETZ", "TIME")
    return kind + re.sub(r"\d", "", ending) if kind in TYPES else None


def _checked(parts: dict[str, str | None], sql: str) -> Iterator[tuple[str, str]]:
    """Those parts of a sentence that are what they should be."""
    for group, part in parts.items():
        text = part or ""
        if group in ("n", "m") and written(text, sql):
            yield group, text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
        elif group in ("t", "u") and (kind := bare_type(text)) is not None:
            yield group, kind
        elif group == "types" and (kinds := _bare_types(text)) is not None:
            yield group, kinds
        elif group == "f" and folded(text) in FUNCTIONS:
            yield group, f"{text}()" if text[0].isalpha() else f'the operator "{text}"'
        elif group in ("d", "e") or group in ("side", "clause"):  # digits and words of the pattern itself
            yield group, text


_IN_WORDS = re.compile(r"VARCHAR|STRING_LITERAL")
"""What the engine calls text, of which people who write SQL think as that."""


def _bare_types(listed: str) -> str | None:
    """A list of types; None where one of them holds members or keys, so that the list cannot be taken apart."""
    plain = re.sub(r"\(\d+(?:,\d+)?\)", "", listed)
    kinds = [bare_type(part) for part in plain.split(", ")] if plain else []
    if None in kinds or re.search(r"[^A-Z_, \[\]0-9]", plain):
        return None
    names = [_IN_WORDS.sub("text", str(kind)).removesuffix("_LITERAL").lower() for kind in kinds]
    return f"({', '.join(names)})" if names else "no arguments"


_LONGEST = 60
"""Characters of a name that a message shows."""
