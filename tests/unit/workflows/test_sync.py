"""What a scheduler runs: members of what is applied, and never a definition."""

from __future__ import annotations

from datetime import timedelta

import pytest

from runner.core.errors import DestinationError, UsageError
from runner.core.project import Schedule
from runner.core.records import Outcome
from tests.builders import SANDBOX, destination, live
from tests.fakes.destination import FakeDestination
from tests.fakes.world import World, only_outcome


@pytest.fixture
def applied(world: World) -> World:
    world.declare("loyal", "ann", "bob")
    world.apply()
    world.client.calls.clear()
    return world


def reasons(world: World, *rebuild: str, due: bool = False) -> dict[str, str]:
    return {one.activation: one.reason for one in world.sync(*rebuild, due=due).skipped}


def test_members_that_moved_are_sent(applied: World) -> None:
    applied.people("loyal", "bob", "cat", "dan")
    run = only_outcome(applied.sync().applied)
    assert (run.action, run.outcome, run.added, run.removed) == ("sync", Outcome.DONE, 2, 1)
    assert applied.members() == {"bob", "cat", "dan"}


def test_what_is_as_it_should_be_is_told_as_unchanged(applied: World) -> None:
    assert only_outcome(applied.sync().applied).outcome is Outcome.UNCHANGED
    assert applied.client.calls == []


def test_what_was_never_applied_is_skipped(world: World) -> None:
    world.declare("new", "ann")
    assert reasons(world) == {"new": "not applied yet: run `headcount apply`"}
    assert world.client.calls == []


def test_a_changed_definition_is_skipped_with_what_changed(applied: World) -> None:
    applied.declare("loyal", "ann", mapping={"email": "mail"})
    assert reasons(applied) == {
        "loyal": "its definition is not the applied one (mapping changed): run `headcount apply`"
    }


def test_a_name_changed_by_hand_is_left_alone_and_members_go_on(applied: World) -> None:
    audience_id = applied.record().audience_id or ""
    applied.client.put(live(audience_id, "By hand"), applied.client.members[audience_id])
    applied.people("loyal", "ann", "bob", "cat")
    assert only_outcome(applied.sync().applied).action == "sync"
    assert applied.client.live[audience_id].name == "By hand"


def test_an_audience_that_is_gone_is_skipped(applied: World) -> None:
    applied.client.live.clear()
    assert "run `headcount apply`" in reasons(applied)["loyal"]


def test_an_account_that_cannot_be_read_is_a_failure_and_no_skip(applied: World) -> None:
    applied.client.fails["audiences"] = [DestinationError("no answer")]
    done = applied.sync()
    assert (done.skipped, only_outcome(done.applied).outcome) == ((), Outcome.FAILED)


def test_orphans_are_none_of_its_business(applied: World) -> None:
    applied.declared = ()
    assert applied.sync().applied.plan.changes == ()


class TestRebuild:
    def test_it_clears_and_refills(self, applied: World) -> None:
        assert only_outcome(applied.sync("loyal").applied).outcome is Outcome.DONE
        assert [call[0] for call in applied.client.calls] == ["clear", "add"]
        assert applied.members() == {"ann", "bob"}

    def test_it_heals_a_membership_that_is_damaged(self, applied: World) -> None:
        applied.state.damaged.add(applied.record().record_id)
        assert only_outcome(applied.sync().applied).outcome is Outcome.FAILED
        assert only_outcome(applied.sync("loyal").applied).outcome is Outcome.DONE

    def test_one_with_another_definition_is_left_as_it_is(self, applied: World) -> None:
        applied.declare("loyal", "ann", mapping={"email": "mail"})
        assert "mapping changed" in reasons(applied, "loyal")["loyal"]
        assert not applied.record().refill

    def test_one_with_another_definition_and_damage_is_marked_for_apply(self, applied: World) -> None:
        applied.state.damaged.add(applied.record().record_id)
        applied.declare("loyal", "ann", mapping={"email": "mail"})
        assert "clears and refills it" in reasons(applied, "loyal")["loyal"]
        assert applied.record().refill

    def test_what_nobody_wants_to_rebuild_is_not_marked(self, applied: World) -> None:
        applied.state.damaged.add(applied.record().record_id)
        applied.declare("loyal", "ann", mapping={"email": "mail"})
        assert "mapping changed" in reasons(applied)["loyal"]
        assert not applied.record().refill

    def test_one_that_is_no_longer_declared_is_skipped(self, applied: World) -> None:
        applied.declared = ()
        assert reasons(applied, "loyal") == {"loyal": "no activation declares its audience any more"}

    def test_one_that_nobody_knows_is_a_usage_error(self, applied: World) -> None:
        with pytest.raises(UsageError, match="lyal"):
            applied.sync("lyal")


class TestDue:
    HOURLY = Schedule(every=3600)

    @pytest.fixture
    def scheduled(self, world: World) -> World:
        world.declare("loyal", "ann", schedule=self.HOURLY)
        world.apply()
        return world

    def test_nothing_is_called_where_nothing_is_due(self, scheduled: World) -> None:
        scheduled.client.usable = False
        done = scheduled.sync(due=True)
        assert [(slot.activation, slot.at) for slot in done.waiting] == [("loyal", scheduled.now + timedelta(hours=1))]
        assert done.applied.outcomes == ()

    def test_where_nothing_is_due_the_state_is_neither_locked_nor_written(self, scheduled: World) -> None:
        before = scheduled.state.runs()
        scheduled.state.locked_by = "headcount apply"
        assert scheduled.sync(due=True).waiting
        assert scheduled.state.runs() == before

    def test_what_waits_for_apply_each_time_is_skipped_each_time_and_fills_no_history(self, scheduled: World) -> None:
        scheduled.now += timedelta(hours=1)
        before = scheduled.state.runs()
        scheduled.declare("loyal", "ann", mapping={"email": "mail"}, schedule=self.HOURLY)
        assert set(reasons(scheduled, due=True)) == {"loyal"}
        assert scheduled.state.runs() == before

    def test_what_is_due_is_synced_and_counts_from_then_on(self, scheduled: World) -> None:
        scheduled.now += timedelta(hours=1)
        assert len(scheduled.sync(due=True).applied.outcomes) == 1
        assert scheduled.sync(due=True).applied.outcomes == ()

    def test_after_a_failure_it_is_due_at_once(self, scheduled: World) -> None:
        scheduled.now += timedelta(hours=1)
        scheduled.client.fails["audiences"] = [DestinationError("no answer")]
        assert only_outcome(scheduled.sync(due=True).applied).outcome is Outcome.FAILED
        assert only_outcome(scheduled.sync(due=True).applied).outcome is Outcome.UNCHANGED

    def test_what_was_left_in_an_account_that_it_moved_away_from_does_not_make_it_due(self, scheduled: World) -> None:
        scheduled.state.require_refill(scheduled.record().record_id)
        there = destination("there", "67890", credentials=SANDBOX)
        scheduled.destinations += (there,)
        scheduled.clients["there"] = FakeDestination("67890")
        scheduled.declare("loyal", "ann", schedule=self.HOURLY, destination=there)
        scheduled.apply()
        assert scheduled.sync(due=True).applied.outcomes == ()

    def test_no_account_is_read_for_what_was_never_applied(self, world: World) -> None:
        world.declare("new", schedule=self.HOURLY)
        world.client.usable = False
        assert reasons(world, due=True) == {"new": "not applied yet: run `headcount apply`"}

    def test_what_is_run_by_hand_is_never_due(self, applied: World) -> None:
        assert applied.sync(due=True).applied.outcomes == ()
