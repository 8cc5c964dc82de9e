"""What emptying audiences and filling them again costs, as a sentence."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from runner.planning.refill_cost import RefillCost
from runner.reports.format import plural


def refill_sentence(cost: RefillCost) -> str:
    """How many audiences, how many calls, how long that takes at least, and what they are meanwhile."""
    them, each = ("it", "it is") if cost.audiences == 1 else ("them", "each is")
    return (
        f"emptying {plural(cost.audiences, 'audience')} and filling {them} again takes"
        f" {plural(cost.calls, 'call')}: {plural(cost.minutes, 'minute')} or more at {cost.calls_a_minute:,} calls a"
        f" minute; until it is filled, {each} empty or too small"
    )


def cost_data(cost: RefillCost) -> dict[str, Any]:
    """The same as plain data."""
    return {**asdict(cost), "minutes": cost.minutes}
