"""When each activation runs next: the schedules' slots, spread out so that not everything starts in one moment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zlib import crc32

from runner.core.project import Evaluated, Schedule
from runner.core.records import Outcome
from runner.core.schedule import EARLY_TOLERANCE, next_due, slots
from runner.quick_dataclass import dataclass

GROUPS = 10
"""Into how many starts the activations of one slot are spread: each is a run, which looks at every account it needs."""

SHARE = 5
"""Starts are spread over no more than this part of the time between two slots."""

RETRY = timedelta(minutes=5)
LONGEST_RETRY = timedelta(hours=1)
"""What failed, was blocked or was skipped stays due: it is tried again after five minutes, ten, ..., an hour."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class NextRun:
    """When an activation is to be run next (aware, UTC)."""

    activation: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long an activation that did not end well waits: since when, how often in a row, and until when.

    `outcome` is the run's word for it, or `skipped`; empty where nothing is wrong and there was only nothing to do.
    `failed` counts the failures in a row, the first of which was at `failing_since`.
    """

    since: datetime
    until: datetime
    tries: int = 0
    outcome: str = ""
    reason: str = ""
    failed: int = 0
    failing_since: datetime | None = None


def next_runs(
    activations: Iterable[Evaluated],
    last_good: Mapping[str, datetime],
    backoffs: Mapping[str, Backoff],
    now: datetime,
    spread: timedelta,
) -> tuple[NextRun, ...]:
    """The next run of each activation and suppression with a schedule, the first first. One that is over is overdue."""
    found = []
    for one in activations:
        at = start(one.id, one.schedule, last_good.get(one.id), now, spread)
        if at is not None:
            backoff = backoffs.get(one.id)
            found.append(NextRun(one.id, max(at, backoff.until) if backoff else at))
    return tuple(sorted(found, key=lambda run: (run.at, run.activation)))


def start(
    activation: str, schedule: Schedule, last: datetime | None, now: datetime, spread: timedelta
) -> datetime | None:
    """When the activation's next slot is begun: some part of `spread` after it, always the same one; None for manual.

    By an interval, a start lies on a grid that the interval is a multiple of, or else each would add its delay.
    """
    if last is None or schedule.manual:
        return next_due(schedule, last, now)
    return _start_after(activation, schedule, last, spread)


@lru_cache(maxsize=10_000)
def _start_after(activation: str, schedule: Schedule, last: datetime, spread: timedelta) -> datetime:
    """Remembered, since it is asked for every minute and changes with the last good run only."""
    due = next(slots(schedule, last))
    if not spread:
        return due
    part = crc32(activation.encode()) % GROUPS
    if schedule.every is None:
        gap = next(slots(schedule, due)) - due
        return due + min(spread, gap / SHARE) * part / GROUPS
    interval = timedelta(seconds=schedule.every)
    grid = interval / max(SHARE, -(-interval // spread))
    earliest = due - min(EARLY_TOLERANCE, interval / 10)
    return earliest + (_EPOCH + grid * part / GROUPS - earliest) % grid


def backed_off(before: Backoff | None, now: datetime, outcome: str, reason: str) -> Backoff:
    """The wait after one more bad end, longer than the one before."""
    tries = before.tries + 1 if before else 1
    pause = min(RETRY * 2 ** min(tries - 1, 10), LONGEST_RETRY)
    if outcome != Outcome.FAILED:
        return Backoff(now, now + pause, tries, outcome, reason)
    failed = before.failed if before else 0
    since = before.failing_since if before and failed else now
    return Backoff(now, now + pause, tries, outcome, reason, failed + 1, since)
