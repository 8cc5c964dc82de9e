"""Carrying out a plan: definitions first, then memberships, each activation on its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from runner.applied import ActivationRun, Outcome
from runner.errors import DestinationError, HeadcountError, Interrupted, StateError
from runner.model import Destination, Project
from runner.plan import Action, Change, Plan
from runner.workflows.accounts import Accounts
from runner.workflows.definitions import carry_out, in_order
from runner.workflows.members import Sent, send_members, settle
from runner.workflows.plan import Request, make_plan
from runner.workflows.tools import Tools


@dataclass(frozen=True, slots=True)
class Applied:
    """What a run did: the plan it followed and how each activation fared; no outcomes when nobody approved."""

    plan: Plan
    outcomes: tuple[ActivationRun, ...]
    approved: bool
    interrupted: bool = False

    def having(self, *outcomes: Outcome) -> tuple[ActivationRun, ...]:
        return tuple(run for run in self.outcomes if run.outcome in outcomes)


def apply(
    project: Project, request: Request, tools: Tools, accounts: Accounts, approve: Callable[[Plan], bool]
) -> Applied:
    """Plan, ask `approve` when there is something to do, and carry it out. Raises Locked, InvalidProject, UsageError.

    What a dead run left is settled before planning. A failure of one activation is its outcome and stops no other.
    """
    with tools.state.lock("headcount apply"):
        settle_unfinished(tools)
        plan = make_plan(project, request, tools, accounts)
        if plan.pending and not approve(plan):
            return Applied(plan, (), approved=False)
        return carry_out_plan(plan, project, tools, accounts, "apply")


def settle_unfinished(tools: Tools) -> None:
    """Settle every delta that an earlier run left. One that cannot be read fails its activation when it is planned."""
    for applied in tools.state.audiences():
        if applied.unfinished is not None:
            try:
                settle(applied.key, tools)
            except HeadcountError as error:
                tools.progress.note(f"{applied.activation}: {error.message}")
            else:
                tools.progress.note(f"{applied.activation}: settled what an earlier run left unfinished")


def carry_out_plan(plan: Plan, project: Project, tools: Tools, accounts: Accounts, command: str) -> Applied:
    """Do what the plan says; the state's history tells of it whatever happens."""
    run = tools.state.begin_run(command, plan.made_at)
    work = _Work(project, tools, accounts, run)
    tools.progress.sending(sum(change.sends for change in plan.pending))
    try:
        defined = work.define(plan)
        work.fill(defined)
        interrupted = False
    except Interrupted:
        interrupted = True
    work.rest(plan, interrupted)
    tools.state.end_run(run, tools.clock())
    return Applied(plan, tuple(work.outcomes.values()), approved=True, interrupted=interrupted)


class _Work:
    """One run under way: who has fared how so far. Keyed by audience, since an orphan shares its activation's id."""

    def __init__(self, project: Project, tools: Tools, accounts: Accounts, run: int) -> None:
        self.outcomes: dict[tuple[str, str, str], ActivationRun] = {}
        self._tools = tools
        self._accounts = accounts
        self._run = run
        self._destinations = {(d.type, d.account_id): d for d in reversed(project.destinations)}

    def define(self, plan: Plan) -> tuple[Change, ...]:
        """Carry out every step on audiences themselves; what comes back are the changes whose members can be sent."""
        ready: dict[tuple[str, str, str], Change] = {}
        for step in in_order(plan.pending):
            key = _key(step.change)
            if key in self.outcomes:
                continue
            self._stop_if_asked()
            began = monotonic()
            try:
                ready[key] = carry_out(step, self._accounts.connection(self._destination(step.change)), self._tools)
            except (DestinationError, StateError) as error:
                ready.pop(key, None)
                self._record(step.change, Outcome.FAILED, seconds=monotonic() - began, detail=_sentence(error))
        return tuple(ready.values())

    def fill(self, defined: tuple[Change, ...]) -> None:
        """Send what each membership lacks."""
        for change in defined:
            began = monotonic()
            try:
                sent = self._fill(change)
            except Interrupted as interruption:
                self._record(change, Outcome.INTERRUPTED, seconds=monotonic() - began, detail=interruption.message)
                raise
            except HeadcountError as error:
                self._record(change, Outcome.FAILED, seconds=monotonic() - began, detail=_sentence(error))
            else:
                self._record(change, Outcome.DONE, sent, monotonic() - began, ", ".join(change.reasons))

    def rest(self, plan: Plan, interrupted: bool) -> None:
        """Record whatever was not carried out, and why."""
        for change in plan.changes:
            if _key(change) in self.outcomes or change.action is Action.ORPHANED:
                continue
            if change.action is Action.BLOCKED:
                self._record(change, Outcome.BLOCKED, detail="; ".join(block.message for block in change.blocks))
            elif change.action in (Action.FAILED, Action.CONFLICT):
                self._record(change, Outcome.FAILED, detail=change.error)
            elif change.action is Action.UNCHANGED:
                self._record(change, Outcome.UNCHANGED)
            elif interrupted:
                self._record(change, Outcome.INTERRUPTED, detail="not begun")

    def _fill(self, change: Change) -> Sent:
        if change.activation is None or not (change.refill or change.added or change.removed):
            return Sent()
        self._stop_if_asked()
        assert change.applied is not None
        assert change.audience_id is not None
        connection = self._accounts.connection(change.activation.destination)
        return send_members(change, change.applied.key, change.audience_id, connection, self._tools)

    def _destination(self, change: Change) -> Destination:
        return (
            change.activation.destination if change.activation else self._destinations[change.kind, change.account_id]
        )

    def _stop_if_asked(self) -> None:
        if self._tools.stopping():
            raise Interrupted("interrupted between two activations")

    def _record(
        self, change: Change, outcome: Outcome, sent: Sent | None = None, seconds: float = 0.0, detail: str = ""
    ) -> None:
        sent = sent or Sent()
        run = ActivationRun(
            activation=change.id,
            action=str(change.action),
            outcome=outcome,
            added=sent.added,
            removed=sent.removed,
            rejected=change.rejected,
            invalid=sent.invalid,
            members=change.after,
            seconds=round(seconds, 3),
            detail=detail,
        )
        self.outcomes[_key(change)] = run
        self._tools.state.record(self._run, run)


def _key(change: Change) -> tuple[str, str, str]:
    return (change.id, change.kind, change.account_id)


def _sentence(error: HeadcountError) -> str:
    return f"{error.message}; {error.hint}" if error.hint else error.message
