"""Bringing memberships up to date where the definition is already applied; what a scheduler runs.

It never ships a definition: an activation whose definition in the files is not the applied one is skipped and named.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from runner.model import Project
from runner.plan import Action, Change, Plan
from runner.select import require_known
from runner.workflows.accounts import Accounts
from runner.workflows.apply import Applied, carry_out_plan, settle_unfinished
from runner.workflows.plan import Request, choose, compare_definitions, with_members
from runner.workflows.tools import Tools


@dataclass(frozen=True, slots=True)
class Skipped:
    """An activation that a sync leaves alone, and why."""

    activation: str
    reason: str


@dataclass(frozen=True, slots=True)
class Synced:
    """What a sync did, and whom it skipped."""

    applied: Applied
    skipped: tuple[Skipped, ...]


def sync(
    project: Project, request: Request, tools: Tools, accounts: Accounts, rebuild: frozenset[str] = frozenset()
) -> Synced:
    """Update memberships of what is applied; those in `rebuild` are cleared and refilled. Raises Locked, UsageError.

    An activation to rebuild that is skipped stays as it is: nothing is marked before it is certain to be done.
    """
    with tools.state.lock("headcount sync"):
        request = replace(request, unsettled=settle_unfinished(tools))
        applied = tools.state.audiences()
        require_known(rebuild, [(record.activation, record.destination) for record in applied])
        chosen = choose(project, applied, request)
        changes = [
            change
            for change in compare_definitions(project, chosen, applied, request, accounts)
            if change.activation is not None
        ]
        skipped = [Skipped(change.id, why) for change in changes if (why := _why_not(change))]
        undeclared = sorted(rebuild - {change.id for change in changes})
        skipped += [Skipped(activation, "no activation declares its audience any more") for activation in undeclared]
        eligible = [_members_only(change, rebuild) for change in changes if not _why_not(change)]
        tools.progress.evaluating(len(eligible))
        judged = [with_members(change, project, request, tools, accounts) for change in eligible]
        plan = Plan.of(judged, tools.clock(), request.today)
        return Synced(carry_out_plan(plan, tools, accounts, "sync"), tuple(skipped))


def _why_not(change: Change) -> str:
    """Why sync must leave a change alone, empty when it need not."""
    if change.intended is Action.FAILED:
        return ""
    if change.intended is Action.CONFLICT:
        return change.error
    if change.intended is Action.CREATE:
        return "not applied yet: run `headcount apply`"
    if change.replaces:
        return f"its audience must be deleted and made anew ({', '.join(change.reasons)}): run `headcount apply`"
    if change.intended is Action.RECREATE:
        return "its audience is gone in Criteo: run `headcount apply` to make it anew"
    if change.redefined:
        return f"its definition is not the applied one ({', '.join(change.reasons)}): run `headcount apply`"
    return ""


def _members_only(change: Change, rebuild: frozenset[str]) -> Change:
    """The change without what it would do to name and description, refilled if that was asked for.

    The definition stays the one that was applied, whose name may be of another day.
    """
    applied = change.applied.definition if change.applied else None
    change = replace(change, fields=(), definition=applied, refill=change.refill or change.id in rebuild)
    return replace(change, intended=Action.UNCHANGED, reasons=()) if change.intended is Action.UPDATE else change
