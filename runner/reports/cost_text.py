"""What segments cost, for people who look for the one that a bill or a slow run comes from."""

from __future__ import annotations

from runner.core.records import RunCost, SegmentCost
from runner.reports.escape import printable
from runner.reports.format import duration, plural
from runner.reports.styled_text import Text

SHOWN = 10
"""Segments of a plan that are listed; the JSON document has all of them."""

_WORTH_A_LINE = 1.0
"""Seconds that the segments of a run took together from which on the history speaks of them."""


def plan_cost(cost: RunCost) -> Text:
    """The segments that took longest, under a line with the sums."""
    text = Text(f"{_sums(cost)}\n", style="bold")
    for one in cost.costliest[:SHOWN]:
        text.append(f"    {duration(one.seconds):>7}  {_rows(one):>20}  {printable(one.activation)}\n")
    return text


def run_cost(cost: RunCost | None) -> str:
    """A sentence about the segments of a past run; empty where it is not known or they took no time to speak of."""
    if cost is None or cost.seconds < _WORTH_A_LINE:
        return ""
    first = cost.costliest[0]
    most = f", most for {first.activation} ({duration(first.seconds)}, {_rows(first)})" if cost.evaluated > 1 else ""
    return f"{_sums(cost)}{most}"


def all_cost(cost: RunCost) -> str:
    """The sums, however little that is."""
    return _sums(cost)


def _sums(cost: RunCost) -> str:
    return f"{plural(cost.evaluated, 'segment')} in {duration(cost.seconds)}, {plural(cost.rows, 'row')}"


def _rows(one: SegmentCost) -> str:
    return "failed" if one.rows is None else plural(one.rows, "row")
