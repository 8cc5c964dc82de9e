"""What holds for segments wherever they run: with a Postgres, with a Spark, and with a stand-in for Snowflake."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

import psutil
import pytest

from runner.engine import joined_pass
from runner.sources.registry import WAREHOUSE_KINDS
from tests.end_to_end.shop import CANARY, Shop, sha
from tests.plain_duckdb import plain
from tests.postgres import PASSWORD, ROLE, Postgres
from tests.sandbox_client import Sandbox
from tests.snowflake import Snowflake
from tests.spark import Spark

ROWS = ", ".join(
    f"({i}, 'person-{i}@shop.example', '{'even' if i % 2 == 0 else 'odd'}', '{CANARY}')" for i in range(1, 7)
)
COLUMNS = "id, email, kind, canary"

POSTGRES = f"""
    drop schema if exists crm cascade;
    create schema crm;
    create table crm.people (id int, email text, kind text, canary text);
    insert into crm.people values {ROWS};
    grant usage on schema crm to {ROLE};
    grant select on crm.people to {ROLE};
"""


@dataclass(frozen=True)
class Warehouse:
    """A source that runs segments; `people` is its table, `change` leaves the people of a condition in it."""

    name: str
    declared: str
    people: str
    change: Callable[[str], object]
    quote: str


SNOWFLAKE = f"""
    create database if not exists analytics;
    create schema if not exists analytics.crm;
    create or replace table analytics.crm.people (id int, email varchar, kind varchar, canary varchar);
    insert into analytics.crm.people values {ROWS}
"""


def in_snowflake(snowflake: Snowflake, patch: pytest.MonkeyPatch) -> Warehouse:
    """The stand-in. It knows no settings of sessions, so that these are not sent."""
    snowflake.run(SNOWFLAKE)
    kind = WAREHOUSE_KINDS["snowflake"]
    driver = replace(
        kind.driver, options=lambda source: {**kind.driver.options(source), **snowflake.options}, begin=lambda *_: ()
    )
    patch.setitem(WAREHOUSE_KINDS, "snowflake", replace(kind, driver=driver))
    login = "auth: {method: password, password: \"{{ env('SNOWFLAKE_PASSWORD') }}\"}"
    declared = f"account: fakesnow\nuser: fake\ndatabase: ANALYTICS\nschema: CRM\n{login}\n"
    people = "analytics.crm.people"
    return Warehouse(
        "snowflake", declared, people, lambda where: snowflake.run(f"delete from {people} where not ({where})"), '"'
    )


@pytest.fixture(params=["postgres", "spark", pytest.param("snowflake", marks=pytest.mark.snowflake)])
def warehouse(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    if request.param == "snowflake":
        return in_snowflake(request.getfixturevalue("snowflake"), monkeypatch)
    if request.param == "postgres":
        postgres: Postgres = request.getfixturevalue("postgres")
        postgres.run(POSTGRES)
        declared = f"uri: {postgres.uri}\nauth: {{method: password, password: \"{{{{ env('PGPASSWORD') }}}}\"}}\n"
        people = "crm.people"
        return Warehouse(
            "postgres", declared, people, lambda where: postgres.run(f"delete from {people} where not ({where})"), '"'
        )
    spark: Spark = request.getfixturevalue("spark")

    def view(where: str) -> None:
        values = f"select * from (values {ROWS}) as t({COLUMNS}) where {where}"
        spark.run(f"create or replace global temporary view people as {values}")

    view("true")
    return Warehouse("spark", f"url: {spark.url}\n", "global_temp.people", view, "`")


@pytest.fixture
def crm(shop: Shop, warehouse: Warehouse) -> Shop:
    """The shop, with its people in the warehouse as its only source."""
    destination = (shop.folder / "activations/shop.yaml").read_text(encoding="utf-8").partition("---\n")[2]
    source = f"kind: Source\nname: warehouse\ntype: {warehouse.name}\n{warehouse.declared}---\n"
    shop.write("activations/shop.yaml", source + destination)
    shop.environment |= {"PGPASSWORD": PASSWORD, "SNOWFLAKE_PASSWORD": "snow"}
    return shop


def with_files(shop: Shop) -> None:
    """Declare the shop's file as a second source."""
    shop.write(
        "activations/source.yaml", "{kind: Source, name: shop, type: files, tables: {people: ../data/people.csv}}"
    )


