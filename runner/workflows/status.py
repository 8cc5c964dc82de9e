"""How every activation is doing, from the files and the state alone: no call, no query."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from runner.core.project import Activation, Project, Suppression
from runner.core.records import SUPPRESSION_LINE, AccountRef, AppliedAudience, LastRun, Latest, Setback
from runner.core.schedule import next_due
from runner.core.selection import EVERYTHING, Candidate, Selection, all_candidates, candidate_of
from runner.core.suppression import AppliedSuppression
from runner.planning.freshness import overdue_since
from runner.planning.suppression_rules import Standing, standing_of
from runner.quick_dataclass import dataclass
from runner.state.interface import State
from runner.workflows.condition import Condition, condition_of
from runner.workflows.orphans import not_readable
from runner.workflows.upcoming import done_until

RECOVERED_FOR = timedelta(days=1)
"""For how long it is said of an activation that it went wrong and is well again."""

_NEVER = Latest()
"""The runs of an activation that has had none."""


@dataclass(frozen=True, slots=True)
class SuppressionStatus:
    """One suppression, declared or in effect, and what the state knows of it.

    `standing` is how the files are to what was applied. `next_due` is None where only `apply` can do what is due, and
    for a manual schedule. `declared` is None where no file declares it any more.
    """

    name: str
    standing: Standing
    reason: str
    applied: AppliedSuppression | None
    latest: Latest
    next_due: datetime | None
    declared: Suppression | None = None

    def concerns(self, account: AccountRef) -> bool:
        """Whether it is, or was, for the audiences of an account."""
        declared = self.declared is not None and self.declared.concerns(account)
        return declared or (self.applied is not None and self.applied.definition.concerns(account))

    @property
    def awaits_apply(self) -> bool:
        """Whether the files differ from what was applied, so that nobody is added where it applies until then."""
        return self.standing not in (Standing.APPLIED, Standing.NOT_READABLE)


def suppression_statuses(project: Project, state: State, now: datetime) -> tuple[SuppressionStatus, ...]:
    """One row per suppression, in the order of their names."""
    declared = {one.name: one for one in project.suppressions}
    applied = {one.name: one for one in state.suppressions()}
    latest = state.latest() if declared or applied else {}
    return tuple(
        _suppression(
            name,
            Standing.NOT_READABLE if not project.is_whole and name not in declared else None,
            declared.get(name),
            applied.get(name),
            latest.get(f"{SUPPRESSION_LINE}{name}", _NEVER),
            now,
        )
        for name in sorted(declared.keys() | applied.keys())
    )


def _suppression(
    name: str,
    standing: Standing | None,
    declared: Suppression | None,
    applied: AppliedSuppression | None,
    latest: Latest,
    now: datetime,
) -> SuppressionStatus:
    standing = standing or standing_of(declared, applied)
    due = None
    if declared is not None and applied is not None and standing is Standing.APPLIED:
        due = next_due(declared.schedule, applied.evaluated_at or applied.applied_at, now)
    reason = declared.reason if declared is not None else applied.definition.reason if applied is not None else ""
    return SuppressionStatus(name, standing, reason, applied, latest, due, declared)


@dataclass(frozen=True, slots=True)
class ActivationStatus:
    """One activation (`declared`), or one audience that is no longer declared, and what the state knows of it.

    `next_due` is None for a manual schedule, where nothing is declared, and where only `apply` can do what is due.
    `stale` says that the last good run is longer ago than the activation's freshness allows; where it has none,
    `overdue_since` is since when it has been due, if that is for longer than its schedule ever waits. `setback` is the
    last row of runs that went wrong, over or not. `live_size` and `suspected_drift` are for `with_live_sizes` to
    fill in.
    """

    activation: str
    condition: Condition
    destination: str
    account_id: str
    name: str
    declared: Activation | None = None
    applied: AppliedAudience | None = None
    latest: Latest = _NEVER
    next_due: datetime | None = None
    stale: bool = False
    overdue_since: datetime | None = None
    setback: Setback | None = None
    live_size: int | None = None
    suspected_drift: bool = False

    @property
    def audience_id(self) -> str | None:
        return self.applied.audience_id if self.applied else None

    @property
    def account(self) -> AccountRef | None:
        """The account that its audience is in, or will be."""
        if self.applied is not None:
            return self.applied.account
        return self.declared.destination.account if self.declared is not None else None

    @property
    def wrong(self) -> LastRun | None:
        """The last run, where it went wrong; what is no longer declared has none."""
        last = self.latest.run
        return last if last is not None and last.outcome.is_wrong else None

    @property
    def wrong_alike_since(self) -> datetime | None:
        """When the first of the runs began that have ended as the last one did, None where that one went well."""
        if self.wrong is None:
            return None
        return self.setback.alike_since if self.setback and self.setback.over_at is None else self.wrong.started_at

    @property
    def wrong_since(self) -> datetime | None:
        """When the first of the runs began that have gone wrong one after the other, None where the last did not."""
        if self.wrong is None:
            return None
        return self.setback.since if self.setback and self.setback.over_at is None else self.wrong.started_at

    def recovered_at(self, now: datetime) -> datetime | None:
        """When the first good run after bad ones began, where that is less than a day ago."""
        over_at = self.setback.over_at if self.setback and self.wrong is None else None
        return over_at if over_at is not None and now - over_at < RECOVERED_FOR else None


def activation_statuses(
    project: Project, state: State, now: datetime, select: Selection = EVERYTHING
) -> tuple[ActivationStatus, ...]:
    """One row per declared activation, then one per audience that no activation declares. Raises UsageError."""
    applied = state.audiences()
    select.require_matches(all_candidates(project, applied))
    chosen = tuple(one for one in project.activations if select.means(Candidate.of(one)))
    meant = tuple(record for record in applied if select.means(candidate_of(record, project)))
    return (*_declared(chosen, applied, state, now), *_undeclared(project, meant, state))


def _declared(
    chosen: tuple[Activation, ...], applied: tuple[AppliedAudience, ...], state: State, now: datetime
) -> Iterator[ActivationStatus]:
    latest, setbacks = state.latest(), state.setbacks()
    counted = done_until(chosen, applied, latest, now)
    records = {record.key: record for record in applied}
    for activation in chosen:
        record = records.get(activation.key)
        runs = latest.get(activation.id, _NEVER)
        condition = condition_of(activation, record)
        due = None if condition.awaits_apply else next_due(activation.schedule, counted.get(activation.id), now)
        yield ActivationStatus(
            activation=activation.id,
            condition=condition,
            destination=activation.destination.name,
            account_id=activation.destination.account_id,
            name=activation.name,
            declared=activation,
            applied=record,
            latest=runs,
            next_due=due,
            stale=record is not None and _is_stale(activation, runs, now),
            overdue_since=_overdue_since(activation, runs, now) if due is not None and due <= now else None,
            setback=setbacks.get(activation.id),
        )


def _is_stale(activation: Activation, latest: Latest, now: datetime) -> bool:
    """Whether an audience that there is has not been brought up to date for longer than it may."""
    if activation.freshness is None:
        return False
    return latest.good is None or now - latest.good.started_at > timedelta(seconds=activation.freshness)


def _overdue_since(activation: Activation, latest: Latest, now: datetime) -> datetime | None:
    last = latest.run or latest.good
    return overdue_since(activation, last.started_at, now) if last is not None else None


def _undeclared(project: Project, applied: tuple[AppliedAudience, ...], state: State) -> Iterator[ActivationStatus]:
    declared = {activation.key for activation in project.activations}
    unknown = frozenset(not_readable(project, applied))
    latest, setbacks = (state.latest(), state.setbacks()) if unknown else ({}, {})
    for record in applied:
        if record.key not in declared:
            is_unknown = record.activation in unknown
            yield ActivationStatus(
                activation=record.activation,
                condition=Condition.NOT_READABLE if is_unknown else Condition.ORPHANED,
                destination=record.destination,
                account_id=record.account_id,
                name=record.definition.name if record.definition else "",
                applied=record,
                latest=latest.get(record.activation, _NEVER) if is_unknown else _NEVER,
                setback=setbacks.get(record.activation) if is_unknown else None,
            )
