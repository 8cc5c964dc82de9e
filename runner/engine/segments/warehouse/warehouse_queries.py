"""Running segments in warehouses: the mapped columns stream into the embedded engine, which does all the rest.

This runs in the command's own process. The one that runs embedded SQL holds no secret, and is bounded in its addresses,
which drivers written in Go do not survive; here, the SQL of a pull request is only sent (docs/adr/0029).
"""
# ruff: noqa: S608 (names are quoted; the SQL is the segment's, and runs as its own text inside of a select)

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from runner.core.declared_segment import Columns
from runner.core.errors import SegmentError
from runner.core.findings import Finding
from runner.core.project import SqlText
from runner.core.sql_quoting import literal
from runner.engine.duckdb.cancellable import Call, Row, TimeLimitReached
from runner.engine.duckdb.os_errors import full, reason
from runner.engine.duckdb.session import UNPACKED, load_stream_readers
from runner.engine.duckdb.workspace import Workspace
from runner.engine.interface import Reached
from runner.engine.segments.bind import resolve, resolve_key
from runner.engine.segments.column_privacy import presentable
from runner.engine.segments.segment_errors import fault
from runner.engine.segments.segment_query import KEY, VIEW, SegmentQuery, column
from runner.engine.segments.warehouse import warehouse_sentences as sentences
from runner.engine.segments.warehouse.adbc_session import RowStream, WarehouseSession
from runner.engine.segments.warehouse.arrow_schema import ArrowField
from runner.engine.segments.warehouse.driver_errors import CannotLogIn, WarehouseError, WarehouseFault, fault_in
from runner.engine.segments.warehouse.machine_driver import is_installed
from runner.engine.segments.warehouse.names_meant import (
    NOT_KNOWN,
    UNKNOWN_COLUMN,
    UNKNOWN_TABLE,
    Meant,
    column_meant,
    table_meant,
)
from runner.engine.segments.warehouse.result_columns import as_text, column_kind, unfit, unfit_key
from runner.engine.segments.warehouse_policy import text_of
from runner.quick_dataclass import dataclass
from runner.sources.interface import NamesFrom
from runner.sources.registry import WAREHOUSE_KINDS
from runner.sources.warehouse import Driver, UnusableSecret, WarehouseSource

if TYPE_CHECKING:
    import duckdb

_STREAM = "stream"
"""What DuckDB calls the rows on their way."""

_BEFORE, _AFTER = "select * from (\n", "\n) as headcount_segment"
"""Go around a segment's SQL, on lines of their own: a comment at its end ends with its line."""

_LONGEST_ID = 39
"""Characters of an activation's id in the name of its query: Postgres keeps 63 of the whole."""

_UTC = frozenset({"UTC", "Etc/UTC", "Z", "GMT", "+00:00"})

_PATIENCE = 2.0
"""Seconds that a stream gets to end before it is left to the end of the process."""

_CHECK_PACKAGES = ("adbc_driver_manager", "sqlglot")


@dataclass(frozen=True, slots=True)
class _Mapped:
    """The query as it can be sent, and the columns of its result that are asked for, by what the view calls them."""

    query: SegmentQuery
    columns: Mapping[str, ArrowField]
    findings: tuple[Finding, ...]


