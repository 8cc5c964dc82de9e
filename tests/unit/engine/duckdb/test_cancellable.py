"""A statement ends whatever interrupts the one who waits for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import duckdb
import pytest

from runner.engine.duckdb.cancellable import Running, TimeLimitReached, run
from runner.interruption import interrupt

ENDLESS = "select count(*) from range(10_000_000) a, range(10_000_000) b"


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def test_it_gives_all_rows(connection: duckdb.DuckDBPyConnection) -> None:
    assert run(connection, "select unnest([1, $1])", [2]) == [(1,), (2,)]


def test_it_raises_what_duckdb_raises(connection: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(duckdb.ConversionException):
        run(connection, "select 'a'::integer")


def test_a_limit_ends_it(connection: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(TimeLimitReached):
        run(connection, ENDLESS, deadline=0.0)
    assert run(connection, "select 1") == [(1,)]


def test_an_interrupt_while_it_begins_ends_it(
    connection: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = threading.Thread.start

    def interrupted(thread: threading.Thread) -> None:
        interrupt()
        start(thread)
        interrupt()

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run(connection, ENDLESS)
    assert run(connection, "select 1") == [(1,)]


def test_an_interrupt_while_it_is_stopped_ends_it_first(
    connection: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = Running(connection, ENDLESS)
    running.begin()
    join = threading.Thread.join

    def interrupted(thread: threading.Thread, timeout: float | None = None) -> None:
        interrupt()
        join(thread, timeout)

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "join", interrupted)
        with pytest.raises(KeyboardInterrupt):
            running.stop()
    assert run(connection, "select 1") == [(1,)]


def test_one_that_never_began_has_nothing_to_stop(connection: duckdb.DuckDBPyConnection) -> None:
    Running(connection, ENDLESS).stop()


class Deaf:
    """A statement that ends when it pleases."""

    def __init__(self) -> None:
        self.over = threading.Event()

    def execute(self, *_: object) -> Deaf:
        self.over.wait(20)
        return self

    def fetchall(self) -> list[tuple[int]]:
        return [(1,)]

    def interrupt(self) -> None:
        interrupt()


def test_whoever_interrupts_once_more_waits_no_longer_for_a_statement_that_does_not_end() -> None:
    deaf = Deaf()
    running = Running(deaf, "")  # type: ignore[arg-type]
    running.begin()
    with pytest.raises(KeyboardInterrupt):
        running.stop()
    deaf.over.set()
    assert running.rows() == [(1,)]
