"""The way back from a lost state: every audience is taken over by its name, with one command that can be cut off."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest
from jsonschema import Draft7Validator

from runner.config.schema.json_schemas import schema_folder
from tests.end_to_end.shop import Shop, hashes, mail, minutes_pass
from tests.end_to_end.test_suppressions import never, suppression
from tests.sandbox_client import Sandbox

ACCOUNT = "12345"


def lose_the_state(shop: Shop) -> None:
    shutil.rmtree(shop.folder / ".headcount")


def imported(shop: Shop, *options: str, code: int | None = 0) -> dict[str, Any]:
    document = shop.run("import", "--all", "--yes", "--format", "json", *options, code=code).json
    Draft7Validator(json.loads((schema_folder() / "import.schema.json").read_text())).validate(document)
    return document  # type: ignore[no-any-return]


@pytest.fixture
def lost(shop: Shop) -> Shop:
    """Three audiences of which the state is lost."""
    for name in ("loyal", "lapsed", "new"):
        shop.activation(name, guardrails={"max_removed": None})
    shop.apply()
    lose_the_state(shop)
    return shop


def test_every_audience_is_taken_over_by_its_name_and_the_next_apply_fills_it(lost: Shop, sandbox: Sandbox) -> None:
    before = {segment.id for segment in sandbox.segments()}
    sandbox.forget_calls()
    shown = lost.run("import", "--all", "--yes").out
    assert (
        f'> loyal  audience {sandbox.segment("Loyal").id}, "Loyal" in criteo (account {ACCOUNT}), 3 identifiers'
        in shown
    )
    told = (
        "emptying 3 audiences and filling them again takes 6 calls: 1 minute or more at 250 calls a minute; until it is"
    )
    assert f"By their sizes, {told} filled, each is empty or too small" in shown
    assert "Imported 3 audiences." in shown
    assert not [call for call in sandbox.calls() if call.method in ("PATCH", "DELETE")]
    lost.people(mail(2, 3, 4))
    document = lost.run("plan", "--format", "json").json
    assert document["refills"] == {"audiences": 3, "calls": 6, "calls_a_minute": 250, "minutes": 1}
    assert told in lost.run("plan").out
    assert told in lost.run("plan", "--format", "markdown").out
    lost.apply()
    for segment in sandbox.segments():
        assert sandbox.members(segment.id, "email") == hashes(2, 3, 4)
    assert {segment.id for segment in sandbox.segments()} == before
    assert "Nothing to do" in lost.run("plan").out


def test_it_shows_what_it_would_do_and_does_nothing_without_a_yes(lost: Shop) -> None:
    refused = lost.run("import", "--all", code=64)
    assert "there is no terminal to ask for confirmation" in refused.err
    assert lost.run("status", "--format", "json").json["activations"][0]["condition"] == "not applied"


def test_what_stands_in_the_way_of_one_is_said_and_the_others_are_taken(lost: Shop, sandbox: Sandbox) -> None:
    sandbox.change_segment(sandbox.segment("Lapsed").id, read_only=True)
    sandbox.delete_segment(sandbox.segment("New").id)
    sandbox.add_segment(ACCOUNT, "New", segment_type="InMarket")
    sandbox.add_segment(ACCOUNT, "Made by hand")
    lost.activation("fresh")
    shown = lost.run("import", "--all", "--yes", code=1).out
    assert "x lapsed  not taken over: Criteo marks audience" in shown
    assert "x new  not taken over: segment" in shown
    assert "of type InMarket" in shown
    assert '+ fresh  no audience is called "Fresh": `headcount apply` makes it' in shown
    assert f'? 1 audience of account {ACCOUNT} left alone, by no activation\'s name: "Made by hand"' in shown
    assert "Imported 1 audience." in shown
    again = imported(lost, code=1)
    assert (again["ours"], again["new"], again["audiences"]) == (["loyal"], ["fresh"], [])
    assert [one["name"] for one in again["left_alone"]] == ["Made by hand"]


def test_a_run_that_is_cut_off_is_gone_on_with(lost: Shop, sandbox: Sandbox) -> None:
    first = imported(lost, "--select", "lapsed")
    assert [one["activation"] for one in first["audiences"]] == ["lapsed"]
    rest = imported(lost)
    assert [one["activation"] for one in rest["audiences"]] == ["loyal", "new"]
    assert rest["ours"] == ["lapsed"]
    assert imported(lost)["audiences"] == []


def test_a_name_that_two_activations_swapped_goes_to_the_one_that_has_it_now(lost: Shop, sandbox: Sandbox) -> None:
    lost.activation("loyal", name="Lapsed")
    lost.activation("lapsed", name="Loyal")
    done = {one["activation"]: one["audience_id"] for one in imported(lost)["audiences"]}
    assert done["loyal"] == sandbox.segment("Lapsed").id
    assert done["lapsed"] == sandbox.segment("Loyal").id


def test_one_name_in_two_accounts_is_two_audiences(shop: Shop, sandbox: Sandbox) -> None:
    other = (shop.folder / "activations/shop.yaml").read_text().split("---")[1]
    other = other.replace("name: criteo", "name: second").replace(ACCOUNT, "67890")
    shop.write("activations/second.yaml", other)
    shop.activation("here", name="Loyal", destination="criteo")
    shop.activation("there", name="Loyal", destination="second")
    shop.apply()
    lose_the_state(shop)
    done = {one["activation"]: (one["account_id"], one["audience_id"]) for one in imported(shop)["audiences"]}
    assert done == {
        "here": (ACCOUNT, sandbox.segments(ACCOUNT)[0].id),
        "there": ("67890", sandbox.segments("67890")[0].id),
    }


def test_an_account_that_cannot_be_read_keeps_no_other_from_being_taken(lost: Shop, sandbox: Sandbox) -> None:
    other = (lost.folder / "activations/shop.yaml").read_text().split("---")[1]
    lost.write("activations/second.yaml", other.replace("name: criteo", "name: second").replace(ACCOUNT, "99999"))
    for name in ("loyal", "lapsed", "new"):
        lost.activation(name, destination="criteo", guardrails={"max_removed": None})
    lost.activation("there", destination="second")
    done = imported(lost, code=1)
    assert len(done["audiences"]) == 3
    assert [one["activation"] for one in done["refused"]] == ["there"]


def test_people_who_are_suppressed_or_held_out_are_not_filled_in_again(shop: Shop, sandbox: Sandbox) -> None:
    shop.people([*mail(*range(20)), *never(3, 4)])
    shop.activation(
        sql="select email, email as id from shop.people where kind = 'all'",
        holdout={"share": "50%", "by": "id", "name": "q4"},
        guardrails={"max_removed": None},
    )
    suppression(shop)
    shop.apply()
    before = sandbox.members(sandbox.segment("Loyal").id, "email")
    lose_the_state(shop)
    imported(shop)
    shop.apply()
    assert sandbox.members(sandbox.segment("Loyal").id, "email") == before


def test_fifty_audiences_come_back_with_one_command(shop: Shop, sandbox: Sandbox) -> None:
    for number in range(50):
        sandbox.add_segment(ACCOUNT, f"Audience {number}")
    segment = {"kind": "Segment", "name": "everyone", "sql": "select email from shop.people"}
    shop.write("activations/everyone.yaml", json.dumps(segment))
    shop.write(
        "activations/many.yaml",
        "kind: Activation\nfor_each: {number: [" + ", ".join(map(str, range(50))) + "]}\n"
        "id: a-{{ each.number }}\nname: Audience {{ each.number }}\nsegment: everyone\n",
    )
    done = imported(shop)
    assert sum(one["imported"] for one in done["audiences"]) == 50
    assert done["cost"]["calls"] == 100


def test_a_dated_name_is_said_to_be_one(shop: Shop, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.activation(name="Loyal {{ today }}")
    shop.apply()
    lose_the_state(shop)
    minutes_pass(monkeypatch, 24 * 60)
    assert (
        "its name changes with the day: an older one is taken over by its id"
        in shop.run("import", "--all", "--yes").out
    )


def test_an_audience_that_took_the_place_of_one_that_is_gone_is_taken_over(lost: Shop, sandbox: Sandbox) -> None:
    imported(lost)
    sandbox.delete_segment(sandbox.segment("Loyal").id)
    made = sandbox.add_segment(ACCOUNT, "Loyal")
    done = imported(lost)
    assert [(one["activation"], one["audience_id"]) for one in done["audiences"]] == [("loyal", made.id)]
    rows = {row["activation"]: row["audience_id"] for row in lost.run("status", "--format", "json").json["activations"]}
    assert rows["loyal"] == made.id


def test_the_history_says_who_took_over_what_and_nothing_is_due_because_of_it(lost: Shop) -> None:
    imported(lost)
    (run,) = lost.run("history", "--format", "json").json["runs"]
    assert (run["command"], len(run["activations"])) == ("import", 3)
    assert run["activations"][0]["detail"].endswith('called "Lapsed", is kept by Headcount from now on')
    assert "+ lapsed  import  audience " in lost.run("history").out
    rows = lost.run("status", "--format", "json").json["activations"]
    assert {(row["condition"], row["last_run"], row["last_good"]) for row in rows} == {("imported", None, None)}
    assert "imported: it is cleared and refilled" in lost.run("sync", code=7).out


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((), "it is not said which audience is taken over"),
        (("loyal",), "it is not said which audience is taken over"),
        (("loyal", "--all", "--yes"), "--all cannot be given with an activation's id"),
        (("loyal", "1", "--select", "loyal"), "--select and --exclude go with --all only"),
        (("--all", "--yes", "--select", "loyl"), "loyl"),
    ],
)
def test_what_is_not_meant_is_refused(lost: Shop, arguments: tuple[str, ...], why: str) -> None:
    assert why in lost.run("import", *arguments, code=64).err
