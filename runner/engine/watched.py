"""Running one statement so that a time limit or Ctrl-C ends it.

DuckDB holds the thread that runs a statement until it is done, and notices a Ctrl-C only now and then. So the statement
runs in a thread of its own, and the caller's thread waits where Python can still be interrupted.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb

    Row = tuple[Any, ...]

_BREATH = 0.1
"""Seconds between two looks at the clock."""


class TimeLimitReached(Exception):
    """The statement was interrupted because it ran longer than it may."""


def run(
    connection: duckdb.DuckDBPyConnection,
    sql: str,
    parameters: list[Any] | None = None,
    *,
    deadline: float = float("inf"),
    on_progress: Callable[[float], None] | None = None,
) -> list[Row]:
    """Execute and return all rows. `deadline` is on the monotonic clock; `on_progress` gets percent, now and then.

    Raises TimeLimitReached, and whatever DuckDB raises.
    """
    done = threading.Event()
    rows: list[Row] = []
    failures: list[BaseException] = []

    def work() -> None:
        try:
            rows.extend(connection.execute(sql, parameters).fetchall())
        except BaseException as error:  # noqa: BLE001 (raised again in the caller's thread)
            failures.append(error)
        finally:
            done.set()

    worker = threading.Thread(target=work, name="segment", daemon=True)
    worker.start()
    try:
        while not done.wait(min(_BREATH, max(deadline - monotonic(), 0.0))):
            if monotonic() >= deadline:
                raise TimeLimitReached
            if on_progress is not None:
                on_progress(max(connection.query_progress(), 0.0))
    finally:
        _end(connection, done, worker)
    if failures:
        raise failures[0]
    return rows


def _end(connection: duckdb.DuckDBPyConnection, done: threading.Event, worker: threading.Thread) -> None:
    """Wait for the thread, interrupting it again and again: an interrupt before the statement has begun is lost."""
    while not done.is_set():
        connection.interrupt()
        done.wait(_BREATH)
    worker.join()