def mails(*numbers: int) -> set[str]:
    return {sha(f"person-{number}@shop.example") for number in numbers}


def members(sandbox: Sandbox, name: str = "Loyal") -> set[str]:
    return sandbox.members(sandbox.segment(name).id, "email")


def finding(shop: Shop, sql: str, **lines: Any) -> dict[str, Any]:
    """The one finding of an activation with this SQL."""
    shop.activation(sql=sql, **lines)
    [found] = shop.run("validate", "--format", "json", code=3).json["findings"]
    return dict(found)


def test_people_are_planned_applied_and_kept_in_step(crm: Shop, sandbox: Sandbox, warehouse: Warehouse) -> None:
    sql = f"select email, kind, canary from {warehouse.people} where id <= 4 -- the first;\n;"
    crm.activation(sql=sql, guardrails={"max_removed": None})
    assert "valid" in crm.run("validate").out
    assert crm.plan()["loyal"]["members"][0]["added"] == 4
    crm.apply()
    assert members(sandbox) == mails(1, 2, 3, 4)
    warehouse.change("id in (3, 4, 5)")
    crm.run("sync")
    assert members(sandbox) == mails(3, 4)
    assert "sessions" in crm.run("doctor").out or "logged in" in crm.run("doctor").out


def test_a_great_membership_is_compared_while_rows_arrive(
    crm: Shop, sandbox: Sandbox, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joined_pass, "JOIN_FROM", 0)
    crm.activation(sql=f"select email from {warehouse.people} where id <> 2", guardrails={"max_removed": None})
    crm.apply()
    crm.activation(sql=f"select email from {warehouse.people} where id > 1", guardrails={"max_removed": None})
    crm.apply()
    assert members(sandbox) == mails(2, 3, 4, 5, 6)


def test_a_segment_may_leave_out_its_source_only_where_there_is_no_other(crm: Shop, warehouse: Warehouse) -> None:
    crm.activation(sql=f"select email from {warehouse.people}")
    crm.run("validate")
    assert "source" in crm.run("validate", "--resolved", "loyal").out
    with_files(crm)
    crm.activation(sql="select email from warehouse.people")
    found = crm.run("validate", code=3).err
    assert "is in a warehouse, which runs whole segments; write `source: warehouse` beside `sql`" in found
    crm.activation(sql="select email from crm.people")
    assert "for tables of a warehouse, write `source: warehouse` beside `sql`" in crm.run("validate", code=3).err
    sql = f"select email from {warehouse.people}"
    crm.activation(segment={"name": "Loyal", "source": "warehouse", "sql": sql})
    crm.activation("local", sql="select email from shop.people where kind <> 'canary'")
    crm.run("validate")
    assert [change["action"] for change in crm.plan().values()] == ["create", "create"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("warehous", 'unknown source "warehous"; did you mean "warehouse"?'),
        ("shop", 'source "shop" runs no SQL of its own; leave `source` out, and read shop.<table>'),
    ],
)
def test_a_segment_names_a_warehouse_that_there_is(crm: Shop, source: str, message: str) -> None:
    with_files(crm)
    crm.activation(segment={"name": "Loyal", "source": source, "sql": "select 1 as email"})
    assert message in crm.run("validate", "--no-sources", code=3).err


