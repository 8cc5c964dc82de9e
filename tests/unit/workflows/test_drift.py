"""When Criteo's count is a sign of drift."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from runner.core.records import ActivationRun, LastRun, Latest, Outcome, Unfinished
from runner.workflows.accounts import Accounts
from runner.workflows.drift import with_live_sizes
from runner.workflows.status import ActivationStatus, Condition
from tests.builders import EMAIL, NOON, activation, applied
from tests.fakes.destination import FakeDestination
from tests.fakes.state import FakeState


def row(members: int, last_change: timedelta = timedelta(days=2), **record: Any) -> ActivationStatus:
    loyal = activation()
    latest = Latest(change=LastRun(NOON - last_change, Outcome.DONE, ""))
    held = applied(loyal, "7", members={EMAIL: members}, **record)
    return ActivationStatus("loyal", Condition.APPLIED, "shop", "12345", "Loyal", loyal, held, latest)


def is_far(row: ActivationStatus, size: int | None, state: FakeState | None = None) -> bool:
    """Whether drift is suspected where the destination counts so many."""
    destination = FakeDestination(sizes={"7": size})
    (seen,) = with_live_sizes((row,), Accounts(lambda _: destination), state or FakeState(Path("nowhere")), NOON)
    return seen.suspected_drift


def having_run(*runs: tuple[int, ActivationRun]) -> FakeState:
    """A state that remembers these runs, each so many hours ago."""
    state = FakeState(Path("nowhere"))
    with state.lock("headcount sync"):
        for ago, one in runs:
            run = state.begin_run("sync", NOON - timedelta(hours=ago))
            state.record(run, one)
            state.end_run(run, NOON - timedelta(hours=ago))
    return state


def sent(members: int, added: int = 0, removed: int = 0, outcome: Outcome = Outcome.DONE) -> ActivationRun:
    return ActivationRun("loyal", "sync", outcome, added=added, removed=removed, members=members)


@pytest.mark.parametrize(
    ("size", "far"), [(1000, False), (900, False), (899, True), (1100, False), (1101, True), (0, True), (None, False)]
)
def test_a_tenth_off_is_far(size: int | None, far: bool) -> None:
    assert is_far(row(1000), size) is far


def test_what_criteo_called_malformed_is_not_missed() -> None:
    assert not is_far(row(1000, invalid=200), 800)


@pytest.mark.parametrize(
    "changes",
    [
        {"last_change": timedelta(hours=23)},  # of which no run from before is known
        {"refill": True},
        {"unfinished": Unfinished(2, 1, 1)},
        {"unknown": {EMAIL: 3}},
    ],
)
def test_a_count_that_cannot_be_settled_yet_is_no_sign(changes: dict[str, Any]) -> None:
    assert not is_far(row(1000, **changes), 0)


def test_anyone_in_an_audience_that_should_be_empty_is_far() -> None:
    assert is_far(row(0), 1)


DAILY = having_run((73, sent(900, 10)), (49, sent(950, 100, 50)), (25, sent(980, 40, 10)), (1, sent(1000, 30, 10)))
"""An audience of about a thousand that is sent something every day, an hour ago as well."""

YESTERDAY = timedelta(hours=1)


@pytest.mark.parametrize(
    ("size", "far"), [(0, True), (490, True), (872, True), (874, False), (1000, False), (1111, False), (1112, True)]
)
def test_an_audience_that_is_sent_something_every_day_is_compared_with_what_it_had_within_the_lag(
    size: int, far: bool
) -> None:
    assert is_far(row(1000, YESTERDAY), size, DAILY) is far


@pytest.mark.parametrize("hours", [1, 23])
def test_an_audience_that_was_made_within_the_lag_may_count_nobody_yet(hours: int) -> None:
    made = having_run((hours, ActivationRun("loyal", "create", Outcome.DONE, added=1000, members=1000)))
    assert not is_far(row(1000, timedelta(hours=hours)), 0, made)
    assert is_far(row(1000, timedelta(hours=hours)), 1200, made)


def test_an_audience_of_which_nothing_is_counted_a_day_after_it_was_made_is_far_though_it_was_sent_more_since() -> None:
    state = having_run(
        (25, ActivationRun("loyal", "create", Outcome.DONE, added=990, members=990)), (1, sent(1000, 10))
    )
    assert is_far(row(1000, timedelta(hours=1)), 0, state)


def test_an_audience_that_was_cleared_and_filled_within_the_lag_may_count_nobody_yet() -> None:
    state = having_run((50, sent(1000, 1000)), (2, sent(1000, 1000)))
    assert not is_far(row(1000, timedelta(hours=2)), 0, state)


def test_an_audience_that_grew_within_the_lag_may_still_count_what_it_had() -> None:
    state = having_run((30, sent(100, 100)), (2, sent(1000, 900)))
    assert not is_far(row(1000, timedelta(hours=2)), 100, state)
    assert is_far(row(1000, timedelta(hours=2)), 40, state)


def test_a_run_that_failed_says_nothing_about_the_size() -> None:
    state = having_run((30, sent(1000, 100)), (26, sent(5, 0, 995, Outcome.FAILED)), (2, sent(1000, 1)))
    assert is_far(row(1000, timedelta(hours=2)), 10, state)


def test_the_run_from_before_the_lag_is_found_however_often_it_was_run_since() -> None:
    often = [(1, sent(1000, 1)) for _ in range(200)]
    assert is_far(row(1000, timedelta(hours=1)), 0, having_run((30, sent(1000, 100)), *often))
