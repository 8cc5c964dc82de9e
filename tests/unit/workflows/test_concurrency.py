"""Work side by side: calls overlap, nothing else does, and one failure spoils nobody else's work."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from runner.workflows.concurrency import Task, run_concurrently


def test_calls_of_different_works_overlap() -> None:
    """Each call ends only when both have begun."""
    both = threading.Barrier(2, timeout=20)

    def work() -> Task:
        yield both.wait
        yield both.wait

    run_concurrently((work(), work()), at_once=2, look=_nothing)


def test_everything_but_calls_runs_in_the_thread_of_the_caller() -> None:
    threads: dict[str, set[int]] = {"work": set(), "call": set()}

    def work() -> Task:
        for _ in range(3):
            threads["work"].add(threading.get_ident())
            threads["call"].add((yield threading.get_ident))

    run_concurrently((work() for _ in range(3)), at_once=3, look=_nothing)
    assert threads["work"] == {threading.get_ident()}
    assert threading.get_ident() not in threads["call"]


def test_no_more_are_under_way_than_asked_for_and_all_get_their_turn_in_order() -> None:
    begun: list[int] = []
    under_way: set[int] = set()
    most: list[int] = []

    def work(number: int) -> Task:
        begun.append(number)
        under_way.add(number)
        most.append(len(under_way))
        yield int
        under_way.discard(number)

    run_concurrently(map(work, range(20)), at_once=3, look=_nothing)
    assert begun == list(range(20))
    assert max(most) == 3


def test_what_a_call_raises_is_raised_where_it_was_asked_for() -> None:
    heard: list[str] = []

    def work() -> Task:
        try:
            yield _refuse("no")
        except ValueError as error:
            heard.append(str(error))
        assert (yield _answer(5)) == 5

    run_concurrently((work(),), at_once=1, look=_nothing)
    assert heard == ["no"]


def test_after_a_failure_those_under_way_go_on_and_none_is_begun() -> None:
    done: list[str] = []
    failed = threading.Event()

    def fails() -> Task:
        try:
            yield _refuse("broken")
        finally:
            failed.set()

    def goes_on() -> Task:
        yield lambda: failed.wait(20)
        yield int
        done.append("went on")

    def never() -> Task:
        done.append("begun")
        yield int

    with pytest.raises(ValueError, match="broken"):
        run_concurrently((fails(), goes_on(), never()), at_once=2, look=_nothing)
    assert done == ["went on"]


def test_an_interrupt_closes_those_under_way_and_waits_for_no_answer() -> None:
    closed: list[str] = []
    answer = threading.Event()

    def waits() -> Task:
        try:
            yield answer.wait
        finally:
            closed.append("waits")

    def works() -> Iterator[Task]:
        yield waits()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_concurrently(works(), at_once=2, look=_nothing)
    assert closed == ["waits"]
    answer.set()


def test_one_that_is_interrupted_while_it_is_closed_keeps_no_other_from_being_closed() -> None:
    closed: list[int] = []
    forever = threading.Event()

    def waits(number: int) -> Task:
        try:
            yield forever.wait
        finally:
            closed.append(number)
            raise KeyboardInterrupt

    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_concurrently(map(waits, range(3)), at_once=3, look=interrupt)
    forever.set()
    assert sorted(closed) == [0, 1, 2]


def test_whoever_waits_for_calls_looks_now_and_then() -> None:
    """What is raised for Ctrl-C can be lost; the wish to stop at once is not."""
    closed: list[str] = []
    answer = threading.Event()

    def waits() -> Task:
        try:
            yield answer.wait
        finally:
            closed.append("waits")

    def look() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_concurrently((waits(),), at_once=1, look=look)
    assert closed == ["waits"]
    answer.set()


def _nothing() -> None:
    pass


def _refuse(message: str) -> Callable[[], None]:
    def call() -> None:
        raise ValueError(message)

    return call


def _answer(value: int) -> Callable[[], int]:
    return lambda: value
