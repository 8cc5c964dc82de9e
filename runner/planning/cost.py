"""What the segments of a plan cost: which of them a warehouse's bill, or a slow run, comes from."""

from __future__ import annotations

from runner.core.records import RunCost, SegmentCost
from runner.planning.plan import Plan

COSTLIEST = 50
"""Segments that are named: the history of a project with thousands must not become long by the fast ones."""


def cost_of(plan: Plan) -> RunCost:
    """The sums over the segments that were evaluated for a plan, and the costliest of them."""
    costs = [
        SegmentCost(change.id, change.measured.evaluation.rows if change.measured else None, round(change.seconds, 3))
        for change in plan.changes
        if change.seconds is not None
    ]
    slowest = sorted(costs, key=lambda one: (-one.seconds, one.activation))
    rows = sum(one.rows or 0 for one in costs)
    return RunCost(len(costs), rows, round(sum(one.seconds for one in costs), 3), tuple(slowest[:COSTLIEST]))
