"""Running one statement so that a time limit or Ctrl-C ends it.

DuckDB holds the thread that runs a statement until it is done, and notices a Ctrl-C only now and then. So the statement
runs in a thread of its own, and the caller's thread waits where Python can still be interrupted.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from runner.interruption import undisturbed
from runner.object_stores.reach import raise_failure

if TYPE_CHECKING:
    import duckdb

T = TypeVar("T")
Row = tuple[Any, ...]

_BREATH = 0.1
"""Seconds between two looks at the clock."""


class TimeLimitReached(Exception):
    """The statement was interrupted because it ran longer than it may."""


class Call(Generic[T]):
    """A call in a thread of its own. What begins it must end it, with `result` or `stop`.

    `end` has it end soon, if it is under way; it may be called any number of times. After `patience` seconds of that
    the call is left alone: `abandoned` says so, and nothing it uses may be touched any more.
    """

    def __init__(self, work: Callable[[], T], end: Callable[[], None], patience: float = float("inf")) -> None:
        self._end = end
        self._patience = patience
        self._done = threading.Event()
        self._results: list[T] = []
        self._failures: list[BaseException] = []
        self._worker = threading.Thread(target=self._work, args=(work,), name="statement", daemon=True)
        self._begun = False
        self.abandoned = False

    @undisturbed()
    def begin(self) -> None:
        """Begin it, once; not in `__init__`, where an interrupt would leave the caller nothing to stop it by."""
        if not self._begun:
            self._worker.start()
            self._begun = True

    def result(self, deadline: float = float("inf"), on_wait: Callable[[], None] | None = None) -> T:
        """Begin it if need be, and return what it gives. Raises TimeLimitReached, and whatever it raises."""
        try:
            self.begin()
            while not self._done.wait(min(_BREATH, max(deadline - monotonic(), 0.0))):
                if monotonic() >= deadline:
                    raise TimeLimitReached
                if on_wait is not None:
                    on_wait()
        finally:
            self.stop()
        if self._failures:
            raise self._failures[0]
        return self._results[0]

    def stop(self) -> None:
        """End it if it is under way, again and again: an interrupt before a statement has begun is lost.

        DuckDB looks for interrupts now and then only. A Ctrl-C need not wait for that: the statement ends with the
        process.
        """
        if not self._begun:
            return
        given_up = monotonic() + self._patience
        while not self._done.is_set():
            if monotonic() >= given_up:
                self.abandoned = True
                return
            with undisturbed():
                self._end()
            self._done.wait(_BREATH)
        self._worker.join()

    def _work(self, work: Callable[[], T]) -> None:
        try:
            self._results.append(work())
        except BaseException as error:  # noqa: BLE001 (raised again in the thread that waits)
            self._failures.append(error)
        finally:
            self._done.set()


class Running(Call[list[Row]]):
    """A statement of DuckDB's in a thread of its own."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, sql: str, parameters: list[Any] | None = None) -> None:
        """Nothing else may use the connection from `begin` until it has ended."""
        super().__init__(lambda: connection.execute(sql, parameters).fetchall(), connection.interrupt)
        self._connection = connection

    def rows(self, deadline: float = float("inf"), on_progress: Callable[[float], None] | None = None) -> list[Row]:
        """Begin it if need be, and return all rows. Raises TimeLimitReached, and whatever DuckDB raises."""

        def report() -> None:
            if on_progress is not None:
                on_progress(max(self._connection.query_progress(), 0.0))

        return self.result(deadline, report)


def run(
    connection: duckdb.DuckDBPyConnection,
    sql: str,
    parameters: list[Any] | None = None,
    *,
    deadline: float = float("inf"),
    on_progress: Callable[[float], None] | None = None,
) -> list[Row]:
    """Execute and return all rows. `deadline` is on the monotonic clock; `on_progress` gets percent, now and then.

    Raises TimeLimitReached, whatever DuckDB raises, and StoreFault where it could not read an object.
    """
    from runner.engine.duckdb.compiled import duckdb

    try:
        return Running(connection, sql, parameters).rows(deadline, on_progress)
    except duckdb.Error:
        raise_failure()
        raise
