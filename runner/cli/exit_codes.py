"""Exit codes: what a result means to a script."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runner.planning.plan import Plan
    from runner.workflows.apply import Applied

OK = 0
FAILED = 1
CHANGES = 2
BLOCKED = 4
USAGE = 64
INTERRUPTED = 130


def of_plan(plan: Plan, *, detailed: bool) -> int:
    """What failed weighs more than what is blocked, and that more than that there is something to do."""
    from runner.core.records import Action

    if plan.having(Action.FAILED, Action.CONFLICT):
        return FAILED
    if plan.having(Action.BLOCKED):
        return BLOCKED
    return CHANGES if detailed and plan.pending else OK


def of_run(applied: Applied) -> int:
    """As for a plan; a plan that nobody approved is a failure to apply it."""
    from runner.core.records import Outcome

    if applied.interrupted:
        return INTERRUPTED
    if applied.having(Outcome.FAILED) or not applied.approved:
        return FAILED
    return BLOCKED if applied.having(Outcome.BLOCKED) else OK
