from __future__ import annotations

import pytest

from runner.core.identifiers import IdentifierType
from tests.unit.engine.conftest import World

REFUSED = {
    "sql-not-a-select": [
        "create table x as select 1 as email",
        "insert into shop.people values ('x', 1)",
        "copy shop.people to 'x.csv'",
        "attach 'x.duckdb' as x",
        "install httpfs",
        "load httpfs",
        "set memory_limit = '100GB'",
        "reset memory_limit",
        "pragma database_list",
        "call pragma_version()",
        "explain select 1",
        "describe shop.people",
        "show tables",
        "summarize shop.people",
        "select * from (describe shop.people)",
        "pivot shop.people on email using sum(n)",
        "with x as (insert into shop.people values ('x', 1) returning *) select * from x",
        "with x as (delete from shop.people returning *) select * from x",
        "select email from shop.people where n in (from (show tables))",
        "use shop",
        "begin transaction",
        "export database 'x'",
    ],
    "sql-several-statements": ["select email from shop.people; select 2", "select 1; copy shop.people to 'x'"],
    "sql-empty": ["", "  \n", "-- nothing", ";"],
    "sql-parameter": ["select $1 as email", "select ? as email", "select $email as email", "select ?, $x"],
    "sql-unknown-table": [
        "select email from people",
        "select email from shop.peeple",
        "select email from shop.main.people",
        "select email from '/etc/passwd'",
        "select email from 'people.parquet'",
        "select email from information_schema.tables",
        "select email from pg_catalog.pg_tables",
        "select sql from sqlite_master",
        "from duckdb_tables",
        "from system.main.duckdb_settings",
        "select (select count(*) from nowhere) as email",
        "select email from shop.people where n in (select n from nowhere)",
        "select email from shop.people join lateral (select * from nowhere) on true",
        "with nowhere as (from nowhere) select email from shop.people",
        "with a as (from b), b as (from shop.people) from a",
        "select * from (with inner_one as (select 1) from inner_one), inner_one",
        "with recursive duckdb_tables as (select sql as email from duckdb_tables union all "
        "select email from duckdb_tables where false) select email from duckdb_tables",
        'with recursive "people.parquet" as (select email from "people.parquet" union all '
        'select email from "people.parquet" where false) select email from "people.parquet"',
        "select email from shop.people union select email from nowhere",
        # The Kelvin sign is no `k` to DuckDB, which would look for its own view.
        "with duc\u212adb_views as (select 1 as email) select sql as email from duckdb_views",
        "with \u00e9 as (select 1 as email) select email from \u00c9",
        "select email from shop.information_schema.tables",
    ],
    "sql-forbidden-function": [
        "select * from read_csv('/etc/passwd')",
        "select content as email from read_text('/proc/self/environ')",
        "select * from read_blob('/etc/passwd')",
        "select * from glob('/etc/*')",
        "from duckdb_settings()",
        "from duckdb_secrets()",
        "from query('select 1')",
        "from query_table('people')",
        "select current_setting('temp_directory') as email",
        "select system.main.current_setting('temp_directory') as email",
        "select CURRENT_SETTING('temp_directory') as email",
        "select getenv('HOME') as email",
        "select getvariable('x') as email",
        "select write_log('x') as email",
        "select nextval('x') as email",
        "select sleep_ms(100000) as email",
        "select email from shop.people order by current_setting('x')",
        "from json_execute_serialized_sql('{}')",
        "from parquet_metadata('x.parquet')",
        "from sniff_csv('/etc/passwd')",
        "from which_secret('x', 's3')",
        "from main.query('select 1')",
        "from system.main.duckdb_views()",
        "from main.range(3)",
        "select main.lower(email) as email from shop.people",
        "select system.main.lower(email) as email from shop.people",
        "select shop.lower(email) as email from shop.people",
        "select email.current_setting() as email from shop.people",
        "select max(getenv('HOME')) over () as email from shop.people",
        "select list_transform([email], lambda x: x || current_setting('temp_directory'))[1] as email from shop.people",
        "select current_user as email",
        "select icu_collate_de(email) as email from shop.people",
        "select __internal_decompress_string(email) as email from shop.people",
        "select sum_no_overflow(n) as email from shop.people",
    ],
    "sql-unknown-function": [
        "select uper(email) as email from shop.people",
        "select duc\u212adb_views() as email",
        "select email <~> 'x' as email from shop.people",
        "select median_of(n) over () as email from shop.people",
        "select unlist([email]) as email from shop.people",
    ],
}

