"""What of a query's text may change without changing what it means."""

from __future__ import annotations

import pytest

from runner.config.resolve.sql_meaning import meaning, tables_named, tokens

QUERY = """select email, count(*) as "N"
from shop.people as p -- everybody
where kind <> 'All /* not */ -- this' and p.age >= 18
order by email;"""


@pytest.mark.parametrize(
    "same",
    [
        QUERY.replace(" -- everybody", ""),
        QUERY.replace("select", "SELECT")
        .replace("from", "From")
        .replace(" and ", " AND ")
        .replace("count(", "COUNT ("),
        QUERY.replace("\n", "\r\n\t "),
        QUERY.replace("from", "/* where\nfrom */ from"),
        QUERY.replace(", ", ","),
        QUERY.replace(" >= ", ">="),
        QUERY.rstrip(";"),
    ],
)
def test_what_means_nothing_changes_nothing(same: str) -> None:
    assert tokens(same) == tokens(QUERY)
    assert meaning(same, same) == meaning(QUERY, QUERY)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (QUERY, QUERY.replace("18", "19")),
        (QUERY, QUERY.replace("'All", "'all")),
        (QUERY, QUERY.replace("-- this", "-- that")),
        (QUERY, QUERY.replace("/* not */", "")),
        (QUERY, QUERY.replace('"N"', '"n"')),
        (QUERY, QUERY.replace(">=", ">")),
        ("select a - -1", "select a --1"),
        ("select a <= b", "select a < b"),
        ("select 'a' 'b'", "select 'a'\n'b'"),
        ("select e'a\\'b -- c' from t", "select e'a\\'b' from t"),
        ("select $$-- a$$ from t", "select $$-- b$$ from t"),
        ("select $x$ $$ -- a $x$ from t", "select $x$ $$ -- b $x$ from t"),
        ("select 1 as Select", "select 1 as select"),
        ("select t.Select from t", "select t.select from t"),
        ("select Email from t", "select email from t"),
        ("select '\u212a'", "select 'k'"),
        ("select 1 /* a /* b */ c */", "select 1 /* a /* b */"),
        ("select 'open", "select 'open -- not closed"),
        ("select a b", "select ab"),
        ("select 1.5", "select 1 .5"),
    ],
)
def test_what_may_mean_something_else_is_another_meaning(before: str, after: str) -> None:
    assert meaning(before, before) != meaning(after, after)


def test_an_expression_that_another_day_fills_otherwise_counts() -> None:
    before = "select {{ 'a' if today.year > 2020 else 'b' }}"
    after = "select {{ 'c' if today.year > 2020 else 'b' }}"
    assert meaning(before, "select b") != meaning(after, "select b")
    assert meaning(before, "select b") == meaning(before + " -- remark", "select b -- remark")


def test_of_a_template_with_branches_all_of_the_text_counts() -> None:
    before = "{% if today.year > 2020 %}select a{% else %}select b{% endif %}"
    after = "{% if today.year > 2020 %}select c{% else %}select b{% endif %}"
    assert meaning(before, "select b") != meaning(after, "select b")


def test_the_tables_that_a_query_names_are_found_however_they_are_written() -> None:
    tables = ("people", "Orders", "returns")
    parts = tokens('select * from shop.people join "SHOP" . "orders" using (id) -- shop.returns')
    assert tables_named(parts, "shop", tables) == {"people", "Orders"}
    assert tables_named(tokens("select * from other.people"), "shop", tables) == frozenset()
    assert tables_named(tokens("select * from shop.main.people"), "shop", tables) is None
    assert tables_named(tokens("select 'not closed from shop.people"), "shop", tables) is None
