"""When an activation is due next."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from runner.model import Schedule


def next_due(schedule: Schedule, last: datetime | None, now: datetime) -> datetime | None:
    """When the activation is due next (aware, UTC): `now` when it never ran, None for `manual`.

    `last` is when its last good run started. A missed slot is due since the first one missed.
    """
    if schedule.manual:
        return None
    if last is None:
        return now
    if schedule.every is not None:
        return last + timedelta(seconds=schedule.every)
    from cronsim import CronSim

    assert schedule.cron is not None
    slots = CronSim(schedule.cron, last.astimezone(ZoneInfo(schedule.timezone)))
    return next(slots).astimezone(ZoneInfo("UTC"))


def describe(schedule: Schedule) -> str:
    """The schedule as it is written in the files."""
    if schedule.manual:
        return "manual"
    if schedule.every is not None:
        for unit, seconds in (("d", 86_400), ("h", 3_600), ("m", 60)):
            if schedule.every % seconds == 0:
                return f"every {schedule.every // seconds}{unit}"
        return f"every {schedule.every}s"
    return f"{schedule.cron} {schedule.timezone}"
