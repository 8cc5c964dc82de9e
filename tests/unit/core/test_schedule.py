"""When an activation is due next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from runner.model import Schedule
from runner.schedule import describe, next_due
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
