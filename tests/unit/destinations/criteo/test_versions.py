"""How a version of the API stands to the one this code was written for, and to its end."""

from __future__ import annotations

from datetime import date

import pytest

from runner.core.checks import Verdict
from runner.destinations.criteo.api_version import check_version
from runner.destinations.criteo.endpoint import endpoint_of


@pytest.mark.parametrize(
    ("version", "today", "verdict", "words"),
    [
        ("2026-07", date(2026, 11, 24), Verdict.OK, "2026-07 at https://api.criteo.com"),
        ("2026-07", date(2027, 3, 31), Verdict.OK, "2026-07"),
        ("2026-07", date(2027, 4, 1), Verdict.WARN, "deprecated; Criteo removes it in 2027-07"),
        ("2026-07", date(2027, 7, 1), Verdict.WARN, "twelve months, and these are over"),
        ("2026-01", date(2026, 8, 1), Verdict.WARN, "older than 2026-07"),
        ("2026-01", date(2026, 11, 24), Verdict.WARN, "removes it in 2027-01"),
        ("2027-01", date(2026, 11, 24), Verdict.WARN, "newer than 2026-07"),
        ("experimental", date(2026, 11, 24), Verdict.WARN, "this version is not stable"),
        ("2026-13", date(2026, 11, 24), Verdict.WARN, "this version is not stable"),
    ],
)
def test_a_version_is_judged_by_its_age_and_by_what_was_tried(
    version: str, today: date, verdict: Verdict, words: str
) -> None:
    (check,) = check_version(endpoint_of({"CRITEO_API_VERSION": version}), today)
    assert check.verdict is verdict
    assert words in check.message
    assert bool(check.hint) == (verdict is not Verdict.OK)