ALLOWED = [
    "select email from shop.people",
    "select email from shop.people;",
    "select email from shop.people; -- the end",
    "/* first */ select email from shop.people -- last",
    "select EMAIL from SHOP.People",
    'select email from "shop"."people"',
    "from shop.people",
    "(select email from shop.people)",
    "values ('a@example.com') ",
    "with a as (from shop.people), b as (from a) select email from b",
    "with recursive r as (select 1 as n union all select n + 1 from r where n < 3) from shop.people join r using (n)",
    "with people as materialized (from shop.people) select email from people",
    "select email from shop.people union all select email from shop.people",
    "select unnest([email]) as email from shop.people",
    "select p.email from shop.people p, generate_series(1, 2), range(3), unnest([1, 2]) u(x)",
    "select email from shop.people qualify row_number() over (partition by n order by email) = 1",
    "select email from (pivot shop.people on n in (1, 2) using count(*))",
    "select coalesce(list_transform([email], lambda x: lower(x))[1], '') as email from shop.people",
    "select email from shop.people using sample 2 rows",
    "select email.trim().lower() as email from shop.people",
    "select p.email.lower() as email from shop.people p",
    "select p.email as email from shop.people p, shop.people q where p.email is distinct from q.email and p.n <= q.n",
    "select email from shop.people where email like '%@%' and email not ilike 'x%' and email similar to '.*'",
    "select {'a': email}.a || [email][1] as email from shop.people where n between 1 and 2 or n in (1, 2) or not n = 1",
    "select case when try(n) then email end as email from shop.people where n < extract(year from date '2026-01-01')",
    "select email, lag(n) over (order by n), first_value(n) over w from shop.people window w as (order by email)",
    "select email from shop.people where n = any([1, 2]) and email collate nocase > 'a'",
    "select email from shop.people where [x for x in [n] if x > 1] = []",
    "select unnest(string_split(email, '@')) as email from shop.people",
    "select email, count(*) filter (n > 1) from shop.people group by all having count(*) > 0 order by all limit 5",
]


@pytest.mark.parametrize(("code", "sql"), [(code, sql) for code, all_sql in REFUSED.items() for sql in all_sql])
def test_sql_that_is_not_one_select_over_declared_tables_is_refused(people: World, code: str, sql: str) -> None:
    assert [finding.code for finding in people.check(sql)] == [code]


@pytest.mark.parametrize("sql", ALLOWED)
def test_ordinary_selects_are_let_through(people: World, sql: str) -> None:
    column = "email" if "values" not in sql else "col0"
    assert all(finding.is_warning for finding in people.check(sql, {IdentifierType.EMAIL: column}))


def test_a_table_without_its_source_is_answered_with_its_full_name(people: World) -> None:
    [finding] = people.check("select email\nfrom people")

    assert finding.message == 'there is no table "people"; did you mean "shop.people"?'
    assert (finding.location.line, finding.location.column) == (6, 10)
    assert (finding.excerpt, finding.length) == ("    from people", 6)


def test_every_flaw_is_told_at_once(people: World) -> None:
    found = people.check("select getenv('A') as email from a, b")

    assert [finding.code for finding in found] == ["sql-forbidden-function", "sql-unknown-table", "sql-unknown-table"]


def test_of_a_great_many_flaws_the_first_ones_are_told(people: World) -> None:
    found = people.check(f"select {', '.join(f'nothing_{number}(1)' for number in range(500))}")

    assert len(found) == 50
    assert "nothing_0" in found[0].message


def test_columns_are_counted_in_characters_not_bytes(people: World) -> None:
    [finding] = people.check("select 'é€😀' as email from nowhere")

    assert finding.location.column == 4 + len("select 'é€😀' as email from ") + 1


def test_deeply_nested_sql_is_a_finding_and_not_a_crash(people: World) -> None:
    deep = "select " + "(" * 900 + "1" + ")" * 900 + " as email"
    nested = "select 1 as email" + " from (select 1 as email" * 300 + ")" * 300

    assert all(finding.code.startswith("sql-") for sql in (deep, nested) for finding in people.check(sql))


@pytest.mark.parametrize("statement", ["import database '{folder}'", "pragma import_database('{folder}')"])
def test_taking_sql_apart_reads_no_file(people: World, statement: str) -> None:
    """The parser's instance is not locked: it must not do what the text says."""
    folder = people.folder / "exported"
    folder.mkdir()
    (folder / "schema.sql").write_text("secret_of_another nonsense;", encoding="utf-8")
    (folder / "load.sql").write_text("", encoding="utf-8")

    (finding,) = people.check(statement.format(folder=folder))

    assert finding.code == "sql-not-a-select"
    assert "secret_of_another" not in str(finding)
