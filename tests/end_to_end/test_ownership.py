"""Whose audience is it: nothing is adopted, deleted or given up that is not certainly ours."""

from __future__ import annotations

import json
import os
import signal
import time
from typing import Any

import pytest

from runner.core.destination import LiveAudience
from runner.core.errors import AnswerLost
from runner.core.identifiers import Operation
from runner.destinations.criteo.connect import connect
from runner.destinations.criteo.marketing_solutions import MarketingSolutions
from tests.builders import EMAIL, SANDBOX, destination
from tests.end_to_end.shop import Shop, hashes, mail
from tests.end_to_end.test_promises import wait_until
from tests.sandbox_client import Sandbox


def by_hand(sandbox: Sandbox, name: str, *people: int) -> str:
    """Somebody makes an audience with members, without Headcount."""
    connection = connect(destination(credentials=SANDBOX), environ={"CRITEO_API_URL": sandbox.url})
    made = connection.create(name, "", (EMAIL,))
    connection.send(made.id, Operation.ADD, EMAIL, sorted(hashes(*people)))
    return made.id


def names(sandbox: Sandbox) -> dict[str, str]:
    return {segment.name: segment.id for segment in sandbox.segments()}


class TestARefusedCreateLeavesNoClaim:
    """A create that Criteo refused had no effect: the intent must go, for it lays claim to what others make."""

    @pytest.mark.parametrize("fault", ["400", "403", "reject"])
    def test_a_later_audience_of_that_name_is_a_conflict(self, shop: Shop, sandbox: Sandbox, fault: str) -> None:
        shop.activation()
        sandbox.fault(fault, path="audience-segments/create", times=None)
        shop.apply(code=1)
        sandbox.clear_faults()
        segment = by_hand(sandbox, "Loyal", 7, 8)
        change = shop.plan(code=None)["loyal"]
        shop.apply(code=None)
        left = sandbox.members(segment, "email")
        assert (change["action"], left) == ("conflict", hashes(7, 8)), f"adopted: {change['action']} {len(left)}"

    def test_prune_does_not_delete_what_somebody_else_made(self, shop: Shop, sandbox: Sandbox) -> None:
        shop.activation()
        shop.activation("other")
        sandbox.fault("403", path="audience-segments/create", times=1)
        shop.apply(code=1)
        shop.remove("activations/loyal.yaml")
        by_hand(sandbox, "Loyal", 7, 8)
        shop.apply("--prune", code=None)
        assert "Loyal" in names(sandbox), "an audience that Headcount never made was deleted"

    def test_an_activation_that_is_gone_leaves_nothing_in_status(self, shop: Shop, sandbox: Sandbox) -> None:
        shop.activation()
        shop.activation("other")
        sandbox.fault("403", path="audience-segments/create", times=1)
        shop.apply(code=1)
        shop.remove("activations/loyal.yaml")
        shop.apply("--prune")
        rows = shop.run("status", "--format", "json").json["activations"]
        assert [row["activation"] for row in rows] == ["other"]


class TestAConflictsHintWorks:
    def test_after_the_audience_was_deleted_and_made_again_by_hand(self, shop: Shop, sandbox: Sandbox) -> None:
        shop.activation()
        shop.apply()
        sandbox.delete_segment(names(sandbox)["Loyal"])
        segment = by_hand(sandbox, "Loyal", 7, 8)
        change = shop.plan(code=1)["loyal"]
        assert f"headcount import loyal {segment}" in change["hint"]
        shop.run("import", "loyal", segment)

    def test_after_a_create_that_did_not_succeed(self, shop: Shop, sandbox: Sandbox) -> None:
        segment = by_hand(sandbox, "Taken", 7, 8)
        shop.activation()
        sandbox.fault("drop-before", path="audience-segments/create", times=None)
        shop.apply(code=1)
        sandbox.clear_faults()
        shop.activation(name="Taken")
        change = shop.plan(code=1)["loyal"]
        assert f"headcount import loyal {segment}" in change["hint"]
        shop.run("import", "loyal", segment)


