"""A clock that stands still until somebody sleeps."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

from runner.destinations.criteo.clock import Clock

START = datetime(2026, 11, 24, 12, tzinfo=UTC)


class FakeClock:
    """Sleeping moves it on at once; threads that sleep at the same time move it on together."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []
        self._lock = threading.Lock()
        self._read = threading.local()

    def monotonic(self) -> float:
        self._read.at = self.now
        return self.now

    def wall(self) -> datetime:
        return START + timedelta(seconds=self.now - 1000.0)

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.slept.append(seconds)
            self.now = max(self.now, getattr(self._read, "at", self.now) + seconds)

    @property
    def clock(self) -> Clock:
        return Clock(self.monotonic, self.wall, self.sleep)
