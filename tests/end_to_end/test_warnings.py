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
