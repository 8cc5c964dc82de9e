"""Cron slots over a change of the clock, against an oracle that looks at every minute by itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.core.project import Schedule
from runner.core.schedule import slots

CHANGES = (
    ("Europe/Paris", datetime(2026, 3, 29)),
    ("Europe/Paris", datetime(2026, 10, 25)),
    ("America/New_York", datetime(2026, 3, 8)),
    ("America/New_York", datetime(2026, 11, 1)),
    ("Australia/Lord_Howe", datetime(2026, 4, 5)),  # half an hour
    ("Australia/Lord_Howe", datetime(2026, 10, 4)),
    ("America/Santiago", datetime(2026, 4, 5)),  # at midnight
    ("America/Santiago", datetime(2026, 9, 6)),
    ("Asia/Kolkata", datetime(2026, 3, 29)),  # never
)
MINUTE = timedelta(minutes=1)


def oracle(minutes: set[int] | None, hours: set[int] | None, zone: ZoneInfo, begin: datetime) -> Iterator[datetime]:
    """Every slot in the six days after `begin` (None is `*`): where both are numbers, a wall time comes once a day,
    the first time that the clock shows it, or at the jump over it; else whenever the clock shows it."""
    shown: set[datetime] = set()
    before = (begin - timedelta(days=1)).astimezone(zone).replace(tzinfo=None)
    for step in range(-1_440 + 1, 6 * 1_440):
        now = begin + step * MINUTE
        wall = now.astimezone(zone).replace(tzinfo=None)
        passed = [before + MINUTE * n for n in range(1, int((wall - before) / MINUTE) + 1)] or [wall]
        fixed = minutes is not None and hours is not None
        meant = passed if fixed else [wall]
        hit = [
            time
            for time in meant
            if (minutes is None or time.minute in minutes)
            and (hours is None or time.hour in hours)
            and not (fixed and time in shown)
        ]
        shown.update(passed)
        before = wall
        if hit and now > begin:
            yield now


def field(values: set[int] | None) -> str:
    return "*" if values is None else ",".join(map(str, sorted(values)))


@pytest.mark.parametrize(("zone", "change"), CHANGES, ids=lambda value: str(value).replace("/", "-"))
@settings(max_examples=15)
@given(
    minutes=st.none() | st.sets(st.sampled_from([0, 1, 15, 29, 30, 31, 45, 59]), min_size=1, max_size=3),
    hours=st.none() | st.sets(st.sampled_from([0, 1, 2, 3, 12, 23]), min_size=1, max_size=3),
    offset=st.integers(-2_000, 2_000),
)
def test_slots_are_those_that_the_clock_shows(
    zone: str, change: datetime, minutes: set[int] | None, hours: set[int] | None, offset: int
) -> None:
    if zone == "Australia/Lord_Howe":
        # Where a clock is set by half an hour, as on one island, cronsim takes `*` for whole hours from the one before.
        minutes, hours = minutes or {30}, hours or {2}
    schedule = Schedule(cron=f"{field(minutes)} {field(hours)} * * *", timezone=zone)
    begin = change.replace(tzinfo=UTC) + offset * MINUTE
    expected = list(oracle(minutes, hours, ZoneInfo(zone), begin))
    end = begin + timedelta(days=6)
    assert list(takewhile(lambda slot: slot < end, slots(schedule, begin))) == expected


@pytest.mark.parametrize(
    ("before", "left_out"),
    [
        (datetime(2026, 4, 4, 13, tzinfo=UTC), datetime(2026, 4, 4, 15, tzinfo=UTC)),  # 1:30 comes twice
        (datetime(2026, 10, 3, 13, tzinfo=UTC), datetime(2026, 10, 3, 15, 30, tzinfo=UTC)),  # 2:00 to 2:29 do not come
    ],
)
def test_where_the_clock_is_set_by_half_an_hour_an_hourly_slot_is_left_out_and_the_next_one_comes(
    before: datetime, left_out: datetime
) -> None:
    zone = "Australia/Lord_Howe"
    shown = set(takewhile(lambda slot: slot < before + timedelta(days=1), oracle({30}, None, ZoneInfo(zone), before)))
    schedule = Schedule(cron="30 * * * *", timezone=zone)
    found = set(takewhile(lambda slot: slot < before + timedelta(days=1), slots(schedule, before)))
    assert shown - found == {left_out}
    assert found <= shown
