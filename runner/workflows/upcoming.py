"""The runs to come, from the files and the state alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from heapq import merge

from runner.core.membership import overtaken
from runner.core.project import Activation, Project, Schedule, Suppression
from runner.core.records import AppliedAudience, Latest, Outcome
from runner.core.schedule import upcoming
from runner.core.selection import EVERYTHING, Candidate, Selection
from runner.planning.suppression_rules import Standing, standing_of
from runner.quick_dataclass import dataclass
from runner.state.interface import State
from runner.workflows.condition import condition_of


@dataclass(frozen=True, slots=True)
class Slot:
    """One activation, or suppression, at one time: when it is due (aware, UTC) by its schedule."""

    activation: str
    at: datetime
    schedule: Schedule


def done_until(
    declared: Iterable[Activation], applied: Iterable[AppliedAudience], latest: Mapping[str, Latest], now: datetime
) -> Mapping[str, datetime]:
    """From when on the slots of each activation count: when its last good run began.

    An activation is missing, and so due at once, where work was left since, whatever its next slot: a run failed, was
    interrupted, or died without a word. What is in doubt is due when it can be settled, and not before: sent again at
    once it would stay in doubt. What was left of an audience in an account that its activation moved away from is no
    work for a run: nothing is sent there any more.
    """
    keys = {one.key for one in declared}
    left = {one.activation for one in applied if one.key in keys and one.left_work and not _waits(one, now)}
    return {
        activation: last.good.started_at
        for activation, last in latest.items()
        if last.good is not None and activation not in left and not _left_work(last)
    }


def _waits(record: AppliedAudience, now: datetime) -> bool:
    """Whether all that is left are identifiers in doubt for some more minutes."""
    return not record.refill and record.unfinished is None and overtaken(now, record.doubt_at)


def _left_work(latest: Latest) -> bool:
    return latest.run is not None and latest.run.outcome in (Outcome.FAILED, Outcome.INTERRUPTED)


def timetable(project: Project, state: State, now: datetime, select: Selection = EVERYTHING) -> Iterator[Slot]:
    """The runs to come, the next one first, without end; each counts on those before being good. Raises UsageError.

    What is overdue comes at `now`. Left out are activations that are only run by hand, and those that wait for `apply`.
    Suppressions are looked at by their own schedules, whatever is selected.
    """
    select.require_matches([Candidate.of(one) for one in project.activations])
    last = done_until(project.activations, state.audiences(), state.latest(), now)
    chosen = [one for one in project.activations if select.means(Candidate.of(one))]
    waiting = set(awaiting_apply(project, state, select))
    runs = (_runs(one, last.get(one.id), now) for one in chosen if one.id not in waiting)
    looks = (_looks(one, since, now) for one, since in _in_effect(project, state))
    return merge(*runs, *looks, key=lambda run: (run.at, run.activation))


def _in_effect(project: Project, state: State) -> Iterator[tuple[Suppression, datetime]]:
    """The suppressions that are applied as they are declared, and when each was looked at last."""
    applied = {one.name: one for one in state.suppressions()}
    for one in project.suppressions:
        known = applied.get(one.name)
        if known is not None and standing_of(one, known) is Standing.APPLIED:
            yield one, known.evaluated_at or known.applied_at


def _looks(suppression: Suppression, last: datetime, now: datetime) -> Iterator[Slot]:
    return (Slot(suppression.id, at, suppression.schedule) for at in upcoming(suppression.schedule, last, now))


def awaiting_apply(project: Project, state: State, select: Selection = EVERYTHING) -> tuple[str, ...]:
    """What a schedule makes nothing due of, because it was never applied or has changed since: activations by their
    ids, then suppressions.
    """
    records = {record.key: record for record in state.audiences()}
    in_effect = {one.name for one, _ in _in_effect(project, state)}
    never = (one.id for one in project.suppressions if one.name not in in_effect and not one.schedule.manual)
    activations = (
        one.id
        for one in project.activations
        if select.means(Candidate.of(one))
        and not one.schedule.manual
        and condition_of(one, records.get(one.key)).awaits_apply
    )
    return (*activations, *never)


def _runs(activation: Activation, last: datetime | None, now: datetime) -> Iterator[Slot]:
    return (Slot(activation.id, at, activation.schedule) for at in upcoming(activation.schedule, last, now))
