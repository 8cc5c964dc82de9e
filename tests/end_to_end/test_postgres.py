"""Segments that a Postgres runs, from the files to the audience."""

from __future__ import annotations

import json
import re
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runner.engine.segments.warehouse import warehouse_queries
from tests.end_to_end.shop import CANARY, Shop, sha
from tests.postgres import OTHER_ROLE, PASSWORD, ROLE, Postgres
from tests.sandbox_client import Sandbox

SOURCE = """\
kind: Source
name: warehouse
type: postgres
uri: {uri}
auth: {{method: password, password: "{{{{ env('PGPASSWORD') }}}}"}}
---
"""

PEOPLE = f"""
    drop schema if exists crm cascade;
    create schema crm;
    create type crm.colour as enum ('{CANARY}', 'blue');
    create table crm.people (
        id bigint primary key, email text, "Idfa" uuid, kind text, padded char(40), digest bytea,
        points numeric, whole numeric(20, 0), price numeric(9, 2), born date, canary text, colour crm.colour
    );
    insert into crm.people
    select i, 'person-' || i || '@shop.example', ('00000000-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid,
        case when i % 2 = 0 then 'even' else 'odd' end, 'person-' || i || '@shop.example',
        sha256(convert_to('person-' || i || '@shop.example', 'UTF8')), i, i, i, '2000-01-01', '{CANARY}', '{CANARY}'
    from generate_series(1, 6) as i;
    grant usage on schema crm to {ROLE};
    grant select on crm.people to {ROLE};
"""


@pytest.fixture
def crm(shop: Shop, postgres: Postgres) -> Iterator[Shop]:
    """The shop, with its people in Postgres as its only source, and the password in the environment."""
    postgres.run(PEOPLE)
    text = (shop.folder / "activations/shop.yaml").read_text(encoding="utf-8")
    shop.write("activations/shop.yaml", SOURCE.format(uri=postgres.uri) + text.partition("---\n")[2])
    shop.environment["PGPASSWORD"] = PASSWORD
    yield shop
    assert not any(PASSWORD in text for text in shop.outputs)
    assert not any(PASSWORD.encode() in path.read_bytes() for path in shop.state_files())


def mails(*numbers: int) -> set[str]:
    return {sha(f"person-{number}@shop.example") for number in numbers}


def members(sandbox: Sandbox) -> set[str]:
    return sandbox.members(sandbox.segment("Loyal").id, "email")


def finding(shop: Shop, sql: str, **lines: Any) -> dict[str, Any]:
    """The one finding of an activation with this SQL."""
    shop.activation(sql=sql, **lines)
    [found] = shop.run("validate", "--format", "json", code=3).json["findings"]
    return dict(found)


# -- the main job ------------------------------------------------------------------------------------------------------


# -- columns -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "column",
    ["padded", "upper(email)", "digest", "encode(digest, 'hex')", "email::varchar(80)", "' ' || email || E'\t'"],
)
def test_an_address_is_one_however_the_database_holds_it(crm: Shop, sandbox: Sandbox, column: str) -> None:
    crm.activation(sql=f"select {column} as email from crm.people where id <= 2")
    crm.apply()
    assert members(sandbox) == mails(1, 2)


def test_binary_that_is_no_hash_is_rejected_and_shown_to_nobody(crm: Shop) -> None:
    crm.activation(sql="select convert_to(canary, 'UTF8') as email from crm.people")
    plan = crm.run("plan", code=4)
    assert "not an e-mail address" in plan.out
    assert CANARY.encode().hex() not in plan.out.lower()


