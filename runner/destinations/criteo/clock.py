"""Time, as far as talking to Criteo needs it: this machine's, and Criteo's as its answers give it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from runner.quick_dataclass import dataclass


def _machine_time() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Clock:
    """`monotonic` counts seconds from anywhere, `wall` is the machine's time (aware, UTC), `sleep` waits seconds.

    One value, so that tests can bring a clock of their own.
    """

    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], datetime] = _machine_time
    sleep: Callable[[float], None] = time.sleep


class CriteoClock:
    """Criteo's clock, as its last answer gave it; the machine's before any answer."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last: tuple[datetime, float] | None = None

    def now(self) -> datetime:
        """Aware, in UTC."""
        if self._last is None:
            return self._clock.wall()
        stated, at = self._last
        return stated + timedelta(seconds=self._clock.monotonic() - at)

    def note(self, headers: Mapping[str, str]) -> None:
        """Take the time from an answer's `Date`, where it has one that can be read."""
        try:
            stated = parsedate_to_datetime(headers.get("Date", ""))
        except (ValueError, OverflowError):
            return
        aware = stated if stated.tzinfo is not None else stated.replace(tzinfo=UTC)
        self._last = (aware.astimezone(UTC), self._clock.monotonic())