class TestApplyDoesWhatPlanSaid:
    def test_prune_of_other_activations_frees_no_name(self, shop: Shop, sandbox: Sandbox) -> None:
        shop.activation("old", name="Shared")
        shop.activation("keep")
        shop.apply()
        shop.remove("activations/old.yaml")
        shop.activation("new", name="Shared")
        arguments = ("--select", "new", "--prune")
        change = shop.plan(*arguments, code=None)["new"]
        result = shop.apply(*arguments, code=None)
        assert change["action"] == "conflict" or result.code == 0, f"plan: {change['action']}, apply: {result.out}"

    def test_a_blocked_activation_gives_up_no_name(self, shop: Shop, sandbox: Sandbox) -> None:
        shop.activation("a", name="One")
        shop.activation("b", name="Two", sql="select email from shop.people where kind = 'all'")
        shop.apply()
        shop.people([type(person)(person.email, "", "new") for person in mail(1, 2, 3)])  # b is empty now: blocked
        shop.activation("a", name="Two")
        shop.activation("b", name="Three", sql="select email from shop.people where kind = 'all'")
        plan = shop.plan(code=1)
        result = shop.apply(code=None)
        assert plan["a"]["action"] == "conflict" or result.code == 4, f"plan: a {plan['a']['action']}\n{result.out}"

    def test_a_failed_activation_gives_up_no_name_to_a_create(self, shop: Shop, sandbox: Sandbox) -> None:
        shop.activation("b", name="Two")
        shop.apply()
        shop.activation("b", name="Three", sql="select email from shop.people where error('x')::int = 1")
        shop.activation("a", name="Two")
        plan = shop.plan(code=1)
        result = shop.apply(code=None)
        assert plan["a"]["action"] == "conflict" or "1 done" in result.out, (
            f"plan: a {plan['a']['action']}\n{result.out}"
        )


class TestWhatCannotBeReadIsTold:
    def test_an_orphan_in_an_account_that_does_not_answer(self, shop: Shop, sandbox: Sandbox) -> None:
        shop.write("activations/two.yaml", SECOND)
        shop.activation("here", destination="criteo")
        shop.activation("there", destination="second")
        shop.apply()
        shop.remove("activations/there.yaml")
        sandbox.consent("sandbox", ["12345"])
        plan = shop.plan("--prune", code=None)
        result = shop.apply("--prune", code=None)
        assert plan["there"]["action"] == "failed"
        assert result.code == 1


SECOND = """\
kind: Destination
name: second
type: criteo
advertiser_id: "67890"
credentials:
  client_id: "{{ env('CRITEO_CLIENT_ID') }}"
  client_secret: "{{ env('CRITEO_CLIENT_SECRET') }}"
defaults:
  mapping: {email: email}
"""


@pytest.mark.parametrize("seconds", [0, 10])
def test_a_list_that_misses_an_audience_once_costs_nothing(
    shop: Shop, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, seconds: int
) -> None:
    """Criteo's search lags or fails to show an audience once: the record must outlive a re-create that failed."""
    shop.activation()
    shop.apply()
    segment = names(sandbox)["Loyal"]
    sandbox.advance(seconds)
    with monkeypatch.context() as patch:
        patch.setattr(MarketingSolutions, "audiences", lambda self: ())
        shop.apply(code=1)
    shop.people(mail(1, 2))
    result = shop.apply("--allow-removals", "loyal", code=None)
    assert (result.code, sandbox.members(segment, "email")) == (0, hashes(1, 2)), result.out


def test_import_succeeds_or_fails_but_not_both(shop: Shop, sandbox: Sandbox) -> None:
    segment = by_hand(sandbox, "Loyal", 7, 8)
    shop.activation()
    sandbox.fault("403", path="statistics", times=None)
    first = shop.run("import", "loyal", segment, code=None)
    sandbox.clear_faults()
    assert first.code == 0 or shop.run("import", "loyal", segment, code=None).code == 0, first.err