def test_numbers_and_uuids_are_what_they_are_as_text(crm: Shop, sandbox: Sandbox) -> None:
    crm.activation(
        sql='select "Idfa", whole from crm.people where id = 3',
        mapping={"email": None, "mobile_ad_id": "IDFA", "liveramp_identity_link": "whole"},
    )
    crm.apply()
    audience = sandbox.segment("Loyal").id
    assert sandbox.members(audience, "madid") == {"00000000-0000-4000-8000-000000000003"}
    assert sandbox.members(audience, "identityLink") == {"3"}


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("points", 'column "email" is of type NUMERIC, which holds no email'),
        ("price", 'column "email" is of type NUMERIC, which holds no email'),
        ("born", 'column "email" is of type DATE, which holds no email'),
        ("id::float8", 'column "email" is of type FLOAT8, which holds no email'),
        ("id::oid", 'column "email" is of type OID, which holds no email'),
        ("array[email]", 'column "email" is of type LIST, which holds no email'),
        ("true", 'column "email" is of type BOOL, which holds no email'),
    ],
)
def test_a_column_that_can_hold_no_identifier_is_a_finding(crm: Shop, column: str, message: str) -> None:
    found = finding(crm, f"select {column} as email from crm.people")
    assert (found["code"], found["message"]) == ("mapping-column-type", message)
    assert "cast" in found["hint"]


def test_binary_holds_hashes_and_nothing_else(crm: Shop) -> None:
    found = finding(crm, "select digest from crm.people", mapping={"email": None, "mobile_ad_id": "digest"})
    assert found["message"] == 'column "digest" is of type BYTEA, which holds no mobile_ad_id'


# -- SQL that a segment may not be -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sql", "code", "column"),
    [
        ("delete from crm.people", "sql-not-a-select", 6),
        ("with gone as (delete from crm.people returning email) select email from gone", "sql-not-a-select", 20),
        ("select email into crm.copy from crm.people", "sql-not-a-select", 19),
        ("select email from crm.people for update", "sql-not-a-select", 35),
        ("select email from crm.people; drop table crm.people", "sql-several-statements", 34),
        ("copy crm.people to stdout", "sql-not-a-select", 6),
        ("call crm.purge()", "sql-not-a-select", 6),
        ("select pg_read_file('/etc/passwd') as email", "sql-forbidden-function", 13),
        ("select * from dblink('host=x', 'select 1') as t(email text)", "sql-forbidden-function", 20),
        ("select query_to_xml('select 1', true, true, '')::text as email", "sql-forbidden-function", 13),
        ("select $1 as email", "sql-parameter", 13),
        ("select email from crm.people where (", "sql-syntax", 41),
        ("select 'x as email", "sql-syntax", 1),
    ],
)
def test_only_one_select_that_reads_tables_can_be_a_segment(crm: Shop, sql: str, code: str, column: int) -> None:
    crm.write("activations/segments/loyal.sql", f"     {sql}")
    crm.activation(segment={"name": "Loyal", "file": "segments/loyal.sql"})
    [found] = crm.run("validate", "--format", "json", code=3).json["findings"]
    place = found["location"]
    assert (found["code"], place["file"], place["line"]) == (code, "activations/segments/loyal.sql", 1)
    assert place["column"] == column
    crm.run("plan", code=1)


@pytest.mark.parametrize(
    ("sql", "code", "message", "column"),
    [
        (
            "select emial as email from crm.people",
            "sql-unknown-column",
            'there is no column "emial"; did you mean "email"?',
            8,
        ),
        (
            "with t as (select x.id, x.emial as mail from crm.people x) select mail as email from t",
            "sql-unknown-column",
            'there is no column "x.emial"; did you mean "email"?',
            25,
        ),
        ("select qqqqqq as email from crm.people", "sql-unknown-column", 'there is no column "qqqqqq"', 8),
        (
            "select email from crm.poeple",
            "sql-unknown-table",
            'there is no table "crm.poeple"; did you mean "crm.people"?',
            19,
        ),
        (
            "select email from people",
            "sql-unknown-table",
            'there is no table "people"; did you mean "',
            19,
        ),
        ("select email from crm.qqqqqq", "sql-unknown-table", 'there is no table "crm.qqqqqq"', 19),
        ("select uper(email) as email from crm.people", "sql-unknown-function", 'there is no function "uper"', 8),
        ("select email + 1 as email from crm.people", "sql-unknown-function", "", 14),
        ("select case when true then generate_series(1, 2) end::text as email", "sql-error", "the query uses", 28),
    ],
)
def test_what_the_database_does_not_know_is_a_finding_at_its_place(
    crm: Shop, sql: str, code: str, message: str, column: int
) -> None:
    crm.write("activations/loyal.sql", f"-- é\n{sql}\n")
    crm.activation(segment={"name": "Loyal", "file": "loyal.sql"})
    [found] = crm.run("validate", "--format", "json", code=3).json["findings"]
    assert (found["code"], found["location"]["line"], found["location"]["column"]) == (code, 2, column)
    assert found["message"].startswith(message)
    assert "qqqqqq" not in sql or "did you mean" not in found["message"]


