"""Carrying out a plan: definitions first, then memberships, each activation on its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from itertools import starmap
from time import monotonic

from runner.core.destination import DestinationClient
from runner.core.errors import HeadcountError, Interrupted, LockLost, UsageError
from runner.core.project import Project
from runner.core.records import NOT_KNOWN, SUPPRESS, Action, ActivationRun, AudienceKey, Outcome, with_advice
from runner.planning.approval import held_to
from runner.planning.cost import cost_of
from runner.planning.plan import Plan, PlannedChange
from runner.planning.staleness import Deviation, ReviewedPlan, StalePlan, deviations, id_of
from runner.planning.suppression_rules import Withdrawal
from runner.planning.ways_out import ways_out
from runner.quick_dataclass import dataclass, field, replace
from runner.workflows import fingerprinting
from runner.workflows.accounts import Accounts
from runner.workflows.binding import bind
from runner.workflows.concurrency import Task, run_concurrently
from runner.workflows.context import RunContext
from runner.workflows.daybook import note_day
from runner.workflows.failure_messages import as_detail, as_failure
from runner.workflows.make_plan import make_plan
from runner.workflows.plan_request import PlanRequest
from runner.workflows.reconcile import carry_out, in_order
from runner.workflows.send import Tally, Target, send_members, settle_delta
from runner.workflows.withdraw import mark_clean, outcome_of, remember, withdraw

AT_ONCE = 8
"""Audiences that are filled at a time: a call takes a second or more, and 250 may be made in a minute."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What a run did: the plan it followed and how each activation fared; no outcomes when nobody approved.

    `rejected_before` is how many values were rejected when people of an activation were last sent or looked at, as far
    as that is known. `recovered` are the activations that went well now and had gone wrong since.
    """

    plan: Plan
    outcomes: tuple[ActivationRun, ...]
    approved: bool
    interrupted: bool = False
    rejected_before: Mapping[str, int] = field(default_factory=dict)
    recovered: Mapping[str, datetime] = field(default_factory=dict)

    def having(self, *outcomes: Outcome) -> tuple[ActivationRun, ...]:
        return tuple(run for run in self.outcomes if run.outcome in outcomes)


def apply(
    project: Project,
    request: PlanRequest,
    context: RunContext,
    accounts: Accounts,
    approve: Callable[[Plan], bool],
    reviewed: ReviewedPlan | str = "",
) -> Applied:
    """Plan, ask `approve` when there is something to do, and carry it out. Raises Locked, InvalidProject, UsageError.

    `reviewed` is the saved plan that this must be, or its id; raises StalePlan, and sends nothing, when it is not.
    What a dead run left is settled before planning. A failure of one activation is its outcome and stops no other.
    """
    with context.state.lock("headcount apply"):
        began = context.clock()
        context.progress.run(context.state.next_run())
        request = replace(request, unsettled=settle_unfinished(context))
        context = fingerprinting.writing(context)
        plan = _reviewed_plan(project, request, context, accounts, reviewed)
        if plan.has_work and not approve(plan):
            return Applied(plan, (), approved=False)
        return carry_out_plan(plan, context, accounts, "apply", began)


def _reviewed_plan(
    project: Project, request: PlanRequest, context: RunContext, accounts: Accounts, reviewed: ReviewedPlan | str
) -> Plan:
    """The plan, held to the one that was reviewed. Raises StalePlan when the two are not about the same."""
    try:
        plan = make_plan(project, request, context, accounts, str(context.state.next_run()))
    except UsageError as error:
        if not isinstance(reviewed, ReviewedPlan):
            raise
        # What the plan's own options name is no longer there.
        raise StalePlan(reviewed.plan_id, (Deviation("options", "", "as they were", error.message),)) from None
    if isinstance(reviewed, ReviewedPlan):
        different = deviations(reviewed, plan)
        if different:
            raise StalePlan(reviewed.plan_id, different, plan)
        return held_to(plan, reviewed)
    if reviewed and reviewed != id_of(plan):
        raise StalePlan(reviewed, (), plan)
    return plan


def settle_unfinished(context: RunContext) -> Mapping[int, HeadcountError]:
    """Settle every delta that an earlier run left; what comes back are those that could not be, by record id."""
    failures: dict[int, HeadcountError] = {}
    for applied in context.state.audiences():
        if applied.unfinished is not None:
            try:
                settle_delta(applied.record_id, context)
            except LockLost:
                raise
            except Exception as error:  # noqa: BLE001 - it fails its own activation, when that is planned
                failures[applied.record_id] = as_failure(error)
            else:
                context.progress.note(f"{applied.activation}: settled what an earlier run left unfinished")
    return failures


def carry_out_plan(plan: Plan, context: RunContext, accounts: Accounts, command: str, began: datetime) -> Applied:
    """Do what the plan says; the state's history has it whatever happens.

    `began` is from before the segments were evaluated: what is due next counts from the data that a run has seen.
    """
    bind(context, plan)
    plan_id = id_of(plan) if command == "apply" else ""
    rejected = context.state.rejected() if any(change.rejected for change in plan.changes) else {}
    origin = context.origin() or NOT_KNOWN
    run = context.state.begin_run(command, began, origin, plan_id, cost_of(plan), plan.today)
    context = replace(context, run=run)
    work = _Work(context, accounts, run, plan.today)
    context.begun(False)
    context.progress.sending(sum(change.sends for change in plan.pending))
    try:
        remember(plan, context)
        work.withdraw(plan)
        defined = work.define(plan)
        work.fill(defined)
        interrupted = False
    except Interrupted:
        interrupted = True
    work.rest(plan, interrupted)
    if not interrupted:
        mark_clean(plan, work.not_withdrawn, context)
    work.tell_of_suppressions(plan, began)
    if not interrupted:
        note_day(plan, context, accounts)
    context.state.end_run(run, context.clock())
    over = {name: setback.since for name, setback in context.state.setbacks().items() if setback.over_at == began}
    return Applied(plan, tuple(work.outcomes.values()), True, interrupted, rejected, over)


_Ready = tuple[PlannedChange, Target | None]
"""A change whose step on the audience itself is done, and what its members are sent to."""


class _Work:
    """One run under way: who has fared how so far. Keyed by audience, since an orphan shares its activation's id."""

    def __init__(self, context: RunContext, accounts: Accounts, run: int, today: date) -> None:
        self.outcomes: dict[AudienceKey, ActivationRun] = {}
        self._context = context
        self._accounts = accounts
        self._run = run
        self._today = today
        self._withdrawn: dict[AudienceKey, Tally] = {}
        self.not_withdrawn: dict[AudienceKey, str] = {}
        self._everybody_left: set[AudienceKey] = set()
        self._defined: dict[AudienceKey, int] = {}

    def withdraw(self, plan: Plan) -> None:
        """Take out of every audience whom suppressions name."""
        run_concurrently(map(self._withdraw, plan.withdrawals), AT_ONCE, self._context.stopping)

    def _withdraw(self, one: Withdrawal) -> Task:
        key = one.record.key
        tally = self._withdrawn.setdefault(key, Tally())
        try:
            self._stop_if_asked()
            if one.destination is None or one.error:
                self.not_withdrawn[key] = one.error
                return
            yield from withdraw(one, self._accounts.client(one.destination), self._context, tally)
            self._everybody_left.add(key)
        except (Interrupted, LockLost):
            raise
        except Exception as error:  # noqa: BLE001 - one audience's failure, whatever it is, stops no other
            self.not_withdrawn[key] = as_detail(error)

    def _of_withdrawal(self, one: Withdrawal, outcome: Outcome, detail: str) -> ActivationRun:
        tally = self._withdrawn.get(one.record.key, Tally()).suppressed()
        return ActivationRun(
            activation=one.record.activation,
            action=SUPPRESS,
            outcome=outcome,
            removed=tally.removed,
            members=max(0, sum(one.record.members.values()) - tally.removed),
            detail=detail or "left because suppressions name them",
            counts=tally.counts,
        )

    def tell_of_suppressions(self, plan: Plan, began: datetime) -> None:
        """Record what left audiences of which nothing else is recorded, and what became of each suppression."""
        for each in plan.withdrawals:
            key = each.record.key
            if key not in self.outcomes and (key in self._withdrawn or key in self.not_withdrawn):
                failed = self.not_withdrawn.get(key, "")
                run = self.outcomes[key] = self._of_withdrawal(each, Outcome.FAILED if failed else Outcome.DONE, failed)
                self._context.state.record(self._run, run)
        for one in plan.suppressions:
            told = outcome_of(one, plan, self._everybody_left, began, self._context.clock())
            if told is not None:
                self.outcomes[AudienceKey(told.activation, "", "")] = told
                applied = one.takes_effect and one.changes_definition and one.declared is not None
                self._context.state.record(self._run, told, one.name if applied else None)

    def define(self, plan: Plan) -> tuple[_Ready, ...]:
        """Carry out every step on audiences themselves; what comes back are the changes whose members can be sent."""
        ready: dict[AudienceKey, _Ready] = {}
        for step in in_order(plan.pending):
            key = step.change.key
            if key in self.outcomes:
                continue
            self._stop_if_asked()
            began = monotonic()
            try:
                target = carry_out(step, self._client(step.change), self._context)
                ready[key] = step.change, target
                if target is not None and step.change.defines:
                    self._defined[key] = target.record_id
            except (Interrupted, LockLost):
                raise
            except Exception as error:  # noqa: BLE001 - one activation's failure, whatever it is, stops no other
                ready.pop(key, None)
                self._defined.pop(key, None)
                self._record(step.change, Outcome.FAILED, seconds=monotonic() - began, detail=as_detail(error))
        return tuple(ready.values())

    def fill(self, defined: tuple[_Ready, ...]) -> None:
        """Send what each membership lacks, to several audiences at a time; the outcomes keep the order of `defined`."""
        so_far = tuple(self.outcomes)
        try:
            run_concurrently(starmap(self._fill, defined), AT_ONCE, self._context.stopping)
        finally:
            order = dict.fromkeys((*so_far, *(change.key for change, _ in defined)))
            self.outcomes = {key: self.outcomes[key] for key in order if key in self.outcomes}

    def _fill(self, change: PlannedChange, target: Target | None) -> Task:
        began, tally = monotonic(), Tally()
        outcome, detail = Outcome.INTERRUPTED, "stopped at once; the next run goes on from there"
        if target is None or change.replaces:  # its audience has been deleted by now
            tally.gone(change.applied.members if change.applied is not None else {})
        try:
            if target is not None and change.measured is not None and change.moves:
                self._stop_if_asked()
                if change.key in self.not_withdrawn and not (change.refill or change.replaces):
                    outcome, detail = Outcome.FAILED, self.not_withdrawn[change.key]
                    return  # what was to leave first is on its way, until the next run settles it
                if change.allowance is not None and not change.allowance.ended:
                    self._context.state.permit(change.id, change.allowance.permission, self._today)
                yield from send_members(change, change.measured, target, self._client(change), self._context, tally)
            outcome, detail = Outcome.DONE, ", ".join(change.reasons)
            if target is not None:
                outcome, detail = self._keep_fingerprints(change, target.record_id, outcome, detail)
        except Interrupted as interruption:
            detail = interruption.message
            raise
        except LockLost as loss:
            detail = loss.message
            raise
        except Exception as error:  # noqa: BLE001 - one activation's failure, whatever it is, stops no other
            outcome, detail = Outcome.FAILED, as_detail(error)
        finally:
            self._record(change, outcome, tally, monotonic() - began, detail)

    def rest(self, plan: Plan, interrupted: bool) -> None:
        """Record whatever was not carried out, and why, in one step however many there are."""
        told: list[ActivationRun] = []
        unchanged: list[int] = []
        for change in plan.changes:
            fared = None if change.key in self.outcomes else _left(change, interrupted=interrupted)
            if fared is None:
                continue
            if change.applied is not None and not interrupted:
                fared = self._keep_fingerprints(change, change.applied.record_id, *fared)
            run = self.outcomes[change.key] = self._outcome(change, *fared)
            if run.outcome is Outcome.UNCHANGED and change.applied is not None:
                self._adopt(change)
                unchanged.append(change.applied.record_id)
            elif change.key in self._defined:
                self._context.state.record(self._run, run, self._defined[change.key])
            else:
                told.append(run)
        if told or unchanged:
            self._context.state.record_rest(self._run, told, unchanged)

    def _keep_fingerprints(self, change: PlannedChange, key: int, outcome: Outcome, detail: str) -> tuple[Outcome, str]:
        """Write down what is to be known of fingerprints; how the change fared, a failure where some were wrong."""
        compared = change.measured.compared if change.measured is not None else None
        if compared is None or outcome not in (Outcome.DONE, Outcome.UNCHANGED, Outcome.BLOCKED):
            return outcome, detail
        try:
            fingerprinting.keep(key, compared, self._context)
        except (Interrupted, LockLost):
            raise
        except Exception as error:  # noqa: BLE001 - one activation's failure, whatever it is, stops no other
            return Outcome.FAILED, as_detail(error)
        return (Outcome.FAILED, fingerprinting.MISTAKEN) if compared.mistaken else (outcome, detail)

    def _adopt(self, change: PlannedChange) -> None:
        """Write down what is declared now where it is written otherwise and means the same: the next one is compared
        with that. Syncs plan with what was applied, and so adopt nothing."""
        applied, declared = change.applied, change.definition
        if applied is not None and applied.definition is not None and declared not in (None, applied.definition):
            assert declared is not None
            self._context.state.define(applied.record_id, declared, change.destination, self._context.clock())

    def _client(self, change: PlannedChange) -> DestinationClient:
        if change.activation is None:
            return self._accounts.reader(change.account)
        return self._accounts.client(change.activation.destination)

    def _stop_if_asked(self) -> None:
        self._context.state.require_lock()
        if self._context.stopping():
            raise Interrupted("stopped between two activations")

    def _record(
        self,
        change: PlannedChange,
        outcome: Outcome,
        tally: Tally | None = None,
        seconds: float = 0.0,
        detail: str = "",
    ) -> None:
        run = self.outcomes[change.key] = self._outcome(change, outcome, detail, tally, seconds)
        self._context.state.record(self._run, run, self._defined.get(change.key))

    def _outcome(
        self, change: PlannedChange, outcome: Outcome, detail: str, tally: Tally | None = None, seconds: float = 0.0
    ) -> ActivationRun:
        tally = tally or Tally()
        if change.key in self._withdrawn:
            tally.take_in(self._withdrawn.pop(change.key).suppressed())
        failed = self.not_withdrawn.get(change.key, "")
        if failed and outcome in (Outcome.BLOCKED, Outcome.UNCHANGED):
            outcome, detail = Outcome.FAILED, failed
        grant = change.grant
        if grant is not None and grant.is_for_removals and not tally.removed:
            grant = None
        evaluation = change.measured.evaluation if change.measured else None
        return ActivationRun(
            activation=change.id,
            action=str(change.action),
            outcome=outcome,
            added=tally.added,
            removed=tally.removed,
            rejected=sum(part.count for part in change.rejected),
            invalid=tally.invalid,
            members=change.after,
            seconds=round(seconds, 3),
            detail=detail,
            counts=tally.counts,
            permission=grant.by if grant else "",
            permission_reason=grant.reason if grant else "",
            held_out=evaluation.held_out if evaluation else 0,
            suppressed=evaluation.suppressed if evaluation else 0,
            rows=evaluation.rows if evaluation else None,
        )


def _left(change: PlannedChange, *, interrupted: bool) -> tuple[Outcome, str] | None:
    """How a change fared that was not carried out, and why; None for one that is nobody's, or was to be."""
    if change.action is Action.BLOCKED:
        why = "; ".join(f"{block.guardrail}: {block.message}" for block in change.blocks)
        return Outcome.BLOCKED, with_advice(why, *ways_out(change))
    if change.action in (Action.FAILED, Action.CONFLICT):
        return Outcome.FAILED, with_advice(change.error, change.hint)
    if change.action is Action.UNCHANGED:
        return Outcome.UNCHANGED, ""
    return (Outcome.INTERRUPTED, "not begun") if interrupted and change.action is not Action.ORPHANED else None
