"""Whether an audience can be as fresh as is asked for."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from runner.core.findings import Finding
from runner.core.project import Activation
from runner.core.schedule import describe, length, longest_gap, slots

CODE = "freshness-too-short"

_MARGIN = timedelta(hours=2)
"""How much longer than the longest time between two runs an audience may well go: runs start late and take time."""


def why_never_fresh(activation: Activation, now: datetime) -> str:
    """That no run on time could keep the audience as fresh as is asked for, and what could be asked for; or nothing."""
    gap = longest_gap(activation.schedule, now)
    if activation.freshness is None or gap.total_seconds() <= activation.freshness:
        return ""
    longest = length(int(gap.total_seconds()))
    enough = length(int((gap + _MARGIN).total_seconds()))
    schedule = describe(activation.schedule)
    return f"its schedule ({schedule}) leaves up to {longest} between two runs: set freshness to {enough}, say"


def overdue_since(activation: Activation, last: datetime, now: datetime) -> datetime | None:
    """Since when an activation has been due, where that is for longer than its schedule ever waits between two runs.

    `last` is when its last run began, however that ended. None where a freshness is declared, which says how old its
    audience may be.
    """
    if activation.freshness is not None or activation.schedule.manual:
        return None
    due = next(slots(activation.schedule, last))
    return due if due < now and now - due > longest_gap(activation.schedule, now) else None


def freshness_warnings(activations: Iterable[Activation], now: datetime) -> tuple[Finding, ...]:
    """A warning for each place where a freshness is written that the schedule can never keep."""
    found = set()
    for activation in activations:
        why = why_never_fresh(activation, now)
        written = next((one.location for one in activation.settings if one.key == "freshness"), None)
        if why and written is not None and activation.freshness is not None:
            what = f"an audience that may be {length(activation.freshness)} old is stale between its runs"
            found.add(Finding(written, CODE, f"{what}: {why}", is_warning=True))
    return tuple(sorted(found))
