"""How every activation is doing, from the files and the state alone: no call, no query."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from runner.core.project import Activation, Project
from runner.core.records import AppliedAudience, Latest, redefined
from runner.core.schedule import next_due
from runner.core.selection import EVERYTHING, Candidate, Selection, all_candidates, candidate_of
from runner.planning.diff import definition_of
from runner.state.interface import State
from runner.workflows.upcoming import done_until


class Condition(StrEnum):
    """What has become of an activation; CHANGED says that the files differ from what was applied."""

    NOT_APPLIED = "not applied"
    CREATING = "creating"
    IMPORTED = "imported"
    CHANGED = "changed"
    APPLIED = "applied"
    ORPHANED = "orphaned"


_NEVER = Latest()
"""The runs of an activation that has had none."""


@dataclass(frozen=True, slots=True)
class ActivationStatus:
    """One activation (`declared`), or one audience that is no longer declared, and what the state knows of it.

    `next_due` is None for a manual schedule and where nothing is declared. `stale` says that the last good run is
    longer ago than the activation's freshness allows. `live_size` and `suspected_drift` are for `with_live_sizes` to
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
    live_size: int | None = None
    suspected_drift: bool = False

    @property
    def audience_id(self) -> str | None:
        return self.applied.audience_id if self.applied else None


def activation_statuses(
    project: Project, state: State, now: datetime, select: Selection = EVERYTHING
) -> tuple[ActivationStatus, ...]:
    """One row per declared activation, then one per audience that no activation declares. Raises UsageError."""
    applied = state.audiences()
    select.require_matches(all_candidates(project, applied))
    chosen = tuple(one for one in project.activations if select.means(Candidate.of(one)))
    meant = tuple(record for record in applied if select.means(candidate_of(record, project)))
    return (*_declared(chosen, applied, state, now), *_orphans(project, meant))


def _declared(
    chosen: tuple[Activation, ...], applied: tuple[AppliedAudience, ...], state: State, now: datetime
) -> Iterator[ActivationStatus]:
    latest = state.latest()
    counted = done_until(applied, latest, now)
    records = {record.key: record for record in applied}
    for activation in chosen:
        record = records.get(activation.key)
        runs = latest.get(activation.id, _NEVER)
        yield ActivationStatus(
            activation=activation.id,
            condition=_condition(activation, record),
            destination=activation.destination.name,
            account_id=activation.destination.account_id,
            name=activation.name,
            declared=activation,
            applied=record,
            latest=runs,
            next_due=next_due(activation.schedule, counted.get(activation.id), now),
            stale=record is not None and _is_stale(activation, runs, now),
        )


def _is_stale(activation: Activation, latest: Latest, now: datetime) -> bool:
    """Whether an audience that there is has not been brought up to date for longer than it may."""
    if activation.freshness is None:
        return False
    return latest.good is None or now - latest.good.started_at > timedelta(seconds=activation.freshness)


def _condition(activation: Activation, record: AppliedAudience | None) -> Condition:
    if record is None:
        return Condition.NOT_APPLIED
    if record.audience_id is None:
        return Condition.CREATING
    if record.definition is None:
        return Condition.IMPORTED
    return Condition.CHANGED if redefined(record.definition, definition_of(activation)) else Condition.APPLIED


def _orphans(project: Project, applied: tuple[AppliedAudience, ...]) -> Iterator[ActivationStatus]:
    declared = {activation.key for activation in project.activations}
    for record in applied:
        if record.key not in declared:
            yield ActivationStatus(
                activation=record.activation,
                condition=Condition.ORPHANED,
                destination=record.destination,
                account_id=record.account_id,
                name=record.definition.name if record.definition else "",
                applied=record,
            )
