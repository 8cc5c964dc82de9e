"""A warning is shown where people look, and changes no exit code."""

from __future__ import annotations

import pytest

from tests.end_to_end.shop import Shop

SAID = "LIMIT without ORDER BY keeps other people in each run"


@pytest.fixture
def unsteady(shop: Shop) -> Shop:
    shop.write("segments/some.sql", "select email, idfa\nfrom shop.people\nwhere kind <> 'canary'\nlimit 2\n")
    shop.write(
        "activations/some.yaml",
        "kind: Activation\nid: some\nsegment: {name: Some, file: ../segments/some.sql}\n",
    )
    return shop


def test_validate_shows_a_warning_with_its_line_and_ends_with_0(unsteady: Shop) -> None:
    told = unsteady.run("validate")

    assert f"segments/some.sql:4:7: warning[sql-not-steady]: {SAID}\n   4 | limit 2\n" in told.err
    assert "1 warning in 1 file." in told.err
    assert "is valid" in told.out


def test_validate_lists_warnings_apart_from_findings_as_data(unsteady: Shop) -> None:
    document = unsteady.run("validate", "--format", "json").json

    assert (document["valid"], document["findings"]) == (True, [])
    assert [warning["location"]["line"] for warning in document["warnings"]] == [4]

    unsteady.activation("wrong", sql="select emal as email, idfa from shop.people")
    document = unsteady.run("validate", "--format", "json", code=3).json
    assert [finding["code"] for finding in document["findings"]] == ["sql-unknown-column"]
    assert [warning["code"] for warning in document["warnings"]] == ["sql-not-steady"]


def test_validate_without_the_sources_warns_of_what_the_sql_alone_shows(unsteady: Shop) -> None:
    unsteady.remove("data/people.csv")

    told = unsteady.run("validate", "--no-sources")
    assert f"segments/some.sql:4:7: warning[sql-not-steady]: {SAID}\n   4 | limit 2\n" in told.err
    assert "is valid" in told.out
    [warning] = unsteady.run("validate", "--no-sources", "--format", "json").json["warnings"]
    assert warning["location"]["line"] == 4


def test_a_warning_does_not_wait_for_a_source_that_is_missing(unsteady: Shop) -> None:
    unsteady.remove("data/people.csv")

    told = unsteady.run("validate", code=3).err
    assert "no-source-file" in told
    assert SAID in told


def test_a_sync_warns_each_time_and_ends_well(unsteady: Shop) -> None:
    unsteady.activation("other", sql="select email, idfa from shop.people where kind <> 'canary'")
    unsteady.apply()

    told = unsteady.run("sync")
    assert told.err.count(f"segments/some.sql:4:7: warning[sql-not-steady]: {SAID}") == 1
    assert SAID not in told.out
    changes = unsteady.run("sync", "--format", "json").json["plan"]["changes"]
    assert {one["id"]: len(one["warnings"]) for one in changes} == {"some": 1, "other": 0}


@pytest.mark.parametrize("command", ["validate", "plan"])
def test_a_pull_request_is_annotated_with_warnings(unsteady: Shop, command: str) -> None:
    out = unsteady.run(command, "--format", "github").out

    [line] = [line for line in out.splitlines() if line.startswith("::warning ")]
    assert "segments/some.sql,line=4,col=7,endColumn=8,title=sql-not-steady::" in line


def test_a_plan_shows_warnings_in_every_format_and_is_applied_all_the_same(unsteady: Shop) -> None:
    assert f"    warning: segments/some.sql:4:7: {SAID}\n    -> say which with ORDER BY" in unsteady.run("plan").out
    assert SAID in unsteady.run("plan", "--format", "markdown").out
    [change] = unsteady.run("plan", "--format", "json").json["changes"]
    assert [warning["code"] for warning in change["warnings"]] == ["sql-not-steady"]
    unsteady.run("plan", "--out", "plan.json")
    unsteady.run("apply", "plan.json", "--yes")


def test_findings_and_warnings_are_counted_apart(unsteady: Shop) -> None:
    unsteady.activation("wrong", sql="select emal as email, idfa from shop.people")

    assert "1 finding and 1 warning in 2 files." in unsteady.run("validate", code=3).err
