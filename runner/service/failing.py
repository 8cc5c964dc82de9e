"""When nothing works any more: a matter of more than one failure, and of no success since the first."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from runner.quick_dataclass import dataclass
from runner.service.stagger import Backoff

IN_A_ROW = 3
"""So many failures in a row are no accident: an activation's runs, or looks at the state."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something of the whole service that is not well: since when, how often in a row, and what was last said of it."""

    message: str
    since: datetime
    times: int = 1


def trouble_after(before: Trouble | None, message: str, now: datetime) -> Trouble:
    """The same trouble, met once more."""
    return Trouble(message, before.since, before.times + 1) if before else Trouble(message, now)


def failing_since(backoffs: Iterable[Backoff], state: Trouble | None, last_good: datetime | None) -> datetime | None:
    """Since when nothing works: the first of `IN_A_ROW` failures with no success at or after it; None while it does.

    `state` is the trouble with reading the state, without which nothing can run at all.
    """
    if state is not None and state.times >= IN_A_ROW:
        return state.since
    starts = [one.failing_since for one in backoffs if one.failed >= IN_A_ROW and one.failing_since is not None]
    first = min(starts, default=None)
    return first if first is not None and (last_good is None or last_good < first) else None
