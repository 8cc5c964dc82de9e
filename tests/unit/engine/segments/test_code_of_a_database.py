"""A DuckDB file is data from elsewhere: what SQL it holds runs with the segment, and reaches no further than it."""

from __future__ import annotations

import shutil

import duckdb
import pytest

from tests.unit.engine.conftest import World

MADE_BY_OTHERS = """
    create schema s;
    create table t (a int, email varchar);
    insert into t values (1, 'jane@example.com');
    create table s.inner_one as select 'x' as email;
    create macro lower(x) as current_setting('temp_directory');
    create macro settings() as table from duckdb_settings();
    create macro range(n) as table from duckdb_settings();
    create sequence numbers;
    create table computed (email varchar, spied varchar as (current_setting('temp_directory')));
    create table doubled (a int, email varchar as (repeat('a', 2) || a), b int default nextval('numbers'));
    create table folded (a varchar, email varchar as (lower(a)));
    create view plain as select upper(email) as email from t where a in (select a from doubled union select 1);
    create view over_view as with x as (from plain) select x.email from x, s.inner_one y;
    create view s.own as select email from s.inner_one;
    create view pivoted as select '1' as email from (pivot t on a in (1, 2) using count(*));
    create view settings_view as select value as email from duckdb_settings();
    create view catalog_view as select sql as email from duckdb_views;
    create view file_view as select * from query('select 1 as email');
    create view through as select email from settings_view;
    create view twice as select email from through;
    create view macro_view as select lower(email) as email from t;
    create view table_macro_view as select value as email from range(3);
    create view qualified as select main.lower(email) as email from t;
    create view waiting as select email from t where sleep_ms(1) is null;
"""


@pytest.fixture(scope="module")
def made_by_others(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("wh") / "wh.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(MADE_BY_OTHERS)
        connection.execute('create view "a (b) AS select 1" (email, "x AS") as select email, a from t')
        connection.execute('create schema "d.e"; create view "d.e.f" as select value as email from duckdb_settings()')
    return str(path)


@pytest.fixture
def wh(world: World, made_by_others: str) -> World:
    world.databases["wh"] = made_by_others
    return world


@pytest.mark.parametrize(
    "sql",
    [
        "select email from wh.t",
        "select email from wh.main.plain",
        "select email from wh.over_view",
        "select email from wh.s.own",
        "select email from wh.pivoted",
        "select email from wh.doubled",
        'select email from wh."a (b) AS select 1"',
        "select email.lower() as email from wh.t",
    ],
)
def test_tables_and_views_that_stay_in_their_file_can_be_read(wh: World, sql: str) -> None:
    assert wh.check(sql) == ()
    assert wh.evaluate(sql).rows >= 0


@pytest.mark.parametrize(
    "table",
    [
        *(
            "settings_view",
            "catalog_view",
            "file_view",
            "through",
            "twice",
            "macro_view",
            "table_macro_view",
            "qualified",
        ),
        *("waiting", "computed", "folded"),
    ],
)
def test_what_a_file_runs_by_itself_and_a_segment_may_not_is_a_finding_at_the_table(wh: World, table: str) -> None:
    [finding] = wh.check(f"select email\nfrom wh.{table}")

    assert finding.code == "sql-view-reaches-out"
    assert (finding.location.line, finding.location.column) == (6, 10)
    assert finding.message.startswith(f'"wh.{table}"')


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("select wh.lower(email) as email from wh.t", "sql-forbidden-function"),
        ("select wh.main.lower(email) as email from wh.t", "sql-forbidden-function"),
        ("select email from wh.settings()", "sql-forbidden-function"),
        ("select email from wh.main.range(3)", "sql-forbidden-function"),
        ("select lower(email) as email, settings() from wh.t", "sql-unknown-function"),
        ('select email from wh."d.e.f"', "sql-unknown-table"),
        ("select email from wh.information_schema.tables", "sql-unknown-table"),
    ],
)
def test_macros_and_what_is_not_a_table_of_the_file_are_out_of_reach(wh: World, sql: str, code: str) -> None:
    assert [finding.code for finding in wh.check(sql)] == [code]


def test_a_macro_does_not_take_the_place_of_a_function_that_the_segment_calls(wh: World) -> None:
    assert wh.evaluate("select lower(email) as email from wh.t where lower(email) like 'jane@%'").people == 1


def test_a_view_of_one_file_does_not_read_another_source(wh: World) -> None:
    other = wh.folder / "other.duckdb"
    with duckdb.connect(str(other)) as connection:
        connection.execute(f"attach '{wh.databases['wh']}' as wh (read_only)")
        connection.execute("create view spy as select email from wh.main.t")
        connection.execute("create macro wh_lower(x) as x")
    wh.databases["other"] = str(other)

    found = wh.check("select s.email from other.spy s, wh.t")

    assert [finding.code for finding in found] == ["sql-view-reaches-out"]


def test_nothing_that_a_file_names_is_opened_to_attach_it(world: World) -> None:
    """It is attached before its instance is locked. Views and macros wait, and so does what is only in the log of
    changes: what they name is gone here, and would be missed."""
    path, data = world.folder / "wh.duckdb", world.folder / "people.csv"
    data.write_text("email\njane@shop.example\n")
    with duckdb.connect(str(world.folder / "written.duckdb")) as connection:
        connection.execute("create table t as select 'jane@shop.example' as email")
        connection.execute(f"create view settled as select * from read_csv('{data}')")
        connection.execute("checkpoint")
        connection.execute(f"create view logged as select * from read_csv('{data}')")
        connection.execute(f"create macro everyone() as table select * from read_csv('{data}')")
        connection.execute("create table computed (a int, b int generated always as (a + 1))")
        for suffix in ("", ".wal"):
            shutil.copy(world.folder / f"written.duckdb{suffix}", path.with_name(f"{path.name}{suffix}"))
    data.unlink()
    world.databases["wh"] = str(path)

    assert world.evaluate("select email from wh.t").people == 1
    for view in ("settled", "logged"):
        assert [finding.code for finding in world.check(f"select email from wh.{view}")] == ["sql-view-reaches-out"]
