"""What every state must do, as far as workflows rely on it: subclass, and give a `state`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from runner.core.day import Counted, Note, WayDown
from runner.core.destination import Accepted
from runner.core.errors import Locked, StateError
from runner.core.findings import Location
from runner.core.identifiers import Operation
from runner.core.membership import Batch, MembershipFiles, Rejected, SettledMembership
from runner.core.notices import KeptNotice, NoticeKey
from runner.core.project import Permission
from runner.core.records import (
    FORGET,
    SUPPRESS,
    Action,
    ActivationRun,
    Binding,
    Definition,
    LastRun,
    Outcome,
    Setback,
    Unfinished,
)
from runner.state.interface import State
from tests.builders import EMAIL, NOON

DEFINITION = Definition("Loyal", "Ten baskets", {"email": "mail"}, "f" * 64)
BATCHES = (Batch(0, Operation.REMOVE, EMAIL, 2), Batch(1, Operation.ADD, EMAIL, 3))
LATER = NOON + timedelta(hours=1)
PERMISSION = Permission(40, NOON.date(), "campaign ends", Location("loyal.yaml", 9, 1))


def intend(state: State, activation: str = "loyal", account_id: str = "12345") -> int:
    return state.intend(activation, "shop", "criteo", account_id, DEFINITION, NOON)


def begin_delta(
    state: State, record_id: int, batches: tuple[Batch, ...] = BATCHES, *, withdrawal: bool = False
) -> None:
    def write(path: Path) -> tuple[Batch, ...]:
        path.write_text("delta")
        return batches

    state.open_delta(record_id, write, withdrawal=withdrawal)


def take(state: State, record_id: int, number: int, invalid: int = 0) -> None:
    state.mark_in_flight(record_id, number)
    state.mark_taken(record_id, number, Accepted(1, invalid))


def end_delta(state: State, record_id: int, members: int, unknown: int = 0) -> None:
    def write(path: Path) -> SettledMembership:
        path.write_text(f"{members} members")
        return SettledMembership({EMAIL: members}, {EMAIL: unknown} if unknown else {})

    state.close_delta(record_id, write)


class StateContract:
    @pytest.fixture
    def state(self) -> State:
        raise NotImplementedError

    @pytest.fixture
    def run(self, state: State) -> Iterator[State]:
        """The state, held by a run."""
        with state.lock("headcount apply"):
            yield state

    # -- the lock ------------------------------------------------------------------------------------------------

    def test_one_run_holds_it_at_a_time(self, run: State) -> None:
        with pytest.raises(Locked), run.lock("headcount sync"):
            pass

    def test_it_is_free_when_a_run_has_ended_however_it_did(self, state: State) -> None:
        with pytest.raises(ValueError, match="broken"), state.lock("headcount apply"):
            raise ValueError("broken")
        with state.lock("headcount apply"):
            state.require_lock()

    # -- audiences -----------------------------------------------------------------------------------------------

    def test_an_intent_is_remembered_before_there_is_an_audience(self, run: State) -> None:
        key = intend(run)
        record = run.audience(key)
        assert (record.record_id, record.activation, record.account) == (key, "loyal", ("criteo", "12345"))
        assert (record.audience_id, record.definition, record.intended_at) == (None, DEFINITION, NOON)
        assert record.applied_at is None
        assert not record.refill
        assert run.audiences() == (record,)

    def test_it_becomes_an_audience_with_an_id_that_does_not_change(self, run: State) -> None:
        key = intend(run)
        run.created(key, "7")
        run.created(key, "7")
        with pytest.raises(RuntimeError):
            run.created(key, "8")
        assert run.audience(key).audience_id == "7"

    def test_an_activation_has_one_audience_per_account(self, run: State) -> None:
        intend(run)
        intend(run, account_id="67890")
        with pytest.raises(RuntimeError):
            intend(run)

    def test_audiences_are_in_the_order_of_their_activations(self, run: State) -> None:
        for activation in ("b", "c", "a"):
            intend(run, activation)
        assert [one.activation for one in run.audiences()] == ["a", "b", "c"]

    def test_an_intent_that_is_given_up_makes_way_and_is_still_known(self, run: State) -> None:
        first = intend(run)
        run.give_up(first, LATER)
        second = intend(run)
        assert [one.record_id for one in run.audiences()] == [second]
        assert [(one.record_id, one.given_up_at) for one in run.given_up()] == [(first, LATER)]

    def test_a_definition_is_applied_through_a_destination_at_a_time(self, run: State) -> None:
        key = intend(run)
        changed = Definition("Faithful", "", {"email": "mail"}, "e" * 64)
        run.define(key, changed, "store", LATER)
        record = run.audience(key)
        assert (record.definition, record.destination, record.applied_at) == (changed, "store", LATER)

    def test_what_is_imported_must_be_refilled_and_has_no_definition(self, run: State) -> None:
        key = run.imported("loyal", "shop", "criteo", "12345", "7", NOON)
        record = run.audience(key)
        assert (record.audience_id, record.definition, record.refill) == ("7", None, True)
        assert run.held(key) == MembershipFiles()

    def test_what_is_forgotten_is_gone(self, run: State) -> None:
        key = intend(run)
        run.forget(key)
        assert run.audiences() == ()
        with pytest.raises(StateError):
            run.held(key)

    # -- deltas --------------------------------------------------------------------------------------------------

    def test_a_delta_on_its_way_says_what_may_have_arrived(self, run: State) -> None:
        key = intend(run)
        begin_delta(run, key)
        take(run, key, 0, invalid=1)
        run.mark_in_flight(key, 1)
        held = run.held(key)
        assert (held.taken, held.in_flight, held.members) == (frozenset({0}), frozenset({1}), None)
        assert held.outbox is not None
        assert held.outbox.read_text() == "delta"
        assert (run.audience(key).unfinished, run.audience(key).invalid) == (Unfinished(2, 1, 1), 1)

    def test_one_delta_is_on_its_way_at_a_time(self, run: State) -> None:
        key = intend(run)
        begin_delta(run, key)
        with pytest.raises(RuntimeError):
            begin_delta(run, key)

    def test_a_settled_delta_is_the_membership(self, run: State) -> None:
        key = intend(run)
        begin_delta(run, key)
        take(run, key, 0)
        take(run, key, 1)
        end_delta(run, key, members=3, unknown=1)
        held, record = run.held(key), run.audience(key)
        assert (held.outbox, held.taken, held.in_flight) == (None, frozenset(), frozenset())
        assert held.members is not None
        assert held.members.read_text() == "3 members"
        assert held.counts == {EMAIL: (3, 1)}
        assert (record.members, record.unknown, record.unfinished) == ({EMAIL: 3}, {EMAIL: 1}, None)

    def test_nothing_is_settled_where_nothing_is_on_its_way(self, run: State) -> None:
        with pytest.raises(RuntimeError):
            end_delta(run, intend(run), members=1)

    def test_a_cleared_audience_is_empty_and_is_filling_until_all_has_arrived(self, run: State) -> None:
        key = run.imported("loyal", "shop", "criteo", "12345", "7", NOON)
        run.cleared(key)
        record = run.audience(key)
        assert (record.members, record.unknown, record.refill, record.filling) == ({}, {}, False, True)
        begin_delta(run, key)
        take(run, key, 0)
        end_delta(run, key, members=1)
        assert run.audience(key).filling
        begin_delta(run, key)
        take(run, key, 0)
        take(run, key, 1)
        end_delta(run, key, members=3)
        assert not run.audience(key).filling

    def test_what_must_be_refilled_holds_nothing_that_counts(self, run: State) -> None:
        key = intend(run)
        begin_delta(run, key)
        run.require_refill(key)
        assert run.held(key) == MembershipFiles()

    # -- permissions ---------------------------------------------------------------------------------------------

    def test_what_the_destination_took_of_removals_is_counted_under_a_permission(self, run: State) -> None:
        key = intend(run)
        run.permit("loyal", PERMISSION, NOON.date())
        begin_delta(run, key)
        take(run, key, 0)
        assert run.removed_under("loyal", PERMISSION) == 2
        end_delta(run, key, 5)
        assert run.removed_under("loyal", PERMISSION) == 2
        run.permit("loyal", replace(PERMISSION, removals=9, reason="another"), NOON.date())
        begin_delta(run, key)
        end_delta(run, key, 5)
        assert run.removed_under("loyal", PERMISSION) == 2

    def test_who_leaves_because_a_suppression_names_them_uses_no_permission(self, run: State) -> None:
        key = intend(run)
        run.permit("loyal", PERMISSION, NOON.date())
        begin_delta(run, key, withdrawal=True)
        take(run, key, 0)
        assert run.removed_under("loyal", PERMISSION) == 0
        end_delta(run, key, 5)
        assert run.removed_under("loyal", PERMISSION) == 0
        begin_delta(run, key)
        take(run, key, 0)
        end_delta(run, key, 5)
        assert run.removed_under("loyal", PERMISSION) == 2

    def test_a_permission_is_of_one_activation_and_known_by_its_day(self, run: State) -> None:
        key = intend(run)
        run.permit("loyal", PERMISSION, NOON.date())
        run.permit("lapsed", PERMISSION, NOON.date())
        begin_delta(run, key)
        take(run, key, 0)
        end_delta(run, key, 5)
        assert run.removed_under("lapsed", PERMISSION) == 0
        later = replace(PERMISSION, until=PERMISSION.until + timedelta(days=1))
        assert run.removed_under("loyal", later) == 0

    # -- runs ----------------------------------------------------------------------------------------------------

    def test_a_run_is_remembered_with_how_each_activation_fared(self, run: State) -> None:
        first = run.begin_run("apply", NOON)
        done = ActivationRun("loyal", "create", Outcome.DONE, added=3, members=3)
        run.record(first, done)
        run.end_run(first, LATER)
        second = run.begin_run("sync", LATER)
        newest, oldest = run.runs()
        assert (newest.id, newest.finished_at, newest.activations) == (second, None, ())
        assert (oldest.command, oldest.started_at, oldest.finished_at) == ("apply", NOON, LATER)
        assert oldest.activations == (done,)
        assert [one.id for one in run.runs("loyal")] == [first]
        assert [one.id for one in run.runs(limit=1)] == [second]

    def test_the_latest_runs_of_an_activation_are_the_last_the_last_good_and_the_last_change(self, run: State) -> None:
        for at, outcome, added in ((NOON, Outcome.DONE, 3), (LATER, Outcome.FAILED, 0)):
            run.record(run.begin_run("sync", at), ActivationRun("loyal", "sync", outcome, added=added, detail="why"))
        latest = run.latest()["loyal"]
        assert latest.run == LastRun(LATER, Outcome.FAILED, "why")
        assert latest.good == latest.change == LastRun(NOON, Outcome.DONE, "why")
        assert run.last_good() == {"loyal": NOON}

    @pytest.mark.parametrize(("action", "outcome"), [(Action.DELETE, Outcome.DONE), (Action.SYNC, Outcome.SKIPPED)])
    def test_an_orphans_deletion_and_a_skip_are_no_runs_of_an_activation(
        self, run: State, action: Action, outcome: Outcome
    ) -> None:
        run.record(run.begin_run("apply", NOON), ActivationRun("loyal", str(action), outcome))
        assert run.last_good() == {}
        assert run.latest().get("loyal") is None

    def test_what_a_run_found_unchanged_is_counted_and_is_the_last_good_run_of_each(self, run: State) -> None:
        keys = [intend(run, activation) for activation in ("loyal", "lapsed", "new")]
        first = run.begin_run("apply", NOON)
        for activation in ("loyal", "lapsed"):
            run.record(first, ActivationRun(activation, "create", Outcome.DONE, added=3))
        second = run.begin_run("sync", LATER)
        blocked = ActivationRun("lapsed", "blocked", Outcome.BLOCKED, detail="an empty segment")
        run.record_rest(second, [blocked], [keys[0], keys[2]])
        newest, oldest = run.runs()
        assert (newest.activations, newest.unchanged, oldest.unchanged) == ((blocked,), 2, 0)
        assert [(one.id, one.unchanged) for one in run.runs("loyal")] == [(second, 1), (first, 0)]
        assert [(one.id, one.unchanged) for one in run.runs("lapsed")] == [(second, 0), (first, 0)]
        assert run.last_good() == {"loyal": LATER, "lapsed": NOON, "new": LATER}
        latest = run.latest()
        assert latest["loyal"].run == LastRun(LATER, Outcome.UNCHANGED, "")
        assert latest["loyal"].change == LastRun(NOON, Outcome.DONE, "")
        assert latest["lapsed"].run == LastRun(LATER, Outcome.BLOCKED, "an empty segment")

    def test_a_failure_after_it_was_found_unchanged_is_the_last_run(self, run: State) -> None:
        key = intend(run)
        run.record_rest(run.begin_run("sync", NOON), (), [key])
        failed = [ActivationRun("loyal", "failed", Outcome.FAILED, detail=why) for why in ("no answer", "no file")]
        run.record_rest(run.begin_run("sync", LATER), failed[:1])
        assert run.latest()["loyal"].run == LastRun(LATER, Outcome.FAILED, "no answer")
        assert run.last_good() == {"loyal": NOON}

    def test_that_people_left_whom_a_suppression_names_is_no_run_of_an_activation(self, run: State) -> None:
        run.record(run.begin_run("sync", NOON), ActivationRun("loyal", "failed", Outcome.FAILED, detail="no answer"))
        run.record(run.begin_run("sync", LATER), ActivationRun("loyal", SUPPRESS, Outcome.DONE, removed=2))
        latest = run.latest()["loyal"]
        assert latest.run == LastRun(NOON, Outcome.FAILED, "no answer")
        assert (latest.good, latest.change) == (None, LastRun(LATER, Outcome.DONE, ""))
        assert run.setbacks() == {"loyal": Setback(NOON, Outcome.FAILED, NOON)}

    def test_a_suppressions_own_line_is_a_run_of_it(self, run: State) -> None:
        run.record(run.begin_run("sync", NOON), ActivationRun("suppression no", SUPPRESS, Outcome.DONE))
        assert run.latest()["suppression no"].good == LastRun(NOON, Outcome.DONE, "")

    def test_since_when_an_activation_goes_wrong_is_when_the_first_bad_run_in_a_row_began(self, run: State) -> None:
        key = intend(run)
        hours = [NOON + timedelta(hours=hour) for hour in range(7)]
        fared = (Outcome.DONE, Outcome.FAILED, None, Outcome.BLOCKED, Outcome.FAILED, Outcome.INTERRUPTED)
        for at, outcome in zip(hours[:6], fared, strict=True):
            each = [ActivationRun("loyal", "sync", outcome)] if outcome else []
            run.record_rest(run.begin_run("sync", at), each, [] if outcome else [key])
        assert run.setbacks() == {"loyal": Setback(hours[3], Outcome.BLOCKED, hours[5])}
        run.record_rest(run.begin_run("sync", hours[6]), (), [key])
        assert run.setbacks() == {"loyal": Setback(hours[3], Outcome.BLOCKED, hours[5], over_at=hours[6])}

    def test_since_when_an_activation_goes_wrong_as_it_does_now(self, run: State) -> None:
        hours = [NOON + timedelta(hours=hour) for hour in range(5)]
        fared = (Outcome.FAILED, Outcome.BLOCKED, Outcome.FAILED, Outcome.FAILED)
        for at, outcome in zip(hours, fared, strict=False):
            run.record(run.begin_run("sync", at), ActivationRun("loyal", "sync", outcome))
        assert run.setbacks() == {"loyal": Setback(hours[0], Outcome.FAILED, hours[2])}

    def test_that_people_are_erased_ends_nothing_that_goes_wrong(self, run: State) -> None:
        run.record(run.begin_run("sync", NOON), ActivationRun("loyal", "sync", Outcome.BLOCKED, rejected=9))
        run.record(run.begin_run("forget", LATER), ActivationRun("loyal", FORGET, Outcome.DONE, removed=1))
        assert run.setbacks() == {"loyal": Setback(NOON, Outcome.BLOCKED, NOON)}
        assert run.rejected() == {"loyal": 9}

    def test_how_many_values_were_rejected_is_known_of_the_last_run_that_measured_an_activation(
        self, run: State
    ) -> None:
        for outcome, rejected in ((Outcome.DONE, 7), (Outcome.BLOCKED, 9), (Outcome.FAILED, 0)):
            run.record(run.begin_run("sync", NOON), ActivationRun("loyal", "sync", outcome, rejected=rejected))
        run.record(run.begin_run("sync", NOON), ActivationRun("loyal", SUPPRESS, Outcome.DONE, removed=1))
        assert run.rejected() == {"loyal": 9}
        run.record(run.begin_run("sync", NOON), ActivationRun("suppression no", SUPPRESS, Outcome.DONE, rejected=3))
        assert run.rejected() == {"loyal": 9, "suppression no": 3}

    def test_what_never_went_wrong_has_no_trouble(self, run: State) -> None:
        run.record(run.begin_run("sync", NOON), ActivationRun("loyal", "sync", Outcome.DONE))
        assert run.setbacks() == {}

    # -- notices ---------------------------------------------------------------------------------------------------

    def test_notices_are_kept_until_they_are_delivered_and_over(self, run: State) -> None:
        key, other = NoticeKey("on-call", "loyal", "failed"), NoticeKey("crm", "loyal", "failed")
        began = KeptNotice(key, NOON, {"id": "1", "status": "began"})
        run.change_notices([began, KeptNotice(other, NOON, {"id": "1", "status": "began"})], [])
        run.notices_tried([key], [other], LATER)
        assert run.notices() == (
            KeptNotice(key, NOON, delivered_at=LATER),
            KeptNotice(other, NOON, {"id": "1", "status": "began"}, attempts=1),
        )
        over = KeptNotice(key, NOON, {"id": "2", "status": "recovered"}, delivered_at=LATER)
        run.change_notices([over], [other])
        assert run.notices() == (over,)
        run.notices_tried([key], [], LATER)
        assert run.notices() == ()

    # -- what it belongs to ----------------------------------------------------------------------------------------

    def test_what_it_belongs_to_is_told_and_can_be_changed(self, run: State) -> None:
        assert run.binding() is None
        run.bind(Binding("http://127.0.0.1:8787"))
        assert run.binding() == Binding("http://127.0.0.1:8787", "")
        run.bind(Binding("https://api.criteo.com", "prod"))
        assert run.binding() == Binding("https://api.criteo.com", "prod")

    def test_what_is_noted_of_a_day_is_there_again_and_what_is_not_new_costs_nothing(self, run: State) -> None:
        way = WayDown(5, 1, 0, 1, 2, {"email": 2}, (Rejected(EMAIL, "no @", 1),))
        counted = Counted(NOON, 2, 1)
        run.note_day(NOON.date(), {"loyal": Note(2, way), "lapsed": Note(0)})
        run.note_day(NOON.date(), {"loyal": Note(2, way, counted)})
        later = NOON.date() + timedelta(days=1)
        run.note_day(later, {"loyal": Note(2, way, counted), "lapsed": Note(7)})
        days = {(day.activation, day.day): day for day in run.past().days}
        assert set(days) == {("loyal", NOON.date()), ("lapsed", NOON.date()), ("lapsed", later)}
        assert (days["loyal", NOON.date()].way, days["loyal", NOON.date()].counted) == (way, counted)
        assert days["lapsed", later].members == 7
        assert run.noted(["loyal", "new"]) == {"loyal": Note(2, way, counted), "new": Note(-1)}
