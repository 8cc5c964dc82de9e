"""The days of an audience as points of plots and rows of tables: by day up to a quarter, by week beyond."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from runner.core.project import Guardrails
from runner.quick_dataclass import dataclass
from runner.workflows.look_back import AudienceDay

BY_DAY = timedelta(days=92)
"""Up to so long a time is drawn by day. A longer one is drawn by week: plots stay small, and can be read."""

LONGEST = timedelta(days=366)
"""So much of the past is drawn."""


@dataclass(frozen=True, slots=True)
class Period:
    """A day, or a week from a day on; `size` is that at its end, None where it is not known."""

    first: date
    size: int | None
    entered: int
    left: int
    left_share: float | None
    match_rate: float | None


def periods(days: Sequence[AudienceDay]) -> tuple[Period, ...]:
    """The last year of an audience, without gaps; a period in which nothing was recorded has the size of the last."""
    if not days:
        return ()
    last = days[-1].day
    first = max(days[0].day, last - LONGEST)
    step = timedelta(days=1 if last - first <= BY_DAY else 7)
    if step.days == 7:
        first = last - timedelta(days=7 * ((last - first).days // 7) + 6)  # the last week is whole
    before = [one for one in days if one.day < first and one.members is not None]
    size = before[-1].members if before else None
    found: list[Period] = []
    place = sum(one.day < first for one in days)
    while first <= last:
        within: list[AudienceDay] = []
        while place < len(days) and days[place].day < first + step:
            within.append(days[place])
            place += 1
        size = next((one.members for one in reversed(within) if one.members is not None), size)
        found.append(_period(first, size, within))
        first += step
    return tuple(found)


def _period(first: date, size: int | None, within: Sequence[AudienceDay]) -> Period:
    shares = [one.left_share for one in within if one.left_share is not None]
    rates = [one.counted.match_rate for one in within if one.counted is not None]
    rate = next((one for one in reversed(rates) if one is not None), None)
    added, removed = sum(one.added for one in within), sum(one.removed for one in within)
    return Period(first, size, added, removed, max(shares, default=None), rate)


def first_fill(some: Sequence[Period]) -> int:
    """How many of those who entered in the first period are the audience that was made then: 0 where it was there."""
    return some[0].entered if some and some[0].size == some[0].entered - some[0].left else 0


def size_points(some: Sequence[Period]) -> list[Mapping[str, object]]:
    """What the plot of sizes draws. The first fill of an audience would dwarf all who ever entered: it is not drawn."""
    filled = first_fill(some)
    return [
        {
            "day": one.first.isoformat(),
            "size": one.size,
            "entered": one.entered - (filled if place == 0 else 0),
            "left": -one.left,
        }
        for place, one in enumerate(some)
        if one.size is not None
    ]


def turnover_points(some: Sequence[Period], guardrails: Guardrails | None) -> list[Mapping[str, object]]:
    """What the plot of turnover draws; the limit is drawn where it is a share."""
    limit = limit_percent(guardrails)
    return [
        {"day": one.first.isoformat(), "share": round(100 * (one.left_share or 0.0), 3), "limit": limit}
        for one in some
        if one.size is not None
    ]


def limit_percent(guardrails: Guardrails | None) -> float | None:
    """How many percent of a membership one run may remove; None where that is no share, or has no limit."""
    limit = guardrails.max_removed if guardrails is not None else None
    return limit.value if limit is not None and limit.percent else None


def match_points(some: Sequence[Period]) -> list[Mapping[str, object]]:
    """What the plot of match rates draws."""
    return [
        {"day": one.first.isoformat(), "rate": round(100 * one.match_rate, 2)}
        for one in some
        if one.match_rate is not None
    ]
