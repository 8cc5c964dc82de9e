"""Values that cannot be converted because of what the SQL says: a literal that is none of its type, and a text column
that is compared with something else. Of DuckDB's words nothing passes; a literal is shown as the SQL has it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from runner.core.findings import Finding
from runner.core.project import SqlText
from runner.core.sql_quoting import folded
from runner.engine.segments.segment_errors import EngineFault, fault, place
from runner.engine.segments.written_literals import not_of_type, word_of
from runner.sources.data_faults import DataFault
from runner.sources.local_paths import shown

if TYPE_CHECKING:
    import duckdb

_QUOTED = re.compile(r""" (?:range|format): "(.*?)"(?:, expected format .*)?$|string '(.*?)' to (\w+)$""", re.DOTALL)
_DATED = re.compile(r"(?:invalid )?(date|time|timestamp) field ")
_COLUMN = re.compile(r"(?:string '.*' to (\w+) )?when casting from source column (.+)$", re.DOTALL)


def wrong_literal(error: duckdb.Error, sql: SqlText, before: int) -> Finding | None:
    """The finding for a literal of the SQL that is no value of its type; None where the fault is another one.

    `before` bytes were put before the SQL.
    """
    found = fault(error)
    if found.kind != "Conversion" or _COLUMN.search(found.message):
        return None
    quoted, at = _QUOTED.search(found.message), _stretch(found, sql, before)
    if quoted is None or at is None:
        return None
    value = quoted[1] if quoted[1] is not None else quoted[2]
    literal = "'" + value.replace("'", "''") + "'"
    start = sql.text.find(literal, max(0, at[0] - len(literal) - 1))  # the place may be that of a cast behind it
    if not 0 <= start <= at[1]:
        return None
    dated = _DATED.match(found.message)
    message, hint = not_of_type(value, (dated[1] if dated else quoted[3]) or "")
    return place(sql, "sql-literal", message, hint, len(sql.text[:start].encode()), len(literal.encode()))


def compared_text(error: duckdb.Error, sql: SqlText, before: int, data: DataFault | None) -> Finding | None:
    """The finding for a column of text that the SQL compares with what is none, as `tier = 5`; None where the SQL asks
    for the conversion itself, which is then the data's fault. `data` is the first value that cannot be converted.
    """
    found = fault(error)
    named, at = _COLUMN.search(found.message), _stretch(found, sql, before)
    if found.kind != "Conversion" or named is None or at is None:
        return None
    column, there = named[2], sql.text[at[0] : at[1]]
    if folded(there.rpartition(".")[2].strip('"')) != folded(column):
        return None
    dated = _DATED.match(found.message)
    what, cast = word_of((dated[1] if dated else named[1]) or "")
    first = f"; {shown(data.file)}:{data.line} has the first value that is no {what}" if data is not None else ""
    message = f"column {column} holds text, and is compared here with a {what}{first}"
    quoted = f"where text is meant, put the {what} in single quotes"
    hint = f"{quoted}; where a {what} is, read the column with try_cast({column} as {cast})"
    return place(sql, "sql-failed", message, hint, len(sql.text[: at[0]].encode()), len(there.encode()))


def _stretch(found: EngineFault, sql: SqlText, before: int) -> tuple[int, int] | None:
    """From where to where in the SQL, in characters, the fault is; None where it is not inside of it."""
    data = sql.text.encode()
    if found.offset is None or not before <= found.offset < before + len(data):
        return None
    start = found.offset - before
    end = start + found.length
    return len(data[:start].decode(errors="ignore")), len(data[:end].decode(errors="ignore"))
