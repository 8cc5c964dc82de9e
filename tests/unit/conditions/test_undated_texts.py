"""The SQL of conditions is written once for all days, unless it counts from the day."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from sqlglot import exp

from runner.conditions.sql_text import UndatedTexts, sql_of
from runner.conditions.statements import (
    Condition,
    Day,
    Every,
    Happening,
    InSegment,
    Operator,
    Opposite,
    Some,
    Statement,
)
from tests.unit.conditions.test_sql_text import CUSTOMER, HERE, ORDER, said

FR = said("country", Operator.IS, "FR")
RECENT = said("seen", Operator.WITHIN, Decimal(30))
ONE_DAY, ANOTHER = Day(date(2026, 11, 28), "Europe/Paris"), Day(date(2000, 1, 1), "Europe/Paris")


def of(condition: Condition, day: Day) -> Statement:
    return Statement(CUSTOMER, Every((condition,)), None, day)


@pytest.mark.parametrize(
    ("condition", "times"),
    [
        (FR, 1),
        (said("seen", Operator.AT_LEAST, "2026-01-01"), 1),
        (RECENT, 2),
        (Some((FR, Opposite(RECENT))), 2),
        (Happening(ORDER, Every(()), happened=True), 1),
        (Happening(ORDER, RECENT, happened=False), 2),
    ],
)
def test_it_is_written_for_each_day_only_where_it_counts_from_it(
    condition: Condition, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    printed, real = [], exp.Select.sql

    def counted(self, *arguments, **options):
        printed.append(self)
        return real(self, *arguments, **options)

    expected = [sql_of(of(condition, day), "duckdb") for day in (ONE_DAY, ANOTHER)]
    monkeypatch.setattr(exp.Select, "sql", counted)
    texts = UndatedTexts()
    assert [texts.sql_of(of(condition, day), "duckdb") for day in (ONE_DAY, ANOTHER)] == expected
    assert len(printed) == times


def test_a_segment_within_that_counts_from_the_day_is_not_written_once() -> None:
    texts = UndatedTexts()
    outer = {
        day: of(InSegment("recent", of(RECENT, day), is_in=True, location=HERE), day) for day in (ONE_DAY, ANOTHER)
    }
    found = {day: texts.sql_of(one, "duckdb") for day, one in outer.items()}
    assert found == {day: sql_of(one, "duckdb") for day, one in outer.items()}
    assert found[ONE_DAY] != found[ANOTHER]


def test_each_dialect_and_each_zone_has_its_own() -> None:
    texts = UndatedTexts()
    at = of(said("seen", Operator.AT_LEAST, "2026-01-01"), ONE_DAY)
    for one in (at, replace(at, day=Day(ONE_DAY.today, "America/New_York"))):
        for dialect in ("duckdb", "bigquery"):
            assert texts.sql_of(one, dialect) == sql_of(one, dialect)


def test_values_that_python_holds_for_equal_are_not_written_once() -> None:
    texts = UndatedTexts()
    for value in (True, Decimal(1), Decimal("1.0"), "1"):
        one = of(said("member", Operator.IS, value), ONE_DAY)
        assert texts.sql_of(one, "postgres") == sql_of(one, "postgres")
