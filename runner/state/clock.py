"""The machine's clock, as the state asks for it."""

from __future__ import annotations

from datetime import UTC, datetime


def machine_time() -> datetime:
    return datetime.now(UTC)
