"""Time, as far as talking to Criteo needs it: one value, so that tests can bring a clock of their own."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime


def _machine_time() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Clock:
    """`monotonic` counts seconds from anywhere, `wall` is the machine's time (aware, UTC), `sleep` waits seconds."""

    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], datetime] = _machine_time
    sleep: Callable[[float], None] = time.sleep
