"""Pages are made when they are asked for, and not each time."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from runner.core.errors import HeadcountError
from runner.service.report_pages import ReportPages


def test_pages_are_made_again_after_a_minute_and_not_before() -> None:
    made: list[str] = []
    now = [0.0]

    def make() -> Mapping[str, str]:
        made.append("")
        return {"index.html": f"page {len(made)}"}

    pages = ReportPages(make, lambda: now[0])
    assert made == [], "nobody has asked"
    assert pages.page("index.html") == "page 1"
    now[0] = 59.0
    assert pages.page("index.html") == "page 1"
    assert pages.page("audiences/none.html") is None
    now[0] = 61.0
    assert pages.page("index.html") == "page 2"


def test_what_went_wrong_is_told_for_a_minute_and_forgotten_when_it_goes_well() -> None:
    now = [0.0]
    failing = [True]

    def make() -> Mapping[str, str]:
        if failing[0]:
            raise HeadcountError("the state is locked")
        return {"index.html": "page"}

    pages = ReportPages(make, lambda: now[0])
    for _ in range(2):
        with pytest.raises(HeadcountError, match="the state is locked"):
            pages.page("index.html")
        failing[0] = False
    now[0] = 61.0
    assert pages.page("index.html") == "page"
