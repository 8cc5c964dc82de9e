"""What the history says of a run: who, from which commit, by which plan, and what a deletion removed."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft7Validator

from runner.config.schema.json_schemas import schema_folder
from tests.end_to_end.shop import Shop, mail

GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_ACTOR": "ann",
    "GITHUB_WORKFLOW": "audiences",
    "GITHUB_JOB": "apply",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "shop/audiences",
    "GITHUB_RUN_ID": "7",
    "GITHUB_SHA": "f" * 40,
}


def newest(shop: Shop) -> dict[str, object]:
    document = shop.run("history", "--format", "json").json
    Draft7Validator(json.loads((schema_folder() / "history.schema.json").read_text())).validate(document)
    return document["runs"][0]


@pytest.fixture
def applied(shop: Shop) -> Shop:
    shop.activation("loyal")
    shop.activation("gone")
    shop.apply()
    return shop


def test_a_deletion_counts_whom_it_removed(applied: Shop) -> None:
    applied.remove("activations/gone.yaml")
    done = applied.apply("--prune")
    assert "- gone  delete  +0  -3" in done.out
    assert "0 identifiers added, 3 removed" in done.out
    assert "- gone  delete  +0  -3" in applied.run("history").out
    (deleted,) = [one for one in newest(applied)["activations"] if one["activation"] == "gone"]  # type: ignore[attr-defined]
    assert (deleted["removed"], deleted["counts"]) == (3, {"email": {"added": 0, "removed": 3}})
    (status,) = applied.run("status", "--format", "json").json["activations"]
    assert status["activation"] == "loyal"


def test_removals_that_were_let_pass_say_by_which_option(applied: Shop) -> None:
    applied.people(mail(4, 5, 6))
    applied.activation("loyal", guardrails={"max_removed": "10%"})
    applied.apply("--select", "loyal", "--allow-removals", "loyal")
    (one,) = newest(applied)["activations"]  # type: ignore[misc]
    assert one["permission"] == "--allow-removals loyal"
    assert one["counts"] == {"email": {"added": 3, "removed": 3}}
    applied.run("sync")
    assert {one["permission"] for one in newest(applied)["activations"]} == {""}  # type: ignore[attr-defined]


def test_it_says_who_ran_it_in_which_job_and_by_which_plan(shop: Shop) -> None:
    shop.activation("loyal")
    plan_id = shop.run("plan", "--format", "json").json["plan_id"]
    shop.run("apply", "--yes", **GITHUB)
    run = newest(shop)
    assert run["user"] == "ann"
    assert run["host"]
    assert run["ci_job"] == "audiences / apply"
    assert run["ci_url"] == "https://github.com/shop/audiences/actions/runs/7"
    assert (run["commit"], run["dirty"]) == ("f" * 40, None)
    assert run["plan_id"] == plan_id
    assert f"in audiences / apply, commit ffffffffffff, plan {plan_id}" in shop.run("history").out
    shop.run("sync")
    assert newest(shop)["plan_id"] == ""


def test_it_says_from_which_commit_and_whether_the_files_were_other_ones(shop: Shop) -> None:
    shop.activation("loyal")
    shop.git("init", "-q")
    shop.git("add", "activations")
    shop.git("commit", "-q", "-m", "first")
    commit = shop.git("rev-parse", "HEAD").strip()
    shop.apply()
    assert (newest(shop)["commit"], newest(shop)["dirty"]) == (commit, False)
    shop.activation("new")
    shop.run("sync", code=None)
    assert (newest(shop)["commit"], newest(shop)["dirty"]) == (commit, True)
    assert f"commit {commit[:12]} with changes" in shop.run("history").out


def test_an_address_with_a_password_in_it_is_not_kept(shop: Shop) -> None:
    shop.activation("loyal")
    shop.run("apply", "--yes", GITLAB_CI="1", CI_JOB_URL="https://ann:geheim@ci.shop.example/1", CI_JOB_NAME="a\nb")
    run = newest(shop)
    assert (run["ci_url"], run["ci_job"]) == ("", "a b")
    assert "geheim" not in shop.run("history").out


def test_activations_that_needed_nothing_are_counted_and_not_listed(applied: Shop) -> None:
    applied.run("sync")
    run = newest(applied)
    assert (run["command"], run["activations"], run["unchanged"]) == ("sync", [], 2)
    assert "    = 2 unchanged\n" in applied.run("history").out
    assert "    = 1 unchanged\n" in applied.run("history", "loyal").out
    rows = applied.run("status", "--format", "json").json["activations"]
    assert {(row["last_outcome"], row["last_run"]) for row in rows} == {("unchanged", run["started_at"])}


def test_a_sync_that_finds_nothing_due_writes_nothing_to_the_state(applied: Shop) -> None:
    applied.activation("loyal", schedule={"every": "6h"})
    applied.apply()
    before = newest(applied)
    written = {path: path.read_bytes() for path in applied.state_files()}
    assert "1 activation not due" in applied.run("sync", "--due").out
    assert {path: path.read_bytes() for path in applied.state_files()} == written
    assert newest(applied) == before
