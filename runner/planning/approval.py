"""Holding an apply to what the reviewed plan announced, as far as members are concerned."""

from __future__ import annotations

from collections.abc import Iterator

from runner.core.records import Action
from runner.planning.blocks import Block
from runner.planning.guardrails import beyond_announced
from runner.planning.name_conflicts import without_taken_names
from runner.planning.plan import CHANGING, Plan, PlannedChange
from runner.planning.staleness import AnnouncedChange, ReviewedPlan
from runner.quick_dataclass import replace

REVIEWED = "reviewed_plan"
"""Names the guardrail that a reviewed plan is; what it blocks passes with a new plan only."""


def held_to(plan: Plan, reviewed: ReviewedPlan) -> Plan:
    """The plan, every change blocked that the reviewed one did not announce."""
    judged = tuple(_judged(change, reviewed.announced.get(change.key)) for change in plan.changes)
    return plan.with_changes(without_taken_names(judged))


def _judged(change: PlannedChange, announced: AnnouncedChange | None) -> PlannedChange:
    if announced is None or change.action not in CHANGING:
        return change
    return replace(change, blocks=tuple(Block(REVIEWED, message) for message in _too_much(change, announced)))


def _too_much(change: PlannedChange, announced: AnnouncedChange) -> Iterator[str]:
    if announced.action in (Action.BLOCKED, Action.FAILED, Action.CONFLICT):
        yield f"in the reviewed plan it was {_WORDS[announced.action]}, so nobody has agreed to what it would do now"
    else:
        yield from beyond_announced(change, announced.members)


_WORDS = {Action.BLOCKED: "blocked", Action.FAILED: "failed", Action.CONFLICT: "in conflict"}
