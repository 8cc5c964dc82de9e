"""What the segments of a plan cost."""

from __future__ import annotations

import json
from dataclasses import replace

from runner.core.records import AccountRef, Action, RunCost, SegmentCost
from runner.planning.cost import COSTLIEST, cost_of
from runner.planning.plan import Decision, Plan, PlannedChange
from runner.reports.cost_text import plan_cost, run_cost
from runner.state.db import codec
from tests.builders import NOON


def change(name: str, seconds: float | None) -> PlannedChange:
    decision = Decision(name, Action.FAILED, "criteo", AccountRef("criteo", "1"), name)
    return replace(PlannedChange.of(decision), seconds=seconds)


def plan(*changes: PlannedChange) -> Plan:
    return Plan.of(changes, NOON, NOON.date())


def test_the_slowest_come_first_and_what_was_not_evaluated_costs_nothing() -> None:
    cost = cost_of(plan(change("a", 1.0), change("b", 3.0), change("c", None), change("d", 3.0)))
    assert (cost.evaluated, cost.seconds) == (3, 7.0)
    assert [one.activation for one in cost.costliest] == ["b", "d", "a"]


def test_only_the_costliest_are_named_but_all_are_counted() -> None:
    cost = cost_of(plan(*(change(f"a{number}", float(number)) for number in range(3 * COSTLIEST))))
    assert len(cost.costliest) == COSTLIEST
    assert min(one.seconds for one in cost.costliest) == 2 * COSTLIEST
    assert cost.evaluated == 3 * COSTLIEST


def test_a_cost_is_written_and_read_as_it_is() -> None:
    cost = RunCost(2, 5, 1.5, (SegmentCost("a", None, 1.0), SegmentCost("b", 5, 0.5)))
    assert codec.cost_of_data(json.loads(json.dumps(codec.cost_data(cost)))) == cost


def test_what_took_no_time_to_speak_of_is_not_spoken_of() -> None:
    assert run_cost(None) == run_cost(RunCost(0, 0, 0.0)) == ""
    assert run_cost(RunCost(2, 5, 0.9, (SegmentCost("a", 5, 0.9),))) == ""


def test_sums_and_the_slowest_are_told_in_words() -> None:
    cost = RunCost(2, 1_203_000, 83.0, (SegmentCost("loyal", 1_203_000, 61.0), SegmentCost("broken", None, 22.0)))
    assert run_cost(cost) == "2 segments in 1 min, 1,203,000 rows, most for loyal (1 min, 1,203,000 rows)"
    assert plan_cost(cost).plain.splitlines() == [
        "2 segments in 1 min, 1,203,000 rows",
        "      1 min        1,203,000 rows  loyal",
        "       22 s                failed  broken",
    ]
    assert run_cost(RunCost(1, 5, 2.0, (SegmentCost("a", 5, 2.0),))) == "1 segment in 2.0 s, 5 rows"
