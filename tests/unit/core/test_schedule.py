"""When an activation is due next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.core.project import Schedule
from runner.core.schedule import describe, is_due, next_due, slots, upcoming
from tests.builders import NOON


def test_a_manual_schedule_is_never_due() -> None:
    assert next_due(Schedule(), None, NOON) is None


def test_what_never_ran_is_due_now() -> None:
    assert next_due(Schedule(every=3600), None, NOON) == NOON


def test_an_interval_counts_from_the_last_good_run() -> None:
    assert next_due(Schedule(every=3600), NOON, NOON + timedelta(days=2)) == NOON + timedelta(hours=1)


def test_a_cron_slot_is_in_its_own_time_zone() -> None:
    paris = Schedule(cron="0 6 * * *", timezone="Europe/Paris")
    assert next_due(paris, NOON, NOON) == datetime(2026, 11, 25, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("last", "due"),
    [
        (datetime(2026, 3, 28, 5, 30, tzinfo=UTC), datetime(2026, 3, 29, 4, tzinfo=UTC)),
        (datetime(2026, 10, 24, 5, 30, tzinfo=UTC), datetime(2026, 10, 25, 5, tzinfo=UTC)),
    ],
)
def test_a_cron_slot_keeps_its_local_hour_over_a_clock_change(last: datetime, due: datetime) -> None:
    assert next_due(Schedule(cron="0 6 * * *", timezone="Europe/Paris"), last, NOON) == due


@pytest.mark.parametrize(
    ("schedule", "text"),
    [
        (Schedule(), "manual"),
        (Schedule(every=21_600), "every 6h"),
        (Schedule(every=86_400), "every 1d"),
        (Schedule(every=90 * 60), "every 90m"),
        (Schedule(cron="0 6 * * 1-5", timezone="Europe/Paris"), "0 6 * * 1-5 Europe/Paris"),
    ],
)
def test_a_schedule_is_described_as_it_is_written(schedule: Schedule, text: str) -> None:
    assert describe(schedule) == text


ZONES = ("Europe/Paris", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "UTC")
CRONS = (
    "30 2 * * *",
    "0 3 * * *",
    "30 1 * * *",
    "0 0 * * *",
    "0 1,2,3 * * *",
    "15 */2 * * *",
    "*/20 2 * * *",
    "*/7 * * * *",
)
CHANGES = (
    datetime(2026, 3, 29),
    datetime(2026, 10, 25),
    datetime(2026, 11, 1),
    datetime(2026, 4, 5),
    datetime(2026, 9, 6),
)


@pytest.mark.parametrize("zone", ZONES)
@settings(max_examples=40)
@given(cron=st.sampled_from(CRONS), change=st.sampled_from(CHANGES), minutes=st.integers(-2_000, 2_000))
def test_no_slot_is_lost_or_comes_twice_whenever_the_last_run_was(
    zone: str, cron: str, change: datetime, minutes: int
) -> None:
    """The slots after any moment are those of one list that are later, over both changes of the clock."""
    schedule, begin = Schedule(cron=cron, timezone=zone), change.replace(tzinfo=UTC) - timedelta(days=3)
    every = tuple(takewhile(lambda slot: slot < begin + timedelta(days=6), slots(schedule, begin)))
    assert list(every) == sorted(set(every))
    last = change.replace(tzinfo=UTC) + timedelta(minutes=minutes)
    assert next_due(schedule, last, last) == next(slot for slot in every if slot > last)


@pytest.mark.parametrize(
    ("noon", "times"),
    [
        (datetime(2026, 3, 28, 12, tzinfo=UTC), ["03-29 01:00", "03-30 00:30"]),  # skipped: made up for after the jump
        (datetime(2026, 10, 24, 12, tzinfo=UTC), ["10-25 00:30", "10-26 01:30"]),  # twice on the clock, once here
    ],
)
def test_a_slot_in_the_hour_of_the_change_comes_once(noon: datetime, times: list[str]) -> None:
    found = islice(slots(Schedule(cron="30 2 * * *", timezone="Europe/Paris"), noon), 2)
    assert [f"{slot:%m-%d %H:%M}" for slot in found] == times


def test_missed_slots_are_due_once() -> None:
    hourly = Schedule(every=3600)
    assert is_due(hourly, NOON, NOON + timedelta(hours=9))
    assert not is_due(hourly, NOON + timedelta(hours=9), NOON + timedelta(hours=9, minutes=30))


@pytest.mark.parametrize(("every", "early"), [(3600, 60), (120, 12)])
def test_a_moment_early_is_on_time(every: int, early: int) -> None:
    due = NOON + timedelta(seconds=every)
    assert is_due(Schedule(every=every), NOON, due - timedelta(seconds=early))
    assert not is_due(Schedule(every=every), NOON, due - timedelta(seconds=early + 1))


def test_a_cron_slot_is_not_due_before_its_time() -> None:
    six = Schedule(cron="0 18 * * *")
    assert not is_due(six, NOON, NOON + timedelta(hours=6, seconds=-1))
    assert is_due(six, NOON, NOON + timedelta(hours=6))


@given(every=st.integers(60, 100_000), gap=st.integers(1, 50_000), hours=st.integers(1, 200))
def test_polled_at_any_rhythm_an_interval_never_runs_too_often(every: int, gap: int, hours: int) -> None:
    schedule, last, runs = Schedule(every=every), NOON, []
    for tick in range(1, min(hours * 3600 // gap, 300)):
        now = NOON + timedelta(seconds=tick * gap)
        if is_due(schedule, last, now):
            runs.append((now - last).total_seconds())
            last = now
    assert all(every * 0.9 <= passed < max(every, 0) + gap for passed in runs)


def test_the_runs_to_come_begin_with_what_is_overdue() -> None:
    later = NOON + timedelta(hours=5)
    found = islice(upcoming(Schedule(every=3600), NOON, later), 3)
    assert list(found) == [later, later + timedelta(hours=1), later + timedelta(hours=2)]
    assert list(upcoming(Schedule(), NOON, NOON)) == []
