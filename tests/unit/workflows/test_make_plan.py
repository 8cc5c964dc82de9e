"""Making a plan: which accounts are read, which segments evaluated, and what one failure means for the others."""

from __future__ import annotations

import pytest

from runner.core.destination import Credentials, MissingSecret, Secret
from runner.core.errors import DestinationError, InvalidProject, SegmentError, UsageError
from runner.core.project import Guardrails, Limit
from runner.core.records import Action
from runner.core.selection import Selection
from runner.planning.lost_creates import CLOCK_TOLERANCE
from tests.builders import EMAIL, HERE, MADID, SANDBOX, definition, destination, live
from tests.fakes.destination import FakeDestination
from tests.fakes.world import World, only_change


def test_a_plan_changes_nothing_anywhere(world: World) -> None:
    world.declare("loyal", "ann", "bob")
    change = only_change(world.plan())
    assert (change.action, change.after) == (Action.CREATE, 2)
    assert world.client.calls == []
    assert world.state.audiences() == ()


def test_what_was_applied_is_unchanged_until_members_move(world: World) -> None:
    world.declare("loyal", "ann", "bob")
    world.apply()
    assert only_change(world.plan()).action is Action.UNCHANGED
    world.people("loyal", "bob", "cat")
    change = only_change(world.plan())
    assert (change.action, change.reasons) == (Action.SYNC, ("members changed",))
    part = change.delta[EMAIL]
    assert (part.before, part.after, part.added, part.removed) == (2, 2, 1, 1)


def test_a_plan_looks_for_whom_it_adds_only_where_another_audience_may_have_them(world: World) -> None:
    world.declare("loyal", "ann", "bob")
    measured = only_change(world.plan()).measured
    assert measured is not None
    assert (measured.delta[EMAIL].added, measured.evaluation.path, measured.compared.differing) == (2, None, {})

    world.apply()
    assert world.members() == {"ann", "bob"}
    world.declare("new", "ann", "cat")
    [new] = [change for change in world.plan().changes if change.id == "new"]
    assert new.measured is not None
    assert (new.delta[EMAIL].added, set(new.measured.compared.differing)) == (2, {EMAIL})
    assert new.overlap is not None
    assert new.overlap.compared == 1


def test_an_account_is_read_once_for_all_its_activations(world: World) -> None:
    world.declare("a")
    world.declare("b")
    world.client.fails["audiences"] = [DestinationError("no answer")]
    plan = world.plan()
    assert [(change.intended, change.error) for change in plan.changes] == [(Action.FAILED, "no answer")] * 2


def test_an_account_that_cannot_be_read_fails_its_activations_and_no_other(world: World) -> None:
    there = destination("there", "67890", credentials=SANDBOX)
    world.destinations += (there,)
    world.clients["there"] = FakeDestination("67890", usable=False)
    world.declare("here")
    world.declare("there", destination=there)
    actions = {change.id: change.action for change in world.plan().changes}
    assert actions == {"here": Action.CREATE, "there": Action.FAILED}


def test_a_segment_that_cannot_be_evaluated_fails_alone(world: World) -> None:
    world.declare("good")
    world.declare("bad")
    world.evaluator.fails["bad"] = SegmentError("the segment took too long", "give it more time")
    changes = {change.id: change for change in world.plan().changes}
    assert changes["good"].action is Action.CREATE
    assert (changes["bad"].action, changes["bad"].error) == (Action.FAILED, "the segment took too long")


def test_an_error_that_nobody_foresaw_is_told_without_its_text(world: World) -> None:
    world.declare("loyal")
    world.evaluator.fails["loyal"] = ZeroDivisionError("ann@example.com")
    change = only_change(world.plan())
    assert change.action is Action.FAILED
    assert "ZeroDivisionError" in change.error
    assert "ann" not in change.error + change.hint


def test_no_segment_is_evaluated_for_what_is_in_conflict(world: World) -> None:
    world.declare("loyal")
    world.client.put(live("77"))
    assert only_change(world.plan()).action is Action.CONFLICT
    assert world.evaluator.evaluated == []


def test_only_what_is_selected_is_looked_at(world: World) -> None:
    world.declare("a")
    world.declare("b")
    assert [change.id for change in world.plan(select=Selection(("a",))).changes] == ["a"]
    with pytest.raises(UsageError, match="matches no activation"):
        world.plan(select=Selection(("c",)))


def test_missing_credentials_are_findings_before_any_call(world: World) -> None:
    bare = destination(credentials=Credentials(MissingSecret("SHOP_ID", HERE), Secret("secret")))
    world.destinations = (bare,)
    world.declare("loyal", destination=bare)
    with pytest.raises(InvalidProject) as raised:
        world.plan()
    assert [finding.code for finding in raised.value.findings] == ["missing-credential"]


def test_guardrails_block_what_a_person_has_not_allowed(world: World) -> None:
    limits = Guardrails(max_removed=Limit(10, percent=True), max_removed_declared=True)
    world.declare("loyal", "ann", "bob", guardrails=limits)
    world.apply()
    world.people("loyal", "ann")
    blocked = only_change(world.plan())
    assert (blocked.action, blocked.intended) == (Action.BLOCKED, Action.SYNC)
    assert only_change(world.plan(allow_removals=frozenset({"loyal"}))).action is Action.SYNC


