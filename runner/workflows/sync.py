"""Bringing memberships up to date where the definition is already applied; what a scheduler runs.

It never ships a definition: an activation whose definition in the files is not the applied one is skipped and named.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from runner.core.errors import StateError
from runner.core.local_time import local_time
from runner.core.project import Activation, Project, Suppression
from runner.core.records import Action, AppliedAudience, Latest, Outcome, taken_apart
from runner.core.schedule import is_due, next_due
from runner.core.selection import require_known
from runner.destinations.registry import platform_of
from runner.planning.plan import Decision, Plan
from runner.quick_dataclass import dataclass, replace
from runner.workflows import fingerprinting
from runner.workflows.accounts import Accounts
from runner.workflows.apply import Applied, carry_out_plan, settle_unfinished
from runner.workflows.context import RunContext
from runner.workflows.make_plan import choose, decide, plan_members, with_suppressions
from runner.workflows.older_state import tell_if_older
from runner.workflows.orphans import orphans_with_people
from runner.workflows.plan_request import PlanRequest
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
    """What a sync did, and whom it skipped. `waiting` are those that were selected and are not due yet.

    `orphans` are selected audiences that no activation declares any more and that keep people.
    """

    applied: Applied
    skipped: tuple[Skipped, ...]
    waiting: tuple[Slot, ...] = ()
    orphans: tuple[AppliedAudience, ...] = ()


def sync(
    project: Project,
    request: PlanRequest,
    context: RunContext,
    accounts: Accounts,
    rebuild: frozenset[str] = frozenset(),
    *,
    due: bool = False,
) -> Synced:
    """Update memberships of what is applied; those in `rebuild` are cleared and refilled. Raises Locked, UsageError.

    An activation to rebuild that is skipped stays as it is: nothing is marked before it is certain to be done. Only
    where its membership is damaged and another definition waits for apply, which needs one that is whole, the audience
    is marked, so that apply clears and refills it. In a state that is older than one seen before, nobody knows what the
    audiences hold: each to rebuild is marked first, whatever becomes of it in this run. With `due`, only what is due is
    looked at; where nothing is, no call is made, and the state is not written. A sync that has nothing to look at is no
    run of the history.
    """
    if due and (idle := _idle(project, request, context)) is not None:
        return idle
    with context.state.lock("headcount sync"):
        began = context.clock()
        context.progress.run(context.state.next_run())
        # Before what a dead run left is settled, and looks done.
        last = done_until(project.activations, context.state.audiences(), context.state.latest(), began)
        request = replace(request, unsettled=settle_unfinished(context))
        context = fingerprinting.writing(context)
        applied = context.state.audiences()
        require_known(rebuild, (record.activation for record in applied))
        if context.older:
            applied = _all_marked(rebuild, applied, context)
        work = _work(project, applied, request, last if due else None, began)
        if work.chosen:
            context.evaluator.prepare(project.sources)
        decisions = decide(project, work.chosen, applied, request, accounts, orphans_too=False)
        tell_if_older(decisions, context)
        skipped = (*work.skipped, *_skipped(decisions, rebuild, context))
        left_alone = {one.activation for one in skipped}
        eligible = [_members_only(one, rebuild) for one in decisions if one.id not in left_alone]
        context.evaluator.name(str(context.state.next_run()))
        never = frozenset(one.name for one in due_suppressions(project, context, began)) if due else frozenset()
        changes, suppressing = plan_members(eligible, project, request, context, accounts, ships=False, due=never)
        plan = Plan.of(changes, context.clock(), request.today, request.options)
        plan = with_suppressions(plan, suppressing, context.state)
        skipped = (*skipped, *(Skipped(f"suppression {one.name}", one.waits) for one in plan.suppressions if one.waits))
        orphans = orphans_with_people(project, applied, request.select)
        if not changes and not rebuild and not plan.suppressions:
            return Synced(Applied(plan, (), approved=True), skipped, work.waiting, orphans)
        done = carry_out_plan(plan, context, accounts, "sync", began)
        return Synced(done, skipped, work.waiting, orphans)


@dataclass(frozen=True, slots=True)
class _Work:
    """What a sync looks at, the selected ones that are not due yet, and whom it skips without a look at an account."""

    chosen: tuple[Activation, ...]
    waiting: tuple[Slot, ...] = ()
    skipped: tuple[Skipped, ...] = ()


def _work(
    project: Project,
    applied: tuple[AppliedAudience, ...],
    request: PlanRequest,
    last: Mapping[str, datetime] | None,
    now: datetime,
) -> _Work:
    """What there is to look at; with `last`, from when on the slots of each activation count, only what is due."""
    chosen = choose(project, applied, request)
    if last is None:
        return _Work(chosen)
    ready, waiting = _due(chosen, last, now)
    made, unmade = _made(ready, applied)
    return _Work(made, waiting, tuple(Skipped(one.id, NOT_APPLIED) for one in unmade))


def _idle(project: Project, request: PlanRequest, context: RunContext) -> Synced | None:
    """What a sync of what is due comes to where there is nothing to look at or to settle, None where there is.

    Seen without the lock, so that a state is not written each minute to say that nothing was due.
    """
    now, applied = context.clock(), context.state.audiences()
    if any(record.unfinished is not None for record in applied):
        return None
    last = done_until(project.activations, applied, context.state.latest(), now)
    work = _work(project, applied, request, last, now)
    if work.chosen or due_suppressions(project, context, now):
        return None
    nothing = Applied(Plan.of((), now, request.today, request.options), (), approved=True)
    return Synced(nothing, work.skipped, work.waiting, orphans_with_people(project, applied, request.select))


def due_suppressions(project: Project, context: RunContext, now: datetime) -> tuple[Suppression, ...]:
    """The suppressions in effect that are to be looked at by their own schedule."""
    last = {one.name: one.evaluated_at or one.applied_at for one in context.state.suppressions()}
    return tuple(one for one in project.suppressions if one.name in last and is_due(one.schedule, last[one.name], now))


def _due(
    chosen: tuple[Activation, ...], last: Mapping[str, datetime], now: datetime
) -> tuple[tuple[Activation, ...], tuple[Slot, ...]]:
    """What is due of the chosen ones; and of the others with a schedule, when each is due, the first one first."""
    ready = {one.id: one for one in chosen if is_due(one.schedule, last.get(one.id), now)}
    later = [
        Slot(one.id, at, one.schedule)
        for one in chosen
        if one.id not in ready and (at := next_due(one.schedule, last.get(one.id), now)) is not None
    ]
    return tuple(ready.values()), tuple(sorted(later, key=lambda slot: (slot.at, slot.activation)))


def _made(
    chosen: tuple[Activation, ...], applied: tuple[AppliedAudience, ...]
) -> tuple[tuple[Activation, ...], tuple[Activation, ...]]:
    """Those that have an audience, and those that have none, for which no account needs to be read."""
    known = {record.key for record in applied}
    return tuple(one for one in chosen if one.key in known), tuple(one for one in chosen if one.key not in known)


def _skipped(decisions: Iterable[Decision], rebuild: frozenset[str], context: RunContext) -> Iterator[Skipped]:
    """What sync must leave alone of what was decided, and what was to be rebuilt and is not declared any more."""
    seen, latest = set(), context.state.latest()
    for decision in decisions:
        seen.add(decision.id)
        why = _not_there(decision)
        if not why and decision.redefined and decision.intended is not Action.FAILED:
            marked = decision.id in rebuild and _marked_if_damaged(decision.applied, context)
            changed = f"its definition is not the applied one ({', '.join(decision.reasons)})"
            why = MARKED if marked else f"{changed}{_to_apply(latest.get(decision.id))}"
        if why:
            yield Skipped(decision.id, why)
    for activation in sorted(rebuild - seen):
        yield Skipped(activation, "no activation declares its audience any more")


def _to_apply(latest: Latest | None) -> str:
    """What to do about a definition that was not applied: where its last run failed, first what made it fail."""
    last = latest.run if latest is not None else None
    if last is None or last.outcome is not Outcome.FAILED:
        return ": run `headcount apply`"
    sentence, _ = taken_apart(last.detail)
    why = f" ({sentence})" if sentence else ""
    return f"; its last run failed, {local_time(last.started_at)}{why}: fix that, then run `headcount apply`"


def _not_there(decision: Decision) -> str:
    """Why an audience is not there to be synced as it is, empty when it is."""
    if decision.intended is Action.CONFLICT:
        return decision.error
    if decision.intended is Action.CREATE:
        return NOT_APPLIED
    if decision.replaces:
        why = ", ".join(decision.reasons)
        return f"its audience must be deleted and created again ({why}): run `headcount apply`"
    if decision.intended is Action.RECREATE:
        return f"its audience is gone in {platform_of(decision.account.kind)}: run `headcount apply` to create it again"
    return ""


def _marked_if_damaged(record: AppliedAudience | None, context: RunContext) -> bool:
    """Mark an audience whose membership is damaged to be refilled by apply, which has to know its members otherwise."""
    if record is None:
        return False
    try:
        context.state.held(record.record_id)
    except StateError:
        context.state.require_refill(record.record_id)
        return True
    return False


def _all_marked(
    rebuild: frozenset[str], applied: tuple[AppliedAudience, ...], context: RunContext
) -> tuple[AppliedAudience, ...]:
    """What is applied, with every audience to rebuild marked: the next run that can clears and refills it."""
    for record in applied:
        if record.activation in rebuild and record.audience_id is not None:
            context.state.require_refill(record.record_id)
    return context.state.audiences()


def _members_only(decision: Decision, rebuild: frozenset[str]) -> Decision:
    """The decision without what it would do to name and description, refilled if that was asked for.

    The definition stays the one that was applied, whose name may be of another day.
    """
    applied = decision.applied.definition if decision.applied else None
    decision = replace(decision, fields=(), definition=applied, refill=decision.refill or decision.id in rebuild)
    return replace(decision, intended=Action.UNCHANGED, reasons=()) if decision.intended is Action.UPDATE else decision
