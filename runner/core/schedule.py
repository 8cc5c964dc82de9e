"""When an activation is due: its slots, and which of them is the next one after its last good run."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from runner.core.project import Schedule

EARLY_TOLERANCE = timedelta(minutes=1)
"""How much too early counts as on time, though never more than a tenth of an interval: a scheduler outside that fires
every half an hour starts a moment sooner or later each time, and would else miss its turn by that moment."""


_WEEKS = timedelta(days=32)
_SLOTS = 12_000
"""How far ahead a schedule is looked through: more than a week of every minute."""


def next_due(schedule: Schedule, last: datetime | None, now: datetime) -> datetime | None:
    """When the activation is due next (aware, UTC): `now` when it never ran, None for `manual`.

    `last` is when its last good run started. A missed slot is due since the first one missed.
    """
    if schedule.manual:
        return None
    if last is None:
        return now
    return next(slots(schedule, last))


def is_due(schedule: Schedule, last: datetime | None, now: datetime) -> bool:
    """Whether a run at `now` should bring the activation up to date. Slots that were missed are due once, together."""
    due = next_due(schedule, last, now)
    if due is None:
        return False
    early = min(EARLY_TOLERANCE, timedelta(seconds=schedule.every) / 10) if schedule.every is not None else timedelta()
    return due - early <= now


def upcoming(schedule: Schedule, last: datetime | None, now: datetime) -> Iterator[datetime]:
    """The runs to come if each of them is on time, the first not before `now`; none for `manual`."""
    due = next_due(schedule, last, now)
    if due is None:
        return
    first = max(due, now)
    yield first
    yield from slots(schedule, first)


def slots(schedule: Schedule, after: datetime) -> Iterator[datetime]:
    """Every slot of a schedule that is not manual after a moment, in UTC.

    By cron, a slot is a moment of the clock on the wall: one that daylight saving skips is made up for at once after
    the jump, and one that it repeats comes once, unless the expression asks for every hour or every minute.
    """
    if schedule.every is not None:
        interval = timedelta(seconds=schedule.every)
        while True:
            after += interval
            yield after.astimezone(UTC)
    from cronsim import CronSim

    assert schedule.cron is not None
    # Begun inside an hour that occurs twice, cronsim may give slots that are over, or that it gives once otherwise.
    begin = after - timedelta(hours=3)
    for slot in CronSim(schedule.cron, begin.astimezone(ZoneInfo(schedule.timezone))):
        if slot > after:
            after = slot.astimezone(UTC)
            yield after


def longest_gap(schedule: Schedule, after: datetime) -> timedelta:
    """The longest time between two slots, as far as the next weeks show it: a weekend for Monday to Friday.

    Nothing for `manual`.
    """
    if schedule.manual:
        return timedelta()
    if schedule.every is not None:
        return timedelta(seconds=schedule.every)
    longest, before = timedelta(), after
    for number, slot in enumerate(slots(schedule, after)):
        if number:
            longest = max(longest, slot - before)
        before = slot
        if number >= _SLOTS or (number > 1 and slot - after > _WEEKS):
            break
    return longest


def describe(schedule: Schedule) -> str:
    """The schedule as it is written in the files."""
    if schedule.manual:
        return "manual"
    if schedule.every is not None:
        return f"every {length(schedule.every)}"
    return f"{schedule.cron} {schedule.timezone}"


def length(seconds: int) -> str:
    """A length of time as it is written in the files: `90m`, `26h`, `8d`."""
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
