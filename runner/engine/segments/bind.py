"""A segment made ready: its SQL judged, bound to the sources inside a locked instance, its mapped columns found."""
# ruff: noqa: S608 (names are the engine's own)

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from runner.core.declared_segment import Columns
from runner.core.errors import SegmentError
from runner.core.findings import Finding, Location
from runner.core.identifiers import IdentifierType
from runner.core.project import Source, SqlText
from runner.core.sql_quoting import folded
from runner.core.suggest import closest
from runner.engine.duckdb import cancellable
from runner.engine.duckdb.instance_pool import Instance, InstancePool, Wanted
from runner.engine.duckdb.os_errors import full
from runner.engine.interface import MappedColumn
from runner.engine.segments.column_kinds import column_kind
from runner.engine.segments.column_privacy import HEADER, showable, yielded
from runner.engine.segments.data_file_errors import behind_binding, behind_missing_columns
from runner.engine.segments.engine_sentences import bare_type
from runner.engine.segments.segment_errors import place, unbound
from runner.engine.segments.segment_query import KEY, VIEW, SegmentQuery, column
from runner.engine.segments.sql_policy import Flaw, Parsed, Tables, flaws, parsed, references
from runner.engine.segments.steadiness import unsteady
from runner.engine.segments.written_literals import wrong_literals
from runner.quick_dataclass import dataclass, replace
from runner.sources.attached_kinds import attached_kind_of
from runner.sources.data_faults import finding_of
from runner.sources.interface import NamesFrom, Reachable

if TYPE_CHECKING:
    import duckdb

T = TypeVar("T")

_DESCRIBE = "describe\n"
"""Goes before the SQL on a line of its own, so that columns keep their places."""

_YIELDED = "yielded"
"""The view of all columns that a segment yields, by position: c0, c1, ..."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A segment bound inside an instance, which may write below `out`. With findings, it cannot run.

    `columns` are the view's, each with what it is by its position: c0, c1, ...
    """

    instance: Instance
    sql: SqlText
    columns: Mapping[str, str]
    width: int
    findings: tuple[Finding, ...]

    @property
    def _head(self) -> str:
        names = ", ".join(f"c{position}" for position in range(self.width))
        return f"create temp view {_YIELDED}({names}) as\n"

    @property
    def before(self) -> int:
        """The bytes before the SQL in the statement that errors of the view speak of."""
        return len(self._head)

    @contextmanager
    def viewed(self, deadline: float) -> Iterator[Instance]:
        """The locked instance, with a view of the mapped columns (see segment_query); raises SegmentError for a
        finding."""
        if self.findings:
            raise SegmentError(self.findings[0].message, self.findings[0].hint, self.findings[0])
        mapped = ", ".join(f"{place} as {name}" for name, place in self.columns.items())
        connection = self.instance.connection
        cancellable.run(connection, self._head + self.sql.text, deadline=deadline)
        cancellable.run(connection, f"create temp view {VIEW} as select {mapped} from {_YIELDED}", deadline=deadline)
        yield self.instance
        connection.execute(f"drop view temp.{VIEW}; drop view temp.{_YIELDED}")


def taken_apart(query: SegmentQuery, parser: duckdb.DuckDBPyConnection) -> Parsed:
    """The SQL as `parsed` gives it, by any connection. Raises SegmentError for a syntax error."""
    from runner.engine.duckdb.compiled import duckdb

    try:
        return parsed(parser, query.sql.text)
    except duckdb.Error as error:
        finding = unbound(error, query.sql, 0)
        raise SegmentError(finding.message, finding.hint, finding) from None


def not_of_their_type(sql: SqlText, statement: Parsed, parser: duckdb.DuckDBPyConnection) -> tuple[Finding, ...]:
    """A finding for each literal of the SQL that is no value of its type, by any connection."""
    return tuple(_finding(flaw, sql) for flaw in wrong_literals(parser, statement))


def advice(sql: SqlText, statement: Parsed) -> tuple[Finding, ...]:
    """Warnings about SQL that may yield other people in each run, in the order of its lines."""
    return tuple(sorted(replace(_finding(flaw, sql), is_warning=True) for flaw in unsteady(statement)))


@contextmanager
def prepared(
    query: SegmentQuery,
    statement: Parsed,
    sources: tuple[Source, ...],
    instances: InstancePool,
    deadline: float,
    readable: tuple[Path, ...] = (),
) -> Iterator[Prepared]:
    """Bind the SQL, taken apart, in an instance locked to the tables that it names and to the `readable` files.

    Raises SegmentError for a source that cannot be read, TimeLimitReached.
    """
    with instances.lend(wanted(statement, sources), deadline, readable, query.shared) as instance:
        yield bound(query, statement, sources, instance, deadline)


def wanted(statement: Parsed, sources: tuple[Source, ...]) -> Wanted:
    """The tables of sources that the SQL names."""
    named = references(statement)
    used = ((source, frozenset(name[-1] for name in named if name[0] == folded(source.name))) for source in sources)
    return tuple((source, tables) for source, tables in used if tables)


