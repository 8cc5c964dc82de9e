"""SQL that may yield other people in each run is worth a warning at its place."""

from __future__ import annotations

import pytest

from runner.core.findings import Finding
from runner.core.project import SqlText
from runner.engine.segments.sql_functions import CHANCE, NOW
from runner.engine.segments.steadiness import may_be_unsteady
from tests.unit.engine.conftest import World, activation

UNSTEADY = [
    ("select email from shop.people where ⟨random()⟩ < 0.1", "md5_number_lower("),
    ("select ⟨uuid()⟩ as email", "md5_number_lower("),
    ("select email from ⟨shop.people tablesample 10%⟩", "md5_number_lower("),
    ("select email from shop.people where n < ⟨now()⟩::varchar", "{{ today }}"),
    ("select email from shop.people where d < ⟨current_date⟩", "{{ today }}"),
    ("select email from shop.people where d < ⟨CURRENT_TIMESTAMP⟩ - interval 3 days", "{{ today }}"),
    ("select email from shop.people where ⟨age(d)⟩ > interval 1 year", "{{ today }}"),
    ("select email from shop.people limit ⟨10⟩", "ORDER BY"),
    ("select email from shop.people offset ⟨10⟩", "ORDER BY"),
    ("select email from (select email from shop.people limit ⟨10⟩) order by email", "ORDER BY"),
    ("with few as (from shop.people limit ⟨10⟩) select email from few", "ORDER BY"),
    ("select distinct on (⟨n⟩) email from shop.people", "ORDER BY"),
    ("select ⟨first(email)⟩ as email from shop.people group by n", "min(...)"),
    ("select ⟨any_value(email)⟩ as email from shop.people group by n", "order by"),
    ("select email from shop.people qualify ⟨row_number() over (partition by n)⟩ = 1", "ORDER BY"),
]
STEADY = [
    "select email from shop.people where d < date '2026-11-28'",
    "select email from shop.people order by email limit 10",
    "select distinct on (n) email from shop.people order by n, email",
    "select distinct email from shop.people",
    "select first(email order by email) as email from shop.people group by n",
    "select email from shop.people qualify row_number() over (partition by n order by email) = 1",
    "select email from shop.people qualify row_number() over w = 1 window w as (order by email)",
    "select email from shop.people qualify count(*) over (partition by n) > 1",
    "select email from shop.people p where exists (select 1 from shop.people q where q.n = p.n limit 1)",
    "select email from shop.people where md5_number_lower(n::varchar) % 100 < 10",
    "select p.current_date as email, age(d, date '2026-01-01') from shop.people p",
    "select min(email) as email from shop.people group by n",
    "selct email",
    "insert into shop.people select random()",
]


def advice(world: World, sql: str | SqlText) -> tuple[Finding, ...]:
    return world.engine.evaluator.advise(activation(sql))


@pytest.mark.parametrize(("marked", "instead"), UNSTEADY)
def test_what_may_be_other_people_in_each_run_is_a_warning_at_its_place(
    world: World, marked: str, instead: str
) -> None:
    before, meant, _ = marked.replace("⟩", "⟨").split("⟨")

    [warning] = advice(world, SqlText(marked.replace("⟨", "").replace("⟩", ""), "a.sql", 1))

    assert (warning.code, warning.is_warning) == ("sql-not-steady", True)
    assert (warning.location.column, warning.length) == (len(before) + 1, len(meant))
    assert instead in warning.hint


@pytest.mark.parametrize("sql", STEADY)
def test_what_is_the_same_in_each_run_is_no_warning(world: World, sql: str) -> None:
    assert advice(world, sql) == ()


def test_a_sample_of_the_whole_query_is_a_warning_at_its_start(world: World) -> None:
    [warning] = advice(world, "select email\nfrom shop.people using sample 10%")

    assert "sample" in warning.message


def test_every_place_is_warned_of_in_the_order_of_the_lines(world: World) -> None:
    found = advice(world, "select email\nfrom shop.people\nwhere random() < 0.5 and d < now()\nlimit 5")

    assert [warning.location.line for warning in found] == [7, 7, 8]


def test_checking_and_evaluating_give_the_warnings_in_the_same_answer(people: World) -> None:
    [warning] = people.check("select email from shop.people limit 1")
    assert (warning.code, warning.is_warning) == ("sql-not-steady", True)
    evaluation = people.evaluate("select email from shop.people limit 1")
    assert (evaluation.rows, evaluation.warnings) == (1, (warning,))


def test_a_warning_stands_beside_a_finding(people: World) -> None:
    assert [one.code for one in people.check("select emal from shop.people limit 1")] == [
        "sql-unknown-column",
        "sql-not-steady",
    ]


@pytest.mark.parametrize("name", sorted(NOW | CHANCE))
def test_sql_that_calls_what_changes_is_never_passed_over(name: str) -> None:
    assert all(may_be_unsteady(sql) for sql in (f"select {name.upper()}()", f'select 1+"{name}"()', f"select 1{name}"))


def test_sql_without_a_suspect_word_is_not_taken_apart() -> None:
    assert not may_be_unsteady("select first_name, page, unlimited from shop.samples where seen_now or agent")
