"""Plans as values: the order of showing, what is pending, what a change sends."""

from __future__ import annotations

from runner.core.membership import Rejected, TypeDelta
from runner.core.records import Action
from runner.planning.blocks import Block
from runner.planning.diff import declared_decision
from runner.planning.plan import CHANGING, ORDER, Decision, PlannedChange
from tests.builders import EMAIL, MADID, activation, change, delta, evaluation, plan


def test_every_action_has_its_place_in_the_order() -> None:
    assert sorted(ORDER) == sorted(Action)


def test_what_can_hurt_comes_first_and_then_by_id() -> None:
    made = plan(
        change("b", intended=Action.SYNC),
        change("c", intended=Action.CREATE, blocks=(Block("min_members", "too few"),)),
        change("a", intended=Action.SYNC),
        change("d", intended=Action.DELETE),
    )
    assert [one.id for one in made.changes] == ["d", "c", "a", "b"]
    assert [one.id for one in made.pending] == ["d", "a", "b"]
    assert made.counts == {Action.DELETE: 1, Action.BLOCKED: 1, Action.SYNC: 2}


def test_a_blocked_change_is_not_carried_out_and_says_what_it_would_do() -> None:
    blocked = change(intended=Action.DELETE, blocks=(Block("protect", "protected"),))
    assert (blocked.action, blocked.intended) == (Action.BLOCKED, Action.DELETE)
    assert blocked.action not in CHANGING


def test_a_planned_change_keeps_all_that_was_decided() -> None:
    decision = declared_decision(activation()).failed("broken", "fix it")
    planned = PlannedChange.of(decision)
    assert isinstance(planned, Decision)
    assert (planned.action, planned.error, planned.hint) == (Action.FAILED, "broken", "fix it")
    assert (planned.key, planned.definition) == (activation().key, decision.definition)
    assert (planned.delta, planned.rejected, planned.after, planned.moves) == ({}, (), 0, False)


def test_what_is_sent_counts_both_ways_unless_the_audience_is_replaced() -> None:
    parts = delta(email=TypeDelta(10, 12, 4, 2), mobile_ad_id=TypeDelta(0, 3, 3, 0))
    synced = change(intended=Action.SYNC, delta=parts)
    assert (synced.sends, synced.after, list(synced.delta)) == (9, 15, [EMAIL, MADID])
    assert change(intended=Action.RECREATE, audience_id="1", delta=parts).sends == 7


def test_a_refill_moves_even_where_nothing_is_added() -> None:
    assert change(intended=Action.SYNC, refill=True).moves
    assert not change(intended=Action.UPDATE, delta=delta(email=TypeDelta(3, 3, 0, 0))).moves


def test_what_cannot_be_sent_is_told_by_the_evaluation() -> None:
    rejected = (Rejected(EMAIL, "malformed", 2),)
    assert change(intended=Action.SYNC, evaluation=evaluation(5, rejected)).rejected == rejected
