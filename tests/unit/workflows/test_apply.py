"""Carrying out a plan: definitions first, then members, each activation on its own, and what the history says of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from runner.core.errors import AnswerLost, DestinationError, Locked, LockLost, NameTaken, StateError
from runner.core.membership import SettledMembership
from runner.core.records import Action, ActivationRun, Outcome
from runner.core.selection import Selection
from runner.planning.plan import Options
from runner.planning.staleness import StalePlan, id_of
from tests.builders import EMAIL, applied, definition, destination, live
from tests.fakes.destination import FakeDestination
from tests.fakes.world import World, only_outcome

LOYAL = Selection(("loyal",))


def summary(*runs: ActivationRun) -> list[tuple[str, str, Outcome]]:
    return [(run.activation, run.action, run.outcome) for run in runs]


def test_an_audience_is_made_filled_and_remembered(world: World) -> None:
    loyal = world.declare("loyal", "ann", "bob", description="Ten baskets")
    run = only_outcome(world.apply())
    assert (run.action, run.outcome, run.added, run.members) == ("create", Outcome.DONE, 2, 2)
    assert world.members() == {"ann", "bob"}
    record = world.record()
    assert (record.definition, record.members, record.applied_at) == (definition(loyal), {EMAIL: 2}, world.now)
    assert world.client.live[record.audience_id or ""].description == "Ten baskets"


def test_what_nobody_approved_is_not_carried_out(world: World) -> None:
    world.declare("loyal", "ann")
    done = world.apply(approve=lambda plan: False)
    assert (done.approved, done.outcomes, world.client.calls) == (False, (), [])
    assert world.state.runs() == ()


def test_a_definition_is_applied_once_whatever_members_do(world: World) -> None:
    world.declare("loyal", "ann")
    world.apply()
    before = world.record().applied_at
    world.now += timedelta(hours=1)
    world.people("loyal", "ann", "bob")
    assert only_outcome(world.apply()).action == "sync"
    assert world.record().applied_at == before


def test_nobody_is_asked_where_there_is_nothing_to_do(world: World) -> None:
    world.declare("loyal", "ann")
    world.apply()
    done = world.apply(approve=lambda plan: False)
    assert summary(*done.outcomes) == [("loyal", "unchanged", Outcome.UNCHANGED)]


def test_removals_go_before_additions_in_batches_of_the_destinations_size(world: World) -> None:
    small = destination(credentials=world.destinations[0].credentials, batch_size=2)
    world.declare("loyal", "a", "b", "c", destination=small)
    world.apply()
    world.people("loyal", "c", "d", "e", "f")
    world.client.calls.clear()
    world.apply(allow_removals=frozenset({"loyal"}))
    assert [call[0] for call in world.client.calls] == ["remove", "add", "add"]
    assert world.members() == {"c", "d", "e", "f"}


def test_a_failure_stops_no_other_activation(world: World) -> None:
    world.declare("a", "ann")
    world.declare("b", "bob")
    world.client.fails["create"] = [DestinationError("refused", "ask them")]
    runs = world.apply().outcomes
    assert summary(*runs) == [("a", "create", Outcome.FAILED), ("b", "create", Outcome.DONE)]
    assert runs[0].detail == "refused\n-> ask them"
    assert [one.activation for one in world.state.audiences()] == ["b"]


def test_the_history_tells_what_was_blocked_and_what_failed(world: World) -> None:
    world.declare("loyal")
    world.client.put(live("77"))
    world.apply()
    [run] = world.state.runs()
    assert (run.command, run.started_at, run.finished_at) == ("apply", world.now, world.now)
    assert [(one.outcome, "is not ours" in one.detail) for one in run.activations] == [(Outcome.FAILED, True)]


def test_a_rename_is_carried_out_and_remembered(world: World) -> None:
    world.declare("loyal", "ann")
    world.apply()
    world.declare("loyal", "ann", name="Faithful")
    assert only_outcome(world.apply()).action == "update"
    record = world.record()
    assert record.definition is not None
    assert (record.definition.name, world.client.live[record.audience_id or ""].name) == ("Faithful", "Faithful")


def test_two_audiences_swap_their_names(world: World) -> None:
    world.declare("a", name="A")
    world.declare("b", name="B")
    world.apply()
    ids = {one.activation: one.audience_id or "" for one in world.state.audiences()}
    world.declare("a", name="B")
    world.declare("b", name="A")
    world.apply()
    assert [world.client.live[ids[one]].name for one in ("a", "b")] == ["B", "A"]


def test_a_swap_that_is_cut_off_is_not_remembered_as_done(world: World) -> None:
    world.declare("a", name="A")
    world.declare("b", name="B")
    world.apply()
    world.declare("a", name="B")
    world.declare("b", name="A")
    world.client.fails["update"] = [None, DestinationError("no answer"), DestinationError("no answer")]
    assert {run.outcome for run in world.apply().outcomes} == {Outcome.FAILED}
    assert [one.definition and one.definition.name for one in world.state.audiences()] == ["A", "B"]
    assert {run.outcome for run in world.apply().outcomes} == {Outcome.DONE}


def test_a_definition_that_changes_no_audience_is_remembered_without_a_call(world: World) -> None:
    loyal = world.declare("loyal", "ann")
    world.apply()
    world.client.calls.clear()
    world.declare("loyal", "ann", segment=replace(loyal.segment, fingerprint="0" * 64))
    assert summary(*world.apply().outcomes) == [("loyal", "update", Outcome.DONE)]
    assert world.client.calls == []
    assert world.plan().pending == ()


def test_an_imported_audience_is_cleared_and_refilled(world: World) -> None:
    loyal = world.declare("loyal", "ann")
    made = world.client.put(live(), [(EMAIL, "stranger")])
    world.state.imported(loyal.id, "shop", *loyal.account, made.id, world.now)
    world.apply()
    assert world.members() == {"ann"}
    assert ("clear", made.id) in world.client.calls
    assert not world.record().refill


def test_an_orphan_is_deleted_and_forgotten(world: World) -> None:
    world.declare("loyal", "ann")
    world.apply()
    world.declared = ()
    assert summary(*world.apply(prune=True).outcomes) == [("loyal", "delete", Outcome.DONE)]
    assert (world.client.live, world.state.audiences()) == ({}, ())


def test_an_orphan_shares_its_id_with_the_activation_that_moved_and_both_are_told(world: World) -> None:
    there = destination("there", "67890", credentials=world.destinations[0].credentials)
    world.destinations += (there,)
    world.clients["there"] = FakeDestination("67890")
    world.declare("loyal", "ann")
    world.apply()
    world.declare("loyal", "ann", destination=there)
    runs = world.apply(prune=True).outcomes
    assert summary(*runs) == [("loyal", "delete", Outcome.DONE), ("loyal", "create", Outcome.DONE)]


class TestCreatingOnce:
    def test_what_was_made_without_an_answer_is_found_again(self, world: World) -> None:
        world.declare("loyal", "ann")
        world.client.unanswered["create"] = 1
        assert only_outcome(world.apply()).outcome is Outcome.DONE
        assert (len(world.client.live), world.members()) == (1, {"ann"})

    def test_what_may_have_been_made_is_found_by_the_next_run(self, world: World) -> None:
        world.declare("loyal", "ann")
        world.client.fails["create"] = [AnswerLost("no answer")] * 3
        run = only_outcome(world.apply())
        assert (run.outcome, "3 times in a row" in run.detail) == (Outcome.FAILED, True)
        assert world.record().audience_id is None
        made = world.client.put(live("9"))
        assert only_outcome(world.apply()).outcome is Outcome.DONE
        assert (world.record().audience_id, list(world.client.live)) == (made.id, [made.id])

    def test_what_was_not_made_is_tried_again(self, world: World) -> None:
        world.declare("loyal", "ann")
        world.client.fails["create"] = [AnswerLost("no answer"), AnswerLost("no answer"), None]
        assert only_outcome(world.apply()).outcome is Outcome.DONE
        assert len(world.client.live) == 1

    def test_a_name_that_was_taken_meanwhile_leaves_no_intent(self, world: World) -> None:
        world.declare("loyal", "ann")
        world.client.fails["create"] = [NameTaken("taken")]
        assert only_outcome(world.apply()).detail == "taken"
        assert world.state.audiences() == ()

    def test_an_audience_that_a_listing_left_out_is_not_made_twice(self, world: World) -> None:
        world.declare("loyal", "ann")
        world.apply()
        world.client.hidden = set(world.client.live)
        run = only_outcome(world.apply())
        assert (run.action, run.outcome, "left out" in run.detail) == ("re-create", Outcome.FAILED, True)
        assert len(world.client.live) == 1


class TestWhatARunThatDiedLeft:
    @pytest.fixture
    def half_sent(self, world: World) -> World:
        """An apply of two batches of which the second was never answered."""
        small = destination(credentials=world.destinations[0].credentials, batch_size=1)
        world.declare("loyal", "ann", "bob", destination=small)
        world.client.fails["send"] = [None, AnswerLost("no answer")]
        assert only_outcome(world.apply()).outcome is Outcome.FAILED
        return world

    def test_is_told_by_the_state(self, half_sent: World) -> None:
        unfinished = half_sent.record().unfinished
        assert unfinished is not None
        assert (unfinished.batches, unfinished.taken, unfinished.in_flight) == (2, 1, 1)

    def test_is_settled_and_sent_again_by_the_next(self, half_sent: World) -> None:
        run = only_outcome(half_sent.apply())
        assert (run.outcome, run.added) == (Outcome.DONE, 1)
        assert half_sent.members() == {"ann", "bob"}
        assert half_sent.progress.notes == ["loyal: settled what an earlier run left unfinished"]

    def test_fails_its_own_activation_where_it_cannot_be_settled(
        self, half_sent: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object) -> SettledMembership:
            raise StateError("no room", "make some")

        half_sent.declare("other", "cat")
        monkeypatch.setattr(half_sent.memberships, "settle", refuse)
        runs = {run.activation: (run.outcome, run.detail) for run in half_sent.apply(select=LOYAL).outcomes}
        assert runs == {"loyal": (Outcome.FAILED, "no room\n-> make some")}
        assert half_sent.evaluator.evaluated == ["loyal"]

    def test_stops_no_other_activation_where_it_is_damaged(self, half_sent: World) -> None:
        half_sent.declare("other", "cat")
        half_sent.state.damaged.add(half_sent.record().record_id)
        runs = {run.activation: run.outcome for run in half_sent.apply().outcomes}
        assert runs == {"loyal": Outcome.FAILED, "other": Outcome.DONE}


class TestStopping:
    def test_between_two_activations_leaves_the_rest_for_the_next_run(self, world: World) -> None:
        world.declare("a", "ann")
        world.declare("b", "bob")
        world.stopping = lambda: any(call[0] == "create" for call in world.client.calls)
        done = world.apply()
        assert done.interrupted
        assert {run.outcome for run in done.outcomes} == {Outcome.INTERRUPTED}
        assert len(world.client.live) == 1
        world.stopping = lambda: False
        assert {run.outcome for run in world.apply().outcomes} == {Outcome.DONE}

    def test_losing_the_lock_stops_everything(self, world: World) -> None:
        world.declare("loyal", "ann")
        world.state.lost = True
        with pytest.raises(LockLost):
            world.apply()
        assert world.client.calls == []


def test_a_state_that_another_run_holds_is_left_alone(world: World) -> None:
    world.declare("loyal")
    world.state.locked_by = "another run"
    with pytest.raises(Locked, match="another run"):
        world.apply()


class TestAReviewedPlan:
    def test_is_carried_out_by_its_id(self, world: World) -> None:
        world.declare("loyal", "ann")
        assert only_outcome(world.apply(reviewed=id_of(world.plan()))).outcome is Outcome.DONE

    def test_whose_definitions_changed_is_stale_and_nothing_is_sent(self, world: World) -> None:
        world.declare("loyal", "ann")
        reviewed = id_of(world.plan())
        world.declare("loyal", "ann", name="Faithful")
        with pytest.raises(StalePlan):
            world.apply(reviewed=reviewed)
        assert world.client.calls == []


def test_what_a_plan_was_asked_for_is_kept_in_order_and_once(world: World) -> None:
    world.declare("a")
    world.declare("b")
    asked = world.plan(select=Selection(("b", "a", "b")), variables=("y", "x"))
    assert asked.options == Options(select=("a", "b"), variables=("x", "y"))
    assert asked.today == date(2026, 11, 24)


def test_a_record_without_an_account_in_the_files_is_left_alone(world: World) -> None:
    gone = applied(world.declare("gone"), "7")
    world.declared = ()
    world.state.put(replace(gone, account_id="elsewhere"))
    assert summary(*world.apply().outcomes) == []
    assert [change.action for change in world.plan().changes] == [Action.ORPHANED]
