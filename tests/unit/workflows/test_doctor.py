"""What the clocks of this machine and of Criteo say to each other."""

from __future__ import annotations

from datetime import timedelta

import pytest

from runner.core.checks import Verdict
from runner.workflows.doctor import clock_check


@pytest.mark.parametrize(
    ("seconds", "verdict", "words"),
    [
        (0, Verdict.OK, "within 1 s"),
        (-60, Verdict.OK, "within 60 s"),
        (90, Verdict.WARN, "90 s behind Criteo's"),
        (-90, Verdict.WARN, "90 s ahead of Criteo's"),
        (3600, Verdict.WRONG, "3,600 s behind Criteo's"),
        (-3600, Verdict.WRONG, "3,600 s ahead of Criteo's"),
    ],
)
def test_a_clock_that_is_off_is_told_with_the_direction(seconds: int, verdict: Verdict, words: str) -> None:
    check = clock_check(timedelta(seconds=seconds), "Criteo")
    assert check.verdict is verdict
    assert words in check.message
    assert bool(check.hint) == (verdict is not Verdict.OK)


def test_a_clock_says_whether_anybody_was_asked() -> None:
    assert clock_check(None, "Criteo").message == "not compared with Criteo's, which has not answered"
    assert clock_check(None, "Criteo", asked=False).message == "not compared with Criteo's, which was not asked"


def test_a_clock_that_nothing_answered_to_is_not_compared() -> None:
    assert clock_check(None, "Criteo").verdict is Verdict.WARN
