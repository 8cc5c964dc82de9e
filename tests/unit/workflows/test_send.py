"""Sending members: what is durable before each call, and what the plan's comparison is good for."""

from __future__ import annotations

import pytest

from runner.core.errors import AnswerLost, AudienceGone, DestinationError, Interrupted
from runner.core.membership import MembershipFiles
from runner.core.records import Outcome
from runner.workflows.concurrency import run_concurrently
from runner.workflows.send import Tally, Target, send_members, settle_delta
from tests.builders import EMAIL, SANDBOX, definition, destination, live
from tests.fakes.world import World, only_change, only_outcome


@pytest.fixture
def filled(world: World) -> World:
    """An audience with two members, whose segment has three others, to be sent one by one."""
    small = destination(credentials=SANDBOX, batch_size=1)
    world.declare("loyal", "ann", "bob", destination=small)
    world.apply()
    world.people("loyal", "cat", "dan", "eve")
    return world


def send(world: World) -> Tally:
    """Send what a plan made now says, without anything else that an apply does."""
    record = world.record()
    change = only_change(world.plan(allow_removals=frozenset({"loyal"})))
    assert change.measured is not None
    tally = Tally()
    target = Target(record.record_id, record.audience_id or "")
    task = send_members(change, change.measured, target, world.client, world.context, tally)
    run_concurrently([task], 1, world.stopping)
    return tally


def test_what_was_taken_is_counted_and_the_membership_is_what_the_segment_was(filled: World) -> None:
    tally = send(filled)
    assert (tally.added, tally.removed, tally.invalid) == (3, 2, 0)
    assert filled.members() == {"cat", "dan", "eve"}
    assert (filled.record().members, filled.record().unfinished) == ({EMAIL: 3}, None)


def test_what_the_plan_compared_is_not_compared_again(filled: World) -> None:
    plan = filled.plan(allow_removals=frozenset({"loyal"}))
    compared = filled.memberships.compared
    change = only_change(plan)
    assert change.measured is not None
    target = Target(filled.record().record_id, filled.record().audience_id or "")
    task = send_members(change, change.measured, target, filled.client, filled.context, Tally())
    run_concurrently([task], 1, filled.stopping)
    assert filled.memberships.compared == compared


def test_a_batch_is_in_flight_before_it_is_sent_and_taken_after_its_answer(filled: World) -> None:
    seen: list[MembershipFiles] = []
    send_really = filled.client.send

    def watch(*arguments: object) -> object:
        seen.append(filled.state.held(filled.record().record_id))
        return send_really(*arguments)  # type: ignore[arg-type]

    filled.client.send = watch  # type: ignore[method-assign, assignment]
    send(filled)
    assert [(sorted(one.taken), sorted(one.in_flight)) for one in seen[:3]] == [([], [0]), ([0], [1]), ([0, 1], [2])]


def test_a_batch_without_an_answer_stays_in_flight(filled: World) -> None:
    filled.client.unanswered["send"] = 1
    with pytest.raises(AnswerLost):
        send(filled)
    held = filled.state.held(filled.record().record_id)
    assert (held.taken, held.in_flight) == (frozenset(), frozenset({0}))


def test_asked_to_stop_it_ends_between_two_batches_and_the_next_run_goes_on(filled: World) -> None:
    before = len(filled.client.calls)
    filled.stopping = lambda: len(filled.client.calls) > before
    with pytest.raises(Interrupted):
        send(filled)
    filled.stopping = lambda: False
    assert len(filled.client.calls) == before + 1
    settle_delta(filled.record().record_id, filled.context)
    assert only_outcome(filled.sync(allow_removals=frozenset({"loyal"})).applied).outcome is Outcome.DONE
    assert filled.members() == {"cat", "dan", "eve"}


def test_what_may_have_arrived_is_doubtful_until_it_is_sent_again(filled: World) -> None:
    filled.client.unanswered["send"] = 1
    with pytest.raises(AnswerLost):
        send(filled)
    settle_delta(filled.record().record_id, filled.context)
    assert filled.record().doubtful == 1
    send(filled)
    assert (filled.record().doubtful, filled.members()) == (0, {"cat", "dan", "eve"})


def test_an_audience_that_is_cleared_first_is_marked_until_it_is(world: World) -> None:
    loyal = world.declare("loyal", "ann")
    world.state.imported(loyal.id, "shop", *loyal.account, world.client.put(live(), [(EMAIL, "x")]).id, world.now)
    world.state.define(world.record().record_id, definition(loyal), "shop", world.now)
    world.client.fails["clear"] = [AudienceGone("it is gone")]
    with pytest.raises(AudienceGone):
        send(world)
    assert world.record().refill
    assert send(world).added == 1
    assert (world.record().refill, world.record().filling, world.members()) == (False, False, {"ann"})


def test_nothing_to_send_leaves_no_trace(filled: World) -> None:
    send(filled)
    before = (filled.record(), filled.state.held(filled.record().record_id), len(filled.client.calls))
    send(filled)
    assert (filled.record(), filled.state.held(filled.record().record_id), len(filled.client.calls)) == before


def test_a_batch_that_was_refused_is_not_in_flight(filled: World) -> None:
    refusal = DestinationError("Criteo refused it", status=403)
    refusal.untouched = True
    filled.client.fails["send"] = [refusal]
    with pytest.raises(DestinationError):
        send(filled)
    held = filled.state.held(filled.record().record_id)
    assert (held.taken, held.in_flight) == (frozenset(), frozenset())
