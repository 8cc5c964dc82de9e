"""How often Criteo may be called: a sliding window per app, shared by all of the app's connections in this process.

Criteo counts calls per minute and app, answers 429 above the limit, and names in `x-ratelimit-reset` the second at
which the next call may be made (guide page "rate limits"). All that a 429 means is decided here, except that the call
is made again, which `retries` does.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus

from runner.destinations.criteo.clock import Clock

WINDOW = 60.5
"""Seconds in which `limit` calls may leave. Half a second more than Criteo's minute, because calls arrive later than
they leave, and not all equally late; it costs less than one call in a hundred."""

LONGEST_HOLD = 120.0
"""Seconds. A reset further away than this is taken for a mistake, and asked about again after this time."""

UNSTATED_HOLD = 1.0
"""Seconds that all calls of the app wait after a 429 that does not say how long."""


class RateLimiter:
    """Lets `limit` calls leave per window, from any number of threads; holds all of them while Criteo says so."""

    def __init__(self, limit: int, clock: Clock) -> None:
        self._limit = max(1, limit)
        self._clock = clock
        self._lock = threading.Lock()
        self._left: deque[float] = deque(maxlen=self._limit)
        self._held_until = float("-inf")

    def wait(self) -> None:
        """Return when a call may leave, and count it. An interrupted wait has counted nothing."""
        while (pause := self._claim()) > 0:
            self._clock.sleep(pause)

    def hold(self, seconds: float) -> None:
        """Let no call leave for so many seconds."""
        with self._lock:
            self._held_until = max(self._held_until, self._clock.monotonic() + min(seconds, LONGEST_HOLD))

    def heed(self, status: int, headers: Mapping[str, str], now: datetime) -> bool:
        """Hold calls back as an answer asks; say whether it turned the call away for the limit. `now` is Criteo's."""
        refused = status == HTTPStatus.TOO_MANY_REQUESTS
        pause = seconds_until_reset(headers, now)
        if refused:
            self.hold(UNSTATED_HOLD if pause is None else pause)
        elif pause is not None and is_used_up(headers):
            self.hold(pause)
        return refused

    def lower(self, limit: int) -> None:
        """Of two limits given for one app, the smaller one holds."""
        with self._lock:
            if limit < self._limit:
                self._limit = max(1, limit)
                self._left = deque(self._left, maxlen=self._limit)

    def _claim(self) -> float:
        """Count a call and return 0, or return the seconds until it is worth asking again."""
        with self._lock:
            now = self._clock.monotonic()
            earliest = self._held_until
            if len(self._left) == self._limit:
                earliest = max(earliest, self._left[0] + WINDOW)
            if now >= earliest:
                self._left.append(now)
                return 0.0
            return max(earliest - now, 0.001)


class RateLimiters:
    """The limiters of the apps that this process has called; an app is a base URL and a client id."""

    def __init__(self) -> None:
        self._limiters: dict[tuple[str, str], RateLimiter] = {}
        self._lock = threading.Lock()

    def of(self, url: str, client_id: str, limit: int, clock: Clock) -> RateLimiter:
        with self._lock:
            pacer = self._limiters.setdefault((url, client_id), RateLimiter(limit, clock))
        pacer.lower(limit)
        return pacer


SHARED = RateLimiters()
"""The limiters of this process."""


def seconds_until_reset(headers: Mapping[str, str], now: datetime) -> float | None:
    """How long Criteo asks to wait: until `x-ratelimit-reset`, else `Retry-After`; None where it does not say.

    `now` is Criteo's clock. Both headers count whole seconds; `Retry-After` as a date is not taken up by Criteo.
    """
    reset = _number(headers.get("x-ratelimit-reset"))
    if reset is not None:
        return min(max(0.0, reset - now.timestamp()), LONGEST_HOLD)
    after = _number(headers.get("retry-after"))
    return None if after is None else min(after, LONGEST_HOLD)


def is_used_up(headers: Mapping[str, str]) -> bool:
    """Whether Criteo says that no call is left before the reset."""
    return _number(headers.get("x-ratelimit-remaining")) == 0


def _number(text: str | None) -> float | None:
    """A header's whole number; None for anything else, however it may have come there."""
    text = (text or "").strip()
    return float(text) if text.isascii() and text.isdigit() and len(text) <= 12 else None
