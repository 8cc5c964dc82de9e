"""Trying again: what heals by itself is tried again after a growing, jittered pause; what cannot heal is not."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from itertools import count
from typing import TypeVar

from runner.core.destination import Again, unnoticed
from runner.core.errors import AnswerLost, DestinationError
from runner.destinations.criteo.clock import Clock
from runner.quick_dataclass import dataclass

T = TypeVar("T")

logger = logging.getLogger("headcount.criteo")

WORTH_A_LINE = 1.0
"""Seconds: a wait of this length or more is logged as a warning."""


@dataclass(frozen=True, slots=True)
class Retries:
    """How hard to try: `tries` calls in all, none begun later than `seconds` after the first.

    The n-th pause is between half and the whole of `first` * 2^(n-1) seconds, and never over `longest`.
    """

    tries: int = 7
    seconds: float = 600.0
    first: float = 0.5
    longest: float = 30.0

    def pause(self, failures: int) -> float:
        """Seconds to wait after so many failures in a row."""
        whole = min(self.longest, self.first * 2.0 ** (failures - 1))
        return whole * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, nothing secret


class Healable(Exception):
    """An attempt failed in a way that may heal.

    `error` is what to tell when it does not; `pause` the seconds that Criteo asks to wait, if it does; `untouched` says
    that the call certainly had no effect.
    """

    def __init__(self, error: DestinationError, *, pause: float | None = None, untouched: bool = False) -> None:
        super().__init__(error.message)
        self.error = error
        self.pause = pause
        self.untouched = untouched


def persistently(
    attempt: Callable[[], T], retries: Retries, clock: Clock, *, repeatable: bool, again: Again = unnoticed
) -> T:
    """Call `attempt` until it succeeds, fails for good, or tries or time are used up.

    A call that is not `repeatable` is repeated only while it certainly had no effect; otherwise AnswerLost is raised.
    `again` is called before each attempt but the first.
    """
    begun = clock.monotonic()
    for failures in count(1):
        try:
            return attempt()
        except Healable as caught:
            failure = caught
        pause = max(failure.pause or 0.0, retries.pause(failures))
        late = clock.monotonic() + pause > begun + retries.seconds
        if late or failures >= retries.tries or not (repeatable or failure.untouched):
            break
        if pause >= WORTH_A_LINE:
            logger.warning("%s; trying again in %.0f s", failure.error.message, pause)
        clock.sleep(pause)
        again(not failure.untouched)
    failure.error.untouched = failure.untouched
    raise failure.error if repeatable or failure.untouched else lost(failure.error)


def lost(error: DestinationError) -> AnswerLost:
    """The same failure, of a call that may have taken effect."""
    return AnswerLost(
        f"{error.message}; whether it took effect is not known",
        "run the command again: it looks at what Criteo has before it changes anything",
        code=error.code,
        title=error.title,
        trace_id=error.trace_id,
        status=error.status,
    )
