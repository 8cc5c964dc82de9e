"""When Criteo's count is a sign of drift."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from runner.core.records import Unfinished
from runner.workflows.drift import _is_far
from runner.workflows.status import ActivationStatus
from tests.builders import EMAIL, NOON


def standing(members: int, **changes: Any) -> ActivationStatus:
    settled = {"last_change": NOON - timedelta(days=2), **changes}
    return ActivationStatus("loyal", "applied", "shop", "12345", "Loyal", "7", {EMAIL: members}, **settled)


@pytest.mark.parametrize(
    ("size", "far"), [(1000, False), (900, False), (899, True), (1100, False), (1101, True), (0, True), (None, False)]
)
def test_a_tenth_off_is_far(size: int | None, far: bool) -> None:
    assert _is_far(standing(1000), size, NOON) is far


def test_what_criteo_called_malformed_is_not_missed() -> None:
    assert not _is_far(standing(1000, invalid=200), 800, NOON)


@pytest.mark.parametrize(
    "changes",
    [
        {"last_change": NOON - timedelta(hours=23)},
        {"refill": True},
        {"unfinished": Unfinished(2, 1, 1)},
        {"unknown": 3},
    ],
)
def test_a_count_that_cannot_be_settled_yet_is_no_sign(changes: dict[str, Any]) -> None:
    assert not _is_far(standing(1000, **changes), 0, NOON)


def test_anyone_in_an_audience_that_should_be_empty_is_far() -> None:
    assert _is_far(standing(0), 1, NOON)
