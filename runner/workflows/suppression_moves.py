"""Who entered and who left a suppression, from its own lines in the history: these say it in words, with its size."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from runner.core.day import PastDay
from runner.core.records import ActivationRun, Outcome, taken_apart
from runner.core.suppression import moved_in
from runner.quick_dataclass import replace


def moves_of_runs(lines: Iterable[ActivationRun], before: int) -> tuple[ActivationRun, ...]:
    """Lines of one suppression, the oldest first, with who entered as `added` and who left as `removed`.

    `before` is how many it named before the first of them. Where a line does not say who moved, it is by how much the
    size differs: at least so many did.
    """
    found = []
    for line in lines:
        if line.outcome is not Outcome.DONE:
            found.append(line)
            continue
        said = moved_in(taken_apart(line.detail)[0])
        entered, left = said if said is not None else _difference(before, line.members)
        found.append(replace(line, added=entered, removed=left))
        before = line.members
    return tuple(found)


def moves_of_days(days: Sequence[PastDay]) -> tuple[PastDay, ...]:
    """Days of one suppression, the oldest first, of runs that are not kept one by one: what entered or left is by how
    much its size differs.
    """
    found, before = [], 0
    for day in days:
        entered, left = _difference(before, day.members) if day.members is not None else (0, 0)
        found.append(replace(day, added=entered, removed=left))
        before = day.members if day.members is not None else before
    return tuple(found)


def _difference(before: int, after: int) -> tuple[int, int]:
    return max(after - before, 0), max(before - after, 0)