def test_a_mapped_column_is_found_exactly_or_in_any_case_but_never_guessed(crm: Shop, warehouse: Warehouse) -> None:
    people, quote = warehouse.people, warehouse.quote
    if warehouse.name == "snowflake":
        pytest.skip("the stand-in renames the second of two columns of one name")
    assert finding(crm, f"select email as mail from {people}")["code"] == "mapping-unknown-column"
    for sql in (
        f"select email, kind as email from {people}",
        f"select email as {quote}EMAIL{quote}, kind as {quote}eMail{quote} from {people}",
    ):
        assert finding(crm, sql)["code"] == "mapping-ambiguous-column"
    crm.activation(sql=f"select email as {quote}E-Mail{quote} from {people}", mapping={"email": "e-mail"})
    crm.run("validate")
    assert crm.plan()["loyal"]["members"][0]["added"] == 6


def test_a_type_may_be_in_several_columns(crm: Shop, warehouse: Warehouse, sandbox: Sandbox) -> None:
    other = "concat(kind, '@other.example') as other"
    crm.activation(sql=f"select email, {other} from {warehouse.people}", mapping={"email": ["email", "other"]})
    assert crm.plan()["loyal"]["members"][0]["added"] == 6 + 2
    crm.apply()
    [segment] = sandbox.segments()
    assert {sha("person-1@shop.example"), sha("odd@other.example")} < sandbox.members(segment.id, "email")
    assert crm.plan()["loyal"]["action"] == "unchanged"
    absent = finding(crm, f"select email, {other} from {warehouse.people}", mapping={"email": ["email", "absent"]})
    assert absent["code"] == "mapping-unknown-column"


@pytest.mark.parametrize(
    "column", ["current_date", "cast(id as double precision)", "cast(id as decimal(9, 2))", "true"]
)
def test_a_column_that_can_hold_no_identifier_is_a_finding(crm: Shop, warehouse: Warehouse, column: str) -> None:
    if warehouse.name == "spark":
        column = column.replace("double precision", "double")
    found = finding(crm, f"select {column} as email from {warehouse.people}")
    assert found["code"] == "mapping-column-type"
    assert "cast" in found["hint"]


def test_the_same_address_in_clear_and_as_a_hash_is_one_person(
    crm: Shop, sandbox: Sandbox, warehouse: Warehouse
) -> None:
    digest = {
        "postgres": "sha256(convert_to(email, 'UTF8'))",
        "spark": "unhex(sha2(email, 256))",
        "snowflake": "sha2_binary(email)",
    }[warehouse.name]
    crm.activation(sql=f"select {digest} as email from {warehouse.people} where id < 3")
    crm.apply()
    crm.activation(sql=f"select upper(email) || ' ' as email from {warehouse.people} where id < 3")
    assert crm.plan()["loyal"]["members"][0] | {"added": 0, "removed": 0} == crm.plan()["loyal"]["members"][0]
    assert members(sandbox) == mails(1, 2)


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("delete from {people}", "sql-not-a-select"),
        ("insert into {people} select * from {people}", "sql-not-a-select"),
        ("drop table {people}", "sql-not-a-select"),
        ("select email from {people}; select 1", "sql-several-statements"),
        ("select email from {people} where (", "sql-syntax"),
        ("", "sql-empty"),
    ],
)
def test_only_one_select_can_be_a_segment(crm: Shop, warehouse: Warehouse, sql: str, code: str) -> None:
    found = finding(crm, sql.format(people=warehouse.people) or "-- nothing")
    assert found["code"] == code
    crm.run("plan", code=1)


def test_what_the_warehouse_does_not_know_is_a_finding(crm: Shop, warehouse: Warehouse) -> None:
    found = finding(crm, f"select id,\n  emial as email from {warehouse.people}")
    assert found["code"] == "sql-unknown-column"
    if warehouse.name != "snowflake":
        assert found["message"] == 'there is no column "emial"; did you mean "email"?'
    found = finding(crm, f"select p.id, p.email from {warehouse.people} as p, nobody as n where p.id = n.id")
    assert found["code"] == "sql-unknown-table"
    assert 'no table "nobody"' in found["message"]
    if warehouse.name != "snowflake":  # where the stand-in says that there is no such object
        assert finding(crm, f"select uper(email) as email from {warehouse.people}")["code"] == "sql-unknown-function"


