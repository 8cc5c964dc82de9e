"""Warnings about SQL of warehouses that yields other people in each run, at the word that does it."""

from __future__ import annotations

import pytest

from runner.engine.segments.warehouse_steadiness import unsteady_in

UNSTEADY = [
    ("postgres", "select email from t where at > [now]() - interval '3 days'"),
    ("postgres", "select email from t where at > [current_date] - 3"),
    ("postgres", "select email from t where at > [clock_timestamp]() and [random]() < 0.1"),
    ("postgres", "select email, [gen_random_uuid]() from t where [age](born) > x"),
    ("postgres", "select email from t [limit] 10"),
    ("postgres", "select email from t [fetch] first 10 rows only"),
    ("postgres", "select email from (select email from t [limit] 10) s order by email"),
    ("postgres", "select [distinct] on (email) email, id from t"),
    ("postgres", "select email from t [tablesample] bernoulli (10)"),
    ("postgres", "select email, [row_number]() over (partition by id) from t"),
    ("redshift", "select email from t where at > [getdate]()"),
    ("spark", "select [first](email) from t where [rand]() < 0.1 group by id"),
    ("spark", "select email, [uuid](), [monotonically_increasing_id]() from t where d = [current_date]()"),
    ("databricks", "select email from t where at > [now]() [limit] 3"),
    ("snowflake", "select email from t where at > [sysdate]() and [random]() > 1"),
    ("snowflake", "select [top] 3 email from t"),
    ("snowflake", "select email from t [sample] (10)"),
    ("snowflake", "select email from t qualify [row_number]() over (partition by id) = 1"),
    ("bigquery", "select [any_value](email) from t where d > [current_date]() and [rand]() < 1 group by id"),
    ("", "select é, email from t where at > [current_timestamp]"),
]
STEADY = [
    ("postgres", "select email from t where at > timestamp '2026-01-01' order by id limit 10"),
    ("postgres", "select email from t where exists (select 1 from o where o.id = t.id limit 1)"),
    ("postgres", "select distinct on (email) email from t order by email, id"),
    ("postgres", "select email, row_number() over (order by id) from t"),
    ("postgres", "select age(born, at), email as now from t -- limit 3, now()"),
    ("snowflake", "select email from t qualify row_number() over (partition by id order by at) = 1"),
    ("bigquery", "select any_value(email having max at) from t group by id"),
    ("spark", "select first(email) over (partition by id order by at) from t"),
    ("spark", "select 'rand() limit 3', `current_date` from t"),
]


@pytest.mark.parametrize(("dialect", "marked"), UNSTEADY)
def test_each_word_that_yields_others_is_found_at_its_place(dialect: str, marked: str) -> None:
    places, sql = [], b""
    for part in marked.encode().split(b"["):
        word, _, rest = part.rpartition(b"]")
        if word:
            places.append((len(sql), len(word)))
        sql += word + rest
    assert [(one.offset, one.length) for one in unsteady_in(sql.decode(), dialect)] == places


@pytest.mark.parametrize(("dialect", "sql"), STEADY)
def test_what_is_the_same_in_each_run_is_left_alone(dialect: str, sql: str) -> None:
    assert unsteady_in(sql, dialect) == ()
