"""Moments in which a Ctrl-C waits: raised there, it would be swallowed, or leave a statement that nobody ends.

Python runs signal handlers between any two instructions of the main thread, also inside of what SQLite calls back,
where an exception becomes an error of SQLite's: a run that was asked to stop would take that for one activation's
failure, and go on. Other threads are never interrupted.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class _Moments:
    """How many such moments the main thread is in, and whether an interrupt waits for their end; and whether there was
    one."""

    depth = 0
    waiting = False
    interrupted = False


_moments = _Moments()


def interrupt() -> None:
    """For signal handlers: raise KeyboardInterrupt, at the end of the moment where it cannot be raised in one."""
    _moments.interrupted = True
    if _moments.depth:
        _moments.waiting = True
    else:
        raise KeyboardInterrupt


def interrupted() -> bool:
    """Whether `interrupt` was called since `forget_interrupt`; what it raised may have been swallowed."""
    return _moments.interrupted


def forget_interrupt() -> None:
    """At the start of a command: nobody has interrupted it yet."""
    _moments.interrupted = False


@contextmanager
def undisturbed() -> Iterator[None]:
    """A moment in which `interrupt` waits, as a context or a decorator. Keep it short: nothing else can end it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _moments.depth += 1
    try:
        yield
    finally:
        _moments.depth -= 1
        if _moments.waiting and not _moments.depth:
            _moments.waiting = False
            raise KeyboardInterrupt
