"""What was asked of a plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

from runner.core.errors import HeadcountError
from runner.core.selection import EVERYTHING, Selection
from runner.planning.plan import Options
from runner.quick_dataclass import dataclass, field


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """What was asked of a plan: which activations, whether orphans are deleted, whose removals are allowed.

    `allow_removals` are patterns as of a selection, `allow_recreate` the ids of accounts whose audiences may all be
    made again. `variables` are the names of those that were set for this run. `unsettled` says, by record id, what kept
    an unfinished delta from being settled. `target` is the project's target, empty where it has none.
    """

    today: date
    select: Selection = EVERYTHING
    prune: bool = False
    allow_removals: frozenset[str] = frozenset()
    allow_recreate: frozenset[str] = frozenset()
    allow_suppressions: frozenset[str] = frozenset()
    unsettled: Mapping[int, HeadcountError] = field(default_factory=dict)
    variables: tuple[str, ...] = ()
    target: str = ""

    @property
    def options(self) -> Options:
        """What was asked for, as a plan remembers it."""
        changed = self.select.changed
        return Options(
            select=_in_order(self.select.select),
            exclude=_in_order(self.select.exclude),
            changed=None if changed is None else _in_order(changed),
            prune=self.prune,
            allow_removals=_in_order(self.allow_removals),
            allow_recreate=_in_order(self.allow_recreate),
            allow_suppressions=_in_order(self.allow_suppressions),
            variables=_in_order(self.variables),
            target=self.target,
        )


def _in_order(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names)))
