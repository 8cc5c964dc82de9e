"""Making a plan: look at the accounts, compare, evaluate segments, judge."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from time import monotonic

from runner.core.errors import DestinationError, HeadcountError, Interrupted, StateError
from runner.core.identifiers import IdentifierType
from runner.core.membership import ComparedMembership, Delta, Evaluation, MembershipFiles, TypeDelta
from runner.core.project import Activation, Destination, Project
from runner.core.records import AccountRef, Action, AppliedAudience
from runner.core.selection import EVERYTHING, Candidate, Selection, all_candidates, candidate_of, require_known
from runner.planning.diff import Comparison, undecided
from runner.planning.guardrails import guard
from runner.planning.name_conflicts import without_taken_names
from runner.planning.plan import NO_DESTINATION, Change, Options, Plan
from runner.state.interface import State
from runner.workflows.accounts import Accounts, require_credentials
from runner.workflows.context import RunContext
from runner.workflows.failure_messages import as_failure
from runner.workflows.verify_lost_creates import without_false_claims


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """What was asked of a plan: which activations, whether orphans are deleted, whose removals are allowed.

    `variables` are the names of those that were set for this run. `unsettled` says, by record id, what kept an
    unfinished delta from being settled.
    """

    today: date
    select: Selection = EVERYTHING
    prune: bool = False
    allow_removals: frozenset[str] = frozenset()
    unsettled: Mapping[int, HeadcountError] = field(default_factory=dict)
    variables: tuple[str, ...] = ()

    @property
    def options(self) -> Options:
        """What was asked for, as a plan remembers it."""
        changed = self.select.changed
        return Options(
            select=_in_order(self.select.select),
            exclude=_in_order(self.select.exclude),
            changed=None if changed is None else _in_order(changed),
            prune=self.prune,
            allow_removals=_in_order(self.allow_removals),
            variables=_in_order(self.variables),
        )


def _in_order(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names)))


def make_plan(project: Project, request: PlanRequest, tools: RunContext, accounts: Accounts) -> Plan:
    """The full list of changes for what was selected. Changes nothing anywhere; raises InvalidProject, UsageError."""
    applied = tools.state.audiences()
    chosen = choose(project, applied, request)
    changes = compare_definitions(project, chosen, (*applied, *tools.state.given_up()), request, accounts)
    tools.progress.evaluating(sum(needs_members(change) for change in changes))
    judged = tuple(with_members(change, project, request, tools, accounts) for change in changes)
    return Plan.of(without_taken_names(judged), tools.clock(), request.today, request.options)


def choose(project: Project, applied: Iterable[AppliedAudience], request: PlanRequest) -> tuple[Activation, ...]:
    """The activations that were selected. A pattern may also mean an audience that is no longer declared."""
    candidates = all_candidates(project, applied)
    request.select.require_matches(candidates)
    require_known(request.allow_removals, (candidate.id for candidate in candidates))
    return tuple(one for one in project.activations if request.select.means(Candidate.of(one)))


def compare_definitions(
    project: Project,
    chosen: tuple[Activation, ...],
    applied: tuple[AppliedAudience, ...],
    request: PlanRequest,
    accounts: Accounts,
    *,
    orphans_too: bool = True,
) -> tuple[Change, ...]:
    """One change per audience, members not yet looked at; activations whose account cannot be read fail.

    Without `orphans_too` there is none for audiences that no activation declares, and no account is read for them.
    """
    meant_orphans = tuple(
        record for record in applied if orphans_too and request.select.means(candidate_of(record, project))
    )
    destinations = _destinations_to_read(project, chosen, meant_orphans)
    require_credentials(destinations)
    live = {}
    failures: dict[str, DestinationError] = {}
    for destination in destinations:
        try:
            live[destination.account] = accounts.live(destination)
        except DestinationError as error:
            failures[destination.name] = error
    readable = tuple(activation for activation in chosen if activation.destination.name not in failures)
    orphans = frozenset(record.record_id for record in meant_orphans)
    comparison = Comparison(readable, project.activations, applied, live, request.prune, orphans)
    failed = [
        failed_change(activation, failures[activation.destination.name])
        for activation in chosen
        if activation.destination.name in failures
    ]
    unreadable = {d.account: failures[d.name] for d in destinations if d.name in failures}
    compared = without_false_claims(comparison.changes(), accounts)
    return (*compared, *failed, *_unreachable_orphans(comparison, unreadable, request))


def _destinations_to_read(
    project: Project, chosen: tuple[Activation, ...], orphans: tuple[AppliedAudience, ...]
) -> tuple[Destination, ...]:
    """The destinations in use, and those that can tell of an orphan."""
    names = {activation.destination.name for activation in chosen}
    read = {activation.account for activation in chosen}
    for destination in project.destinations:
        if destination.account not in read and any(record.account == destination.account for record in orphans):
            read.add(destination.account)
            names.add(destination.name)
    return tuple(destination for destination in project.destinations if destination.name in names)


def _unreachable_orphans(
    comparison: Comparison, unreadable: Mapping[AccountRef, DestinationError], request: PlanRequest
) -> Iterable[Change]:
    """Audiences that are no longer declared, in accounts that cannot be looked at."""
    for record in comparison.applied:
        known = record.account in comparison.live or record.record_id not in comparison.orphans
        if known or not comparison.is_orphan(record):
            continue
        failure = unreadable.get(record.account)
        why = "its account cannot be read" if failure else NO_DESTINATION
        change = Change(
            id=record.activation,
            intended=Action.ORPHANED,
            destination=record.destination,
            account=record.account,
            name=record.definition.name if record.definition else "",
            reasons=("no longer declared", why),
            applied=record,
            audience_id=record.audience_id,
        )
        if request.prune:
            change = replace(
                change,
                intended=Action.FAILED,
                error=failure.message if failure else f"{why}, so it cannot be deleted",
                hint=failure.hint if failure else "declare a destination for that account, then prune",
            )
        yield change


def failed_change(activation: Activation, error: HeadcountError) -> Change:
    """An activation that fails before anything is known of it."""
    return replace(undecided(activation), intended=Action.FAILED, error=error.message, hint=error.hint)


def needs_members(change: Change) -> bool:
    """Whether a change's segment must be evaluated to know what it does."""
    return change.activation is not None and change.intended not in (Action.FAILED, Action.CONFLICT)


