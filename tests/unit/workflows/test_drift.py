"""When Criteo's count is a sign of drift."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from runner.core.records import LastRun, Latest, Outcome, Unfinished
from runner.workflows.accounts import Accounts
from runner.workflows.drift import with_live_sizes
from runner.workflows.status import ActivationStatus, Condition
from tests.builders import EMAIL, NOON, activation, applied
from tests.fakes.destination import FakeDestination


def row(members: int, last_change: timedelta = timedelta(days=2), **record: Any) -> ActivationStatus:
    loyal = activation()
    latest = Latest(change=LastRun(NOON - last_change, Outcome.DONE, ""))
    held = applied(loyal, "7", members={EMAIL: members}, **record)
    return ActivationStatus("loyal", Condition.APPLIED, "shop", "12345", "Loyal", loyal, held, latest)


def is_far(row: ActivationStatus, size: int | None) -> bool:
    """Whether drift is suspected where the destination counts so many."""
    destination = FakeDestination(sizes={"7": size})
    (seen,) = with_live_sizes((row,), Accounts(lambda _: destination), NOON)
    return seen.suspected_drift


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
        {"last_change": timedelta(hours=23)},
        {"refill": True},
        {"unfinished": Unfinished(2, 1, 1)},
        {"unknown": {EMAIL: 3}},
    ],
)
def test_a_count_that_cannot_be_settled_yet_is_no_sign(changes: dict[str, Any]) -> None:
    assert not is_far(row(1000, **changes), 0)


def test_anyone_in_an_audience_that_should_be_empty_is_far() -> None:
    assert is_far(row(0), 1)