def test_a_moved_activations_standing_is_not_its_orphans(shop: Shop, sandbox: Sandbox) -> None:
    """The outcome of deleting the orphan is not taken for the activation's own."""
    shop.write("activations/two.yaml", SECOND)
    shop.activation(schedule={"every": "6h"}, destination="criteo")
    shop.apply()
    before = shop.run("status", "--format", "json").json["activations"][0]
    shop.activation(schedule={"every": "6h"}, destination="second")
    sandbox.fault("403", path="audience-segments/create", times=None)
    shop.apply("--prune", code=1)
    (row,) = shop.run("status", "--format", "json").json["activations"]
    assert (row["last_outcome"], row["last_good"]) == ("failed", before["last_good"]), json.dumps(row, indent=1)


def test_an_imported_audience_gives_its_old_name_to_another(shop: Shop, sandbox: Sandbox) -> None:
    segment = by_hand(sandbox, "Beta", 1, 2, 3)
    shop.activation("a", name="Alpha")
    shop.activation("b", name="Beta")
    shop.run("import", "a", segment)
    plan = shop.plan(code=None)
    result = shop.apply("--allow-removals", "a", code=None)
    assert result.code == 0, (plan["a"]["action"], plan["b"]["action"], result.out)
    assert names(sandbox)["Alpha"] == segment


def test_two_ids_claim_one_lost_create(shop: Shop, sandbox: Sandbox) -> None:
    """`x`'s create never took effect; its id becomes `y`, whose create takes effect and loses its answer: --prune
    must not delete y's audience as x's."""
    shop.activation("x", name="Shared")
    sandbox.fault("drop-before", path="audience-segments/create", times=None)
    shop.apply(code=1)
    sandbox.clear_faults()
    shop.remove("activations/x.yaml")
    shop.activation("y", name="Shared")
    sandbox.fault("slow", path="audience-segments/create", times=None, seconds=60)
    with shop.start("apply", "--yes") as process:
        wait_until(lambda: sandbox.segments())
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    sandbox.clear_faults()
    plan = shop.plan("--prune", code=None)
    result = shop.apply("--prune", code=None)
    assert (plan["x"]["audience_id"], result.code) == (None, 0), result.out
    assert sandbox.members(names(sandbox)["Shared"], "email") == hashes(1, 2, 3)


