"""Saved plans: applied exactly as they were reviewed, or refused as stale."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from runner.config import schema_folder
from tests.end_to_end.shop import Result, Shop, hashes, mail, minutes_pass
from tests.end_to_end.test_promises import wait_until
from tests.sandbox_client import Sandbox


def saved(shop: Shop, *arguments: str, code: int = 0) -> dict[str, Any]:
    """Plan, save it as `p.json`, and give what was written."""
    shop.run("plan", "--out", "p.json", *arguments, code=code)
    document: dict[str, Any] = json.loads((shop.folder / "p.json").read_text())
    return document


def plan_id(shop: Shop, *arguments: str) -> str:
    return str(shop.run("plan", "--format", "json", *arguments, code=None).json["plan_id"])


def written(sandbox: Sandbox) -> list[str]:
    """The calls that change something."""
    calls = [call for call in sandbox.calls() if call.method != "GET"]
    return [f"{call.method} {call.path}" for call in calls if "search" not in call.path and "oauth" not in call.path]


def members(sandbox: Sandbox, name: str = "Loyal") -> set[str]:
    segment = next(segment for segment in sandbox.segments() if segment.name == name)
    return set(sandbox.members(segment.id, "email"))


def refused(shop: Shop, sandbox: Sandbox, *arguments: str, code: int = 6) -> Result:
    """Apply, which must be refused and send nothing."""
    sandbox.forget_calls()
    result = shop.run("apply", "--yes", *arguments, code=code)
    assert written(sandbox) == []
    return result


class TestTheFile:
    def test_it_matches_its_schema_and_shows_the_id_that_every_format_shows(self, shop: Shop) -> None:
        shop.activation()
        document = saved(shop)
        schema = json.loads((schema_folder() / "saved-plan.schema.json").read_text())
        jsonschema.Draft7Validator(schema).validate(document)
        shown = document["plan_id"]
        assert shop.run("plan").out.rstrip().endswith(f"Plan: 1 to create.  id {shown}")
        assert shop.run("plan", "-q").out == f"Plan: 1 to create.  id {shown}\n"
        assert f"plan {shown}," in shop.run("plan", "--format", "markdown").out
        assert plan_id(shop) == shown

    def test_it_holds_no_identifier_no_secret_and_no_variable(self, shop: Shop, sandbox: Sandbox) -> None:
        shop.environment["CRITEO_CLIENT_SECRET"] = "sandbox"
        shop.activation(sql="select email, idfa from shop.people where kind <> '{{ var('kind') }}'")
        saved(shop, "--var", "kind=canary")
        text = (shop.folder / "p.json").read_text()
        assert "canary" not in text
        assert not [value for value in (*hashes(1, 2, 3), "person-1", "sandbox") if value in text]

    def test_it_replaces_a_plan_and_nothing_else(self, shop: Shop) -> None:
        shop.activation()
        assert saved(shop) != {}
        shop.activation(name="Other")
        assert saved(shop)["plan"]["changes"][0]["name"] == "Other"
        for path in ("activations/loyal.yaml", "data/people.csv"):
            before = Path(shop.folder / path).read_text()
            assert "is no saved plan" in shop.run("plan", "--out", path, code=64).err
            assert Path(shop.folder / path).read_text() == before
        assert "there is no folder nowhere" in shop.run("plan", "--out", "nowhere/p.json", code=64).err
        assert sorted(path.name for path in shop.folder.glob(".draft-*")) == []

    def test_one_that_is_broken_changed_or_newer_is_refused(self, shop: Shop, sandbox: Sandbox) -> None:
        shop.activation()
        document = saved(shop)
        path = shop.folder / "p.json"
        cases = {
            "": "it is not JSON",
            json.dumps(document)[:-20]: "it is not JSON",
            "[" * 100_000: "it is not JSON",
            "[]": "is no saved plan",
            shop.run("plan", "--format", "json").out: "is no saved plan",
            json.dumps({**document, "format_version": 2}): "newer Headcount (format 2; this one reads up to 1)",
            json.dumps({**document, "options": {}}): "damaged plan: options",
            json.dumps({**document, "plan": {**document["plan"], "changes": []}}): "damaged plan: not every change has",
            json.dumps(
                {**document, "options": {**document["options"], "prune": True}}
            ): "was changed after it was made",
        }
        for text, message in cases.items():
            path.write_text(text)
            assert message in refused(shop, sandbox, "p.json", code=64).err
        assert "No such file" in refused(shop, sandbox, "other.json", code=64).err

    def test_another_projects_plan_is_stale(self, shop: Shop, sandbox: Sandbox) -> None:
        shop.activation("theirs")
        saved(shop)
        shop.remove("activations/theirs.yaml")
        shop.activation("ours")
        told = refused(shop, sandbox, "p.json").err
        assert "theirs: planned create, now no longer there" in told
        assert "ours: planned not in the plan, now create" in told


class TestTheId:
    def test_it_is_the_same_whatever_the_members_and_the_day(self, shop: Shop) -> None:
        shop.activation(name="Loyal {{ today }}")
        before = plan_id(shop, "--today", "2026-11-24")
        shop.people(mail(5, 6))
        assert plan_id(shop, "--today", "2026-11-25") == before
        shop.apply("--today", "2026-11-24")
        before = plan_id(shop, "--today", "2026-11-24")
        shop.people(mail(5, 6, 7))
        assert plan_id(shop, "--today", "2026-11-24") == before
        shop.run("sync", "--today", "2026-11-25")
        assert plan_id(shop, "--today", "2026-11-25") == before

    @pytest.mark.parametrize(
        "lines",
        [
            {"name": "Other"},
            {"description": "said"},
            {"sql": "select email, idfa from shop.people where kind = 'all'"},
            {"mapping": {"mobile_ad_id": "idfa"}},
            {"guardrails": {"max_removed": "50%"}},
            {"guardrails": {"min_members": 1}},
            {"protect": True},
        ],
        ids=lambda lines: " ".join(lines),
    )
    def test_it_is_another_when_a_definition_is(self, shop: Shop, lines: dict[str, Any]) -> None:
        shop.activation()
        before = plan_id(shop)
        shop.activation(**lines)
        assert plan_id(shop) != before

    def test_it_is_another_when_something_else_is_asked_for(self, shop: Shop) -> None:
        shop.activation()
        ids = {plan_id(shop, *options) for options in
               ((), ("--prune",), ("--allow-removals", "loyal"), ("--select", "loyal"))}  # fmt: skip
        assert len(ids) == 4
        assert plan_id(shop, "--select", "loyal", "--select", "l*") == plan_id(
            shop, "--select", "l*", "--select", "loyal"
        )


class TestApply:
    def test_it_carries_out_what_was_reviewed_with_the_members_of_now(self, shop: Shop, sandbox: Sandbox) -> None:
        shop.activation()
        saved(shop)
        shop.people(mail(1, 2, 3, 4))
        shop.apply("p.json")
        assert members(sandbox) == hashes(1, 2, 3, 4)
        assert shop.plan()["loyal"]["action"] == "unchanged"

    def test_it_does_the_same_by_id(self, shop: Shop, sandbox: Sandbox) -> None:
        shop.activation()
        shop.apply("--plan-id", plan_id(shop, "--select", "loyal"), "--select", "loyal")
        assert members(sandbox) == hashes(1, 2, 3)

    def test_it_brings_its_own_options(self, shop: Shop, sandbox: Sandbox) -> None:
        shop.activation("old")
        shop.activation("other")
        shop.apply()
        shop.remove("activations/old.yaml")
        shop.people([])
        saved(shop, "--prune", "--allow-removals", "other")
        for option in (("--prune",), ("--select", "old"), ("--allow-removals", "other")):
            assert "which has its own" in refused(shop, sandbox, "p.json", *option, code=64).err
        shop.apply("p.json")
        assert [segment.name for segment in sandbox.segments()] == ["Other"]
        assert members(sandbox, "Other") == set()

    def test_it_wants_the_same_variables_again(self, shop: Shop, sandbox: Sandbox) -> None:
        shop.activation(
            sql="select email, idfa from shop.people where kind = '{{ var('kind', 'all') }}' {{ var('x', '') }}"
        )
        saved(shop, "--var", "kind=all")
        assert "was made with --var kind=..." in refused(shop, sandbox, "p.json", code=64).err
        assert (
            "was made without --var x"
            in refused(shop, sandbox, "p.json", "--var", "kind=all", "--var", "x=1", code=64).err
        )
        assert (
            "loyal: the SQL in the files is not what it was when the plan was made"
            in refused(shop, sandbox, "p.json", "--var", "kind=canary").err
        )
        shop.apply("p.json", "--var", "kind=all")
        assert members(sandbox) == hashes(1, 2, 3)

    def test_it_asks_as_apply_does(self, shop: Shop, sandbox: Sandbox) -> None:
        shop.activation()
        saved(shop)
        assert "no terminal to ask" in shop.run("apply", "p.json", code=64).err
        assert sandbox.segments() == ()

    def test_an_id_next_to_a_file_binds_it_to_what_was_reviewed(self, shop: Shop, sandbox: Sandbox) -> None:
        shop.activation()
        shown = saved(shop)["plan_id"]
        shop.activation(name="Other")
        saved(shop)
        told = refused(shop, sandbox, "p.json", "--plan-id", shown, code=64).err
        assert f"p.json is the plan {plan_id(shop)}, not {shown}" in told
        assert "is no plan's id" in shop.apply("p.json", "--plan-id", "latest", code=64).err
        shop.apply("p.json", "--plan-id", plan_id(shop))
        assert [segment.name for segment in sandbox.segments()] == ["Other"]

    def test_what_is_no_plain_file_is_refused_at_once(self, shop: Shop, sandbox: Sandbox) -> None:
        shop.activation()
        os.mkfifo(shop.folder / "pipe")
        for path in ("pipe", "/dev/zero", "activations"):
            assert "it is no regular file" in refused(shop, sandbox, path, code=64).err
        with (shop.folder / "long.json").open("wb") as file:
            file.truncate(10**12)
        assert "it has more than 33,554,432 bytes" in refused(shop, sandbox, "long.json", code=64).err
        shop.write("deep.json", '{"kind": "saved-plan", "x": ' + "[" * 500 + "]" * 500 + "}")
        assert "nested more than 32 levels deep" in refused(shop, sandbox, "deep.json", code=64).err

    def test_doing_it_again_does_nothing_more(self, shop: Shop, sandbox: Sandbox) -> None:
        shop.activation()
        shop.activation("gone")
        shop.apply("--select", "gone")
        shop.remove("activations/gone.yaml")
        saved(shop, "--prune")
        shop.apply("p.json")
        sandbox.forget_calls()
        shop.apply("p.json")
        assert written(sandbox) == []


def change_by_hand(shop: Shop, sandbox: Sandbox) -> None:
    sandbox.change_segment(sandbox.segments()[0].id, name="Theirs")


def delete_by_hand(shop: Shop, sandbox: Sandbox) -> None:
    sandbox.delete_segment(sandbox.segments()[0].id)


def add_one(shop: Shop, sandbox: Sandbox) -> None:
    shop.activation("another")


def remove_it(shop: Shop, sandbox: Sandbox) -> None:
    shop.remove("activations/loyal.yaml")


def redefine(shop: Shop, sandbox: Sandbox) -> None:
    shop.activation(name="New", guardrails={"max_removed": 7})


def apply_another(shop: Shop, sandbox: Sandbox) -> None:
    shop.activation(name="Different")
    shop.apply()
    shop.activation(name="New")


STALE: dict[Callable[[Shop, Sandbox], None], str] = {
    change_by_hand: 'loyal live name: planned "Loyal", now "Theirs"',
    delete_by_hand: 'loyal live: planned "1", now "none"',
    add_one: "another: planned not in the plan, now create",
    remove_it: "loyal declared: planned",
    redefine: 'loyal declared guardrails.max_removed: planned "30% (built-in)", now "7"',
    apply_another: 'loyal applied name: planned "Loyal", now "Different"',
}


class TestStale:
    @pytest.mark.parametrize("meanwhile", STALE, ids=lambda meanwhile: meanwhile.__name__)
    def test_what_differs_is_shown_and_nothing_is_sent(
        self, shop: Shop, sandbox: Sandbox, meanwhile: Callable[[Shop, Sandbox], None]
    ) -> None:
        shop.activation()
        shop.apply()
        shop.activation(name="New")
        shown = saved(shop)["plan_id"]
        meanwhile(shop, sandbox)
        result = refused(shop, sandbox, "p.json")
        assert f"error: plan {shown} is stale" in result.err
        assert STALE[meanwhile].replace('"1"', f'"{saved_audience(shop)}"') in result.err
        assert result.out == ""
        by_id = refused(shop, sandbox, "--plan-id", shown)
        assert f"error: plan {shown} is stale" in by_id.err
        assert by_id.out.rstrip().endswith(f"id {plan_id(shop)}")
        assert "Traceback" not in refused(shop, sandbox, "p.json", "--format", "json").err

    def test_sql_that_changed_is_shown_by_its_lines(self, shop: Shop, sandbox: Sandbox) -> None:
        shop.activation(sql="select email from shop.people")
        shop.apply()
        shop.activation(sql="select email from shop.people where kind = 'all'")
        saved(shop)
        shop.activation(sql="select email from shop.people where kind is not null")
        told = refused(shop, sandbox, "p.json").err.splitlines()
        assert told[-5:] == [
            "  loyal: the SQL in the files is not what it was when the plan was made",
            "    it differs from what was applied in",
            "    | -select email from shop.people",
            "    | +select email from shop.people where kind is not null",
            "  -> make a new plan and have it reviewed",
        ]

    def test_a_conflict_that_was_resolved_makes_it_stale(self, shop: Shop, sandbox: Sandbox) -> None:
        theirs = sandbox.add_segment("12345", "Loyal")
        shop.activation()
        saved(shop, code=1)
        sandbox.delete_segment(theirs.id)
        assert "loyal holder" in refused(shop, sandbox, "p.json").err

    def test_a_selection_that_means_nothing_any_more_makes_it_stale(self, shop: Shop, sandbox: Sandbox) -> None:
        shop.activation()
        shop.activation("other")
        saved(shop, "--select", "loyal")
        shop.remove("activations/loyal.yaml")
        assert "matches no activation" in refused(shop, sandbox, "p.json").err


def saved_audience(shop: Shop) -> str:
    document = json.loads((shop.folder / "p.json").read_text())
    return str(document["audiences"][0]["live"]["audience"])


@pytest.mark.slow
class TestCutOff:
    """A run that dies is finished by the same command, wherever it died."""

    @pytest.mark.parametrize("effect", [False, True], ids=["not taken", "taken"])
    @pytest.mark.parametrize(
        ("path", "nth"),
        [("delete", 1), ("audience-segments", 2), ("audience-segments", 3), ("create", 1), ("contact-list", 1),
         ("contact-list", 3)],
    )  # fmt: skip
    def test_the_same_plan_finishes_it(
        self, shop: Shop, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, path: str, nth: int, effect: bool
    ) -> None:
        shop.activation("gone", name="Gone")
        shop.activation("one", name="One")
        shop.activation("two", name="Two")
        shop.apply()
        shop.remove("activations/gone.yaml")
        shop.activation("one", name="Two", description="was One")
        shop.activation("two", name="One")
        shop.activation("new", name="New {{ today }}")
        shop.people(mail(2, 3, 4, 5))
        saved(shop, "--prune", "--today", "2026-11-24")
        die_during(shop, sandbox, path, nth, effect, "p.json", "--yes", "--today", "2026-11-24")
        shop.run("apply", "p.json", "--yes", "--today", "2026-11-25")
        assert {segment.name for segment in sandbox.segments()} == {"One", "Two", "New 2026-11-25"}
        for segment in sandbox.segments():
            assert sandbox.members(segment.id, "email") == hashes(2, 3, 4, 5)
        # What the dead run sent without an answer stays in doubt for five minutes.
        minutes_pass(monkeypatch, 6)
        shop.run("apply", "--yes", "--today", "2026-11-25")
        for segment in sandbox.segments():
            assert sandbox.members(segment.id, "email") == hashes(2, 3, 4, 5)
        assert {change["action"] for change in shop.plan("--today", "2026-11-25").values()} == {"unchanged"}


def die_during(shop: Shop, sandbox: Sandbox, path: str, nth: int, effect: bool, *arguments: str) -> None:
    """Start apply and kill it with SIGKILL while its nth call of that path has no answer yet."""
    sandbox.forget_calls()
    sandbox.fault("slow" if effect else "drop-before", path=path, skip=nth - 1, times=None, seconds=60)
    with shop.start("apply", *arguments) as process:
        wait_until(lambda: len([call for call in sandbox.calls() if path in call.path]) >= nth)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    sandbox.clear_faults()


class TestMembers:
    def crowd(self, shop: Shop, *options: str) -> None:
        shop.people(mail(*range(100)))
        shop.activation(guardrails={"max_removed": "30%"})
        shop.apply()

    def test_what_was_blocked_stays_blocked(self, shop: Shop, sandbox: Sandbox) -> None:
        self.crowd(shop)
        shop.people(mail(1))
        saved(shop, code=4)
        shop.people(mail(*range(99)))
        result = refused(shop, sandbox, "p.json", code=4)
        assert "reviewed_plan: in the reviewed plan it was blocked" in result.out
        assert "make a new plan and have it reviewed, if this is meant" in result.out

    def test_what_failed_stays_undone(self, shop: Shop, sandbox: Sandbox) -> None:
        self.crowd(shop)
        people = (shop.folder / "data/people.csv").read_text()
        shop.remove("data/people.csv")
        saved(shop, code=1)
        shop.write("data/people.csv", people + "person-200@shop.example,,all\n")
        assert "in the reviewed plan it was failed" in refused(shop, sandbox, "p.json", code=4).out

    def test_removals_that_were_announced_may_grow_by_the_limit_and_no_more(self, shop: Shop, sandbox: Sandbox) -> None:
        self.crowd(shop)
        shop.people(mail(*range(60)))
        saved(shop, "--allow-removals", "loyal")
        shop.people(mail(*range(29)))
        told = refused(shop, sandbox, "p.json", code=4).out
        assert "31 email more would be removed than the reviewed plan announced (31.0% of 100), more than 30%" in told
        shop.people(mail(*range(30)))
        shop.apply("p.json")
        assert members(sandbox) == hashes(*range(30))

    def test_nobody_left_must_have_been_announced(self, shop: Shop, sandbox: Sandbox) -> None:
        self.crowd(shop)
        shop.people(mail(1))
        saved(shop, "--allow-removals", "loyal")
        shop.people([])
        assert "the segment has no email any more" in refused(shop, sandbox, "p.json", code=4).out

    def test_guardrails_are_judged_anew(self, shop: Shop, sandbox: Sandbox) -> None:
        self.crowd(shop)
        shop.people(mail(*range(90)))
        shown = saved(shop)["plan_id"]
        shop.people(mail(*range(10)))
        for which in (("p.json",), ("--plan-id", shown)):
            assert "max_removed: 90 of 100 email" in refused(shop, sandbox, *which, code=4).out