def test_an_audience_made_in_place_of_another_takes_its_members_along(world: World) -> None:
    one_type = destination(credentials=SANDBOX, type="criteo-retail-media")
    world.destinations = (one_type,)
    world.declare("loyal", "ann", "bob", destination=one_type)
    world.apply()
    world.declare("loyal", destination=one_type, mapping={MADID: "idfa"})
    world.people("loyal", "x", "y", "z", kind=MADID)
    change = only_change(world.plan(allow_removals=frozenset({"loyal"})))
    assert (change.intended, change.replaces) == (Action.RECREATE, True)
    assert {kind: (part.added, part.removed) for kind, part in change.delta.items()} == {MADID: (3, 0), EMAIL: (0, 2)}
    assert change.sends == 3


def test_a_refill_is_judged_by_what_the_destination_counts_where_members_are_not_known(world: World) -> None:
    loyal = world.declare("loyal", "ann")
    made = world.client.put(live(), [(EMAIL, f"{n}") for n in range(5_000)])
    world.state.imported(loyal.id, "shop", *loyal.account, made.id, world.now)
    blocked = only_change(world.plan())
    assert [block.guardrail for block in blocked.blocks] == ["max_removed"]
    assert "5,000" in blocked.blocks[0].message


def test_a_count_that_cannot_be_asked_for_fails_the_refill(world: World) -> None:
    loyal = world.declare("loyal", "ann")
    world.state.imported(loyal.id, "shop", *loyal.account, world.client.put(live()).id, world.now)
    world.client.fails["size"] = [DestinationError("no answer", "try again")]
    change = only_change(world.plan())
    assert (change.action, change.error, change.hint, change.after) == (Action.FAILED, "no answer", "try again", 1)


class TestOrphans:
    @pytest.fixture
    def orphaned(self, world: World) -> World:
        world.declare("loyal", "ann")
        world.apply()
        world.declared = ()
        return world

    def test_they_are_reported_and_deleted_only_when_asked(self, orphaned: World) -> None:
        assert only_change(orphaned.plan()).action is Action.ORPHANED
        assert only_change(orphaned.plan(prune=True)).action is Action.DELETE

    def test_without_a_destination_of_their_account_they_cannot_be_deleted(self, orphaned: World) -> None:
        orphaned.destinations = ()
        assert only_change(orphaned.plan()).action is Action.ORPHANED
        change = only_change(orphaned.plan(prune=True))
        assert (change.action, "cannot be deleted" in change.error) == (Action.FAILED, True)

    def test_in_an_account_that_cannot_be_read_they_fail_to_be_deleted(self, orphaned: World) -> None:
        orphaned.client.usable = False
        change = only_change(orphaned.plan(prune=True))
        assert (change.action, change.error) == (Action.FAILED, "the credentials may not use the account")


class TestLostCreates:
    """An audience that a create without an answer may have made is ours only while it is empty."""

    @pytest.fixture
    def lost(self, world: World) -> World:
        loyal = world.declare("loyal", "ann")
        world.state.intend("loyal", "shop", *loyal.account, definition(loyal), world.now)
        return world

    def test_an_empty_one_is_taken_for_ours(self, lost: World) -> None:
        lost.client.put(live("9"))
        change = only_change(lost.plan())
        assert (change.action, change.audience_id) == (Action.SYNC, "9")

    def test_one_with_members_is_somebody_elses(self, lost: World) -> None:
        lost.client.put(live("9"), [(EMAIL, "x")])
        change = only_change(lost.plan())
        assert (change.action, "it has 1 identifiers" in change.error) == (Action.CONFLICT, True)

    def test_one_that_cannot_be_counted_is_a_failure(self, lost: World) -> None:
        lost.client.put(live("9"))
        lost.client.fails["size"] = [DestinationError("no answer")]
        assert only_change(lost.plan()).action is Action.FAILED

    def test_an_older_one_is_somebody_elses(self, lost: World) -> None:
        lost.client.put(live("9", created_at=lost.now - 2 * CLOCK_TOLERANCE))
        assert only_change(lost.plan()).action is Action.CONFLICT

    def test_of_one_given_up_only_what_is_empty_is_deleted(self, lost: World) -> None:
        [record] = lost.state.audiences()
        lost.state.give_up(record.record_id, lost.now)
        lost.declared = ()
        lost.client.put(live("9"))
        change = only_change(lost.plan(prune=True))
        assert (change.id, change.action) == ('loyal as "Loyal"', Action.DELETE)
        lost.client.put(live("9"), [(EMAIL, "x")])
        assert lost.plan(prune=True).changes == ()

    def test_of_one_given_up_nothing_is_said_where_nobody_can_see_whether_it_is_there(self, lost: World) -> None:
        """It has the id and the account of the audience that is declared, which a plan names once."""
        [record] = lost.state.audiences()
        lost.state.give_up(record.record_id, lost.now)
        lost.client.usable = False
        assert only_change(lost.plan()).action is Action.FAILED
        assert only_change(lost.plan(prune=True)).error == "the credentials may not use the account"