def test_what_yields_other_people_in_each_run_is_a_warning_at_its_word(crm: Shop, warehouse: Warehouse) -> None:
    sql = f"select email from {warehouse.people} where current_timestamp > cast('2020-01-01' as timestamp) limit 2"
    crm.activation(sql=sql)
    found = crm.run("validate", "--format", "json").json["warnings"]
    assert [one["code"] for one in found] == ["sql-not-steady"] * 2
    columns = [one["location"]["column"] for one in found]
    assert columns[1] - columns[0] == sql.index("limit") - sql.index("current_timestamp")
    said = [one["message"] for one in crm.plan()["loyal"]["warnings"]]
    assert said[0] == "current_timestamp goes by the time of the run"
    crm.apply()


LEAKY = {
    "postgres": ("cast(canary as int)", "cast(canary as json)", "cast(canary as date)"),
    "snowflake": ("cast(canary as int)", "cast(upper(canary) as int)", "cast(canary || kind as int)"),
    "spark": ("raise_error(canary)", "assert_true(id > 9, canary)", "parse_json(canary)"),
}


def test_what_fails_while_it_runs_shows_no_value_and_fails_alone(crm: Shop, warehouse: Warehouse) -> None:
    for number, column in enumerate(LEAKY[warehouse.name]):
        crm.activation(f"leaky-{number}", sql=f"select cast({column} as varchar(99)) as email from {warehouse.people}")
    crm.activation(sql=f"select email from {warehouse.people}")
    crm.run("validate")
    for shape in ("text", "json", "markdown", "github"):
        crm.run("plan", "--verbose", "--format", shape, "--out", "plan.json", code=1)
        crm.outputs.append((crm.folder / "plan.json").read_text(encoding="utf-8"))
    actions = {name: change["action"] for name, change in crm.plan(code=1).items()}
    assert actions == {"leaky-0": "failed", "leaky-1": "failed", "leaky-2": "failed", "loyal": "create"}
    crm.apply(code=1)
    crm.run("history", "--format", "json")


def test_a_source_out_of_reach_is_a_warning_to_validate_and_a_failure_to_plan(crm: Shop, warehouse: Warehouse) -> None:
    if warehouse.name == "snowflake":
        pytest.skip("its address is the account's")
    away = {"postgres": "uri: postgresql://headcount@127.0.0.1:1/crm\n", "spark": "url: sc://127.0.0.1:1\n"}
    text = (crm.folder / "activations/shop.yaml").read_text(encoding="utf-8")
    line = warehouse.declared.partition("\n")[0] + "\n"
    crm.write("activations/shop.yaml", text.replace(line, away[warehouse.name]))
    for name in ("loyal", "other"):
        crm.activation(name, sql=f"select email from {warehouse.people}")
    warned = crm.run("validate").err
    assert warned.count("source warehouse cannot be reached: nothing answers there") == 1
    assert "activations/shop.yaml:4:" in warned
    crm.run("validate", "--no-sources")
    failed = crm.run("plan", code=1).out
    assert failed.count("source warehouse cannot be reached: nothing answers there") == 1
    assert "the same as for loyal" in failed


SLOW = {
    "postgres": "select email, count(*) from crm.people, generate_series(1, 3000000000) group by 1",
    "spark": "select cast(count(*) as string) as email from range(400000) a join range(9999) b on a.id < b.id",
}
"""Seconds of work: Sail goes on with what was cancelled, and takes a processor from other tests until it is done."""


def test_the_time_limit_ends_a_statement_and_no_other_segment(crm: Shop, warehouse: Warehouse) -> None:
    if warehouse.name == "snowflake":
        pytest.skip("the stand-in runs one statement at a time, and cancels none")
    text = (crm.folder / "activations/shop.yaml").read_text(encoding="utf-8")
    crm.write("activations/shop.yaml", text.replace("---\n", "timeout: 1s\n---\n", 1))
    crm.activation("a-slow-one", sql=SLOW[warehouse.name])
    crm.activation(sql=f"select email from {warehouse.people}")
    changes = crm.plan(code=1)
    assert "stopped at its time limit of 1 second" in str(changes["a-slow-one"])
    assert changes["loyal"]["action"] == "create"


