"""What an auditor may ask of the history: each thing that a run did is in it, and what a member needs stays there."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft7Validator

from runner.config.schema.json_schemas import schema_folder
from tests.end_to_end.shop import Person, Shop, mail, minutes_pass
from tests.end_to_end.test_history import GITHUB
from tests.end_to_end.test_suppressions import never, suppression
from tests.sandbox_client import Sandbox

LOYAL = "select email, idfa from shop.people where kind <> 'canary'"
DAY = 24 * 60


def runs(shop: Shop, *options: str) -> list[dict[str, Any]]:
    document = shop.run("history", "--format", "json", *options).json
    Draft7Validator(json.loads((schema_folder() / "history.schema.json").read_text())).validate(document)
    return document["runs"]  # type: ignore[no-any-return]


def outcomes(shop: Shop, *options: str) -> dict[str, dict[str, Any]]:
    """How each activation fared in the newest run."""
    return {one["activation"]: one for one in runs(shop, *options)[0]["activations"]}


def details(shop: Shop, number: int) -> str:
    return shop.run("history", "--run", str(number)).out


def test_a_run_says_what_it_applied_and_a_sync_that_applies_nothing_says_so(shop: Shop) -> None:
    shop.activation(description="Ten baskets", protect=True)
    shop.apply()
    (one,) = outcomes(shop).values()
    assert one["definition"] == {
        "sql": LOYAL,
        "mapping": {"email": "email"},
        "name": "Loyal",
        "description": "Ten baskets",
        "options": {},
        "holdout": {},
        "protect": True,
        "reason": "",
        "accounts": None,
    }
    shop.people(mail(1, 2, 3, 4))
    shop.run("sync")
    assert outcomes(shop)["loyal"]["definition"] is None
    shop.activation(description="Ten baskets", sql=LOYAL + " -- all of them\nand email <> ''")
    shop.apply()
    shown = details(shop, 3)
    assert '    applied     "Loyal"' in shown
    assert "and email <> ''" in shown
    assert "    because     SQL changed" in shown


def test_a_failed_run_says_what_it_applied_all_the_same(shop: Shop, sandbox: Sandbox) -> None:
    shop.activation()
    sandbox.fault("500", path="contact-list", times=None)
    shop.run("apply", "--yes", code=1, HEADCOUNT_RETRY_SECONDS="0")
    one = outcomes(shop)["loyal"]
    assert (one["outcome"], one["definition"]["name"]) == ("failed", "Loyal")


def test_it_says_how_many_rows_there_were_and_how_many_of_them_were_suppressed_or_held_out(shop: Shop) -> None:
    shop.people([*mail(*range(20)), *never(*range(10))])
    shop.activation(
        sql="select email, email as id from shop.people where kind = 'all'",
        holdout={"share": "50%", "by": "id", "name": "q4"},
    )
    suppression(shop, reason="withdrew consent")
    shop.apply()
    one = outcomes(shop)["loyal"]
    assert one["rows"] == one["suppressed"] + one["held_out"] + one["added"] == 20
    assert 0 < one["suppressed"] < 10
    shown = details(shop, 1)
    assert f"    segment     20 rows, {one['suppressed']} suppressed and {one['held_out']} held out" in shown


def test_who_left_because_a_suppression_names_them_is_told_from_who_left_anyway(shop: Shop) -> None:
    shop.people(mail(*range(20)))
    shop.activation(guardrails={"max_removed": None})
    suppression(shop, reason="withdrew consent", destinations=["criteo"])
    shop.apply("--allow-suppression", "no-consent")
    never_sent = outcomes(shop)["suppression no-consent"]
    assert (never_sent["definition"]["reason"], never_sent["permission"]) == ("withdrew consent", "")
    assert never_sent["definition"]["accounts"] == [{"type": "criteo", "account_id": "12345"}]
    shop.people([*mail(*range(15)), *never(3, 4)])
    shop.run("sync")
    one = outcomes(shop)["loyal"]
    assert one["counts"] == {"email": {"added": 0, "removed": 7, "suppressed": 2}}
    assert "    email       +0 -7, 2 of them because suppressions name them" in details(shop, 2)
    assert outcomes(shop)["suppression no-consent"]["definition"] is None


def test_an_audience_that_is_only_withdrawn_from_says_that_all_of_it_was_suppressed(shop: Shop) -> None:
    shop.people(mail(1, 2, 3))
    shop.activation()
    shop.activation("other")
    suppression(shop)
    shop.apply()
    shop.people([*mail(1, 2, 3), *never(3)])
    shop.run("sync", "--select", "other")
    one = outcomes(shop)["loyal"]
    assert (one["action"], one["counts"]) == ("suppress", {"email": {"added": 0, "removed": 1, "suppressed": 1}})


def test_what_let_a_suppression_take_effect_is_said(shop: Shop) -> None:
    shop.people([*mail(*range(10)), *never(1, 2)])
    shop.activation()
    suppression(shop, guardrails={"max_removed": "10%"})
    shop.remove("activations/no-consent.yaml")
    shop.apply()
    suppression(shop, guardrails={"max_removed": "10%"})
    shop.apply(code=4)
    assert outcomes(shop)["suppression no-consent"]["outcome"] == "blocked"
    shop.apply("--allow-suppression", "no-consent")
    assert outcomes(shop)["suppression no-consent"]["permission"] == "--allow-suppression no-consent"
    assert "let pass by --allow-suppression no-consent" in details(shop, 3)


def test_what_let_audiences_be_made_again_is_said(shop: Shop, sandbox: Sandbox) -> None:
    shop.activation()
    shop.activation("other")
    shop.apply()
    for segment in sandbox.segments():
        sandbox.delete_segment(segment.id)
    shop.apply("--allow-recreate", "12345")
    assert {one["permission"] for one in outcomes(shop).values()} == {"--allow-recreate 12345"}


def test_a_deletion_says_what_left_by_type(shop: Shop) -> None:
    people = [Person(mail(1)[0].email, "6d92078a-8246-4ba4-ae5b-76104861e7d1"), *mail(2)]
    shop.people(people)
    shop.activation(mapping={"email": "email", "mobile_ad_id": "idfa"})
    shop.activation("stays")
    shop.apply()
    shop.remove("activations/loyal.yaml")
    shop.apply("--prune")
    counts = outcomes(shop)["loyal"]["counts"]
    assert counts == {"email": {"added": 0, "removed": 2}, "mobile_ad_id": {"added": 0, "removed": 1}}


def test_one_run_is_shown_with_who_ran_it_where_from_what_and_by_which_plan(shop: Shop) -> None:
    shop.activation()
    plan_id = shop.run("plan", "--format", "json").json["plan_id"]
    shop.run("apply", "--yes", **GITHUB)
    shown = details(shop, 1)
    for line in (
        "    by          ann@",
        "    job         audiences / apply\n                https://github.com/shop/audiences/actions/runs/7\n",
        f"    commit      {'f' * 40}\n",
        f"    plan        {plan_id}\n",
        "    segments    1 segment in ",
    ):
        assert line in shown, shown
    assert [one["id"] for one in runs(shop, "--run", "1")] == [1]


def test_a_run_that_is_not_there_is_refused_with_those_that_are(shop: Shop) -> None:
    shop.activation()
    assert "there has been none yet" in shop.run("history", "--run", "1", code=64).err
    shop.apply()
    refused = shop.run("history", "--run", "7", code=64).err
    assert "the state has no run 7, or keeps it no longer" in refused
    assert "the newest is 1" in refused


@pytest.mark.parametrize("days", [0, 3651, 1.5, "90d"])
def test_days_that_are_none_are_a_finding(shop: Shop, days: object) -> None:
    shop.activation()
    shop.write("activations/project.yaml", json.dumps({"kind": "Project", "history": {"days": days}}))
    found = shop.run("validate", code=3)
    assert "must be a whole number of days from 1 to 3650" in found.out + found.err


@pytest.mark.slow
def test_past_runs_are_kept_for_as_long_as_the_project_says_and_no_longer(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.write("activations/project.yaml", json.dumps({"kind": "Project", "history": {"days": 2}}))
    shop.activation(guardrails={"max_removed": None})
    shop.run("apply", "--yes", **GITHUB)
    shop.people(mail(1, 2, 3, 4))
    shop.run("sync", **GITHUB)
    for day in range(1, 30):
        minutes_pass(monkeypatch, day * DAY)
        shop.people(mail(1, 2, 3, 4, day + 10))
        shop.run("sync")
    everything = {run["id"]: run for run in runs(shop, "--limit", "1000")}
    assert sorted(everything) == list(range(1, 32))
    first, second, last = everything[1], everything[2], everything[31]
    assert (last["whole"], second["whole"], first["whole"]) == (True, False, False)
    # Of members that are still there, when and by which query is known for good, and who approved it.
    assert (second["command"], second["activations"], second["user"]) == ("sync", [], "")
    assert (first["user"], first["commit"], bool(first["plan_id"])) == ("ann", "f" * 40, True)
    assert first["activations"][0]["definition"]["sql"] == LOYAL
    assert "not all of it is kept any more" in details(shop, 2)
