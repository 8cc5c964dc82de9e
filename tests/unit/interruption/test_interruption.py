"""A Ctrl-C waits for the end of a moment in which it would be lost, or leave something behind."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import suppress

import pytest

from runner.interruption import forget_interrupt, interrupt, interrupted, undisturbed


def test_it_is_raised_at_once_elsewhere() -> None:
    with pytest.raises(KeyboardInterrupt):
        interrupt()


def test_it_is_known_whatever_became_of_it() -> None:
    forget_interrupt()
    assert not interrupted()
    with suppress(KeyboardInterrupt):
        interrupt()
    assert interrupted()
    forget_interrupt()
    assert not interrupted()


def test_it_is_raised_when_the_outermost_moment_is_over() -> None:
    done: list[str] = []

    def work() -> None:
        with undisturbed():
            with undisturbed():
                interrupt()
                done.append("inner")
            done.append("outer")
        done.append("after")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["inner", "outer"]


def test_it_is_raised_once() -> None:
    with pytest.raises(KeyboardInterrupt), undisturbed():
        interrupt()
    with undisturbed():
        pass


def test_it_comes_before_what_the_moment_itself_raised() -> None:
    """As where it is not kept back: whoever stops a run is not told of a failure instead."""

    @undisturbed()
    def work() -> None:
        interrupt()
        raise ValueError

    with pytest.raises(KeyboardInterrupt):
        work()


def test_moments_of_other_threads_keep_nothing_back() -> None:
    inside, over = threading.Event(), threading.Event()

    @undisturbed()
    def work() -> None:
        inside.set()
        over.wait(20)

    thread = threading.Thread(target=work)
    thread.start()
    assert inside.wait(20)
    try:
        with pytest.raises(KeyboardInterrupt):
            interrupt()
    finally:
        over.set()
        thread.join()


def test_sqlite_loses_what_is_raised_in_a_function_it_calls_back() -> None:
    """What the moments are for: remove them when this fails."""
    with sqlite3.connect(":memory:") as connection:
        connection.create_function("stop", 0, interrupt)
        with pytest.raises(sqlite3.OperationalError):
            connection.execute("select stop()")
        with pytest.raises(KeyboardInterrupt), undisturbed():
            connection.execute("select stop()")
