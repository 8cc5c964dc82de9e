"""Trying again: what heals by itself is tried again after a growing, jittered pause; what cannot heal is not."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type

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

    def wait(state: RetryCallState) -> float:
        return max(_failure(state).pause or 0.0, retries.pause(state.attempt_number))

    def stop(state: RetryCallState) -> bool:
        late = clock.monotonic() + state.upcoming_sleep > begun + retries.seconds
        return late or state.attempt_number >= retries.tries or not (repeatable or _failure(state).untouched)

    retrying = Retrying(
        retry=retry_if_exception_type(Healable),
        wait=wait,
        stop=stop,
        sleep=clock.sleep,
        before_sleep=_tell,
        reraise=True,
    )
    failed: list[Healable] = []

    def next_attempt() -> T:
        if failed:
            again(not failed[-1].untouched)
        try:
            return attempt()
        except Healable as failure:
            failed.append(failure)
            raise

    try:
        return retrying(next_attempt)
    except Healable as failure:
        failure.error.untouched = failure.untouched
        if repeatable or failure.untouched:
            raise failure.error from None
        raise lost(failure.error) from None


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


def _tell(state: RetryCallState) -> None:
    """Log why the run waits; a short pause is not worth a line."""
    if state.upcoming_sleep >= WORTH_A_LINE:
        logger.warning("%s; trying again in %.0f s", _failure(state).error.message, state.upcoming_sleep)


def _failure(state: RetryCallState) -> Healable:
    outcome = state.outcome
    failure = outcome.exception() if outcome is not None else None
    assert isinstance(failure, Healable)
    return failure
