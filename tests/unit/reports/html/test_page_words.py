"""Shares and lengths as a person reads them; names of pages that cannot lead anywhere else."""

from __future__ import annotations

import pytest

from runner.reports.html.pages import page_names
from runner.reports.html.words import length_words, listed, percent
from runner.workflows.condition import Condition
from runner.workflows.look_back import AudienceView
from runner.workflows.status import ActivationStatus


@pytest.mark.parametrize(
    ("share", "words"),
    [(0, "0%"), (0.0004, "0.0%"), (0.056, "5.6%"), (0.68, "68%"), (0.9999, "99.9%"), (1, "100%"), (1.2, "120%")],
)
def test_a_share_is_all_only_where_it_is_all(share: float, words: str) -> None:
    assert percent(share) == words


def test_a_length_is_in_its_largest_whole_unit() -> None:
    assert [length_words(seconds) for seconds in (172_800, 93_600, 5_400, 61)] == [
        "2 days",
        "26 hours",
        "90 minutes",
        "61 seconds",
    ]


def test_many_names_are_cut_short_and_counted() -> None:
    assert listed(["a", "b", "c"], most=2) == "a, b and 1 more"


def test_pages_have_plain_names_each_of_its_own() -> None:
    ids = ("loyal", "loyal", "Loyal", "../../etc/passwd", "a b", "con" * 60)
    views = [
        AudienceView(ActivationStatus(one, Condition.APPLIED, f"destination {number}", "1", one))
        for number, one in enumerate(ids)
    ]
    names = page_names(views)
    assert names[0] == "audiences/loyal.html"
    assert len({name.casefold() for name in names}) == len(ids)
    assert all(name.startswith("audiences/") and "/" not in name.removeprefix("audiences/") for name in names)
