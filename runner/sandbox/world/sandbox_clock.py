"""The sandbox's clock: the machine's, moved by hand."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from email.utils import formatdate


class SandboxClock:
    """Seconds since the epoch, plus whatever a test has added."""

    def __init__(self) -> None:
        self._moved = 0.0

    def now(self) -> float:
        return time.time() + self._moved

    def advance(self, seconds: float) -> None:
        self._moved += seconds


def timestamp(seconds: float) -> str:
    """A time as segments carry it: UTC to the millisecond."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def request_date(seconds: float) -> str:
    """A time as the answer to an amendment carries it: with an offset and seven decimals."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond:06d}0+00:00"


def http_date(seconds: float) -> str:
    """A time as the Date header carries it."""
    return formatdate(seconds, usegmt=True)
