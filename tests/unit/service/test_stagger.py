"""Whose turn is when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.core.project import Schedule
from runner.core.schedule import is_due, next_due
from runner.service.stagger import LONGEST_RETRY, RETRY, Backoff, NextRun, backed_off, next_runs, start
from tests.builders import NOON, activation

DAILY = Schedule(cron="0 6 * * *", timezone="Europe/Paris")
SPREAD = timedelta(minutes=10)
IDS = [f"audience-{number}" for number in range(500)]


def test_what_is_run_by_hand_has_no_turn() -> None:
    assert next_runs([activation(schedule=Schedule())], {}, {}, NOON, SPREAD) == ()


def test_turns_come_in_order() -> None:
    one, two = activation("b", schedule=Schedule(every=3600)), activation("a", schedule=Schedule(every=7200))
    found = next_runs([one, two], {"a": NOON, "b": NOON}, {}, NOON, timedelta())
    assert found == (NextRun("b", NOON + timedelta(hours=1)), NextRun("a", NOON + timedelta(hours=2)))


def test_a_slot_of_many_is_spread_in_ten_starts_of_about_one_size() -> None:
    slot = datetime(2026, 11, 25, 5, tzinfo=UTC)
    starts = [start(one, DAILY, NOON, NOON, SPREAD) for one in IDS]
    assert {at - slot for at in starts if at} == {timedelta(minutes=minutes) for minutes in range(10)}
    assert max(starts.count(at) for at in starts) < 80


@settings(max_examples=200)
@given(
    id=st.sampled_from(IDS),
    schedule=st.one_of(
        st.integers(1, 2_000).map(lambda minutes: Schedule(every=minutes * 60)),
        st.sampled_from(["* * * * *", "*/7 * * * *", "0 * * * *", "30 2 * * *", "0 6 1 * *"]).map(
            lambda cron: Schedule(cron=cron, timezone="Europe/Paris")
        ),
    ),
    last=st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),
    spread=st.integers(0, 7_200).map(lambda seconds: timedelta(seconds=seconds)),
)
def test_a_start_is_due_and_before_the_next_slot(
    id: str, schedule: Schedule, last: datetime, spread: timedelta
) -> None:
    at = start(id, schedule, last, last, spread)
    due = next_due(schedule, last, last)
    assert at is not None
    assert due is not None
    assert is_due(schedule, last, at)
    after = next_due(schedule, due, due)
    assert after is not None
    assert at < after


@pytest.mark.parametrize("minutes", [5, 7, 60, 360, 1_440])
def test_an_interval_keeps_its_pace_over_many_runs(minutes: int) -> None:
    every = Schedule(every=minutes * 60)
    begun = NOON
    starts = []
    for _ in range(50):
        at = start("loyal", every, begun, begun, SPREAD)
        assert at is not None
        begun = at + timedelta(seconds=3)  # it takes a moment until a run has begun
        starts.append(at)
    assert {b - a for a, b in pairwise(starts)} == {timedelta(minutes=minutes)}


def test_what_did_not_go_well_waits_longer_each_time() -> None:
    backoff: Backoff | None = None
    pauses = []
    for _ in range(6):
        backoff = backed_off(backoff, NOON, "failed", "no such table")
        pauses.append(backoff.until - NOON)
    assert pauses[:2] == [RETRY, 2 * RETRY]
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_RETRY
    found = next_runs([activation(schedule=DAILY)], {}, {"loyal": backoff} if backoff else {}, NOON, SPREAD)
    assert found == (NextRun("loyal", NOON + LONGEST_RETRY),)