def with_members(
    change: Change, project: Project, request: PlanRequest, tools: RunContext, accounts: Accounts
) -> Change:
    """The change with its delta, judged by the guardrails; a segment that cannot be evaluated makes it a failure."""
    if not needs_members(change):
        return guard(change, allow_removals=False)
    assert change.activation is not None
    began = monotonic()
    try:
        _require_settled(change, request)
        change = measure(change, project, tools)
        held = _delta_against_what_is_held(change, tools)
        size = _size(change, accounts) if held is None else None
    except Interrupted:
        raise
    except Exception as error:  # noqa: BLE001 - one activation's failure, whatever it is, stops no other
        if tools.stopping():  # what failed may have been the statement that was interrupted
            raise Interrupted("interrupted; nothing was sent") from None
        failure = as_failure(error)
        return replace(change, intended=Action.FAILED, error=failure.message, hint=failure.hint)
    finally:
        tools.progress.evaluated(change.id, monotonic() - began)
    return guard(change, allow_removals=change.id in request.allow_removals, size=size, held=held)


def _require_settled(change: Change, request: PlanRequest) -> None:
    """Raise what kept an unfinished delta from being settled; a refill needs nothing of it."""
    if change.applied is not None and change.applied.record_id in request.unsettled and not change.refill:
        raise request.unsettled[change.applied.record_id]


def measure(change: Change, project: Project, tools: RunContext) -> Change:
    """The change with the segment evaluated and the delta known. Raises SegmentError, StateError."""
    assert change.activation is not None
    evaluation, compared = _compared(change, change.activation, project, tools)
    delta = compared.delta
    if change.replaces:
        compared = tools.memberships.compare(evaluation, MembershipFiles())
        delta = _instead(delta, compared.delta)
    moves = any(part.added or part.removed for part in delta.values()) or change.refill
    intended = change.intended
    if intended is Action.UNCHANGED:
        intended = Action.SYNC if moves else Action.UPDATE if change.redefined else Action.UNCHANGED
    reasons = change.reasons
    if moves and not reasons:
        reasons = ("left unfinished",) if any(part.unknown for part in delta.values()) else ("members changed",)
    return replace(change, intended=intended, evaluation=evaluation, compared=compared, delta=delta, reasons=reasons)


def _compared(
    change: Change, activation: Activation, project: Project, tools: RunContext
) -> tuple[Evaluation, ComparedMembership]:
    """The segment against what the audience holds; if a run moves on while this is read, against what it holds then."""
    held = _held(change, tools.state)
    if not (change.refill or change.replaces):  # those are compared with more than this
        try:
            return tools.memberships.evaluate_and_compare(tools.evaluator, activation, project.sources, held)
        except StateError:
            before, held = held, _held(change, tools.state)
            if held == before:
                raise
    evaluation = tools.evaluator.evaluate(activation, project.sources)
    while True:
        try:
            return evaluation, tools.memberships.compare(evaluation, held)
        except StateError:
            before, held = held, _held(change, tools.state)
            if held == before:
                raise


def _starts_empty(change: Change) -> bool:
    return change.refill or change.intended in (Action.CREATE, Action.RECREATE)


def _held(change: Change, state: State) -> MembershipFiles:
    """What the audience holds; nothing when it is created."""
    if change.applied is None or (_starts_empty(change) and not change.replaces):
        return MembershipFiles()
    return state.held(change.applied.record_id)


def _delta_against_what_is_held(change: Change, tools: RunContext) -> Mapping[IdentifierType, TypeDelta] | None:
    """For a refill, what it changes for the members that the audience has now; None where these are not known."""
    if not change.refill or change.applied is None or change.applied.refill or change.evaluation is None:
        return None
    try:
        return tools.memberships.compare(change.evaluation, tools.state.held(change.applied.record_id)).delta
    except StateError:
        return None


def _instead(before: Delta, after: Delta) -> Delta:
    """The delta of an audience made in place of another: whoever was in the one goes, whoever is in the segment comes.

    `before` is the segment against the old audience, `after` against an empty one.
    """
    kinds = [kind for kind in IdentifierType if kind in before or kind in after]
    parts = {kind: (before.get(kind, _NOBODY), after.get(kind, _NOBODY)) for kind in kinds}
    return {
        kind: TypeDelta(before=old.before, after=new.after, added=new.added, removed=old.before)
        for kind, (old, new) in parts.items()
    }


_NOBODY = TypeDelta(0, 0, 0, 0)


def _size(change: Change, accounts: Accounts) -> int | None:
    emptied = change.refill or (change.replaces and change.applied is not None and change.applied.refill)
    if not emptied or change.audience_id is None or change.activation is None:
        return None
    if change.applied is not None and change.applied.members:
        return None
    return accounts.connection(change.activation.destination).size(change.audience_id)