def bound(
    query: SegmentQuery, statement: Parsed, sources: tuple[Source, ...], instance: Instance, deadline: float
) -> Prepared:
    """Bind the SQL, taken apart, in an instance locked to the tables that it names. Raises TimeLimitReached."""
    from runner.engine.duckdb.compiled import duckdb

    sql = query.sql
    names = max((source.names for source in instance.reachable), default=NamesFrom.SCHEMA)
    try:
        tables = _tables(query, sources, instance.reachable)
        if query.conditions is not None:
            unfit = _wrong_in_fragments(query, instance, tables, names, deadline)
            if not unfit and not flaws(instance.connection, statement, tables):
                query, unfit = _typed(query, instance, names, deadline)
                statement = parsed(instance.connection, query.sql.text)
            if unfit:
                return Prepared(instance, sql, {}, 0, unfit)
            sql = query.sql
        refused = flaws(instance.connection, statement, tables)
        if refused:
            return Prepared(instance, sql, {}, 0, tuple(_finding(flaw, sql) for flaw in refused))
        described = cancellable.run(instance.connection, _DESCRIBE + sql.text, deadline=deadline)
        columns = tuple((str(row[0]), str(row[1])) for row in described)
        found = {folded(name) for name, _ in columns}
        needed = [*query.mapping.values(), *([query.key] if query.key else [])]
        absent = [name for name in needed if folded(name) not in found]
        known = _columns(instance) if absent else ()
        mapped, findings = resolve(query, columns, names, _unfit, known)
        key, flawed = resolve_key(query, columns, names, _unfit_key, known)
        findings += flawed
        fault = behind_missing_columns(absent, instance.reachable)
        views = {column(one): f"c{position}" for one, position in mapped.items()}
        if key is not None:
            views[KEY] = f"c{key}"
        return Prepared(instance, sql, views, len(columns), (finding_of(fault),) if fault else findings)
    except duckdb.Error as error:
        if full(error):
            raise
        fault = behind_binding(error, instance.reachable, sql.text)
        if fault is not None:
            return Prepared(instance, sql, {}, 0, (finding_of(fault),))
        return Prepared(instance, sql, {}, 0, (unbound(error, sql, len(_DESCRIBE), names, _columns(instance)),))


def _wrong_in_fragments(
    query: SegmentQuery, instance: Instance, tables: Tables, names: NamesFrom, deadline: float
) -> tuple[Finding, ...]:
    """What is wrong with conditions that were written in SQL, each at its place."""
    from runner.engine.duckdb.compiled import duckdb

    found: list[Finding] = []
    for fragment in query.conditions.fragments() if query.conditions is not None else ():
        sql = query.written_at(fragment)
        try:
            refused = flaws(instance.connection, parsed(instance.connection, sql.text), tables)
            found += [_finding(flaw, sql) for flaw in refused]
            if not refused:
                cancellable.run(instance.connection, _DESCRIBE + sql.text, deadline=deadline)
        except duckdb.Error as error:
            if full(error):
                raise
            found.append(unbound(error, sql, len(_DESCRIBE), names, _columns(instance)))
    return tuple(found)


def _typed(
    query: SegmentQuery, instance: Instance, names: NamesFrom, deadline: float
) -> tuple[SegmentQuery, tuple[Finding, ...]]:
    """A query declared by conditions, with the SQL for the columns that its tables have; or what does not fit them."""
    from runner.engine.duckdb.compiled import duckdb

    assert query.conditions is not None
    columns: dict[str, Columns] = {}
    shown: set[str] = set()
    for table in query.conditions.tables():
        try:
            described = cancellable.run(instance.connection, _DESCRIBE + table.select, deadline=deadline)
        except duckdb.Error as error:
            if full(error) or behind_binding(error, instance.reachable, table.select) is not None:
                raise
            finding = unbound(error, query.written_at(table), len(_DESCRIBE), names, _columns(instance))
            return query, (replace(finding, message=f"{table.name}: {finding.message}"),)
        columns[table.name] = {str(row[0]): column_kind(str(row[1])) for row in described}
        shown.update(showable(columns[table.name], query.sql.text, names))
    findings = query.conditions.check(columns, shown)
    return query.with_columns(columns), findings


def _columns(instance: Instance) -> frozenset[str]:
    """Every column name of the sources: DuckDB's own suggestions may be pieces of a name."""
    rows = cancellable.run(instance.connection, "select distinct column_name from duckdb_columns() where not internal")
    return frozenset(str(row[0]) for row in rows)


def _tables(query: SegmentQuery, sources: tuple[Source, ...], reachable: tuple[Reachable, ...]) -> Tables:
    known = {source.name: attached_kind_of(source).tables(source) for source in sources}
    databases = {source.name: source.stored for source in reachable if source.stored is not None}
    return Tables(known | {source.name: source.tables for source in reachable}, databases, query.elsewhere)


def _finding(flaw: Flaw, sql: SqlText) -> Finding:
    return place(sql, flaw.code, flaw.message, flaw.hint, flaw.offset, flaw.length)


@dataclass(frozen=True, slots=True)
class Unfit:
    """Why a column holds no identifiers of a type: the type that it is of, where that may be shown, and what to do."""

    column_type: str
    hint: str


