"""How dates, shares and counts read on the pages: in UTC, in words where that is shorter."""

from __future__ import annotations

from datetime import UTC, date, datetime

from runner.reports.format import duration, plural
from runner.reports.html.markup import Html, element

NONE = "–"
"""What stands where there is no number."""


def day_words(day: date) -> str:
    """`27 November 2026`."""
    return f"{day.day} {day:%B %Y}"


def moment_words(when: datetime) -> str:
    """`27 November 2026, 14:05 UTC`."""
    utc = when.astimezone(UTC)
    return f"{day_words(utc.date())}, {utc:%H:%M} UTC"


def time_element(when: datetime, now: datetime) -> Html:
    """How long ago, with the moment itself where a pointer rests and for programs."""
    utc = when.astimezone(UTC)
    return element("time", ago(when, now), datetime=utc.isoformat(timespec="seconds"), title=moment_words(when))


def short_moment(when: datetime) -> str:
    """`27 Nov 2026, 14:05`, in UTC."""
    utc = when.astimezone(UTC)
    return f"{utc.day} {utc:%b %Y, %H:%M}"


def ago(when: datetime, now: datetime) -> str:
    """`3 h ago`; `just now` within a minute."""
    seconds = (now - when).total_seconds()
    return "just now" if abs(seconds) < 60 else f"{duration(seconds)} ago" if seconds > 0 else moment_words(when)


def percent(share: float) -> str:
    """`68%`, `0.4%`: one decimal below ten percent, and 100 only for all."""
    value = 100 * share
    if value == 0 or value >= 100:
        return f"{value:.0f}%"
    return f"{min(value, 99.9):.1f}%" if value < 10 or value > 99 else f"{value:.0f}%"


def number(count: int | None) -> str:
    """`12,003`, or a dash where it is not known."""
    return NONE if count is None else f"{count:,}"


def entered_words(count: int) -> str:
    """`+412`; a dash for none."""
    return element("span", f"+{count:,}", class_="in") if count else NONE


def left_words(count: int) -> str:
    """`−412`; a dash for none."""
    return element("span", f"−{count:,}", class_="out") if count else NONE


def sub(text: str) -> Html:
    """What is less important, on a line of its own."""
    return element("span", text, class_="sub")


def length_words(seconds: int) -> str:
    """`2 days`, `26 hours`, `90 minutes`."""
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds % size == 0:
            return plural(seconds // size, unit)
    return plural(seconds, "second")


def listed(names: list[str] | tuple[str, ...], most: int = 8) -> str:
    """`a, b and 3 more`."""
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most:,} more" if len(names) > most else shown
