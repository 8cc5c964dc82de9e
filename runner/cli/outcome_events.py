"""How each activation fared in a run, as events of the log."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from runner.cli import event_log
from runner.cli.console import log_event

if TYPE_CHECKING:
    from runner.core.records import ActivationRun
    from runner.workflows.sync import Skipped

_LEVELS = {"failed": "error", "blocked": "warning", "interrupted": "warning"}


def log_outcomes(outcomes: Iterable[ActivationRun], skipped: Iterable[Skipped] = ()) -> None:
    """An event for each outcome, and for each activation that was left alone; nothing where the log is text."""
    if not event_log.is_json():
        return
    from runner.core.records import taken_apart

    for run in outcomes:
        level = _LEVELS.get(str(run.outcome), "info")
        sentence, advice = taken_apart(run.detail)
        log_event(
            "outcome",
            "; ".join(one for one in (sentence, *advice) if one),
            level=level,
            activation=run.activation,
            **run.figures,
        )
    for one in skipped:
        log_event("skipped", one.reason, level="warning", activation=one.activation)
