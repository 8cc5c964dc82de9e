"""Exit codes: what a result means to a script."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runner.planning.plan import Plan
    from runner.workflows.apply import Applied
    from runner.workflows.sync import Synced

OK = 0
FAILED = 1
CHANGES = 2
BLOCKED = 4
LEFT_ALONE = 7
USAGE = 64
INTERRUPTED = 130


def of_plan(plan: Plan, *, detailed: bool) -> int:
    """What failed weighs more than what is blocked, and that more than that there is something to do.

    An orphaned audience is something to do: only a person can say whether it is deleted or declared again.
    """
    from runner.core.records import Action

    failed = any(one.error for one in plan.suppressions) or any(one.error for one in plan.withdrawals)
    if failed or plan.having(Action.FAILED, Action.CONFLICT):
        return FAILED
    if plan.having(Action.BLOCKED) or any(one.blocks for one in plan.suppressions):
        return BLOCKED
    return CHANGES if detailed and (plan.has_work or plan.having(Action.ORPHANED)) else OK


def of_run(applied: Applied) -> int:
    """As for a plan; a plan that nobody approved is a failure to apply it."""
    from runner.core.records import Outcome

    if applied.interrupted:
        return INTERRUPTED
    if applied.having(Outcome.FAILED) or not applied.approved:
        return FAILED
    return BLOCKED if applied.having(Outcome.BLOCKED) else OK


def of_sync(synced: Synced) -> int:
    """As for a run; one that went well and left alone what it was asked to bring up to date has a code of its own."""
    return of_run(synced.applied) or (LEFT_ALONE if synced.skipped else OK)
