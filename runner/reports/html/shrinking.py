"""Why an audience became smaller, as far as its history knows."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from runner.core.records import SUPPRESS, Action, Outcome, Run, taken_apart
from runner.quick_dataclass import dataclass
from runner.reports.format import plural
from runner.workflows.look_back import AudienceRun, AudienceView
from runner.workflows.status import SuppressionStatus

RECENT = timedelta(days=30)
"""What happened longer ago than this is not what somebody asks about who asks why an audience shrank."""

_REASONS = {
    "members changed": "they are no longer in the segment",
    "SQL changed": "the segment’s SQL changed",
    "mapping changed": "the mapping changed",
    "holdout changed": "its holdout changed",
    "left unfinished": "an interrupted run was brought to its end",
}
"""The words of a plan -> what they mean to somebody who reads no plan."""

_DEFINING = ("SQL changed", "mapping changed", "holdout changed")


@dataclass(frozen=True, slots=True)
class Shrinkage:
    """On a day an audience lost more than it won: so many left, so many entered. `why` is a clause.

    `is_recent` says that the day is one of the last thirty.
    """

    day: date
    left: int
    entered: int
    why: str
    commit: str = ""
    by: str = ""
    is_recent: bool = True


def why_it_shrank(view: AudienceView, suppressions: tuple[SuppressionStatus, ...], now: datetime) -> Shrinkage | None:
    """The greatest loss in one run of the last thirty days, else the last one before; None where no run, of those that
    are kept one by one, made it smaller."""
    losses = [one for one in view.runs if _loss(one) > 0]
    recent = [one for one in losses if now - one.run.started_at <= RECENT]
    if not losses:
        return None
    one = max(recent, key=_loss) if recent else losses[0]
    day = one.run.started_at.astimezone(UTC).date()
    left, entered = (sum(getattr(part, name) for part in one.outcomes) for name in ("removed", "added"))
    reasons = {reason for part in one.outcomes for reason in taken_apart(part.detail)[0].split(", ")}
    defining = bool(reasons & set(_DEFINING)) and one.run.command == "apply"
    origin = one.run.origin
    why = _why(one, view, suppressions, day)
    return Shrinkage(day, left, entered, why, origin.commit[:12] if defining else "", _person(one.run), bool(recent))


def _person(run: Run) -> str:
    return run.origin.user or run.origin.ci_job


def _loss(one: AudienceRun) -> int:
    parts = [part for part in one.outcomes if part.outcome in (Outcome.DONE, Outcome.FAILED, Outcome.INTERRUPTED)]
    return sum(part.removed - part.added for part in parts if part.action != Action.DELETE)


def _why(one: AudienceRun, view: AudienceView, suppressions: tuple[SuppressionStatus, ...], day: date) -> str:
    by = _acting(one.run, suppressions)
    clauses: list[str] = []
    for part in one.outcomes:
        if part.action == SUPPRESS:
            clauses.append(f"they were suppressed{by}")
        else:
            clauses += [_REASONS.get(reason, reason) for reason in taken_apart(part.detail)[0].split(", ") if reason]
    clauses += _changes_of_way(view, day, by)
    return "; ".join(dict.fromkeys(clauses)) or "the history does not say why"


def _acting(run: Run, suppressions: tuple[SuppressionStatus, ...]) -> str:
    """By which suppressions people were taken out in a run, with their reasons; empty where that is not recorded."""
    acted = {part.activation.removeprefix("suppression ") for part in run.activations if part.action == SUPPRESS}
    named = [f"{one.name} ({one.reason})" if one.reason else one.name for one in suppressions if one.name in acted]
    return f" by {', '.join(named)}" if named else ""


def _changes_of_way(view: AudienceView, day: date, by: str) -> list[str]:
    """What grew, on the way down from rows to identifiers, on that day: it keeps people out."""
    ways = [(one.day, one.way) for one in view.days if one.way is not None and one.day <= day]
    if len(ways) < 2 or ways[-1][0] != day:
        return []
    before, now = ways[-2][1], ways[-1][1]
    grown = (
        (f"suppressed{by}", now.suppressed - before.suppressed),
        ("held out", now.held_out - before.held_out),
        ("without a usable identifier", now.unusable - before.unusable),
    )
    return [f"{plural(more, 'more row')} {'is' if more == 1 else 'are'} {what}" for what, more in grown if more > 0]
