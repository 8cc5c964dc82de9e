"""A segment made ready: its SQL judged, bound to the sources inside a locked instance, its mapped columns found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from runner.engine import watched
from runner.engine.faults import place, unbound
from runner.engine.headers import HEADER, nearest, shown
from runner.engine.session import Limits, open_session, paths
from runner.engine.shortage import full
from runner.engine.sources import Reachable, attach, is_csv
from runner.engine.statement import Flaw, Tables, flaws, references
from runner.errors import SegmentError
from runner.findings import Finding, Location
from runner.identifiers import IdentifierType
from runner.model import Activation, Source, SqlText

if TYPE_CHECKING:
    import duckdb

_DESCRIBE = "describe\n"
"""Goes before the SQL on a line of its own, so that columns keep their places."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A segment that can run: the view `segment` of the locked `connection` yields it, its columns named c0, c1, ...

    `columns` are those that the mapping asks for. When there are findings, there is no view.
    """

    connection: duckdb.DuckDBPyConnection
    columns: Mapping[IdentifierType, str]
    findings: tuple[Finding, ...]


@contextmanager
def prepared(
    activation: Activation, sources: tuple[Source, ...], limits: Limits, folder: Path, deadline: float
) -> Iterator[Prepared]:
    """Open an instance for the activation and lock it; segment SQL can then write below `folder`/out and nowhere else.

    Raises SegmentError for a source that cannot be read, TimeLimitReached.
    """
    folder.mkdir(mode=0o700)
    connection = open_session(limits, folder / "spill")
    try:
        yield _prepare(connection, activation, sources, folder / "out", deadline)
    finally:
        connection.close()


def _prepare(
    connection: duckdb.DuckDBPyConnection,
    activation: Activation,
    sources: tuple[Source, ...],
    out: Path,
    deadline: float,
) -> Prepared:
    import duckdb

    sql = activation.segment.sql
    try:
        named = references(connection, sql.text)
    except duckdb.Error as error:
        return Prepared(connection, {}, (unbound(error, sql, 0),))
    csv = False
    try:
        reachable = _attach(connection, sources, named, deadline)
        csv = any(is_csv(file) for source in reachable for file in source.files)
        lock(connection, reachable, out)
        refused = flaws(connection, sql.text, _tables(sources, reachable))
        if refused:
            return Prepared(connection, {}, tuple(_finding(flaw, sql) for flaw in refused))
        described = watched.run(connection, _DESCRIBE + sql.text, deadline=deadline)
        columns = tuple((str(row[0]), str(row[1])) for row in described)
        mapped, findings = resolve(activation, columns, csv)
        if not findings:
            names = ", ".join(f"c{position}" for position in range(len(columns)))
            watched.run(connection, f"create view segment({names}) as\n{sql.text}", deadline=deadline)
        return Prepared(connection, mapped, findings)
    except duckdb.Error as error:
        if full(error):
            raise
        return Prepared(connection, {}, (unbound(error, sql, len(_DESCRIBE), csv),))


def _attach(
    connection: duckdb.DuckDBPyConnection,
    sources: tuple[Source, ...],
    named: frozenset[tuple[str, ...]],
    deadline: float,
) -> tuple[Reachable, ...]:
    """Attach the sources that the SQL names; the others need not be there."""
    used = ((source, frozenset(name[-1] for name in named if name[0] == source.name.lower())) for source in sources)
    return tuple(attach(connection, source, tables, deadline) for source, tables in used if tables)


def _tables(sources: tuple[Source, ...], reachable: tuple[Reachable, ...]) -> Tables:
    known = {source.name: tuple(source.tables) for source in sources}
    databases = frozenset(source.name for source in sources if source.type == "duckdb")
    return Tables(known | {source.name: source.tables for source in reachable}, databases)


def lock(connection: duckdb.DuckDBPyConnection, reachable: tuple[Reachable, ...], out: Path) -> None:
    """From here on the instance reads the sources' files, writes below `out`, and does nothing else outside itself."""
    out.mkdir(mode=0o700, parents=True, exist_ok=True)
    files = tuple(file for source in reachable for file in source.files)
    connection.execute(f"set allowed_paths = {paths(files)}")
    connection.execute(f"set allowed_directories = {paths((f'{out}/',))}")
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")


def _finding(flaw: Flaw, sql: SqlText) -> Finding:
    return place(sql, flaw.code, flaw.message, flaw.hint, flaw.offset, flaw.length)


def resolve(
    activation: Activation, columns: tuple[tuple[str, str], ...], csv: bool = False
) -> tuple[Mapping[IdentifierType, str], tuple[Finding, ...]]:
    """The view's column for each mapped one, from the names and types that the SQL yields; findings for those unfit."""
    mapped: dict[IdentifierType, str] = {}
    findings: list[Finding] = []
    for identifier_type, name in activation.mapping.items():
        exact = [position for position, column in enumerate(columns) if column[0] == name]
        alike = [position for position, column in enumerate(columns) if column[0].lower() == name.lower()]
        found = exact or alike
        location = _mapping_location(activation, identifier_type)
        if not found:
            findings.append(
                _missing(
                    name, shown((column for column, _ in columns), activation.segment.sql.text, csv), location, csv
                )
            )
        elif len(found) > 1:
            message = f'the SQL yields {len(found)} columns called "{name}"'
            findings.append(Finding(location, "mapping-ambiguous-column", message, "give each its own name with `as`"))
        elif not _suits(columns[found[0]][1]):
            kind = columns[found[0]][1].partition("(")[0]
            message = f'column "{name}" is of type {kind}, which holds no {identifier_type}'
            findings.append(Finding(location, "mapping-column-type", message, "cast it to varchar in the SQL"))
        else:
            mapped[identifier_type] = f"c{found[0]}"
    return mapped, tuple(findings)


def _missing(name: str, names: tuple[str, ...], location: Location, csv: bool) -> Finding:
    near = nearest(name, names)
    message = f'the SQL yields no column "{name}"' + (f'; did you mean "{near}"?' if near else "")
    hint = "; ".join(
        part for part in (f"it yields: {', '.join(names)}" if names else "", HEADER if csv else "") if part
    )
    return Finding(location, "mapping-unknown-column", message, hint)


def _mapping_location(activation: Activation, identifier_type: IdentifierType) -> Location:
    """Where the mapping of the type is written: in the activation or in the destination's defaults."""
    for setting in activation.settings:
        if setting.key == f"mapping.{identifier_type}" and setting.location is not None:
            return setting.location
    return activation.location


def _suits(column_type: str) -> bool:
    """Whether a column of the type can hold identifiers: text, whole numbers, UUIDs; no floats, which lose digits."""
    return column_type.strip('"') in _SUITABLE or column_type.startswith("ENUM(")


_SUITABLE = frozenset(
    {"VARCHAR", "UUID", "NULL", "JSON", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"}
    | {"UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"}
)


def first_finding(findings: tuple[Finding, ...]) -> SegmentError:
    """The error that stops an evaluation for the first of several findings."""
    return SegmentError(findings[0].message, findings[0].hint, findings[0])
