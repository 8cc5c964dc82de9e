"""What segments cost: what a warehouse's own log joins to the history by, and rows and seconds of each."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

import pytest
from jsonschema import Draft7Validator

from runner.config import schema_folder
from tests.end_to_end.shop import Shop
from tests.postgres import PASSWORD, ROLE, Postgres

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
    create table crm.people as select i as id, 'person-' || i || '@shop.example' as email from generate_series(1, 6) i;
    grant usage on schema crm to {ROLE};
    grant select on crm.people to {ROLE};
"""
ALL, FEW = "select email from crm.people", "select email from crm.people where id < 3"


@pytest.fixture
def crm(shop: Shop, postgres: Postgres) -> Shop:
    """A shop with two segments in Postgres."""
    postgres.run(PEOPLE)
    text = (shop.folder / "activations/shop.yaml").read_text(encoding="utf-8")
    shop.write("activations/shop.yaml", SOURCE.format(uri=postgres.uri) + text.partition("---\n")[2])
    shop.environment["PGPASSWORD"] = PASSWORD
    shop.activation("everyone", sql=ALL)
    shop.activation("few", sql=FEW)
    return shop


@pytest.fixture
def asked(crm: Shop, postgres: Postgres) -> Iterator[Callable[[], list[str]]]:
    """What gives the names of the segments that the server has run since it was asked last."""
    with postgres.watched() as log:
        seen = 0

        def names() -> list[str]:
            nonlocal seen
            new, seen = log()[seen:], len(log())
            return re.findall(r"application_name = '(headcount/[^']*)'", new)

        yield names


@pytest.fixture
def schema() -> Callable[[str], Draft7Validator]:
    """What checks a document of a kind."""
    return lambda kind: Draft7Validator(json.loads((schema_folder() / f"{kind}.schema.json").read_text()))


def test_a_warehouse_is_told_the_number_that_the_run_has_in_the_history(
    crm: Shop, asked: Callable[[], list[str]]
) -> None:
    crm.apply()
    assert asked() == ["headcount/everyone/1", "headcount/few/1"]
    crm.run("sync", "--select", "few")
    assert asked() == ["headcount/few/2"]
    crm.activation("few", sql=FEW.replace("3", "4"))
    crm.apply("--plan-id", "0" * 16, code=6)
    assert asked() == ["headcount/everyone/3", "headcount/few/3"], "no run came of it, and the next one has its number"
    crm.apply()
    assert asked() == ["headcount/everyone/3", "headcount/few/3"]
    runs = crm.run("history", "--format", "json").json["runs"]
    assert [(run["id"], run["command"]) for run in runs] == [(3, "apply"), (2, "sync"), (1, "apply")]


def test_a_warehouse_is_told_the_id_of_a_plan_that_is_not_applied(crm: Shop, asked: Callable[[], list[str]]) -> None:
    word = f"plan-{crm.run('plan', '--format', 'json').json['plan_id'][:8]}"
    assert asked() == [f"headcount/everyone/{word}", f"headcount/few/{word}"]
    crm.run("validate")
    assert {name.rpartition("/")[2].partition("-")[0] for name in asked()} == {"check"}


def test_a_plan_of_what_changed_asks_a_warehouse_for_nothing_else(crm: Shop, asked: Callable[[], list[str]]) -> None:
    crm.write(".gitignore", ".headcount/\ndata/\n")
    crm.git("init", "--quiet", "--initial-branch", "main")
    crm.git("add", ".")
    crm.git("commit", "--quiet", "--message", "first")
    crm.apply()
    asked()
    assert crm.plan("--changed-since", "main") == {}
    assert asked() == []
    crm.activation("few", sql=FEW.replace("3", "4"))
    assert list(crm.plan("--changed-since", "main")) == ["few"]
    assert [name.split("/")[1] for name in asked()] == ["few"]


def test_a_long_id_leaves_room_for_the_run(crm: Shop, asked: Callable[[], list[str]]) -> None:
    crm.activation("a-very-long-name-of-an-activation-about-people", sql=ALL)
    word = crm.run("plan", "--select", "a-*", "--format", "json").json["plan_id"][:8]
    assert asked() == [f"headcount/a-very-long-name-of-an-activation-about/plan-{word}"]


def test_rows_and_seconds_of_each_segment_are_in_plan_and_history(
    crm: Shop, schema: Callable[[str], Draft7Validator]
) -> None:
    planned = crm.run("plan", "--format", "json").json
    schema("plan").validate(planned)
    segments = {change["id"]: change["segment"] for change in planned["changes"]}
    assert {name: segment["rows"] for name, segment in segments.items()} == {"everyone": 6, "few": 2}
    assert all(segment["seconds"] > 0 for segment in segments.values())
    assert re.search(
        r"2 segments in .* s, 8 rows\n(?=.* 6 rows +everyone\n)", crm.run("plan", "--verbose").out, re.DOTALL
    )

    crm.apply()
    crm.activation("broken", sql="select cast(email as int)::text as email from crm.people")
    crm.apply(code=1)
    history = crm.run("history", "--format", "json").json
    schema("history").validate(history)
    spent = [run["segments"] for run in history["runs"]]
    assert [(one["evaluated"], one["rows"]) for one in spent] == [(3, 8), (2, 8)], "unchanged segments cost as much"
    rows = {one["activation"]: one["rows"] for one in spent[0]["costliest"]}
    assert rows == {"broken": None, "everyone": 6, "few": 2}
    assert spent[0]["seconds"] == pytest.approx(sum(one["seconds"] for one in spent[0]["costliest"]))
    of_one = crm.run("history", "few", "--format", "json").json["runs"]
    assert [(run["segments"]["evaluated"], run["segments"]["rows"]) for run in of_one] == [(1, 2), (1, 2)]


def test_a_segment_that_takes_its_time_is_named_in_the_history(crm: Shop, postgres: Postgres) -> None:
    postgres.run("create view crm.slow as select email from crm.people, pg_sleep(1)")
    postgres.run(f"grant select on crm.slow to {ROLE}")
    crm.activation("few", sql="select email from crm.slow")
    crm.apply()
    assert re.search(r"    2 segments in .* s, 12 rows, most for few \(.* s, 6 rows\)\n", crm.run("history").out)
