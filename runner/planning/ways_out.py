"""What lets a change pass that was blocked, or that nobody declares any more: what to write, which option to give."""

from __future__ import annotations

from collections.abc import Iterator

from runner.core.records import Action
from runner.planning.approval import REVIEWED
from runner.planning.guardrails import SUPPRESSION
from runner.planning.plan import NO_DESTINATION, PlannedChange
from runner.planning.suppression_rules import PlannedSuppression


def ways_out_of_suppression(one: PlannedSuppression) -> Iterator[str]:
    """What lets a suppression take effect that does not."""
    allowed = next((block.allow for block in one.blocks if block.allow), "")
    if allowed:
        yield f"look who is in it; if that is meant, run again with {allowed}"
    if one.hint:
        yield one.hint


def ways_out(change: PlannedChange) -> Iterator[str]:
    """What lets a blocked or an orphaned change pass: each option once, after what the files must say first."""
    if change.action is Action.ORPHANED:
        if NO_DESTINATION in change.reasons:
            yield "is an account mistyped? to delete it, declare a destination of its account, then `--prune`"
        else:
            yield "`--prune` deletes it, or declare it again"
    options = " ".join(dict.fromkeys(block.allow for block in change.blocks if block.allow))
    limits = dict.fromkeys(block.guardrail for block in change.blocks if not block.allow)
    if change.activation is not None:
        for guardrail in limits:
            yield _change_of(change, guardrail)
    if options:
        yield f"then let it pass once with {options}" if limits else f"let it pass once with {options}"


def _change_of(change: PlannedChange, guardrail: str) -> str:
    """What has to change, where no option lets it pass."""
    if guardrail == REVIEWED:
        return "make a new plan and have it reviewed, if this is meant"
    if guardrail == SUPPRESSION:
        return "see what is said of the suppression"
    where = _where(change, guardrail)
    if guardrail == "min_members" and not where:
        return "say `guardrails: {min_members: 0}` in the activation, if an empty audience is meant"
    return f"change {guardrail} in the file{where}, if this is meant"


def _where(change: PlannedChange, guardrail: str) -> str:
    """Where the limit was written, which may be the destination's defaults."""
    for setting in change.activation.settings if change.activation else ():
        if setting.key == f"guardrails.{guardrail}" and setting.location is not None:
            return f" ({setting.location.file}:{setting.location.line})"
    return ""