def test_ctrl_c_ends_a_segment_that_a_driver_written_in_go_waits_for(crm: Shop, warehouse: Warehouse) -> None:
    if warehouse.name != "spark":
        pytest.skip("the driver of Postgres is not, and the stand-in for Snowflake cancels nothing")
    crm.activation("endless", sql=SLOW["spark"])
    process = crm.start("plan")
    port = int(warehouse.declared.strip().rpartition(":")[2])
    while port not in {one.raddr.port for one in psutil.Process(process.pid).net_connections() if one.raddr}:
        assert process.poll() is None, process.communicate()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130


def test_in_spark_a_name_in_double_quotes_would_be_a_text(crm: Shop, warehouse: Warehouse) -> None:
    crm.activation(sql=f'select "email" as email from {warehouse.people}')
    if warehouse.name != "spark":
        crm.run("validate")
        return
    [found] = crm.run("validate", "--format", "json", code=3).json["findings"]
    assert found["code"] == "sql-quoted-name"
    assert "write `email` for a column" in found["message"]


def test_the_starter_of_a_warehouse_needs_nothing_but_where_it_is_and_what_its_table_is_called(
    crm: Shop, sandbox: Sandbox, warehouse: Warehouse
) -> None:
    crm.run("init", "--source", warehouse.name, "--dir", "fresh/activations")
    source = crm.folder / "fresh/activations/source.yaml"
    written = re.sub(
        r"(?m)^(uri|url|auth|account|user|role|warehouse|database|schema): .*\n", "", source.read_text(encoding="utf-8")
    )
    source.write_text(f"{written}{warehouse.declared}", encoding="utf-8")
    activation = crm.folder / "fresh/activations/recent-buyers.yaml"
    text = activation.read_text(encoding="utf-8")
    recent = f"(select email, date '2026-11-01' as last_purchase from {warehouse.people} where id < 3) as bought"
    assert "from customers\n" in text
    activation.write_text(text.replace("from customers\n", f"from {recent}\n"), encoding="utf-8")
    crm.run("apply", "--yes", "--today", "2026-11-28", "--dir", "fresh/activations")
    assert members(sandbox, "Recent buyers") == mails(1, 2)
    crm.run("plan", "--today", "2027-03-01", "--dir", "fresh/activations", code=4)


KEYS = {
    "postgres": ("id", "id::bigint", "id::numeric(20, 0)", "id::text", "id::char(12)"),
    "spark": ("id", "cast(id as bigint)", "cast(id as decimal(38, 0))", "cast(id as string)"),
    "snowflake": ("id", "id::number(38, 0)", "id::varchar"),
}