def test_a_missed_audience_is_not_taken_for_an_empty_one(
    shop: Shop, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Search lags behind a create of this very second (an apply right after an apply): the re-create fails with
    name-must-be-unique, `found_again` takes the audience for its own young one, and its membership for empty:
    whoever leaves now is never removed."""
    shop.activation()
    shop.plan()  # warm up
    real, hidden = MarketingSolutions.audiences, [True]
    time.sleep(1.02 - time.time() % 1)
    shop.apply()
    (segment,) = names(sandbox).values()

    def lagging(self: MarketingSolutions) -> object:  # one search that lags
        return () if hidden and hidden.pop() else real(self)

    monkeypatch.setattr(MarketingSolutions, "audiences", lagging)
    shop.people(mail(1, 2))
    first = shop.apply("--allow-removals", "loyal", code=None)
    for _ in range(2):
        shop.apply("--allow-removals", "loyal", code=None)
    assert sandbox.members(segment, "email") == hashes(1, 2), first.out


def test_cron_sync_adopts_nothing_that_a_person_made(shop: Shop, sandbox: Sandbox) -> None:
    """`sync`, unattended, takes over somebody's audience after a create that Criteo refused."""
    shop.activation()
    sandbox.fault("403", path="audience-segments/create", times=None)
    shop.apply(code=1)
    sandbox.clear_faults()
    segment = by_hand(sandbox, "Loyal", 7, 8)
    shop.run("sync", code=None)
    assert sandbox.members(segment, "email") == hashes(7, 8)


def test_two_destinations_on_one_account_one_without_access(shop: Shop, sandbox: Sandbox) -> None:
    """The other destination's activations go on."""
    text = (shop.folder / "activations/shop.yaml").read_text().split("---\n")[1]
    shop.write(
        "activations/twin.yaml",
        text.replace("name: criteo", "name: twin").replace("CRITEO_CLIENT_SECRET", "CRITEO_OTHER_SECRET"),
    )
    shop.environment["CRITEO_OTHER_SECRET"] = "wrong"
    shop.activation("a", destination="criteo")
    shop.activation("b", destination="twin")
    result = shop.apply(code=1)
    assert "1 done" in result.out
    assert "b  failed" in result.out


def test_prune_uses_the_destination_that_works(shop: Shop, sandbox: Sandbox) -> None:
    """Two destinations reach the orphan's account; the first has bad credentials."""
    text = (shop.folder / "activations/shop.yaml").read_text().split("---\n")[1]
    shop.activation("old", destination="criteo")
    shop.activation("keep", destination="criteo")
    shop.apply()
    shop.remove("activations/old.yaml")
    shop.write(
        "activations/a-first.yaml",
        text.replace("name: criteo", "name: another").replace("CRITEO_CLIENT_SECRET", "CRITEO_OTHER_SECRET"),
    )
    shop.environment["CRITEO_OTHER_SECRET"] = "wrong"
    plan = shop.plan("--prune", code=None)
    result = shop.apply("--prune", code=None)
    assert (plan["old"]["action"], result.code) == ("delete", 0), result.out + result.err


def test_an_import_of_an_audience_another_activation_is_making(shop: Shop, sandbox: Sandbox) -> None:
    """The create of `loyal` took effect, its answer was lost; it is not free for `other`."""
    shop.activation()
    sandbox.fault("slow", path="audience-segments/create", times=None, seconds=60)
    with shop.start("apply", "--yes") as process:
        wait_until(lambda: sandbox.segments())
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    sandbox.clear_faults()
    shop.activation("other")
    segment = names(sandbox)["Loyal"]
    assert shop.run("import", "other", segment, code=None).code == 64


class TestASegmentOfAnotherType:
    """Names are unique in an account across types, and a segment by rules cannot hold members."""

    @pytest.mark.parametrize("kind", ["InMarket", "Lookalike"])
    def test_that_has_the_name_is_a_conflict(self, shop: Shop, sandbox: Sandbox, kind: str) -> None:
        other = sandbox.add_segment("12345", "Loyal", segment_type=kind)
        shop.activation()
        plan = shop.plan(code=None)["loyal"]
        assert plan["action"] == "conflict"
        assert f"type {kind} (id {other.id})" in plan["error"]
        shop.apply(code=1)
        assert [segment.id for segment in sandbox.segments()] == [other.id]

    def test_is_not_taken_over(self, shop: Shop, sandbox: Sandbox) -> None:
        other = sandbox.add_segment("12345", "In market", segment_type="InMarket")
        shop.activation()
        assert "of type InMarket" in shop.run("import", "loyal", other.id, code=64).err

    def test_in_retail_media_too(self, shop: Shop, sandbox: Sandbox) -> None:
        other = sandbox.add_retail_media_segment("555", "Loyal", segment_type="Events")
        text = (shop.folder / "activations/shop.yaml").read_text().split("---\n")[1]
        lines = [line for line in text.splitlines() if not line.startswith(("name:", "type:", "advertiser_id:"))]
        account = ["name: retail", "type: criteo-retail-media", 'account_id: "555"', 'retailer_id: "12"']
        shop.write("activations/retail.yaml", "\n".join([lines[0], *account, *lines[1:]]))
        shop.activation(destination="retail", mapping={"email": "email"})
        assert f"type Events (id {other.id})" in shop.plan(code=None)["loyal"]["error"]


class TestAnUnansweredCreate:
    """After the call was lost, somebody else makes an audience of that name and fills it."""

    @pytest.fixture
    def theirs(self, shop: Shop, sandbox: Sandbox) -> str:
        shop.activation()
        sandbox.fault("drop-before", path="audience-segments/create", times=None)
        shop.apply(code=1)
        sandbox.clear_faults()
        return by_hand(sandbox, "Loyal", 7, 8)

    def test_does_not_make_it_ours(self, shop: Shop, sandbox: Sandbox, theirs: str) -> None:
        plan = shop.plan(code=None)["loyal"]
        assert plan["action"] == "conflict"
        assert "2 identifiers: someone else made it" in plan["error"]
        shop.apply(code=1)
        shop.run("sync", code=None)
        assert sandbox.members(theirs, "email") == hashes(7, 8)

    def test_does_not_let_prune_delete_it(self, shop: Shop, sandbox: Sandbox, theirs: str) -> None:
        shop.remove("activations/loyal.yaml")
        shop.activation("other")
        result = shop.apply("--prune", code=1)
        assert "someone else made it" in result.out
        assert sandbox.members(theirs, "email") == hashes(7, 8)

    def test_leaves_it_to_be_imported(self, shop: Shop, sandbox: Sandbox, theirs: str) -> None:
        shop.run("import", "loyal", theirs)
        shop.apply("--allow-removals", "loyal")
        assert sandbox.members(theirs, "email") == hashes(1, 2, 3)

    def test_does_not_make_it_ours_in_the_same_run(
        self, shop: Shop, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shop.activation()
        real, theirs = MarketingSolutions.create, []

        def lost(self: MarketingSolutions, name: str, *rest: Any) -> LiveAudience:
            if not theirs:
                monkeypatch.setattr(MarketingSolutions, "create", real)
                theirs.append(by_hand(sandbox, "Loyal", 7, 8))
                raise AnswerLost("no answer", "")
            return real(self, name, *rest)

        monkeypatch.setattr(MarketingSolutions, "create", lost)
        shop.apply(code=1)
        assert sandbox.members(theirs[0], "email") == hashes(7, 8)
        assert shop.plan(code=None)["loyal"]["action"] == "conflict"


class TestACreateThatTakesEffectAfterItWasGivenUp:
    """An unanswered create, a change of mind, and then its audience turns up: nobody declares it, and it is ours."""

    @pytest.fixture
    def renamed(self, shop: Shop, sandbox: Sandbox) -> Shop:
        shop.activation()
        sandbox.fault("drop-before", path="audience-segments/create", times=None)
        shop.apply(code=1)
        sandbox.clear_faults()
        shop.activation(name="Faithful")
        shop.apply()
        assert set(names(sandbox)) == {"Faithful"}
        return shop

    def changes(self, shop: Shop, *arguments: str, code: int = 0) -> dict[str, str]:
        document = shop.run("plan", "--format", "json", *arguments, code=code).json
        return {change["id"]: change["action"] for change in document["changes"]}

    def test_it_is_told_and_pruned_when_nobody_has_filled_it(self, renamed: Shop, sandbox: Sandbox) -> None:
        assert self.changes(renamed, "--prune") == {"loyal": "unchanged"}
        sandbox.add_segment("12345", "Loyal")
        assert self.changes(renamed) == {"loyal": "unchanged", 'loyal as "Loyal"': "orphaned"}
        assert "made by a create that was given up" in renamed.run("plan").out
        renamed.apply()
        assert set(names(sandbox)) == {"Faithful", "Loyal"}
        renamed.run("sync")
        renamed.apply("--prune")
        assert set(names(sandbox)) == {"Faithful"}
        assert sandbox.members(names(sandbox)["Faithful"], "email") == hashes(1, 2, 3)
        assert self.changes(renamed, "--prune") == {"loyal": "unchanged"}

    def test_it_is_found_when_the_call_itself_comes_late(self, shop: Shop, sandbox: Sandbox) -> None:
        shop.activation()
        sandbox.fault("late", path="audience-segments/create", seconds=3.0)
        sandbox.fault("drop-before", path="audience-segments/create", times=2)
        shop.apply(code=1)
        shop.activation(name="Faithful")
        shop.apply()
        assert set(names(sandbox)) == {"Faithful"}
        wait_until(lambda: set(names(sandbox)) == {"Faithful", "Loyal"})
        shop.apply("--prune")
        assert set(names(sandbox)) == {"Faithful"}

    def test_a_reviewed_plan_deletes_it(self, renamed: Shop, sandbox: Sandbox) -> None:
        sandbox.add_segment("12345", "Loyal")
        renamed.run("plan", "--prune", "--out", "plan.json")
        renamed.run("apply", "plan.json", "--yes")
        assert set(names(sandbox)) == {"Faithful"}

    def test_status_and_history_speak_of_the_activation_alone(self, renamed: Shop, sandbox: Sandbox) -> None:
        sandbox.add_segment("12345", "Loyal")
        rows = renamed.run("status", "--format", "json").json["activations"]
        assert [(row["activation"], row["condition"]) for row in rows] == [("loyal", "applied")]
        renamed.apply("--prune")
        (row,) = renamed.run("status", "--format", "json").json["activations"]
        assert row["last_outcome"] == "unchanged"

    def test_one_with_members_is_somebody_elses(self, renamed: Shop, sandbox: Sandbox) -> None:
        theirs = by_hand(sandbox, "Loyal", 7, 8)
        assert self.changes(renamed, "--prune") == {"loyal": "unchanged"}
        renamed.apply("--prune")
        assert sandbox.members(theirs, "email") == hashes(7, 8)

    def test_one_that_comes_days_later_is_somebody_elses(self, renamed: Shop, sandbox: Sandbox) -> None:
        sandbox.advance(2 * 86_400)
        sandbox.add_segment("12345", "Loyal")
        assert self.changes(renamed, "--prune") == {"loyal": "unchanged"}
        renamed.apply("--prune")
        assert set(names(sandbox)) == {"Faithful", "Loyal"}

    def test_another_activation_gets_the_name_once_it_is_pruned(self, renamed: Shop, sandbox: Sandbox) -> None:
        sandbox.add_segment("12345", "Loyal")
        renamed.activation("second", name="Loyal")
        assert self.changes(renamed, code=1)["second"] == "conflict"
        renamed.apply("--prune")
        assert set(names(sandbox)) == {"Faithful", "Loyal"}
        assert sandbox.members(names(sandbox)["Loyal"], "email") == hashes(1, 2, 3)
        assert self.changes(renamed, "--prune") == {"loyal": "unchanged", "second": "unchanged"}

    def test_changing_back_is_no_trouble(self, renamed: Shop, sandbox: Sandbox) -> None:
        sandbox.add_segment("12345", "Loyal")
        renamed.activation()
        renamed.apply("--prune")
        assert set(names(sandbox)) == {"Loyal"}
        assert self.changes(renamed, "--prune") == {"loyal": "unchanged"}

    def test_so_is_one_of_an_activation_that_was_removed_and_pruned(self, shop: Shop, sandbox: Sandbox) -> None:
        shop.activation()
        shop.activation("other")
        sandbox.fault("drop-before", path="audience-segments/create", times=6)
        shop.apply(code=1)
        sandbox.clear_faults()
        shop.remove("activations/loyal.yaml")
        shop.apply("--prune")
        sandbox.add_segment("12345", "Loyal")
        shop.apply("--prune")
        assert set(names(sandbox)) == {"Other"}

    def test_the_rename_itself_may_be_unanswered_too(self, shop: Shop, sandbox: Sandbox) -> None:
        shop.activation()
        sandbox.fault("drop-before", path="audience-segments/create", times=6)
        shop.apply(code=1)
        shop.activation(name="Faithful")
        shop.apply(code=1)
        for name in ("Loyal", "Faithful"):
            sandbox.add_segment("12345", name)
        shop.apply("--prune")
        assert set(names(sandbox)) == {"Faithful"}
        assert sandbox.members(names(sandbox)["Faithful"], "email") == hashes(1, 2, 3)
