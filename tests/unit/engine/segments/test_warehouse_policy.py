"""The static check of SQL that warehouses run, in each dialect."""

from __future__ import annotations

import pytest

from runner.engine.segments.warehouse_policy import text_of, warehouse_flaws

DIALECTS = ("postgres", "redshift", "snowflake", "bigquery", "databricks", "spark", "")

SOUND = (
    "select email from crm.people",
    "with recent as (select email from crm.people where id > 5) select email from recent",
    "(select email from a) union all select email from b",
    "select email from crm.people -- the first; and only\n;\n",
    "select lower(p.email) as email from people as p join orders as o on o.id = p.id group by 1 having count(*) > 2",
    "select email, row_number() over (partition by id order by email) as n from crm.people",
)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("sql", SOUND)
def test_a_select_is_a_segment(dialect: str, sql: str) -> None:
    assert warehouse_flaws(sql, dialect) == ()


EVERYWHERE = (
    ("insert into t select 1", "sql-not-a-select"),
    ("update t set a = 1", "sql-not-a-select"),
    ("delete from t", "sql-not-a-select"),
    ("create table t as select 1 as a", "sql-not-a-select"),
    ("drop table t", "sql-not-a-select"),
    ("truncate table t", "sql-not-a-select"),
    ("grant select on t to u", "sql-not-a-select"),
    ("call f()", "sql-not-a-select"),
    ("explain select 1", "sql-not-a-select"),
    ("merge into t using s on t.a = s.a when matched then delete", "sql-not-a-select"),
    ("values (1)", "sql-not-a-select"),
    ("select 1; select 2", "sql-several-statements"),
    ("select 1; drop table t", "sql-several-statements"),
    ("select (", "sql-syntax"),
    ("", "sql-empty"),
    (" ;\n; ", "sql-empty"),
    ("/* nothing */", "sql-empty"),
    (f"select {'(' * 5000}1{')' * 5000}", "sql-too-deep"),
    (f"select '{'x' * 200_001}' as a", "sql-too-deep"),
)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(("sql", "code"), EVERYWHERE, ids=range(len(EVERYWHERE)))
def test_anything_else_is_none(dialect: str, sql: str, code: str) -> None:
    assert warehouse_flaws(sql, dialect)[0].code == code


@pytest.mark.parametrize(
    ("dialect", "sql", "code"),
    [
        ("postgres", "select * from t for update", "sql-not-a-select"),
        ("postgres", "select * from t for no key update skip locked", "sql-not-a-select"),
        ("postgres", "select a into b from t", "sql-not-a-select"),
        ("postgres", "with g as (delete from t returning a) select a from g", "sql-not-a-select"),
        ("postgres", "select pg_catalog.pg_read_file('x')", "sql-forbidden-function"),
        ("postgres", "select \"pg_read_binary_file\" ('x')", "sql-forbidden-function"),
        ("postgres", "select PG_LS_DIR('/')", "sql-forbidden-function"),
        ("postgres", "select lo_import('/etc/passwd')", "sql-forbidden-function"),
        ("postgres", "select set_config('transaction_read_only', 'off', false)", "sql-forbidden-function"),
        ("postgres", "select pg_terminate_backend(1)", "sql-forbidden-function"),
        ("postgres", "select pg_sleep(1000)", "sql-forbidden-function"),
        ("postgres", "select E'\\' ; drop table t; --'", ""),
        ("postgres", "select $q$ ; drop table t; $q$ as a", ""),
        ("postgres", "select a from t where b ~ '^x' and c ->> 'k' = 'v' and d @> '{1}'", ""),
        ("redshift", "unload ('select 1') to 's3://x'", "sql-not-a-select"),
        ("snowflake", "select $1 from @stage", "sql-forbidden-function"),
        ("snowflake", "select a from @~/x", "sql-forbidden-function"),
        ("snowflake", "select system$wait(5)", "sql-forbidden-function"),
        ("snowflake", "select a:b::text as a from t qualify row_number() over (partition by a order by b) = 1", ""),
        ("bigquery", "select * from external_query('x', 'select 1')", "sql-forbidden-function"),
        ("bigquery", "export data options(uri='x') as select 1", "sql-not-a-select"),
        ("bigquery", 'select "a" as email from t', "sql-quoted-name"),
        ("bigquery", "select @who", "sql-parameter"),
        ("spark", 'select "email" from t', "sql-quoted-name"),
        ("spark", "select `email` from t", ""),
        ("spark", "select * from csv.`/etc/passwd`", "sql-forbidden-function"),
        ("spark", "select java_method('java.lang.System', 'getenv')", "sql-forbidden-function"),
        ("spark", "select transform(a) using 'cat' from t", "sql-not-a-select"),
        ("databricks", "select * from read_files('s3://x')", "sql-forbidden-function"),
        ("databricks", "select secret('scope', 'key')", "sql-forbidden-function"),
    ],
)
def test_what_a_dialect_has_of_its_own_is_judged(dialect: str, sql: str, code: str) -> None:
    found = warehouse_flaws(sql, dialect)
    assert code in {flaw.code for flaw in found} if code else found == ()


def test_a_flaw_stands_where_its_word_does() -> None:
    sql = "select 'é' as é,\n  pg_sleep(1)"
    [flaw] = warehouse_flaws(sql, "postgres")
    assert flaw.offset is not None
    assert sql.encode()[flaw.offset : flaw.offset + flaw.length] == b"pg_sleep"


def test_what_ends_a_statement_is_left_out_of_a_query_inside_of_another() -> None:
    assert text_of("select 1 ;\n; ") == "select 1"
    assert text_of("select 1 -- ;") == "select 1 --"