def test_nothing_that_a_segment_runs_can_change_the_database(crm: Shop, postgres: Postgres) -> None:
    postgres.run(
        f"""
        create or replace function crm.purge() returns text language plpgsql security definer as
        $$ begin delete from crm.people; return 'x'; end $$;
        grant execute on function crm.purge() to {ROLE};
        """
    )
    crm.activation(sql="select crm.purge() as email")
    assert "the query tried to change something; segments only read" in crm.run("plan", code=1).out
    assert postgres.run("select count(*) from crm.people") == "6"


# -- values stay where they are ----------------------------------------------------------------------------------------

LEAKY = (
    ("canary::int::text", "a value cannot be converted"),
    ("canary::date::text", "a value is not the date or time"),
    ("(id / (id - id))::text || canary", "a number is divided by zero"),
    ("(canary::json)::text", "a value cannot be converted"),
    ("crm.shout(canary)", "the query failed while it ran; what the source said is not shown"),
    ("crm.unique_of(canary)", "the query tried to change something"),
    ("(select canary from crm.people)", "a subquery that should give one row gave several"),
    ("case when id > 5 then canary::int::text else email end", "a value cannot be converted"),
    ("repeat(canary, 100000000)", "the query is too complex for the server"),
)


def test_what_fails_while_it_runs_shows_no_value_anywhere(crm: Shop, postgres: Postgres) -> None:
    postgres.run(
        f"""
        create function crm.shout(who text) returns text language plpgsql as
        $$ begin raise exception 'it is %', who using detail = who, hint = who; end $$;
        create table crm.seen (who text primary key);
        insert into crm.seen select distinct canary from crm.people;
        create function crm.unique_of(who text) returns text language plpgsql as
        $$ begin insert into crm.seen values (who); return who; end $$;
        grant execute on all functions in schema crm to {ROLE};
        grant all on crm.seen to {ROLE};
        """
    )
    for number, (column, _) in enumerate(LEAKY):
        crm.activation(f"leaky-{number}", sql=f"select {column} as email from crm.people")
    crm.activation(sql="select email from crm.people")
    crm.run("validate")
    for shape in ("text", "markdown"):
        crm.run("plan", "--verbose", "--format", shape, "--out", "plan.json", code=1)
        crm.outputs.append((crm.folder / "plan.json").read_text(encoding="utf-8"))
    changes = crm.plan(code=1)
    failures = {one: str(change) for one, change in changes.items() if change["action"] == "failed"}
    assert len(failures) == len(LEAKY)
    assert changes["loyal"]["action"] == "create"
    for number, (_, message) in enumerate(LEAKY):
        assert message in failures[f"leaky-{number}"]
    crm.apply(code=1)
    crm.run("history", "--format", "json")


def test_what_a_function_says_while_it_runs_is_printed_nowhere(crm: Shop, postgres: Postgres) -> None:
    postgres.run(
        f"""
        create function crm.talk(who text) returns text language plpgsql as
        $$ begin raise info 'it is %', who; raise warning 'it is %', who; return 'a@shop.example'; end $$;
        grant execute on function crm.talk(text) to {ROLE};
        """
    )
    crm.activation(sql="select crm.talk(canary) as email from crm.people")
    process = crm.start("plan", "--verbose")
    out, err = process.communicate(timeout=60)
    crm.outputs += [out, err]
    assert process.returncode == 0, err
    assert "WARNING" not in err


# -- out of reach ------------------------------------------------------------------------------------------------------


