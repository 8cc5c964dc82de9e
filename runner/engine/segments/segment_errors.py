"""What DuckDB's errors become: sentences that say what failed and where, and hold no value of the data.

What is raised before any row is read can still quote data: members of an ENUM, keys, column names, literals of a view.
So nothing of DuckDB's text passes but what engine_sentences.py knows, and column names that may be shown. Errors raised
while rows are read are replaced by fixed sentences altogether.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from runner.core.errors import SegmentError
from runner.core.findings import Finding
from runner.core.project import SqlText
from runner.core.suggest import closest, quoted_word
from runner.engine.duckdb.os_errors import full, reason, temporary_folder
from runner.engine.segments.column_privacy import HEADER, showable
from runner.engine.segments.engine_sentences import (
    TYPES,
    UNCLEAR,
    UNREADABLE,
    sentence,
    unknown_type,
    written,
)
from runner.quick_dataclass import dataclass
from runner.sources.interface import NamesFrom

if TYPE_CHECKING:
    import duckdb


OUT_OF_MEMORY = "sql-out-of-memory"
"""The code of the finding of a segment that ran out of memory."""


@dataclass(frozen=True, slots=True)
class EngineFault:
    """A DuckDB error taken apart; `offset` is in bytes of the statement, None where DuckDB does not know."""

    kind: str
    message: str
    offset: int | None
    length: int
    name: str
    candidates: tuple[str, ...]


def fault(error: Exception) -> EngineFault:
    """Take an error apart (connections are set to `errors_as_json`)."""
    prefix, _, rest = str(error).partition(": ")
    try:
        details = json.loads(rest)
    except ValueError:
        return EngineFault(prefix.removesuffix(" Error"), rest, None, 1, "", ())
    offset, _, length = details.get("location", "").strip("[]").partition(",")
    position = details.get("position", offset)
    return EngineFault(
        kind=details.get("exception_type", ""),
        message=details.get("exception_message", ""),
        offset=int(position) if position.isdigit() else None,
        length=int(length) if length.isdigit() else 1,
        name=details.get("name", ""),
        candidates=tuple(part for part in details.get("candidates", "").split(",") if part),
    )


def place(sql: SqlText, code: str, message: str, hint: str = "", offset: int | None = None, length: int = 1) -> Finding:
    """A finding at a byte of the SQL, or at its start where the byte is not known."""
    data = sql.text.encode()
    start = len(data[: offset or 0].decode(errors="ignore"))
    characters = len(data[offset : offset + length].decode(errors="ignore")) if offset is not None else 1
    there = sql.place(start, max(1, characters))
    return Finding(there.location, code, message, hint, there.excerpt, there.length if offset is not None else 1)


def unbound(
    error: duckdb.Error,
    sql: SqlText,
    before: int,
    names_from: NamesFrom = NamesFrom.SCHEMA,
    columns: Collection[str] = (),
) -> Finding:
    """The finding for SQL that cannot be bound; `before` bytes were put before it, `columns` are those that it
    could read, and `names_from` is where their names come from."""
    found = fault(error)
    offset = found.offset - before if found.offset is not None and found.offset >= before else None
    if found.kind == "Parser":
        message, hint = sentence(found.message, sql.text) or (UNREADABLE, "")
        return place(sql, "sql-syntax", message, hint, offset, found.length)
    if found.kind not in BEFORE_READING:
        return place(sql, "sql-error", _AT_RUN_TIME.get(found.kind, UNCLEAR), "", offset, found.length)
    if _is_column(found):
        message, hint = _unknown_column(found, sql.text, names_from, columns)
        return place(sql, "sql-unknown-column", message, hint, offset, found.length)
    message, hint = _sentence(found, sql.text) or (_unfit(names_from), "")
    if found.kind == "Binder" and names_from is NamesFrom.CSV:
        hint = "; ".join(filter(None, (hint, HEADER)))
    return place(sql, "sql-error", message, hint, offset, found.length)


def _unfit(names_from: NamesFrom) -> str:
    return "the query does not fit the columns of its sources" if names_from is NamesFrom.CSV else UNCLEAR


def failed(
    error: duckdb.Error | OSError | MemoryError, sql: SqlText, memory_limit: str, temporary: Path
) -> SegmentError:
    """The error for a segment that failed while it ran: its kind, never a word of what DuckDB says."""
    if isinstance(error, OSError) or full(error) or (reason(error) and str(temporary) in str(error)):
        return _stopped(sql, "temporary-folder", *temporary_folder(temporary, reason(error)))
    found = fault(error)
    if found.kind == "Out of Memory" or isinstance(error, MemoryError):
        return broken(sql, memory_limit)
    sentence = _conversion(found, sql) if found.kind == "Conversion" else _AT_RUN_TIME.get(found.kind, _FAILED)
    hint = "read it with try_cast(... as ...), which makes it null instead" if found.kind == "Conversion" else ""
    return _stopped(sql, "sql-failed", sentence, hint)


def broken(sql: SqlText, memory_limit: str) -> SegmentError:
    """The error for a segment that ran out of memory, or ended its process by that."""
    message = f"the segment needs more than {memory_limit} of memory or of temporary space on disk"
    return _stopped(sql, OUT_OF_MEMORY, message, "aggregate before joining, or raise HEADCOUNT_MEMORY_LIMIT")


def changing(sql: SqlText, file: str) -> SegmentError:
    """The error for a segment whose source file was another one each time that it had been read."""
    message = f"{file} was replaced while it was read, and once more while it was read again"
    hint = "run again when nobody writes it; write it beside, and rename it when it is whole"
    return _stopped(sql, "source-replaced", message, hint)


def too_slow(sql: SqlText, limit: float) -> SegmentError:
    """The error for a segment that ran into the time limit (in seconds)."""
    hint = "make the query cheaper, or raise HEADCOUNT_TIME_LIMIT (seconds)"
    return _stopped(sql, "sql-time-limit", f"the segment was stopped at its time limit of {limit:g} seconds", hint)


def _stopped(sql: SqlText, code: str, message: str, hint: str) -> SegmentError:
    return SegmentError(message, hint, place(sql, code, message, hint))


def unknown_column(found: EngineFault) -> str:
    """The name of the column that is not there, empty where the fault is another one."""
    return found.name if _is_column(found) else ""


def _is_column(found: EngineFault) -> bool:
    return found.kind == "Binder" and found.message.startswith("Referenced column")


_TEXT = "where a text is meant and no column, put it in single quotes"
"""To SQL, what stands in double quotes is a name."""


def _unknown_column(found: EngineFault, sql: str, names_from: NamesFrom, columns: Collection[str]) -> tuple[str, str]:
    """Message and hint for a column that there is not, with a suggestion; its name only where the SQL holds it."""
    if not written(found.name, sql):
        return (UNCLEAR, HEADER if names_from is NamesFrom.CSV else "")
    # DuckDB takes names apart at commas: a piece of one that is no name of a column, and not in the SQL, is not shown.
    names = (part.strip().strip('"').rpartition(".")[2] for part in found.candidates if "@" not in part)
    shown = showable((name for name in names if name in columns or written(name, sql)), sql, names_from)
    # DuckDB lists those whose letters are alike; a column may be called by a part of its name as well.
    near = closest(found.name, shown) or closest(found.name, showable(sorted(columns), sql, names_from))
    message = f"there is no column {quoted_word(found.name)}" + (f'; did you mean "{near}"?' if near else "")
    others = ", ".join(dict.fromkeys(name for name in shown if name != near))
    instead = ", or ".join(filter(None, (near, f"one of: {others}" if others else "")))
    hint = f"write {instead}" if instead else HEADER if names_from is NamesFrom.CSV else ""
    if f'"{found.name}"' in sql:
        hint = "; ".join(part for part in (hint, _TEXT) if part)
    return message, hint


def _sentence(found: EngineFault, sql: str) -> tuple[str, str] | None:
    """Message and hint for what cannot be bound, where it is something known."""
    missing = re.match(r"(Type|Aggregate Function) with name .* does not exist!", found.message)
    if missing is None:
        return sentence(found.message, sql)
    if not written(found.name, sql):
        return None
    if missing[1] == "Type":
        return unknown_type(found.name), ""
    return f"there is no aggregate function {quoted_word(found.name)}", ""


def _conversion(found: EngineFault, sql: SqlText) -> str:
    """The target type and the column come last in DuckDB's words, after the value, and only known words are taken."""
    target_type = re.search(
        r"(?:to|type) ([A-Z][A-Z0-9]*)(?:\([^)']*\))?(?: when casting from source column (\w+))?$", found.message
    )
    column = re.search(r"when casting from source column (\w+)$", found.message)
    target = f" to {target_type[1]}" if target_type and target_type[1] in _CONVERTED_TO else ""
    known = column is not None and written(column[1], sql.text)
    subject = f"a value of column {column[1]}" if column and known else "a value"
    return f"{subject} cannot be converted{target or ' to the type asked for'}"


BEFORE_READING = frozenset({"Parser", "Binder", "Catalog"})
"""Kinds of error that are raised before any row is read."""

_CONVERTED_TO = TYPES | {"BOOL", "INT8", "INT16", "INT32", "INT64", "INT128", "UINT8", "UINT16", "UINT32", "UINT64"}
"""Types as DuckDB calls them when a value cannot be converted."""

_FAILED = "the query failed while it ran; what DuckDB said is not shown because it can quote the data"
_AT_RUN_TIME = {
    "Conversion": "a value cannot be converted to the type asked for",
    "Invalid Input": "a function was given a value that it does not accept",
    "Out of Range": "a number is out of range",
    "Permission": "the query tried to reach outside the declared sources",
    "IO": "a file of a source could not be read",
    "Constraint": "a value breaks a constraint",
    "Not implemented": "the query uses something that DuckDB does not support",
    "Serialization": "the query could not be understood",
}
