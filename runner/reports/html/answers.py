"""The questions that people bring to an audience's page, each answered in words before anything is drawn."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from runner.core.records import Action
from runner.destinations.registry import platform_of
from runner.quick_dataclass import dataclass
from runner.reports.format import counts
from runner.reports.html.shrinking import Shrinkage, why_it_shrank
from runner.reports.html.troubles import NOT_READABLE, the_last_run
from runner.reports.html.words import ago, day_words, length_words, moment_words, number, percent
from runner.workflows.condition import Condition
from runner.workflows.look_back import AudienceView, SuppressionView
from runner.workflows.status import SuppressionStatus

WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class InWords:
    """A question, its answer in a few words, and what else there is to know."""

    question: str
    short: str
    rest: str = ""
    is_bad: bool = False


def answers(view: AudienceView, suppressions: tuple[SuppressionStatus, ...], now: datetime) -> tuple[InWords, ...]:
    """How big is it, why did it shrink, is it fresh, who owns it, what share is matched."""
    return (_size(view, now), _shrinking(view, suppressions, now), _fresh(view, now), _owner(view), _matched(view, now))


def week_of(view: AudienceView | SuppressionView, now: datetime) -> tuple[int, int]:
    """How many entered and how many left in the last seven days, today among them."""
    first = (now - WEEK).astimezone(UTC).date()
    days = [one for one in view.days if one.day > first]
    return sum(one.added for one in days), sum(one.removed for one in days)


def _size(view: AudienceView, now: datetime) -> InWords:
    question = "How big is it?"
    if view.status.applied is None:
        return InWords(question, "It does not exist yet", "Nothing was applied so far.")
    entered, left = week_of(view, now)
    by_type = counts(view.status.applied.members) if len(view.status.applied.members) > 1 else ""
    filling = ", its first filling among them" if _made_since(view, now - WEEK) else ""
    moved = f"In the last 7 days {number(entered)} entered{filling}, and {number(left)} left."
    return InWords(question, f"{number(view.members)} identifiers", f"{by_type + '. ' if by_type else ''}{moved}")


def _made_since(view: AudienceView, since: datetime) -> bool:
    """Whether Headcount made the audience that recently."""
    return any(part.action == Action.CREATE for one in view.runs if one.run.started_at > since for part in one.outcomes)


def _shrinking(view: AudienceView, suppressions: tuple[SuppressionStatus, ...], now: datetime) -> InWords:
    question = "Why did it shrink?"
    found = why_it_shrank(view, suppressions, now)
    if found is None:
        return InWords(question, "It did not shrink", "In no run did more leave than entered.")
    entered = f" {found.entered:,} entered at the same time." if found.entered else ""
    before = "" if found.is_recent else "It did not shrink since. "
    return InWords(question, f"{found.left:,} left on {day_words(found.day)}", f"{before}{_because(found)}.{entered}")


def _because(found: Shrinkage) -> str:
    where = f" in commit {found.commit}" if found.commit else ""
    who = f", by {found.by}" if found.commit and found.by else ""
    why = found.why[:1].upper() + found.why[1:]
    return f"{why}{where}{who}"


def _fresh(view: AudienceView, now: datetime) -> InWords:
    question, good = "Is it fresh?", view.status.latest.good
    declared = view.status.declared
    if declared is None and view.status.condition is Condition.ORPHANED:
        last = f"The last run of it began {ago(view.runs[0].run.started_at, now)}." if view.runs else ""
        return InWords(question, "No: nothing brings it up to date any more", last, is_bad=True)
    limit = f"It may be {length_words(declared.freshness)} old." if declared and declared.freshness else ""
    if good is None:
        return InWords(question, "No run has gone well yet", limit, is_bad=view.status.applied is not None)
    when = f"{ago(good.started_at, now)}"
    if view.status.stale:
        return InWords(question, f"No: last good run {when}", limit, is_bad=True)
    if view.status.overdue_since is not None:
        due = f"It was due on {moment_words(view.status.overdue_since)}, and no run of it has begun since."
        return InWords(question, f"No: last good run {when}", due, is_bad=True)
    rest = limit or ("No limit to its age is set." if declared else NOT_READABLE)
    if view.status.wrong is not None:
        # Both may be "just now".
        moments = moment_words(good.started_at), moment_words(view.status.wrong.started_at)
        runs = f"By the run of {moments[0]}; the last one, of {moments[1]}, {the_last_run(view.status)}."
        return InWords(question, f"Last brought up to date {when}", f"{runs} {rest}")
    return InWords(question, f"Brought up to date {when}", rest)


def _owner(view: AudienceView) -> InWords:
    question, declared = "Who owns it?", view.status.declared
    if declared is None and view.status.condition is Condition.NOT_READABLE:
        return InWords(question, "Not known now", NOT_READABLE)
    if declared is None:
        return InWords(question, "Nobody: no file declares it any more")
    file = f"Declared in {declared.location.file}."
    if not declared.owner:
        return InWords(question, "No owner is named", f"{file} A line `owner:` there names one.")
    tags = f" Tags: {', '.join(declared.tags)}." if declared.tags else ""
    return InWords(question, declared.owner, file + tags)


def _matched(view: AudienceView, now: datetime) -> InWords:
    question, counted = "What share is matched?", view.counted
    if counted is None or counted.match_rate is None:
        platform = platform_of(view.status.applied.kind) if view.status.applied else "The destination"
        return InWords(question, "Not known yet", f"{platform} is asked once a day, from a day after it was made.")
    said = (
        f"{number(counted.matches)} of the {number(counted.identifiers)} identifiers it counted {ago(counted.at, now)}."
    )
    if counted.identifiers != view.members:
        said += f" That was before {number(view.members)} were held, or its count is not up to date yet."
    return InWords(question, percent(counted.match_rate), said)
