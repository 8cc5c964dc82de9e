"""What segments cost: what a warehouse's own log joins to the history by, and rows and seconds of each."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

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
