"""Everything that reports show of audiences and suppressions, gathered once: how they stand, their days and runs."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime

from runner.core.day import Counted, Past, PastDay, WayDown
from runner.core.findings import Finding
from runner.core.project import Project
from runner.core.records import SUPPRESSION_LINE, Action, ActivationRun, Outcome, Run
from runner.engine.interface import MembershipStore
from runner.quick_dataclass import dataclass, replace
from runner.state.interface import State
from runner.workflows.common_members import NOT_LOOKED_FOR, InCommon, common_members
from runner.workflows.condition import Condition
from runner.workflows.status import (
    ActivationStatus,
    SuppressionStatus,
    activation_statuses,
    suppression_statuses,
)
from runner.workflows.suppression_moves import moves_of_days, moves_of_runs

_ALL = 1_000_000
"""More runs than a state keeps one by one."""


@dataclass(frozen=True, slots=True)
class AudienceDay:
    """One day of an audience, in UTC.

    `members` is its size after the last run of the day, None where that is not known; `left_share` the greatest share
    of its members that one run removed on that day, of those runs that are kept one by one.
    """

    day: date
    members: int | None = None
    added: int = 0
    removed: int = 0
    way: WayDown | None = None
    counted: Counted | None = None
    left_share: float | None = None


@dataclass(frozen=True, slots=True)
class AudienceRun:
    """What one run did about an audience; `outcomes` is empty where it found that nothing was to do."""

    run: Run
    outcomes: tuple[ActivationRun, ...] = ()


@dataclass(frozen=True, slots=True)
class AudienceView:
    """What is known of one audience. The days are in order and without gaps of meaning: a day that is not there was
    like the one before. The runs are the newest first, as many as are kept one by one.
    """

    status: ActivationStatus
    days: tuple[AudienceDay, ...] = ()
    runs: tuple[AudienceRun, ...] = ()
    common: InCommon = NOT_LOOKED_FOR

    @property
    def members(self) -> int:
        """How many identifiers the audience holds of ours."""
        return sum(self.status.applied.members.values()) if self.status.applied else 0

    @property
    def way(self) -> tuple[date, WayDown] | None:
        """The last way down that is known, and the day of it."""
        return next(((one.day, one.way) for one in reversed(self.days) if one.way is not None), None)

    @property
    def counted(self) -> Counted | None:
        """What the destination counted last."""
        return next((one.counted for one in reversed(self.days) if one.counted is not None), None)


@dataclass(frozen=True, slots=True)
class SuppressionView:
    """What is known of one suppression: its days and runs as an audience's, where who entered it is `added` and who
    left it is `removed`. `audiences` are the places of those that it keeps people out of.
    """

    status: SuppressionStatus
    days: tuple[AudienceDay, ...] = ()
    runs: tuple[AudienceRun, ...] = ()
    audiences: tuple[int, ...] = ()

    @property
    def members(self) -> int:
        """How many identifiers it names."""
        return sum(self.status.applied.members.values()) if self.status.applied else 0


@dataclass(frozen=True, slots=True)
class ProjectView:
    """What is known of a project at a moment; `findings` are what is wrong in its files."""

    made_at: datetime
    target: str
    audiences: tuple[AudienceView, ...]
    suppression_views: tuple[SuppressionView, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def suppressions(self) -> tuple[SuppressionStatus, ...]:
        """How each suppression stands."""
        return tuple(one.status for one in self.suppression_views)


def look_back(
    project: Project, state: State, memberships: MembershipStore | None, now: datetime, target: str = ""
) -> ProjectView:
    """Gather it all. Without `memberships`, what audiences have in common is left out. Raises StateError."""
    statuses = activation_statuses(project, state, now)
    past, runs = state.past(), state.runs(limit=_ALL)
    days_of = _by_activation(past.days)
    runs_of = _runs_by_activation(runs)
    rows = Counter(one.activation for one in statuses)
    audiences = tuple(
        # The history does not tell an orphan from the audience that an activation of its id has now.
        _view(one, (), (), past, now)
        if one.condition is Condition.ORPHANED and rows[one.activation] > 1
        else _view(one, days_of[one.activation], runs_of[one.activation], past, now)
        for one in statuses
    )
    if memberships is not None:
        common = common_members([one.status for one in audiences], state, memberships)
        audiences = tuple(replace(one, common=known) for one, known in zip(audiences, common, strict=True))
    suppressions = tuple(
        _suppression(one, days_of[f"{SUPPRESSION_LINE}{one.name}"], runs_of[f"{SUPPRESSION_LINE}{one.name}"], past, now)
        for one in suppression_statuses(project, state, now)
    )
    placed = (replace(one, audiences=_concerned(one.status, statuses)) for one in suppressions)
    return ProjectView(now, target, audiences, tuple(placed))


def _by_activation(days: Iterable[PastDay]) -> Mapping[str, list[PastDay]]:
    found: dict[str, list[PastDay]] = defaultdict(list)
    for day in days:
        found[day.activation].append(day)
    return found


def _runs_by_activation(runs: Sequence[Run]) -> Mapping[str, list[AudienceRun]]:
    """What each run did about each activation, the newest first."""
    found: dict[str, list[AudienceRun]] = defaultdict(list)
    for run in runs:
        outcomes: dict[str, list[ActivationRun]] = defaultdict(list)
        for one in run.activations:
            outcomes[one.activation].append(one)
        for activation, some in outcomes.items():
            found[activation].append(AudienceRun(run, tuple(some)))
    return found


def _view(
    status: ActivationStatus, days: Sequence[PastDay], runs: Sequence[AudienceRun], past: Past, now: datetime
) -> AudienceView:
    members = sum(status.applied.members.values()) if status.applied is not None else None
    return AudienceView(status, _days(members, days, runs, past.added_up_to, now), tuple(runs))


def _suppression(
    status: SuppressionStatus, days: Sequence[PastDay], runs: Sequence[AudienceRun], past: Past, now: datetime
) -> SuppressionView:
    days = moves_of_days(days)
    before = next((one.members for one in reversed(days) if one.members is not None), 0)
    lines = moves_of_runs([part for one in reversed(runs) for part in one.outcomes], before)
    told = iter(lines)
    moved = [AudienceRun(one.run, tuple(next(told) for _ in one.outcomes)) for one in reversed(runs)]
    moved.reverse()
    members = sum(status.applied.members.values()) if status.applied is not None else None
    return SuppressionView(status, _days(members, days, moved, past.added_up_to, now), tuple(moved))


def _concerned(status: SuppressionStatus, audiences: Sequence[ActivationStatus]) -> tuple[int, ...]:
    places = ((place, one.account) for place, one in enumerate(audiences))
    return tuple(place for place, account in places if account is not None and status.concerns(account))


def _days(
    members: int | None, days: Sequence[PastDay], runs: Sequence[AudienceRun], added_up_to: int, now: datetime
) -> tuple[AudienceDay, ...]:
    """Every day of which something is known; `members` is the size today."""
    found = {one.day: AudienceDay(one.day, one.members, one.added, one.removed, one.way, one.counted) for one in days}
    for one in reversed(runs):
        if one.run.id < added_up_to:
            continue
        day = one.run.started_at.astimezone(UTC).date()
        known = found.get(day, AudienceDay(day))
        for outcome in one.outcomes:
            known = _with_outcome(known, outcome)
        found[day] = known
    today = now.astimezone(UTC).date()
    if members is not None:
        found[today] = replace(found.get(today, AudienceDay(today)), members=members)
    return tuple(found[day] for day in sorted(found))


def _with_outcome(day: AudienceDay, outcome: ActivationRun) -> AudienceDay:
    """A day with what one run did on it."""
    day = replace(day, added=day.added + outcome.added, removed=day.removed + outcome.removed)
    if outcome.outcome is not Outcome.DONE or outcome.action == Action.DELETE:
        return day
    before = outcome.members - outcome.added + outcome.removed
    share = outcome.removed / before if before > 0 else 0.0
    return replace(day, members=outcome.members, left_share=max(share, day.left_share or 0.0))
