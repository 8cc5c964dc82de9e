"""Which columns a query names of each table, so that a test need not write them all out."""

from __future__ import annotations

import pytest

from runner.engine.given.columns_used import columns_used, parsed_select, tables_of

CUSTOMERS, ORDERS = ("shop", "customers"), ("shop", "orders")
GIVEN = {CUSTOMERS: frozenset({"customer_id", "email"})}


def used(sql: str, given: dict[tuple[str, ...], frozenset[str]] | None = None) -> dict[tuple[str, ...], set[str]]:
    found = columns_used(parsed_select(sql, "duckdb"), given or {})
    return {table: set(columns) for table, columns in found.items()}


CASES = [
    ("select email from shop.customers where ltv > 3", {CUSTOMERS: {"email", "ltv"}}),
    ("select c.email from shop.customers c, shop.orders o where o.who = 1", {CUSTOMERS: {"email"}, ORDERS: {"who"}}),
    ("select email from shop.customers join shop.orders using (id)", {CUSTOMERS: {"email", "id"}, ORDERS: {"id"}}),
    (
        "with x as (select id from shop.orders) select email from shop.customers semi join x using (id)",
        {ORDERS: {"id"}, CUSTOMERS: {"email", "id"}},
    ),
    ("select lower(email) as email from shop.customers", {CUSTOMERS: {"email"}}),
    ("select id, sum(a) as spent from shop.orders group by id having spent > 3", {ORDERS: {"id", "a"}}),
]


@pytest.mark.parametrize(("sql", "expected"), CASES)
def test_each_name_is_taken_for_a_column_of_its_table(sql: str, expected: dict[tuple[str, ...], set[str]]) -> None:
    assert used(sql) == expected


def test_a_name_that_a_table_is_given_is_no_column_of_another_one() -> None:
    sql = "select 1 from shop.orders o, shop.customers where email is not null and ordered_at is not null"
    assert used(sql, GIVEN) == {ORDERS: {"ordered_at"}}


def test_a_name_of_the_outer_query_is_not_taken_for_one_of_the_inner() -> None:
    sql = "select email from shop.customers where exists (select 1 from shop.orders where who = customer_id)"
    assert used(sql, GIVEN)[ORDERS] == {"who"}


def test_tables_are_named_once_and_queries_are_none() -> None:
    sql = "with c as (select * from shop.customers) select * from c, c as d, shop.customers, range(3)"
    assert tables_of(parsed_select(sql, "duckdb")) == (CUSTOMERS,)


def test_a_function_of_dates_says_what_it_wants() -> None:
    tree = parsed_select("select extract(year from born), date_trunc('day', seen) from shop.customers", "duckdb")
    assert columns_used(tree, {})[CUSTOMERS] == {"born": "TIMESTAMP", "seen": "TIMESTAMP"}


def test_what_cannot_be_read_has_no_tree() -> None:
    assert parsed_select("select from from", "duckdb") is None