def test_a_holdout_decides_the_same_whatever_the_engine_yields_the_key_as(
    crm: Shop, sandbox: Sandbox, warehouse: Warehouse
) -> None:
    out = {n for n in range(1, 7) if int(sha256(f"q4:{n}".encode()).hexdigest()[:15], 16) < 16**15 // 2}
    assert 0 < len(out) < 6
    for number, key in enumerate(KEYS[warehouse.name]):
        sql = f"select {key} as person, email, canary from {warehouse.people}"
        crm.activation(f"a{number}", sql=sql, holdout={"share": "50%", "by": "Person", "name": "q4"})
    crm.apply()
    for number, key in enumerate(KEYS[warehouse.name]):
        assert members(sandbox, f"A{number}") == mails(*({1, 2, 3, 4, 5, 6} - out)), key
    assert f"{len(out)} of 6 keys are held out" in crm.run("holdout", "a0", "--out", "q4.parquet").out
    rows = plain().execute(f"select key, held_out from '{crm.folder / 'q4.parquet'}'").fetchall()
    assert sorted(rows) == [(str(n), n in out) for n in range(1, 7)]


@pytest.mark.parametrize(
    ("yielded", "code"),
    [("id = 1 as person", "holdout-column-type"), ("1.5 as person", "holdout-column-type"),
     ("id as persn", "holdout-unknown-column")],
)  # fmt: skip
def test_a_key_by_which_no_holdout_can_decide_is_a_finding(
    crm: Shop, warehouse: Warehouse, yielded: str, code: str
) -> None:
    sql = f"select {yielded}, email from {warehouse.people}"
    assert finding(crm, sql, holdout={"share": "50%", "by": "person"})["code"] == code


# -- conditions --------------------------------------------------------------------------------------------------------


def with_entity(shop: Shop, people: str) -> None:
    """Declare the warehouse's people as an entity, each of them with an event."""
    shop.write(
        "activations/entity.yaml",
        f"kind: Entity\nname: person\nsource: warehouse\nfrom: {people}\nkey: id\nmapping: {{email: email}}\n"
        f"events: {{stand: {{from: {people}, key: id, at: kind}}}}\n",
    )


def test_conditions_are_the_warehouses_own_sql(crm: Shop, sandbox: Sandbox, warehouse: Warehouse) -> None:
    with_entity(crm, warehouse.people)
    where = [{"KIND": "even"}, {"id": {"at_most": 4}}, {"did": "stand", "with": {"kind": {"starts_with": "ev"}}}]
    crm.activation(segment={"name": "Loyal", "where": where, "top": {"by": "id", "count": 5}})
    assert "valid" in crm.run("validate").out
    crm.apply()
    assert members(sandbox) == mails(2, 4)
    assert "The segment runs in warehouse" in crm.run("show", "loyal").out


@pytest.mark.parametrize(
    ("condition", "code", "message"),
    [
        ({"knd": "even"}, "unknown-property", 'has no column "knd"; did you mean "kind"?'),
        ({"id": "1"}, "condition-type", '"id" holds a number; write a number'),
        ({"kind": {"more_than": 3}}, "condition-type", '"kind" holds text; write a text'),
        ({"did": "stand", "then": {"did": "stand"}}, "condition-type", "which cannot be the time of an event"),
        ({"sql": "no_such_column > 3"}, "sql-unknown-column", "there is no column"),
        ({"sql": "pg_sleep(9) is null or java_method('x') is null"}, "sql-forbidden-function", "cannot be used"),
    ],
)
def test_what_does_not_fit_the_warehouse_is_found_where_it_is_written(
    crm: Shop, warehouse: Warehouse, condition: dict[str, Any], code: str, message: str
) -> None:
    if code == "sql-forbidden-function" and warehouse.name == "snowflake":
        pytest.skip("it has neither function, and says so")
    with_entity(crm, warehouse.people)
    lines = f"    - kind: even\n    - {json.dumps(condition)}\n"
    crm.write("activations/loyal.yaml", f"kind: Activation\nid: loyal\nsegment:\n  name: Loyal\n  where:\n{lines}")
    found = crm.run("validate", "--format", "json", code=3).json["findings"]
    assert {(one["code"], one["location"]["line"]) for one in found} == {(code, 7)}  # of the entity: where `at` is
    assert any(message.lower() in one["message"].lower() for one in found)  # Snowflake's names are in capitals
    assert not any(CANARY in one["message"] for one in found)


def test_a_table_that_is_not_there_is_found_at_the_entity(crm: Shop, warehouse: Warehouse) -> None:
    with_entity(crm, warehouse.people.replace("people", "peopel"))
    crm.activation(segment={"name": "Loyal", "where": [{"kind": "even"}]})
    [found] = crm.run("validate", "--format", "json", code=3).json["findings"]
    assert (found["code"], found["location"]["file"], found["location"]["line"]) == (
        "sql-unknown-table",
        "activations/entity.yaml",
        4,
    )
