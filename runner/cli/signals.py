"""Ctrl-C and SIGTERM: at once while nothing is being sent, after the batch in flight while something is."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Any

from runner.cli import event_log
from runner.core.errors import Interrupted
from runner.interruption import interrupt


class Interrupts:
    """Use as a context manager around a run; `defer()` when sending begins, `asked()` between two batches.

    The first signal then only asks; a second one stops at once, which is equally safe, since every step is durable.
    Leaving the context, a KeyboardInterrupt becomes Interrupted, which says how things stand. So does any other end
    after someone wanted to stop at once: what is raised for that can be swallowed, by a library written in C as well.
    """

    def __init__(self) -> None:
        self._deferring = False
        self._asked = self._at_once = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interrupts:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if isinstance(error, KeyboardInterrupt) or (self._at_once and not isinstance(error, Interrupted)):
            raise Interrupted(self._told()) from None

    def defer(self) -> None:
        self._deferring = True

    def asked(self) -> bool:
        """Whether to end after what is in flight. Raises KeyboardInterrupt when someone wanted to stop at once."""
        if self._at_once:
            raise KeyboardInterrupt
        return self._asked

    def sleep(self, seconds: float) -> None:
        """Wait between two calls, but no longer than until someone asks to stop; then raise Interrupted.

        A call that waits for its turn has not left; one that waits to be tried again is settled by the next run.
        """
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if self._asked:  # perhaps in a thread, which is no place for a KeyboardInterrupt
                recorded = "what was sent is recorded, and the next run goes on from there"
                raise Interrupted(recorded, f"interrupted; {recorded}")
            time.sleep(min(left, 0.1))

    def _told(self) -> str:
        if self._deferring:
            return "stopped at once; what may have been sent is recorded, and the next run goes on from there"
        return "nothing was sent"

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self._at_once = self._asked or not self._deferring
        self._asked = True
        if self._at_once:
            interrupt()
            return
        # Not by way of sys.stderr, which the signal may have stopped in the middle of a write and which then refuses.
        with suppress(OSError):
            os.write(2, _asked())


def _asked() -> bytes:
    if event_log.is_json():
        return event_log.event("interrupted", "finishing the batch in flight", level="warning").encode()
    return b"\nInterrupted: finishing the batch in flight; press Ctrl-C again to stop at once.\n"
