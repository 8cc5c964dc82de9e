"""Annotations for GitHub Actions: workflow commands that put what is wrong on the lines at fault.

The form, and what is escaped in it, is that of the runner: https://docs.github.com/actions/reference/workflow-commands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from runner.core.findings import Finding, Location
from runner.core.records import Action
from runner.planning.plan import Plan, PlannedChange
from runner.quick_dataclass import dataclass
from runner.reports.escape import printable, without_commands

MOST = 10
"""GitHub shows no more annotations of one level from one step."""

Relative = Callable[[str], str]
"""A file as the user would name it -> its path from the repository's root."""


@dataclass(frozen=True, slots=True)
class _Annotation:
    place: Location
    length: int
    title: str
    message: str
    level: str = "error"


def findings_annotations(findings: Iterable[Finding], relative: Relative) -> str:
    """One error or warning a finding, each on a line of its own; beyond what GitHub shows, how many more there are."""
    return _lines([_of_finding(one) for one in findings], relative)


def plan_annotations(plan: Plan, relative: Relative) -> str:
    """One error for each activation that is blocked, failed or in conflict, in the plan's order: the worst first; then
    the warnings."""
    errors = [one for change in plan.changes for one in _of_change(change)]
    warnings = [_of_finding(one) for change in plan.changes for one in change.warnings]
    return _lines([*errors, *dict.fromkeys(warnings)], relative)


def _of_finding(one: Finding) -> _Annotation:
    level = "warning" if one.is_warning else "error"
    return _Annotation(one.location, one.length, one.code, ". ".join(filter(None, (one.message, one.hint))), level)


def _of_change(change: PlannedChange) -> Iterable[_Annotation]:
    if change.location is None:
        return
    if change.blocks:
        message = "; ".join(block.message for block in change.blocks)
        yield _Annotation(change.location, 0, f"{change.id} is blocked", message)
    elif change.action in (Action.FAILED, Action.CONFLICT):
        message = ". ".join(filter(None, (change.error, change.hint)))
        yield _Annotation(change.location, 0, f"{change.id}: {change.action}", message)


def _lines(found: list[_Annotation], relative: Relative) -> str:
    by_level = {level: [one for one in found if one.level == level] for level in ("error", "warning")}
    shown = [one for of_level in by_level.values() for one in of_level[:MOST]]
    lines = [_line(one, relative) for one in shown]
    if len(found) > len(shown):
        # A level of its own, since an eleventh error would not be shown.
        more = len(found) - len(shown)
        lines.append(f"::notice title=headcount::{more:,} more of {len(found):,} are in the log")
    return "".join(f"{line}\n" for line in lines)


def _line(one: _Annotation, relative: Relative) -> str:
    place = {"file": relative(one.place.file), "line": one.place.line or 1, "col": one.place.column or 1}
    end = {"endColumn": (one.place.column or 1) + one.length} if one.length else {}
    properties = {**place, **end, "title": one.title}
    listed = ",".join(f"{name}={_property(str(value))}" for name, value in properties.items())
    return f"::{one.level} {listed}::{_data(one.message)}"


def _data(text: str) -> str:
    """A message: line ends would end the command, and `%` begins an escape."""
    lines = "\n".join(without_commands(printable(line)) for line in text.splitlines())
    return lines.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