def test_a_database_out_of_reach_is_a_warning_to_validate_and_a_failure_to_plan(crm: Shop, postgres: Postgres) -> None:
    text = (crm.folder / "activations/shop.yaml").read_text(encoding="utf-8")
    crm.write("activations/shop.yaml", text.replace(postgres.uri, "postgresql://headcount@127.0.0.1:1/crm"))
    crm.activation(sql="select email from crm.people")
    crm.activation("other", sql="select email from crm.people")
    told = crm.run("validate").err
    assert told.count("source warehouse cannot be reached: nothing answers there") == 1
    assert "activations/shop.yaml:4:6: warning[source-unreachable]" in told
    crm.run("validate", "--no-sources")
    failed = crm.run("plan", code=1).out
    assert failed.count("source warehouse cannot be reached: nothing answers there") == 1
    assert "the same as for loyal" in failed


def test_a_wrong_password_is_tried_once_however_many_segments_there_are(crm: Shop, postgres: Postgres) -> None:
    for number in ("one", "two", "three"):
        crm.activation(number, sql="select email from crm.people")
    failed = crm.run("plan", code=1, PGPASSWORD="wrong").out
    assert failed.count("source warehouse cannot be reached: the user or the password is wrong") == 1
    assert failed.count("the same as for one") == 2
    assert postgres.failed_logins() == 1


def test_a_password_that_is_not_set_fails_what_needs_it(crm: Shop) -> None:
    del crm.environment["PGPASSWORD"]
    crm.activation(sql="select email from crm.people")
    crm.run("validate", "--no-sources")
    assert "the environment variable PGPASSWORD is not set" in crm.run("validate").err
    assert "the environment variable PGPASSWORD is not set" in crm.run("plan", code=1).out


def test_a_machines_own_password_is_never_sent(crm: Shop) -> None:
    text = (crm.folder / "activations/shop.yaml").read_text(encoding="utf-8")
    without = "\n".join(line for line in text.splitlines() if not line.startswith("auth:"))
    crm.write("activations/shop.yaml", without)
    crm.activation(sql="select email from crm.people")
    assert "it asks for a password; write `auth`" in crm.run("plan", code=1).out


def test_a_driver_that_is_not_installed_is_an_error_that_says_what_to_install(
    crm: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warehouse_queries, "find_spec", lambda name: None)
    crm.activation(sql="select email from crm.people")
    crm.run("validate", "--no-sources")
    for shown in (crm.run("validate", code=3).err, crm.run("plan", code=1).out, crm.run("doctor", code=1).out):
        assert "needs the package adbc_driver_manager, which is not installed" in shown
        assert "pip install 'PATH[postgres]'" in shown


def test_a_secret_goes_only_to_hosts_that_the_job_lists(crm: Shop, postgres: Postgres) -> None:
    text = (crm.folder / "activations/shop.yaml").read_text(encoding="utf-8")
    crm.write("activations/shop.yaml", text.replace(postgres.uri, "postgresql://headcount@db.evil.example/crm"))
    crm.activation(sql="select email from crm.people")
    refused = crm.run("plan", code=3, HEADCOUNT_HOSTS="*.shop.example").err
    assert "activations/shop.yaml:4:6: error[host-not-allowed]" in refused
    crm.run("validate", "--no-sources", HEADCOUNT_HOSTS="*.shop.example, db.evil.example")


def test_doctor_says_how_a_database_is_reached(crm: Shop, postgres: Postgres) -> None:
    crm.activation(sql="select email from crm.people")
    assert "sessions are read-only" in crm.run("doctor").out
    postgres.run(f"alter role {ROLE} superuser")
    try:
        assert "as a superuser, whom no grant holds back" in crm.run("doctor").out
    finally:
        postgres.run(f"alter role {ROLE} nosuperuser")
    assert "the user or the password is wrong" in crm.run("doctor", code=1, PGPASSWORD="wrong").out


# -- ends --------------------------------------------------------------------------------------------------------------

SLOW = "select email, pg_catalog.count(*) from crm.people, generate_series(1, 3000000000) group by 1"


def running(postgres: Postgres) -> str:
    return postgres.run(f"select count(*) from pg_stat_activity where usename = '{ROLE}' and state = 'active'")