class WarehouseQueries:
    """Checks and runs segments in warehouses: one login per source, which is tried once."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._check = f"check-{secrets.token_hex(4)}"
        self._sessions: dict[str, WarehouseSession] = {}
        self._refused: dict[str, SegmentError] = {}

    def check(self, query: SegmentQuery, source: WarehouseSource) -> tuple[Finding, ...]:
        """What is wrong with the query against its source, without reading rows. Raises SegmentError."""
        seconds = min(self._limit(source), self._workspace.limits.seconds_to_check)
        with self._segment(query, source, seconds) as (session, deadline):
            return self._described(query, source, session, deadline).findings

    def write(self, query: SegmentQuery, source: WarehouseSource, rows: str, target: Path) -> None:
        """Write what the select `rows` yields over the view to the Parquet file `target`. Raises SegmentError."""
        with self._segment(query, source, self._limit(source)) as (session, deadline):
            mapped = self._described(query, source, session, deadline)
            if mapped.findings:
                raise SegmentError(mapped.findings[0].message, mapped.findings[0].hint, mapped.findings[0])
            sql = self._selected(mapped.query, mapped, WAREHOUSE_KINDS[source.type].driver)
            with session.stream(sql, deadline) as stream, self._reading(stream, mapped) as connection:
                copy = f"copy ({rows}) to {literal(target)} {UNPACKED}"
                _run(connection, copy, stream, session, deadline)

    def reach(self, source: WarehouseSource) -> Reached:
        """Log in, if that has not been done, and ask what a session may do. Raises SegmentError."""
        began = monotonic()
        query = SegmentQuery(SqlText("", source.location.file, source.location.line), {}, {}, "doctor")
        probe = WAREHOUSE_KINDS[source.type].driver.probe
        with self._segment(query, source, self._workspace.limits.seconds_to_check) as (session, deadline):
            answers = [word == "on" for word in self._row(probe, session, deadline)] if probe else [None, None]
        return Reached(monotonic() - began, *answers)

    def _row(self, sql: str, session: WarehouseSession, deadline: float) -> Row:
        """The one row of a query of ours."""
        [row] = self._rows(sql, session, deadline)
        return row

    def _rows(self, sql: str, session: WarehouseSession, deadline: float) -> list[Row]:
        """The rows of a query of ours."""
        with session.stream(sql, deadline) as stream, closing(self._workspace.connection()) as connection:
            _offer(stream, connection)
            return _run(connection, f"select * from {_STREAM}", stream, session, deadline)

    def _described(
        self, query: SegmentQuery, source: WarehouseSource, session: WarehouseSession, deadline: float
    ) -> _Mapped:
        """The mapped columns of the SQL, and what is wrong with it and with them."""
        query, unfit_columns = _typed(query, session, deadline)
        if unfit_columns:
            return _Mapped(query, {}, unfit_columns)
        try:
            yielded = session.describe(f"{_BEFORE}{text_of(query.sql.text)}{_AFTER} where 1 = 0", deadline)
        except WarehouseError as error:
            if error.fault.is_lost:
                raise
            meant = self._meant(error.fault, query, source, session, deadline)
            return _Mapped(query, {}, (sentences.refused(error.fault, query.sql, len(_BEFORE), meant),))
        names = [(one.name, one) for one in yielded]
        positions, findings = resolve(query, names, NamesFrom.SCHEMA, unfit)
        key, flawed = resolve_key(query, names, NamesFrom.SCHEMA, unfit_key)
        columns = {column(one): yielded[position] for one, position in positions.items()}
        if key is not None:
            columns[KEY] = yielded[key]
        return _Mapped(query, columns, findings + flawed)

    def _meant(
        self,
        fault: WarehouseFault,
        query: SegmentQuery,
        source: WarehouseSource,
        session: WarehouseSession,
        deadline: float,
    ) -> Meant:
        """What the SQL probably meant by a name that the source does not know. A failed statement ends its transaction,
        so that each question begins the segment again."""
        driver = WAREHOUSE_KINDS[source.type].driver

        def begin() -> None:
            session.end()
            session.begin(self._label(query), max(1.0, deadline - monotonic()), deadline)

        def columns(sql: str) -> list[str] | None:
            try:
                begin()
                return [one.name for one in session.describe(sql, deadline)]
            except WarehouseError:
                return None

        def catalogue() -> list[str]:
            if not driver.catalogue:
                return []
            begin()
            return [str(name) for (name,) in self._rows(driver.catalogue, session, deadline)]

        text = text_of(query.sql.text)
        try:
            if fault.state == UNKNOWN_COLUMN:
                at = sentences.position(fault, query.sql, len(_BEFORE))
                return column_meant(text, driver.dialect, at if at >= 0 else None, columns)
            return table_meant(text, driver.dialect, catalogue, columns) if fault.state == UNKNOWN_TABLE else NOT_KNOWN
        except (WarehouseError, TimeLimitReached):
            return NOT_KNOWN

    def close(self) -> None:
        """Log out everywhere."""
        sessions, self._sessions = self._sessions, {}
        for session in sessions.values():
            session.close()

    def _limit(self, source: WarehouseSource) -> float:
        return float(source.timeout) if source.timeout is not None else self._workspace.limits.seconds

    @contextmanager
    def _segment(
        self, query: SegmentQuery, source: WarehouseSource, seconds: float
    ) -> Iterator[tuple[WarehouseSession, float]]:
        """The session, ready for one segment, and until when; what it is refused becomes SegmentErrors."""
        deadline = monotonic() + seconds
        try:
            session = self._begun(query, source, seconds, deadline)
            try:
                yield session, deadline
            finally:
                session.end()
        except TimeLimitReached:
            raise sentences.too_slow(query.sql, seconds) from None
        except WarehouseError as error:
            if sentences.is_time_limit(error.fault) and monotonic() >= deadline - 1:
                raise sentences.too_slow(query.sql, seconds) from None
            raise sentences.failed(error.fault, query.sql) from None

    def _begun(self, query: SegmentQuery, source: WarehouseSource, seconds: float, deadline: float) -> WarehouseSession:
        """A session in which the segment has begun. One that was lost while nothing ran in it is opened again."""
        label = self._label(query)
        session = self._session(source, deadline)
        try:
            session.begin(label, seconds, deadline)
        except WarehouseError:
            if session.usable:
                raise
            session = self._session(source, deadline)
            session.begin(label, seconds, deadline)
        return session

    def _session(self, source: WarehouseSource, deadline: float) -> WarehouseSession:
        """The source's session, opened when it is first needed. Raises SegmentError, TimeLimitReached."""
        if source.name in self._refused:
            raise self._refused[source.name]
        session = self._sessions.get(source.name)
        if session is not None and session.usable:
            return session
        try:
            self._sessions[source.name] = self._logged_in(source, deadline)
        except SegmentError as error:
            self._refused[source.name] = error
            raise
        return self._sessions[source.name]

    def require_installed(self, source: WarehouseSource) -> None:
        """Raise SegmentError where a package is missing that the source needs."""
        driver = WAREHOUSE_KINDS[source.type].driver
        for package in _CHECK_PACKAGES:
            if find_spec(package) is None:
                raise sentences.without_driver(source, package, driver.extra)
        if not is_installed(driver):
            raise sentences.without_driver(source, driver.package, driver.extra)

    def _logged_in(self, source: WarehouseSource, deadline: float) -> WarehouseSession:
        self.require_installed(source)
        driver = WAREHOUSE_KINDS[source.type].driver
        if source.missing_secrets:
            raise sentences.without_secret(source, source.missing_secrets[0].variable)
        try:
            session = WarehouseSession(source, driver, deadline)
            for statement in driver.settings:
                with suppress(WarehouseError):
                    session.execute(statement, deadline)
            if driver.zone and self._row(driver.zone, session, deadline)[0] not in _UTC:
                raise sentences.unreachable(
                    source, CannotLogIn("its sessions are not in UTC, and cannot be put into it")
                )
            return session
        except UnusableSecret as cause:
            raise sentences.unreachable(source, CannotLogIn(cause.why)) from None
        except CannotLogIn as cause:
            raise sentences.unreachable(source, cause) from None
        except WarehouseError:
            raise sentences.unreachable(source, CannotLogIn("it does not say in which zone its sessions are")) from None
        except TimeLimitReached:
            raise sentences.unreachable(source, CannotLogIn("it did not answer in time")) from None

    def _label(self, query: SegmentQuery) -> str:
        """What a segment is called over there."""
        return f"headcount/{query.activation[:_LONGEST_ID]}/{query.run or self._check}"

    def _selected(self, query: SegmentQuery, mapped: _Mapped, driver: Driver) -> str:
        """The query that is sent: the mapped columns of the segment's SQL, a holdout's key, and no other."""
        quote = driver.quote
        columns = ", ".join(
            f"{quote}{found.name.replace(quote, quote * 2)}{quote} as {name}" for name, found in mapped.columns.items()
        )
        comment = f"/* {self._label(query)} */ " if driver.comment else ""
        return f"{comment}select {columns} from (\n{text_of(query.sql.text)}{_AFTER}"

    @contextmanager
    def _reading(self, stream: RowStream, mapped: _Mapped) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection with the view of the mapped columns over the rows on their way."""
        connection = self._workspace.connection()
        _offer(stream, connection)
        texts = (f"{as_text(found, name)} as {name}" for name, found in mapped.columns.items())
        connection.execute(f"create temp view {VIEW} as select {', '.join(texts)} from {_STREAM}")
        yield connection
        connection.execute(f"drop view {VIEW}")
        connection.unregister(_STREAM)
        connection.close()


def _offer(stream: RowStream, connection: duckdb.DuckDBPyConnection) -> None:
    """Let SQL read the rows on their way, as a table."""
    load_stream_readers()
    connection.register(_STREAM, stream.handle)


def _typed(query: SegmentQuery, session: WarehouseSession, deadline: float) -> tuple[SegmentQuery, tuple[Finding, ...]]:
    """A query declared by conditions, with the SQL for the columns that its tables have; or what does not fit them."""
    if query.conditions is None:
        return query, ()
    for part in query.conditions.fragments():
        sql = query.written_at(part)
        try:
            session.describe(f"{_BEFORE}{sql.text}{_AFTER} where 1 = 0", deadline)
        except WarehouseError as error:
            if error.fault.is_lost:
                raise
            return query, (sentences.refused(error.fault, sql, len(_BEFORE)),)
    columns: dict[str, Columns] = {}
    for table in query.conditions.tables():
        try:
            fields = session.describe(f"{table.select} where 1 = 0", deadline)
        except WarehouseError as error:
            if error.fault.is_lost:
                raise
            return query, (sentences.unreadable(error.fault, table),)
        columns[table.name] = {one.name: column_kind(one) for one in fields}
    shown = {name for found in columns.values() for name in found if presentable(name)}
    findings = query.conditions.check(columns, shown)
    return query if findings else query.with_columns(columns), findings


def _run(
    connection: duckdb.DuckDBPyConnection, sql: str, stream: RowStream, session: WarehouseSession, deadline: float
) -> list[Row]:
    """Run a statement that reads the rows; a stream that breaks off is an error, whatever came of it by then.

    Raises WarehouseError, TimeLimitReached, and what DuckDB raises where the stream is not to blame.
    """
    import duckdb

    end: Callable[[], None] = _both(connection.interrupt, stream.canceller)
    call = Call(lambda: connection.execute(sql).fetchall(), end, _PATIENCE)
    try:
        return call.result(deadline)
    except duckdb.Error as error:
        words = fault(error).message
        if full(error) or reason(error) or _STREAM not in words:
            raise
        found = fault_in(words)
        if found.is_lost:
            session.lose()
        raise WarehouseError(found) from None
    finally:
        if call.abandoned:
            session.lose()


def _both(first: Callable[[], None], second: Callable[[], None]) -> Callable[[], None]:
    def both() -> None:
        second()
        with suppress(Exception):
            first()

    return both
