"""Days become periods without gaps, and lose nobody on the way."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from runner.core.day import Counted
from runner.core.project import Guardrails, Limit
from runner.reports.html.series import (
    first_fill,
    limit_percent,
    match_points,
    periods,
    size_points,
    turnover_points,
)
from runner.workflows.look_back import AudienceDay

FIRST = date(2026, 1, 5)


@given(st.dictionaries(st.integers(0, 360), st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1))
def test_sums_are_those_of_the_days_and_the_last_size_is_the_last(moves: dict[int, tuple[int, int]]) -> None:
    size, days = 0, []
    for day, (entered, left) in sorted(moves.items()):
        size += entered
        days.append(AudienceDay(FIRST + timedelta(days=day), size, entered, left))
    some = periods(days)
    assert sum(one.entered for one in some) == sum(entered for entered, _ in moves.values())
    assert sum(one.left for one in some) == sum(left for _, left in moves.values())
    assert some[-1].size == size
    steps = {(after.first - before.first).days for before, after in pairwise(some)}
    assert steps <= {1} or steps == {7}
    assert len(some) <= 93


def test_a_day_without_a_record_is_as_the_one_before() -> None:
    days = [AudienceDay(FIRST, 10, 10, 0), AudienceDay(FIRST + timedelta(days=3), 7, 0, 3)]
    assert [one.size for one in periods(days)] == [10, 10, 10, 7]


def test_what_is_older_than_a_year_is_not_drawn_but_its_size_is_where_the_year_begins() -> None:
    days = [AudienceDay(FIRST, 10, 10, 0), AudienceDay(FIRST + timedelta(days=500), 12, 2, 0)]
    some = periods(days)
    assert (some[0].size, some[-1].size) == (10, 12)
    assert (some[-1].first - some[0].first).days <= 366
    assert periods([]) == ()


def test_the_first_fill_is_no_entering_of_people() -> None:
    days = [AudienceDay(FIRST, 1_000, 1_000, 0), AudienceDay(FIRST + timedelta(days=1), 990, 5, 15)]
    some = periods(days)
    assert first_fill(some) == 1_000
    assert [point["entered"] for point in size_points(some)] == [0, 5]
    assert [point["left"] for point in size_points(some)] == [0, -15]
    assert first_fill(periods(days[1:])) == 0


def test_the_limit_is_drawn_where_it_is_a_share() -> None:
    share, number = Guardrails(Limit(30, percent=True)), Guardrails(Limit(500, percent=False))
    assert [limit_percent(one) for one in (share, number, Guardrails(None), None)] == [30, None, None, None]
    days = [AudienceDay(FIRST, 80, 0, 20, left_share=0.2)]
    assert turnover_points(periods(days), share) == [{"day": "2026-01-05", "share": 20.0, "limit": 30}]


def test_a_match_rate_is_a_point_only_where_the_destination_said_one() -> None:
    at = datetime(2026, 1, 5, tzinfo=UTC)
    days = [
        AudienceDay(FIRST, 10, counted=Counted(at, 10, 7)),
        AudienceDay(FIRST + timedelta(days=1), 10, counted=Counted(at, 10, None)),
        AudienceDay(FIRST + timedelta(days=2), 10, counted=Counted(at, 0, 0)),
    ]
    assert match_points(periods(days)) == [{"day": "2026-01-05", "rate": 70.0}]
