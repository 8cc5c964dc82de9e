"""What is said of a warehouse's faults: sentences of our own, by the class of the fault, at a place in the files.

A name in them is one that the SQL itself writes at that place.
"""

from __future__ import annotations

import re

from runner.core.declared_segment import TableOf
from runner.core.errors import SegmentError
from runner.core.findings import Finding
from runner.core.project import SqlText
from runner.core.suggest import quoted_word
from runner.engine.segments.segment_errors import place
from runner.engine.segments.warehouse.driver_errors import CANCELLED, UNKNOWN, CannotLogIn, WarehouseFault
from runner.engine.segments.warehouse.names_meant import NOT_KNOWN, Meant
from runner.sources.interface import UNREACHABLE
from runner.sources.warehouse import WarehouseSource

_NAME = re.compile(r'(?:"(?:[^"]|"")+"|`[^`]+`|\w+)(?:\.(?:"(?:[^"]|"")+"|`[^`]+`|\w+))*')

_NAMED = {
    "42703": ("sql-unknown-column", "there is no column {name}"),
    "42P01": ("sql-unknown-table", "there is no table {name}"),
    "42883": ("sql-unknown-function", "there is no function {name} for values of these types"),
    "42704": ("sql-error", "there is nothing called {name}"),
    "3F000": ("sql-unknown-table", "there is no schema {name}"),
    "42702": ("sql-error", "{name} may mean several columns; write its table before it"),
    "42803": ("sql-error", "{name} is neither grouped by nor inside an aggregate"),
    "42601": ("sql-syntax", "the SQL cannot be read here, at {name}"),
}
_SENTENCES = (
    ("22012", "a number is divided by zero", "nullif(..., 0) yields null instead"),
    ("22P02", "a value cannot be converted to the type asked for", "convert only values of the right form: case when"),
    ("22007", "a value is not the date or time that the query takes it for", ""),
    ("22008", "a date or time is out of range", ""),
    ("22003", "a number is out of range", "cast to a wider type"),
    ("22", "a function or an operator was given a value that it does not accept", ""),
    ("21000", "a subquery that should give one row gave several", ""),
    ("23", "a value breaks a constraint", ""),
    ("25006", "the query tried to change something; segments only read", ""),
    (
        "42501",
        "the role may not read something that the query names",
        "grant it select on those tables, or name others",
    ),
    ("42", "the query does not fit the tables of the source", ""),
    ("0A", "the query uses something that the source does not support", ""),
    ("40", "the query was cancelled by the server, in favour of something else", "run again"),
    ("53", "the server lacks memory, space or connections", "run again, or make the query cheaper"),
    ("54", "the query is too complex for the server", "simplify it, or put parts of it into a view"),
    ("55", "something that the query needs is locked", "run again"),
    ("57014", "the server stopped the query", "run again, or make the query cheaper"),
    ("57", "the server stopped the query", "run again"),
    ("08", "the connection to the source was lost", "run again; nothing of what came before it was used"),
    ("P0001", "the SQL of a function or a trigger raised an error", ""),
    ("58", "the server had an error of its own", "its log says more"),
    ("XX", "the server had an error of its own", "its log says more"),
)
"""SQLSTATEs by how they begin, the more exact ones first."""

_FAILED = "the query failed while it ran; what the source said is not shown because it can quote the data"


def refused(fault: WarehouseFault, sql: SqlText, before: int, meant: Meant = NOT_KNOWN) -> Finding:
    """The finding for SQL that cannot be prepared; `before` characters were put before it, and `meant` says of a name
    that is not known what the source itself did not."""
    at = position(fault, sql, before)
    if at < 0 and meant.at is not None:
        at = meant.at
    offset = len(sql.text[:at].encode()) if 0 <= at < len(sql.text) else None
    name = _NAME.match(sql.text, at) if offset is not None else None
    known = _NAMED.get(fault.state)
    if known is not None:
        code, message = known
        shown = quoted_word(re.sub('["`]', "", name[0])) if name else "of a name that the SQL writes"
        said = message.format(name=shown) + (f'; did you mean "{meant.nearest}"?' if meant.nearest else "")
        return place(sql, code, said, "", offset, len(name[0].encode()) if name else 1)
    message, hint = _sentence(fault)
    return place(sql, "sql-error", message, hint, offset)


def unreadable(fault: WarehouseFault, table: TableOf) -> Finding:
    """The finding for a table that conditions speak of and that cannot be looked at."""
    if fault.state in ("42P01", "3F000", UNKNOWN):
        message = f"there is no table {quoted_word(table.name)} in the source, or it may not be read"
        return Finding(table.location, "sql-unknown-table", message)
    message, hint = _sentence(fault)
    return Finding(table.location, "sql-error", f"{quoted_word(table.name)}: {message}", hint)


def position(fault: WarehouseFault, sql: SqlText, before: int) -> int:
    """The character of the segment's SQL; negative where it is not known. Before it stands a line of ours."""
    if fault.position is not None:
        return fault.position - before
    if fault.line is None:
        return -1
    line, column = fault.line
    lines = sql.text.split("\n")
    return sum(len(one) + 1 for one in lines[: line - 2]) + column if 2 <= line <= len(lines) + 1 else -1


def failed(fault: WarehouseFault, sql: SqlText) -> SegmentError:
    """The error for a segment that failed while it ran."""
    message, hint = _sentence(fault)
    return SegmentError(message, hint, place(sql, "sql-failed", message, hint))


def too_slow(sql: SqlText, limit: float) -> SegmentError:
    """The error for a segment that ran into the time limit (in seconds)."""
    message = f"the segment was stopped at its time limit of {limit:g} seconds"
    hint = "make the query cheaper, or give the source a longer `timeout`"
    return SegmentError(message, hint, place(sql, "sql-time-limit", message, hint))


def is_time_limit(fault: WarehouseFault) -> bool:
    """Whether the server ended a statement because it was asked to, or because of its time limit."""
    return fault.state == CANCELLED


def unreachable(source: WarehouseSource, cause: CannotLogIn) -> SegmentError:
    """The error for a source that cannot be asked anything."""
    message = f"source {source.name} cannot be reached: {cause.why}"
    hint = "one login was tried, and no second one in this run; `headcount doctor` looks at each source"
    location = next(iter(source.places.values()), source.location)
    return SegmentError(message, hint, Finding(location, UNREACHABLE, message, hint))


def without_secret(source: WarehouseSource, variable: str) -> SegmentError:
    """The error for a source whose secret is not in the environment."""
    missing = source.missing_secrets[0]
    message = f"source {source.name} cannot be reached: the environment variable {variable} is not set"
    hint = "set it where the job is defined"
    return SegmentError(message, hint, Finding(missing.location, UNREACHABLE, message, hint))


def without_driver(source: WarehouseSource, package: str, extra: str) -> SegmentError:
    """The error for a source whose driver is not installed."""
    message = f"source {source.name} needs the package {package}, which is not installed"
    hint = f"install Headcount again, from your clone or wheel: pip install 'PATH[{extra}]'"
    return SegmentError(message, hint, Finding(source.location, "source-driver-missing", message, hint))


def _sentence(fault: WarehouseFault) -> tuple[str, str]:
    known = (one for one in _SENTENCES if fault.state and fault.state.startswith(one[0]))
    _, message, hint = next(known, ("", _FAILED, ""))
    return message, hint