def resolve(
    query: SegmentQuery,
    columns: Sequence[tuple[str, T]],
    names: NamesFrom,
    unfit: Callable[[T, IdentifierType], Unfit | None],
    known: Collection[str] = (),
) -> tuple[Mapping[MappedColumn, int], tuple[Finding, ...]]:
    """The position of each mapped column among the names and types that the SQL yields; findings for those unfit.

    `known` are the columns of its sources, as far as they are known, and `names` is where their names come from.
    """
    mapped: dict[MappedColumn, int] = {}
    findings: list[Finding] = []
    for one, name in query.mapping.items():
        found = _called(name, columns)
        location = query.mapped_at[one]
        if not found:
            shown = yielded((column for column, _ in columns), known, query.sql.text, names)
            findings.append(_missing(name, shown, location, names))
        elif len(found) > 1:
            message = f'the SQL yields {len(found)} columns called "{name}"'
            findings.append(Finding(location, "mapping-ambiguous-column", message, "give each its own name with `as`"))
        elif (why := unfit(columns[found[0]][1], one.type)) is not None:
            of = f"type {why.column_type}," if why.column_type else "a type"
            message = f'column "{name}" is of {of} which holds no {one.type}'
            findings.append(Finding(location, "mapping-column-type", message, why.hint))
        else:
            mapped[one] = found[0]
    return mapped, tuple(findings)


def resolve_key(
    query: SegmentQuery,
    columns: Sequence[tuple[str, T]],
    names: NamesFrom,
    unfit: Callable[[T], Unfit | None],
    known: Collection[str] = (),
) -> tuple[int | None, tuple[Finding, ...]]:
    """The position of the column by which a holdout decides, None without one; or what is wrong with it."""
    if query.key_at is None:
        return None, ()
    found = _called(query.key, columns)
    if not found:
        shown = yielded((column for column, _ in columns), known, query.sql.text, names)
        return None, (replace(_missing(query.key, shown, query.key_at, names), code="holdout-unknown-column"),)
    if len(found) > 1:
        message = f'the SQL yields {len(found)} columns called "{query.key}"'
        return None, (Finding(query.key_at, "holdout-ambiguous-column", message, "give each its own name with `as`"),)
    why = unfit(columns[found[0]][1])
    if why is None:
        return found[0], ()
    of = f"type {why.column_type}" if why.column_type else "a type that is no key"
    message = f'column "{query.key}" is of {of}; a holdout is decided by text, whole numbers or UUIDs'
    return None, (Finding(query.key_at, "holdout-column-type", message, why.hint),)


def _called(name: str, columns: Sequence[tuple[str, T]]) -> list[int]:
    """The positions of the columns of a name: exactly so, else in any case."""
    exact = [position for position, column in enumerate(columns) if column[0] == name]
    return exact or [position for position, column in enumerate(columns) if folded(column[0]) == folded(name)]


def _missing(name: str, shown: tuple[str, ...], location: Location, names: NamesFrom) -> Finding:
    near = closest(name, shown)
    message = f'the SQL yields no column "{name}"' + (f'; did you mean "{near}"?' if near else "")
    listed = f"map one that it yields: {', '.join(shown)}" if shown else ""
    hint = "; ".join(filter(None, (listed, HEADER if names is NamesFrom.CSV else "")))
    return Finding(location, "mapping-unknown-column", message, hint)


def _instead(column_type: str, identifier_type: IdentifierType) -> str:
    """What to do about a column of a type that holds no identifiers: casting helps only where it loses nothing."""
    kind = bare_type(column_type)
    if kind in ("FLOAT", "DOUBLE", "DECIMAL"):
        return "where it holds whole numbers, cast it to hugeint in the SQL; a fraction is no identifier"
    if kind == "BLOB":
        return "write it as text in the SQL: lower(hex(...)) for a hash, decode(...) for text"
    if kind in ("STRUCT", "MAP", "UNION") or column_type.endswith("]"):
        return "name the one value in it that is the identifier, in the SQL"
    return f"map the column that holds the {identifier_type}: as text, this one would be none"


def _unfit(column_type: str, identifier_type: IdentifierType) -> Unfit | None:
    return None if _suits(column_type) else Unfit(bare_type(column_type) or "", _instead(column_type, identifier_type))


def _unfit_key(column_type: str) -> Unfit | None:
    """Why a column cannot be the key of a holdout. A decimal without a fraction can: its text is that of its number."""
    if _suits(column_type) or re.fullmatch(r"DECIMAL\([0-9]+,0\)", column_type):
        return None
    return Unfit(bare_type(column_type) or "", "cast it in the SQL: whole numbers to bigint or hugeint, others to text")


def _suits(column_type: str) -> bool:
    """Whether a column of the type can hold identifiers: text, whole numbers, UUIDs; no floats, which lose digits."""
    return column_type.strip('"') in _SUITABLE or bare_type(column_type) == "ENUM"


_SUITABLE = frozenset(
    {"VARCHAR", "UUID", "NULL", "JSON", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"}
    | {"UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"}
)
