"""Warnings about people of segments whom suppressions cannot recognise, since both have them in different forms."""

from __future__ import annotations

from runner.core.membership import Evaluation
from runner.engine.interface import SegmentEvaluator
from runner.planning.md5_addresses import blind_to_md5, not_recognised
from runner.planning.plan import PlannedChange
from runner.quick_dataclass import replace
from runner.workflows.suppressing import Suppressing


def with_unrecognised(
    changes: tuple[PlannedChange, ...], suppressing: Suppressing, evaluator: SegmentEvaluator
) -> tuple[PlannedChange, ...]:
    """The changes, with a warning for each segment that has addresses as MD5. Raises SegmentError."""
    return tuple(_with_warning(change, suppressing, evaluator) for change in changes)


def _with_warning(change: PlannedChange, suppressing: Suppressing, evaluator: SegmentEvaluator) -> PlannedChange:
    evaluation, measured = suppressing.evaluated.get(change.key), change.measured
    if measured is None or not isinstance(evaluation, Evaluation):
        return change
    blind = blind_to_md5(measured.activation, suppressing.suppressions)
    md5s = evaluator.md5s(measured.activation, evaluation) if blind else 0
    if not md5s:
        return change
    warning = not_recognised(measured.activation, md5s, blind)
    return replace(change, measured=replace(measured, warnings=(*measured.warnings, warning)))
