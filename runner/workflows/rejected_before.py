"""How many values of suppressions were no identifiers the time before: where that is another number, a run says so."""

from __future__ import annotations

from runner.core.records import SUPPRESSION_LINE
from runner.planning.suppression_rules import PlannedSuppression
from runner.quick_dataclass import replace
from runner.state.interface import State


def with_rejected_before(suppressions: tuple[PlannedSuppression, ...], state: State) -> tuple[PlannedSuppression, ...]:
    """The suppressions with what the history says of each."""
    if not any(one.named is not None for one in suppressions):
        return suppressions
    before = state.rejected()
    return tuple(replace(one, rejected_before=before.get(f"{SUPPRESSION_LINE}{one.name}", 0)) for one in suppressions)
