"""Making a plan: look at the accounts, compare, evaluate segments, judge."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from time import monotonic

from runner.core.destination import Destination
from runner.core.errors import DestinationError, Interrupted, StateError
from runner.core.identifiers import IdentifierType
from runner.core.membership import NOBODY, ComparedMembership, Delta, Evaluation, MembershipFiles
from runner.core.project import Activation, Project
from runner.core.records import AccountRef, Action, AppliedAudience
from runner.core.selection import (
    Candidate,
    all_candidates,
    candidate_of,
    meant_by,
    require_meant,
)
from runner.planning.allowances import AllowedRemovals, allowance_of, ended_permissions
from runner.planning.diff import Comparison, declared_decision, orphan_decision
from runner.planning.guardrails import guard
from runner.planning.name_conflicts import without_taken_names
from runner.planning.plan import NO_DESTINATION, Decision, Measured, Plan, PlannedChange
from runner.planning.rejected_types import rejected_whole
from runner.planning.staleness import id_before
from runner.quick_dataclass import replace
from runner.state.interface import State
from runner.workflows import fingerprinting
from runner.workflows.accounts import Accounts, require_credentials, way_to
from runner.workflows.context import RunContext
from runner.workflows.create_once import without_false_claims
from runner.workflows.failure_messages import as_failure
from runner.workflows.look_for_overlap import anybody_held, with_overlaps
from runner.workflows.older_state import tell_if_older
from runner.workflows.plan_request import PlanRequest
from runner.workflows.rejected_before import with_rejected_before
from runner.workflows.small_ones import Ahead, look_ahead, small_among, some_at_a_time
from runner.workflows.suppressing import Suppressing, concerned, look, require_suppressions
from runner.workflows.unrecognised import with_unrecognised


def make_plan(project: Project, request: PlanRequest, context: RunContext, accounts: Accounts, run: str = "") -> Plan:
    """The full list of changes for what was selected. Changes nothing anywhere; raises InvalidProject, UsageError.

    `run` is what queries in warehouses are called by; by default the plan's id is, as far as it is known by then.
    """
    require_suppressions(request.allow_suppressions, project, context)
    context = context if context.fingerprinting is not None else fingerprinting.reading(context)
    applied = context.state.audiences()
    chosen = choose(project, applied, request)
    if chosen:
        context.evaluator.prepare(project.sources)  # it begins while accounts are read
    decisions = decide(project, chosen, (*applied, *context.state.given_up()), request, accounts)
    tell_if_older(decisions, context)
    evaluated = [decision.account for decision in decisions if _to_evaluate(decision) is not None]
    plan_id = id_before(decisions, request.options, concerned(project, evaluated, context))
    context.evaluator.name(run or f"plan-{plan_id[:8]}")
    changes, suppressing = plan_members(decisions, project, request, context, accounts)
    plan = Plan.of(without_taken_names(changes), context.clock(), request.today, request.options)
    return with_suppressions(plan, suppressing, context.state)


def choose(project: Project, applied: Iterable[AppliedAudience], request: PlanRequest) -> tuple[Activation, ...]:
    """The activations that were selected. A pattern may also mean an audience that is no longer declared."""
    candidates = all_candidates(project, applied)
    request.select.require_matches(candidates)
    require_meant("--allow-removals", sorted(request.allow_removals), candidates)
    return tuple(one for one in project.activations if request.select.means(Candidate.of(one)))


def decide(
    project: Project,
    chosen: tuple[Activation, ...],
    applied: tuple[AppliedAudience, ...],
    request: PlanRequest,
    accounts: Accounts,
    *,
    orphans_too: bool = True,
) -> tuple[Decision, ...]:
    """What has to happen to each audience by its definition; activations whose account cannot be read fail.

    Without `orphans_too` nothing is decided about audiences that no activation declares, and no account is read for
    them.
    """
    orphans = tuple(record for record in applied if orphans_too and request.select.means(candidate_of(record, project)))
    destinations = _destinations_to_read(project, chosen, orphans)
    require_credentials(destinations)
    live, failures = accounts.live_of_each(destinations)
    readable = tuple(activation for activation in chosen if activation.destination.name not in failures)
    ids = frozenset(record.record_id for record in orphans)
    comparison = Comparison(readable, project.activations, applied, live, request.prune, ids)
    failed = [
        declared_decision(activation).failed(failure.message, failure.hint)
        for activation in chosen
        if (failure := failures.get(activation.destination.name)) is not None
    ]
    unreadable = {one.account: failures[one.name] for one in destinations if one.name in failures}
    compared = without_false_claims(comparison.decisions(), accounts)
    return (*compared, *failed, *_unreachable_orphans(comparison, unreadable, request))


def _destinations_to_read(
    project: Project, chosen: tuple[Activation, ...], orphans: tuple[AppliedAudience, ...]
) -> tuple[Destination, ...]:
    """The destinations in use, and one for each other account that has an orphan."""
    names = {activation.destination.name for activation in chosen}
    read = {activation.account for activation in chosen}
    for record in orphans:
        destination = None if record.account in read else way_to(record, project.destinations)
        if destination is not None:
            read.add(record.account)
            names.add(destination.name)
    return tuple(destination for destination in project.destinations if destination.name in names)


def _unreachable_orphans(
    comparison: Comparison, unreadable: Mapping[AccountRef, DestinationError], request: PlanRequest
) -> Iterable[Decision]:
    """Audiences that are no longer declared, in accounts that cannot be looked at."""
    for record in comparison.applied:
        known = record.account in comparison.live or record.record_id not in comparison.orphans
        nowhere = record.given_up_at is not None  # as far as is known, and its activation has another one there
        if known or nowhere or not comparison.is_orphan(record):
            continue
        failure = unreadable.get(record.account)
        why = "its account cannot be read" if failure else NO_DESTINATION
        decision = orphan_decision(record, None, "no longer declared", why)
        if request.prune and failure:
            decision = decision.failed(failure.message, failure.hint)
        elif request.prune:
            hint = "declare a destination for that account, then prune"
            decision = decision.failed(f"{why}, so it cannot be deleted", hint)
        yield decision


def plan_members(
    decisions: Iterable[Decision],
    project: Project,
    request: PlanRequest,
    context: RunContext,
    accounts: Accounts,
    *,
    ships: bool = True,
    due: frozenset[str] = frozenset(),
) -> tuple[tuple[PlannedChange, ...], Suppressing]:
    """The changes that come of decisions: segments evaluated, members compared, guardrails judged; and suppressions.

    Without `ships`, suppressions that are new or changed do not take effect; those `due` are looked at in any case.
    """
    context = replace(context, counts_new=context.counts_only and not anybody_held(context.state))
    decided = tuple(decisions)
    to_evaluate = {one.key: activation for one in decided if (activation := _to_evaluate(one)) is not None}
    context.progress.evaluating(len(to_evaluate))
    context.evaluator.expect((*to_evaluate.values(), *project.suppressions), project.sources)
    allowed = request.allow_suppressions
    gone = frozenset(one.applied.record_id for one in decided if one.is_gone and one.applied is not None)
    some = tuple(some_at_a_time(decided))
    small = tuple(map(small_among, some))
    held = {one.key: one.applied.record_id for one in decided if one.applied is not None and not _is_filled_anew(one)}
    suppressing = look(project, to_evaluate, context, small, held, allowed=allowed, ships=ships, due=due, gone=gone)
    changes = tuple(_changes(some, project, request, context, accounts, suppressing))
    changes = with_unrecognised(changes, suppressing, context.evaluator)
    context.evaluator.release()  # what comes next may wait for a person, or send for hours
    return with_overlaps(changes, context.state, context.memberships), suppressing


def with_suppressions(plan: Plan, suppressing: Suppressing, state: State) -> Plan:
    """The plan with what is done about suppressions, and what of it leaves audiences."""
    suppressions = with_rejected_before(suppressing.suppressions, state)
    return replace(plan, suppressions=suppressions, withdrawals=tuple(suppressing.withdrawals.values()))


def _to_evaluate(decision: Decision) -> Activation | None:
    """The activation whose segment must be evaluated to know what a decision does, if any."""
    return None if decision.intended in (Action.FAILED, Action.CONFLICT) else decision.activation


def _changes(
    some_by_some: tuple[tuple[Decision, ...], ...],
    project: Project,
    request: PlanRequest,
    context: RunContext,
    accounts: Accounts,
    suppressing: Suppressing,
) -> Iterator[PlannedChange]:
    """The change of each decision, in their order; small segments are evaluated some at a time, ahead of their turn."""
    for some in some_by_some:
        ahead = look_ahead(some, suppressing.evaluated, project, context)
        for decision in some:
            yield _timed(decision, project, request, context, accounts, suppressing, ahead.get(decision.key))


def _timed(
    decision: Decision,
    project: Project,
    request: PlanRequest,
    context: RunContext,
    accounts: Accounts,
    suppressing: Suppressing,
    ahead: Ahead | None,
) -> PlannedChange:
    """The change, with how long its segment took, well or not."""
    activation = _to_evaluate(decision)
    if activation is None:
        return guard(decision)
    began = monotonic()
    try:
        change = _planned(decision, activation, project, request, context, accounts, suppressing, ahead)
    finally:
        before = suppressing.seconds.get(decision.key, 0.0) + (ahead.seconds if ahead is not None else 0.0)
        seconds = monotonic() - began + before
        context.progress.evaluated(decision.id, seconds)
    return replace(change, seconds=seconds)


def _planned(
    decision: Decision,
    activation: Activation,
    project: Project,
    request: PlanRequest,
    context: RunContext,
    accounts: Accounts,
    suppressing: Suppressing,
    ahead: Ahead | None,
) -> PlannedChange:
    """The change with its members, judged by the guardrails; a segment that cannot be evaluated makes it a failure."""
    measured = None
    try:
        _require_settled(decision, request)
        if ahead is None and (evaluation := suppressing.evaluation(decision.key)) is not None:
            ahead = Ahead(evaluation)
        named = suppressing.named.get(activation.account, ())
        measured = _measure(decision, activation, project, context, request.today, ahead, named)
        waits_for = suppressing.waits_for(decision.account)
        if waits_for:
            measured = measured.without_additions()
        decision = _moved(decision, measured)
        held = _delta_against_what_is_held(decision, measured, context)
        size = _size(decision, activation, accounts) if held is None else None
    except Interrupted:
        raise
    except Exception as error:  # noqa: BLE001 - one activation's failure, whatever it is, stops no other
        if context.stopping():  # what failed may have been the statement that was interrupted
            raise Interrupted("nothing was sent", "interrupted; nothing was sent") from None
        failure = as_failure(error)
        return PlannedChange.of(decision.failed(failure.message, failure.hint), measured)
    return guard(
        decision,
        measured,
        allow_removals=meant_by(sorted(request.allow_removals), Candidate.of(activation)),
        allowance=_allowance(activation, request, context.state),
        allow_recreate=decision.account.account_id in request.allow_recreate,
        size=size,
        held=held,
        leaving=suppressing.leaving(decision.applied),
        waits_for=waits_for,
    )


def _require_settled(decision: Decision, request: PlanRequest) -> None:
    """Raise what kept an unfinished delta from being settled; a refill needs nothing of it."""
    applied = decision.applied
    if applied is not None and applied.record_id in request.unsettled and not decision.refill:
        raise request.unsettled[applied.record_id]


def _measure(
    decision: Decision,
    activation: Activation,
    project: Project,
    context: RunContext,
    today: date,
    ahead: Ahead | None,
    named: tuple[Path, ...],
) -> Measured:
    """The segment evaluated, where that is not done yet, and the delta known. Raises SegmentError, StateError."""
    evaluation, compared = _compared(decision, activation, project, context, ahead, named)
    warnings = (
        *ended_permissions((activation,), today, is_warning=True),
        *rejected_whole(activation, evaluation, compared.delta),
    )
    if not decision.replaces:
        held_out = _newly_held_out(decision, activation, compared, project, context, named)
        return Measured(activation, evaluation, compared, compared.delta, warnings, held_out)
    from_empty = context.memberships.compare(evaluation, MembershipFiles())
    return Measured(activation, evaluation, from_empty, _instead(compared.delta, from_empty.delta), warnings)


def _newly_held_out(
    decision: Decision,
    activation: Activation,
    compared: ComparedMembership,
    project: Project,
    context: RunContext,
    named: tuple[Path, ...],
) -> Mapping[IdentifierType, int]:
    """How many members leave because the holdout is new or another one: those that would stay without it.

    The segment is evaluated once more for that, and only then. `named` are files of whom suppressions leave out of it.
    """
    before = decision.applied.definition if decision.applied is not None else None
    same = before is None or decision.definition is None or before.holdout == decision.definition.holdout
    leaving = {kind: part.removed for kind, part in compared.delta.items() if part.removed}
    if same or activation.holdout is None or not leaving or decision.refill:
        return {}
    without = context.evaluator.evaluate(replace(activation, holdout=None), project.sources)
    if named:
        without = context.memberships.without(without, named)
    anyway = context.memberships.compare(without, compared.held).delta
    because = {kind: count - anyway.get(kind, NOBODY).removed for kind, count in leaving.items()}
    return {kind: count for kind, count in because.items() if count > 0}


def _allowance(activation: Activation, request: PlanRequest, state: State) -> AllowedRemovals | None:
    """What the files let the activation remove, with what of it was used."""
    permission = activation.guardrails.allow
    used = state.removed_under(activation.id, permission) if permission is not None else 0
    return allowance_of(activation, used, request.today)


def _moved(decision: Decision, measured: Measured) -> Decision:
    """The decision: an update where its definition changed, a sync where only members move, and the reason."""
    moves = decision.refill or any(part.added or part.removed for part in measured.delta.values())
    intended, reasons = decision.intended, decision.reasons
    if intended is Action.UNCHANGED:
        intended = Action.UPDATE if decision.redefined else Action.SYNC if moves else Action.UNCHANGED
    if moves and not reasons:
        doubtful = any(part.unknown for part in measured.delta.values())
        reasons = ("left unfinished",) if doubtful else ("members changed",)
    return replace(decision, intended=intended, reasons=reasons)


def _compared(
    decision: Decision,
    activation: Activation,
    project: Project,
    context: RunContext,
    ahead: Ahead | None,
    named: tuple[Path, ...],
) -> tuple[Evaluation, ComparedMembership]:
    """The segment against what the audience holds; if a run moves on while this is read, against what it holds then.

    `named` are files of whom suppressions leave out of it.
    """
    if ahead is not None and ahead.compared is not None:
        return ahead.evaluation, ahead.compared
    evaluation = None if ahead is None else ahead.evaluation
    held = _held(decision, context.state)
    in_one_pass = evaluation is None and not (decision.refill or decision.replaces)
    counts_only = context.counts_only if held.files else context.counts_new
    while True:
        try:
            if in_one_pass:
                return context.memberships.evaluate_and_compare(
                    context.evaluator,
                    activation,
                    project.sources,
                    held,
                    context.fingerprinting,
                    counts_only=counts_only,
                )
            if evaluation is not None and evaluation.looked_up is not None and evaluation.looked_up.held != held:
                evaluation = _once_more(activation, project, context, named)
            if evaluation is None:
                evaluation = context.evaluator.evaluate(activation, project.sources, context.fingerprinting)
            return evaluation, context.memberships.compare(evaluation, held)
        except StateError:
            in_one_pass = False
            before, held = held, _held(decision, context.state)
            if held == before:
                raise


def _once_more(activation: Activation, project: Project, context: RunContext, named: tuple[Path, ...]) -> Evaluation:
    """A segment whose rows were looked up in a membership that is another one by now, evaluated without that."""
    evaluation = context.evaluator.evaluate(activation, project.sources, context.fingerprinting)
    return context.memberships.without(evaluation, named) if named else evaluation


def _is_filled_anew(decision: Decision) -> bool:
    """Whether a segment is compared with more than what the audience holds, or with something else."""
    return decision.refill or decision.replaces or _starts_empty(decision)


def _starts_empty(decision: Decision) -> bool:
    return decision.refill or decision.intended in (Action.CREATE, Action.RECREATE)


def _held(decision: Decision, state: State) -> MembershipFiles:
    """What the audience holds; nothing when it is created."""
    if decision.applied is None or (_starts_empty(decision) and not decision.replaces):
        return MembershipFiles()
    return state.held(decision.applied.record_id)


def _delta_against_what_is_held(decision: Decision, measured: Measured, context: RunContext) -> Delta | None:
    """For a refill, what it changes for the members that the audience has now; None where these are not known."""
    if not decision.refill or decision.applied is None or decision.applied.refill:
        return None
    try:
        return context.memberships.compare(measured.evaluation, context.state.held(decision.applied.record_id)).delta
    except StateError:
        return None


def _instead(before: Delta, after: Delta) -> Delta:
    """The delta of an audience made in place of another: the members of the one go, those of the segment come.

    `before` is the segment against the old audience, `after` against an empty one.
    """
    both = {kind: (before.get(kind, NOBODY), after.get(kind, NOBODY)) for kind in IdentifierType}
    return {
        kind: replace(new, before=old.before, removed=old.before)
        for kind, (old, new) in both.items()
        if kind in before or kind in after
    }


def _size(decision: Decision, activation: Activation, accounts: Accounts) -> int | None:
    """What the destination counts, where a guardrail must go by that since the members are not known."""
    applied = decision.applied
    emptied = decision.refill or (decision.replaces and applied is not None and applied.refill)
    if not emptied or decision.audience_id is None or (applied is not None and applied.members):
        return None
    return accounts.client(activation.destination).size(decision.audience_id)
