"""Bringing memberships up to date where the definition is already applied; what a scheduler runs.

It never ships a definition: an activation whose definition in the files is not the applied one is skipped and named.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from runner.core.errors import StateError
from runner.core.project import Activation, Project
from runner.core.records import Action
from runner.core.schedule import is_due, next_due
from runner.core.selection import require_known
from runner.planning.plan import Change, Plan
from runner.workflows.accounts import Accounts
from runner.workflows.apply import Applied, carry_out_plan, settle_unfinished
from runner.workflows.context import RunContext
from runner.workflows.make_plan import PlanRequest, choose, compare_definitions, with_members
from runner.workflows.upcoming import Slot, done_until

NOT_APPLIED = "not applied yet: run `headcount apply`"
MARKED = "its definition is not the applied one: run `headcount apply`, which clears and refills it with the new one"


@dataclass(frozen=True, slots=True)
class Skipped:
    """An activation that a sync leaves alone, and why."""

    activation: str
    reason: str


@dataclass(frozen=True, slots=True)
class Synced:
    """What a sync did, and whom it skipped. `waiting` are those that were selected and are not due yet."""

    applied: Applied
    skipped: tuple[Skipped, ...]
    waiting: tuple[Slot, ...] = ()


def sync(
    project: Project,
    request: PlanRequest,
    tools: RunContext,
    accounts: Accounts,
    rebuild: frozenset[str] = frozenset(),
    *,
    due: bool = False,
) -> Synced:
    """Update memberships of what is applied; those in `rebuild` are cleared and refilled. Raises Locked, UsageError.

    An activation to rebuild that is skipped stays as it is: nothing is marked before it is certain to be done. Only
    where its membership is damaged and another definition waits for apply, which needs one that is whole, the audience
    is marked, so that apply clears and refills it. With `due`, only what is due is looked at; where nothing is, no call
    is made.
    """
    with tools.state.lock("headcount sync"):
        began = tools.clock()
        # Before what a dead run left is settled, and looks done.
        last = done_until(tools.state.audiences(), tools.state.latest())
        request = replace(request, unsettled=settle_unfinished(tools))
        applied = tools.state.audiences()
        require_known(rebuild, (record.activation for record in applied))
        chosen = choose(project, applied, request)
        waiting: tuple[Slot, ...] = ()
        skipped: list[Skipped] = []
        if due:
            chosen, waiting = _due(chosen, last, began)
            known = {record.key for record in applied}
            skipped = [Skipped(one.id, NOT_APPLIED) for one in chosen if one.key not in known]
            chosen = tuple(one for one in chosen if one.key in known)
        changes = compare_definitions(project, chosen, applied, request, accounts, orphans_too=False)
        reasons = {change.id: why for change in changes if (why := _why_not(change))}
        reasons |= {change.id: MARKED for change in changes if change.id in rebuild and _marked(change, tools)}
        skipped += [Skipped(activation, why) for activation, why in reasons.items()]
        undeclared = sorted(rebuild - {change.id for change in changes})
        skipped += [Skipped(activation, "no activation declares its audience any more") for activation in undeclared]
        eligible = [_members_only(change, rebuild) for change in changes if change.id not in reasons]
        tools.progress.evaluating(len(eligible))
        judged = [with_members(change, project, request, tools, accounts) for change in eligible]
        plan = Plan.of(judged, tools.clock(), request.today)
        return Synced(carry_out_plan(plan, tools, accounts, "sync", began), tuple(skipped), waiting)


def _due(
    chosen: tuple[Activation, ...], last: Mapping[str, datetime], now: datetime
) -> tuple[tuple[Activation, ...], tuple[Slot, ...]]:
    """What is due of the chosen ones; and of the others with a schedule, when each is due, the first one first."""
    ready = tuple(one for one in chosen if is_due(one.schedule, last.get(one.id), now))
    taken = {one.id for one in ready}
    later = [
        Slot(one.id, at, one.schedule)
        for one in chosen
        if one.id not in taken and (at := next_due(one.schedule, last.get(one.id), now)) is not None
    ]
    return ready, tuple(sorted(later, key=lambda run: (run.at, run.activation)))


def _why_not(change: Change) -> str:
    """Why sync must leave a change alone, empty when it need not."""
    if change.intended is Action.FAILED:
        return ""
    if why := _not_there(change):
        return why
    if change.redefined:
        return f"its definition is not the applied one ({', '.join(change.reasons)}): run `headcount apply`"
    return ""


def _not_there(change: Change) -> str:
    """Why an audience is not there to be synced as it is, empty when it is."""
    if change.intended is Action.CONFLICT:
        return change.error
    if change.intended is Action.CREATE:
        return NOT_APPLIED
    if change.replaces:
        return f"its audience must be deleted and created again ({', '.join(change.reasons)}): run `headcount apply`"
    if change.intended is Action.RECREATE:
        return "its audience is gone in Criteo: run `headcount apply` to create it again"
    return ""


def _marked(change: Change, tools: RunContext) -> bool:
    """Whether an audience was marked to be refilled by apply: one with another definition and a damaged membership."""
    if change.applied is None or not change.redefined or change.intended is Action.FAILED or _not_there(change):
        return False
    try:
        tools.state.held(change.applied.record_id)
    except StateError:
        tools.state.require_refill(change.applied.record_id)
        return True
    return False


def _members_only(change: Change, rebuild: frozenset[str]) -> Change:
    """The change without what it would do to name and description, refilled if that was asked for.

    The definition stays the one that was applied, whose name may be of another day.
    """
    applied = change.applied.definition if change.applied else None
    change = replace(change, fields=(), definition=applied, refill=change.refill or change.id in rebuild)
    return replace(change, intended=Action.UNCHANGED, reasons=()) if change.intended is Action.UPDATE else change
