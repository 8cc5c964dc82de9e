"""Where every activation stands, from the files and the state alone: no call, no query."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from runner.core.identifiers import IdentifierType
from runner.core.project import Activation, Project
from runner.core.records import AppliedAudience, Latest, Outcome, Unfinished, redefined
from runner.core.schedule import describe, next_due
from runner.core.selection import EVERYTHING, Candidate, Selection, all_candidates, candidate_of
from runner.planning.diff import definition_of
from runner.state.interface import State
from runner.workflows.upcoming import done_until


@dataclass(frozen=True, slots=True)
class ActivationStatus:
    """One activation, or one audience that is no longer declared.

    `condition` is one of: not applied, creating, applied, changed (the files differ from what was applied), imported,
    orphaned. `next_due` is None for a manual schedule and where nothing is declared. `last_change` is when members were
    last sent. `stale` says that the last good run is longer ago than `freshness` (seconds) allows. `live_size` and
    `suspected_drift` are for `with_live_sizes` to fill in.
    """

    activation: str
    condition: str
    destination: str
    account_id: str
    name: str
    audience_id: str | None = None
    members: Mapping[IdentifierType, int] = field(default_factory=dict)
    invalid: int = 0
    refill: bool = False
    unfinished: Unfinished | None = None
    unknown: int = 0
    schedule: str = ""
    last_run: datetime | None = None
    last_outcome: Outcome | None = None
    last_detail: str = ""
    last_change: datetime | None = None
    live_size: int | None = None
    suspected_drift: bool = False
    next_due: datetime | None = None
    last_good: datetime | None = None
    freshness: int | None = None
    stale: bool = False
    tags: tuple[str, ...] = ()
    owner: str = ""


def standings(
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
    counted = done_until(applied, latest)
    records = {record.key: record for record in applied}
    for activation in chosen:
        record = records.get(activation.key)
        runs = latest.get(activation.id, Latest())
        last, change = runs.run, runs.change
        last_good = runs.good.started_at if runs.good else None
        yield ActivationStatus(
            activation=activation.id,
            condition=_condition(activation, record),
            destination=activation.destination.name,
            account_id=activation.destination.account_id,
            name=activation.name,
            audience_id=record.audience_id if record else None,
            members=record.members if record else {},
            invalid=record.invalid if record else 0,
            refill=record.refill if record else False,
            unfinished=record.unfinished if record else None,
            unknown=sum(record.unknown.values()) if record else 0,
            schedule=describe(activation.schedule),
            last_run=last.started_at if last else None,
            last_outcome=last.outcome if last else None,
            last_detail=last.detail if last else "",
            last_change=change.started_at if change else None,
            next_due=next_due(activation.schedule, counted.get(activation.id), now),
            last_good=last_good,
            freshness=activation.freshness,
            stale=record is not None and _is_stale(activation, last_good, now),
            tags=activation.tags,
            owner=activation.owner,
        )


def _is_stale(activation: Activation, last_good: datetime | None, now: datetime) -> bool:
    """Whether an audience that there is has not been brought up to date for longer than it may."""
    if activation.freshness is None:
        return False
    return last_good is None or now - last_good > timedelta(seconds=activation.freshness)


def _condition(activation: Activation, record: AppliedAudience | None) -> str:
    if record is None:
        return "not applied"
    if record.audience_id is None:
        return "creating"
    if record.definition is None:
        return "imported"
    return "changed" if redefined(record.definition, definition_of(activation)) else "applied"


def _orphans(project: Project, applied: tuple[AppliedAudience, ...]) -> Iterator[ActivationStatus]:
    declared = {activation.key for activation in project.activations}
    for record in applied:
        if record.key not in declared:
            yield ActivationStatus(
                activation=record.activation,
                condition="orphaned",
                destination=record.destination,
                account_id=record.account_id,
                name=record.definition.name if record.definition else "",
                audience_id=record.audience_id,
                members=record.members,
                invalid=record.invalid,
                refill=record.refill,
                unfinished=record.unfinished,
                unknown=sum(record.unknown.values()),
            )
