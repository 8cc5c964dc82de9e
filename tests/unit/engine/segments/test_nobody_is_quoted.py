"""Whatever is wrong with the SQL, no message holds what the data holds: members of types, keys, names, literals."""

from __future__ import annotations

import re
from itertools import product

import duckdb
import pytest

from runner.core.errors import SegmentError
from tests.unit.engine.conftest import World

pytestmark = pytest.mark.slow

JANE = "jane.doe@secret.example"
TRACES = re.compile(r"@|jane|\bdoe\b|secret", re.IGNORECASE)

TYPES = f"""
    select 'a' as email, 1 as n, date '2026-01-01' as d, true as b,
        '{JANE}'::enum('b', '{JANE}') as en,
        ['{JANE}']::enum('{JANE}')[] as ens,
        {{'{JANE}': 1}} as st,
        {{'a': {{'{JANE}': 1}}}} as nested,
        map {{'{JANE}': 1}} as mp,
        '{{"{JANE}": "{JANE}"}}'::json as js,
        '{JANE}'::blob as bl,
        '{JANE}' as txt
"""
MORE = f''', union_value("{JANE}" := 1) as un, 1 as "{JANE}", 2 as "jane, doe", 3 as "Doe,Jane"'''

COLUMNS = ("en", "ens", "st", "nested", "mp", "js", "un", "bl", "txt")
EXPRESSIONS = (
    *("upper({0}, 1)", "{0} + 1", "{0} = d", "{0}.nope", "{0}['nope']", "{0}.a.nope", "[{0}, d]", "sum({0})", "-{0}"),
    *("case when b then {0} else d end", "coalesce({0}, d, n)", "struct_extract({0}, 'j')", "unnest({0}) + d"),
    *("list_transform({0}, lambda x: x.nope)", "{0} in (1, d)", "{0} between 1 and d", "json_transform({0}, n)"),
    *("union_extract({0}, 'x')", "map_extract({0}, 1)", "{0} collate nope", "columns('nope')", "{0} like n"),
    *("{0}::int", "{0}::uuid", "{0}::date", "{0}::struct(a int)", "{0}::enum('b')", "{0}::decimal(3, 1)", "{0}::nope"),
    *("error({0}::varchar)", "enum_code({0}) + d", "struct_pack(a := {0}).b", "list_aggregate({0}, 'nope')", "nope"),
    *("{0}.upper(1)", "row({0}, n) = row(d, d)", "{0}[d]", "strptime({0}::varchar, '%Y')", "json_extract({0}, d)"),
)
STATEMENTS = (
    "select email from {0} group by n",
    "select * exclude (nope) from {0}",
    "select * replace (1 as nope) from {0}",
    "select email from {0} natural join (select 1 as zz)",
    "select email from {0} join (select 1 as x) using (email)",
    "select en, n from {0} union select n from {0}",
    "select en from {0} union select d from {0}",
    "select st from {0} union select en from {0}",
    "select x.* from {0}",
    "select * from {0} order by nope",
    "select email from (unpivot {0} on n, en, st)",
    "select email from {0} a, {0} b",
    "select *, count(*) from {0}",
    "select email from {0} where (select en, st from {0}) = 1",
    "from {0} pivot (sum(st) for en in (1))",
    "select nope",
    "select distinct on (nope) email from {0}",
    "select email, en from {0} qualify en",
    "with r as (select en from {0} union all select st from {0}) from r",
)


@pytest.fixture
def secretive(world: World) -> World:
    world.table("parquet", TYPES)
    world.table("named", f'select \'a\' as email, 1 as n, 1 as "{JANE}", 2 as "jane, doe", 3 as "Doe,Jane"')
    world.table("json", f"select 'a' as email, 1 as n, {{'{JANE}': 1}} as st, 2 as \"{JANE}\", 3 as jane", "json")
    path = world.folder / "no_header.csv"
    path.write_text(f"{JANE},Jane,Doe\nx@secret.example,John,Doe\n", encoding="utf-8")
    world.tables["no_header"] = (str(path),)
    database = world.folder / "wh.duckdb"
    with duckdb.connect(str(database)) as connection:
        connection.execute(f"create table t as {TYPES}{MORE}")
        connection.execute(f"comment on table t is '{JANE}'; comment on column t.en is '{JANE}'")
        connection.execute(f'create table "{JANE}" as select 1 as email; create index "{JANE}_i" on t (email)')
        connection.execute(f"create type \"{JANE}_type\" as enum ('{JANE}'); create macro \"{JANE}_m\"() as '{JANE}'")
        connection.execute(f"create view v as select *, '{JANE}' as literal, '{JANE}'::varchar::int as failing from t")
        connection.execute(f"create view broken as select * from t where '{JANE}'::varchar::int = n")
        connection.execute("create table gone as select 1 as email; create view lost as from gone; drop table gone")
        bad = f"bad int as (case when n = 8 then (email || '{JANE}')::int end)"
        connection.execute(f"create table computed (email varchar, n int, {bad}, check (n <> 7))")
        connection.execute("insert into computed values ('a', 1), ('b', 2)")
    world.databases["wh"] = str(database)
    return world


def said(world: World, sql: str) -> str:
    findings = world.check(sql)
    if not findings:
        try:
            world.evaluate(sql)
        except SegmentError as error:
            return f"{error.message} {error.hint} {error.finding}"
    return " ".join(map(str, findings))


@pytest.mark.parametrize("table", ["shop.parquet", "wh.t", "wh.v"])
def test_no_message_holds_a_member_a_key_a_name_or_a_literal_of_the_data(secretive: World, table: str) -> None:
    columns = tuple(column for column in COLUMNS if column != "un" or table != "shop.parquet")
    queries = [
        f"select email, {expression.format(column)} from {table}"
        for column, expression in product(columns, EXPRESSIONS)
    ]
    assert len(queries) > 300

    quoted = {sql: message for sql in queries for message in (said(secretive, sql),) if leaks(message)}

    assert quoted == {}


@pytest.mark.parametrize(
    "table", ["shop.parquet", "shop.named", "shop.json", "shop.no_header", "wh.t", "wh.v", "wh.broken"]
)
def test_no_message_about_a_statement_holds_it(secretive: World, table: str) -> None:
    queries = [statement.format(table) for statement in STATEMENTS]
    queries += [f"select {column} as email from {table}" for column in (*COLUMNS, "jan", "do", "e_mail", "secre")]

    quoted = {sql: message for sql in queries for message in (said(secretive, sql),) if leaks(message)}

    assert quoted == {}


@pytest.mark.parametrize(
    "sql",
    [
        "select email from wh.tt",
        "select email from wh.jan",
        "select email from wh.lost",
        "select email, bad from wh.computed where bad = 1",
        "select failing as email from wh.v",
        "select 'x'::wh.typ as email",
        "select wh.jan() as email",
        "select jan() as email",
    ],
)
def test_no_message_about_the_content_of_a_database_holds_it(secretive: World, sql: str) -> None:
    assert not leaks(said(secretive, sql))


def leaks(message: str) -> bool:
    return TRACES.search(message) is not None
