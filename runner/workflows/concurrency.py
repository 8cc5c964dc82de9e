"""Several tasks at a time, each of which waits for one call after the other.

A task is a generator that yields the call it wants made and gets its answer back, or what it raised. Calls run in
threads of their own; everything between two calls of a task runs in the thread that called `run_concurrently`, so that
state and engine are used by one thread at a time and Ctrl-C meets the one that can handle it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable
from contextlib import ExitStack
from queue import Empty, SimpleQueue
from typing import Any

from runner.quick_dataclass import dataclass

PendingCall = Callable[[], Any]
Task = Generator[PendingCall, Any, None]

_BREATH = 0.2
"""Seconds between two moments at which a signal is noticed, wherever the system delivers it."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a call came to: a value, or what it raised."""

    task: Task
    value: Any = None
    raised: Exception | None = None


def run_concurrently(tasks: Iterable[Task], at_once: int, look: Callable[[], object]) -> None:
    """Carry out the tasks, at most so many at a time, begun in their order; each is taken up only when its turn comes.

    After an exception of one of them none is begun any more; those under way go on to their ends, and the first
    exception is raised. Anything graver, as a KeyboardInterrupt, closes those under way and leaves their calls behind.
    `look` is called now and then while calls are waited for, and may raise such.
    """
    answers: SimpleQueue[_Answer] = SimpleQueue()
    under_way: set[Task] = set()
    waiting = iter(tasks)
    failure: Exception | None = None
    try:
        while True:
            while failure is None and len(under_way) < at_once and (task := next(waiting, None)) is not None:
                under_way.add(task)
                failure = _advance(_Answer(task), under_way, answers)
            if not under_way:
                break
            failure = _advance(_next(answers, look), under_way, answers) or failure
    finally:
        with ExitStack() as closing:  # every one, whatever closing another raises: none may be left to end later
            for task in under_way:
                closing.callback(task.close)
    if failure is not None:
        raise failure


def _advance(answer: _Answer, under_way: set[Task], answers: SimpleQueue[_Answer]) -> Exception | None:
    """Take a task to its next call, and begin that; what comes back is what it ended with, if it failed."""
    task = answer.task
    try:
        call = task.send(answer.value) if answer.raised is None else task.throw(answer.raised)
    except StopIteration:
        under_way.discard(task)
        return None
    except Exception as error:  # noqa: BLE001 - raised by `run_concurrently`
        under_way.discard(task)
        return error
    # A daemon: a second Ctrl-C does not wait for an answer. A batch without one counts as in flight.
    threading.Thread(target=_make, args=(task, call, answers), name="call", daemon=True).start()
    return None


def _make(task: Task, call: PendingCall, answers: SimpleQueue[_Answer]) -> None:
    try:
        answers.put(_Answer(task, value=call()))
    except Exception as error:  # noqa: BLE001 - thrown into the task
        answers.put(_Answer(task, raised=error))


def _next(answers: SimpleQueue[_Answer], look: Callable[[], object]) -> _Answer:
    while True:
        try:
            return answers.get(timeout=_BREATH)
        except Empty:
            look()
