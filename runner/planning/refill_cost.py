"""What it takes to empty audiences and fill them again: calls, and the minutes that these need at the pace allowed."""

from __future__ import annotations

from collections.abc import Iterable

from runner.core.destination import Destination
from runner.planning.plan import CHANGING, Plan
from runner.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class RefillCost:
    """The calls for some audiences: one each that empties it, and those that fill it. `calls_a_minute` is the pace."""

    audiences: int
    calls: int
    calls_a_minute: int

    @property
    def minutes(self) -> int:
        """Whole minutes, one at least."""
        return max(1, _times(self.calls, self.calls_a_minute))

    @classmethod
    def of(cls, refills: Iterable[tuple[Destination, Iterable[int]]]) -> RefillCost | None:
        """That of audiences by their destinations and how many identifiers of each type they get; None for none."""
        every = [(destination, tuple(counts)) for destination, counts in refills]
        if not every:
            return None
        calls = sum(1 + sum(max(1, _times(count, of.batch_size)) for count in counts) for of, counts in every)
        return cls(len(every), calls, min(destination.rate_limit for destination, _ in every))


def _times(count: int, at_once: int) -> int:
    """How often so many at once make the count."""
    return -(-count // max(1, at_once))


def refills_of(plan: Plan) -> RefillCost | None:
    """What a plan's refills take; None where it has none."""
    return RefillCost.of(
        (change.activation.destination, (part.after for part in change.delta.values() if part.after))
        for change in plan.changes
        if change.refill and change.action in CHANGING and change.activation is not None
    )
