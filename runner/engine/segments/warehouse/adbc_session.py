"""A login to a warehouse through its ADBC driver, and what is asked through it.

A driver's calls hold the thread that makes them. So each is made in a thread of its own, while the caller's waits where
it can be interrupted; then the statement is cancelled on the server. Drivers are imported when they are used.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

from runner.engine.duckdb.cancellable import Call, TimeLimitReached
from runner.engine.segments.warehouse.arrow_schema import ArrowField, fields_at, stream_fields_at
from runner.engine.segments.warehouse.driver_errors import (
    LOST,
    WarehouseError,
    WarehouseFault,
    fault_of,
    login_failure,
)
from runner.engine.segments.warehouse.machine_driver import library_of
from runner.interruption import undisturbed
from runner.quick_dataclass import dataclass
from runner.sources.warehouse import Driver, WarehouseSource

if TYPE_CHECKING:
    import adbc_driver_manager

T = TypeVar("T")

_PATIENCE = 2.0
"""Seconds that a statement gets to end on the server before its connection is given up."""


class Canceller:
    """Asks the server to end a statement, and waits for no answer: there may be none."""

    def __init__(self, statement: adbc_driver_manager.AdbcStatement) -> None:
        self._statement = statement
        self._asking: threading.Thread | None = None

    def __call__(self) -> None:
        if self._asking is None or not self._asking.is_alive():
            self._asking = threading.Thread(target=self._ask, name="cancel", daemon=True)
            self._asking.start()

    def close(self) -> bool:
        """Give the statement back, unless the server is still being asked: whether that was possible."""
        if self._asking is not None:
            self._asking.join(_PATIENCE)
            if self._asking.is_alive():
                return False
        with suppress(Exception):
            self._statement.close()
        return True

    def _ask(self) -> None:
        with suppress(Exception):  # it has ended, or the connection is gone
            self._statement.cancel()


@dataclass(frozen=True, slots=True)
class RowStream:
    """Rows on their way: `handle` is an Arrow stream that can be read once; `canceller` ends the statement."""

    handle: Any
    canceller: Canceller


class WarehouseSession:
    """One login. Used by one segment at a time; `usable` is false once the connection cannot be used any more."""

    def __init__(self, source: WarehouseSource, driver: Driver, deadline: float) -> None:
        """Log in, once. Raises CannotLogIn, TimeLimitReached."""
        self._driver = driver
        self.usable = True
        _load()
        self._database, self._connection = Call(
            lambda: _logged_in(driver, source), end=lambda: None, patience=0.0
        ).result(deadline)

    def begin(self, label: str, seconds: float, deadline: float) -> None:
        """Begin a segment: from here to `end` the session is read-only, in UTC, bounded in time and named."""
        if self._driver.transactions:
            self._asked(lambda: self._connection.set_autocommit(False), deadline)
        for statement in self._driver.begin(label, seconds):
            self.execute(statement, deadline)

    def execute(self, sql: str, deadline: float) -> None:
        """Run a statement of ours that yields nothing."""
        statement, canceller = self._statement(sql)
        self._asked(statement.execute_update, deadline, canceller)
        self._closed(canceller)

    def describe(self, sql: str, deadline: float) -> tuple[ArrowField, ...]:
        """The columns of a query that yields no rows. Raises WarehouseError, TimeLimitReached."""
        statement, canceller = self._statement(sql)
        try:
            handle = self._asked(statement.execute_schema, deadline, canceller)
        except WarehouseError as error:
            if not error.fault.has_no_such_call:
                raise
            with self.stream(sql, deadline) as stream:
                return stream_fields_at(stream.handle.address)
        fields = fields_at(handle.address)
        self._closed(canceller)
        return fields

    @contextmanager
    def stream(self, sql: str, deadline: float) -> Iterator[RowStream]:
        """Rows of a query. Raises WarehouseError, TimeLimitReached."""
        statement, canceller = self._statement(sql)
        statement.set_options(**self._driver.statement)
        handle, _ = self._asked(statement.execute_query, deadline, canceller)
        try:
            yield RowStream(handle, canceller)
        finally:
            self._closed(canceller)

    def lose(self) -> None:
        """Use the connection no more: a call is under way in it, or it is gone."""
        self.usable = False

    def end(self) -> None:
        """End the segment: nothing of it stays."""
        if not self.usable:
            return
        try:
            if self._driver.transactions:
                self._asked(self._connection.rollback, monotonic() + _PATIENCE)
                self._asked(lambda: self._connection.set_autocommit(True), monotonic() + _PATIENCE)
        except (WarehouseError, TimeLimitReached):
            self.lose()

    def close(self) -> None:
        """Log out. A connection with a call under way is left to the end of the process."""
        if self.usable:
            with suppress(Exception):
                self._connection.close()
                self._database.close()
        self.usable = False

    def _statement(self, sql: str) -> tuple[adbc_driver_manager.AdbcStatement, Canceller]:
        import adbc_driver_manager

        if not self.usable:
            raise WarehouseError(WarehouseFault(LOST))
        statement = adbc_driver_manager.AdbcStatement(self._connection)
        statement.set_sql_query(sql)
        return statement, Canceller(statement)

    def _closed(self, canceller: Canceller) -> None:
        if self.usable and not canceller.close():
            self.lose()

    def _asked(self, ask: Callable[[], T], deadline: float, canceller: Canceller | None = None) -> T:
        """What a call of the driver's gives. Raises WarehouseError, TimeLimitReached."""
        import adbc_driver_manager

        call = Call(ask, canceller or _nothing, _PATIENCE)
        given = False
        try:
            result = call.result(deadline)
            given = True
        except adbc_driver_manager.Error as error:
            fault = fault_of(error)
            if fault.is_lost:
                self.lose()
            raise WarehouseError(fault) from None
        finally:
            if call.abandoned:
                self.lose()
            elif not given and canceller is not None:
                self._closed(canceller)
        return result


def _nothing() -> None:
    """What cannot be ended ends by itself, or with the process."""


@undisturbed()
def _load() -> None:
    """Load the driver manager while a Ctrl-C waits: in the middle of it, one becomes an ImportError."""
    import adbc_driver_manager  # noqa: F401


def _logged_in(
    driver: Driver, source: WarehouseSource
) -> tuple[adbc_driver_manager.AdbcDatabase, adbc_driver_manager.AdbcConnection]:
    import adbc_driver_manager

    try:
        library = library_of(driver)
        options = {**driver.options(source), **({"entrypoint": library.entrypoint} if library.entrypoint else {})}
        database = adbc_driver_manager.AdbcDatabase(driver=library.path, **options)
        connection = adbc_driver_manager.AdbcConnection(database)
        if driver.first:
            statement = adbc_driver_manager.AdbcStatement(connection)
            statement.set_sql_query(driver.first)
            statement.execute_query()
            statement.close()
        return database, connection
    except adbc_driver_manager.Error as error:
        raise login_failure(error) from None