def test_a_segment_is_named_and_stopped_on_the_server_with_ctrl_c(crm: Shop, postgres: Postgres) -> None:
    crm.activation("slow", sql=SLOW)
    process = crm.start("plan")
    name = f"select application_name from pg_stat_activity where usename = '{ROLE}' and query like 'COPY%'"
    while not (found := postgres.run(name)):
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    assert found.startswith("headcount/slow/")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 130
    while running(postgres) != "0":
        time.sleep(0.02)


def test_ctrl_c_ends_a_login_that_nobody_answers(crm: Shop, postgres: Postgres) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        text = (crm.folder / "activations/shop.yaml").read_text(encoding="utf-8")
        address = f"postgresql://headcount@127.0.0.1:{silent.getsockname()[1]}/crm"
        crm.write("activations/shop.yaml", text.replace(postgres.uri, address))
        crm.activation(sql="select email from crm.people")
        process = crm.start("plan")
        called, _ = silent.accept()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=8)  # a login is given up after ten seconds
        called.close()
    assert process.returncode == 130


def test_the_time_limit_ends_a_statement_on_the_server_and_no_other_segment(crm: Shop, postgres: Postgres) -> None:
    text = (crm.folder / "activations/shop.yaml").read_text(encoding="utf-8")
    crm.write("activations/shop.yaml", text.replace("auth:", "timeout: 1s\nauth:"))
    crm.activation("a-slow-one", sql=SLOW)
    crm.activation(sql="select email from crm.people")
    changes = crm.plan(code=1)
    assert "stopped at its time limit of 1 second" in json.dumps(changes["a-slow-one"])
    assert changes["loyal"]["action"] == "create"
    assert running(postgres) == "0"


def test_a_connection_that_breaks_fails_that_segment_and_leaves_its_audience_alone(
    crm: Shop, sandbox: Sandbox, postgres: Postgres
) -> None:
    crm.activation("a-broken-one", name="Broken", sql="select email from crm.people")
    crm.apply()
    broken = "select email from crm.people union all select crm.cut_off(i) from generate_series(1, 100000) as i"
    postgres.run(
        f"""
        create function crm.cut_off(at bigint) returns text language sql security definer volatile as
        $$ select case when at = 90000 then pg_terminate_backend(pg_backend_pid())::text else at::text end $$;
        grant execute on function crm.cut_off(bigint) to {ROLE};
        """
    )
    crm.activation("a-broken-one", name="Broken", sql=broken)
    crm.activation(sql="select email from crm.people where id = 1")
    result = crm.apply(code=1)
    assert "the connection to the source was lost" in result.out + result.err
    assert members(sandbox) == mails(1)
    assert sandbox.members(sandbox.segment("Broken").id, "email") == mails(1, 2, 3, 4, 5, 6)


# -- the how-to --------------------------------------------------------------------------------------------------------

HOW_TO = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "use-postgres.md"


def test_the_how_to_leads_from_the_grants_to_a_plan(crm: Shop, postgres: Postgres) -> None:
    page = HOW_TO.read_text(encoding="utf-8")
    [grants], [files], [commands] = (
        re.findall(rf"^```{kind}\n(.*?)^```", page, re.MULTILINE | re.DOTALL) for kind in ("sql", "yaml", "sh")
    )
    postgres.run(
        """
        create table crm.customers (email text, baskets int);
        insert into crm.customers values ('person-1@shop.example', 12), ('person-2@shop.example', 2);
        create table crm.orders (email text);
        """
    )
    postgres.run(grants.replace("headcount", OTHER_ROLE))
    crm.environment["PGPASSWORD"] = "a long random one"
    destination = (crm.folder / "activations/shop.yaml").read_text(encoding="utf-8").partition("---\n")[2]
    declared = re.sub("uri: .*", f"uri: {postgres.uri_of(OTHER_ROLE)}", files)
    crm.write("activations/shop.yaml", f"{declared}---\n{destination}")
    for line in commands.splitlines():
        crm.run(*line.removeprefix("headcount ").split())
    assert crm.plan()["loyal-shoppers"]["members"][0]["added"] == 1
    assert "sessions are read-only" in crm.run("doctor").out
