"""What is broken about an audience or a suppression, the worst first, in words for people who read no logs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from runner.core.records import Outcome, taken_apart
from runner.planning.suppression_rules import Standing
from runner.quick_dataclass import dataclass
from runner.reports.html.words import ago, length_words
from runner.workflows.condition import Condition
from runner.workflows.status import ActivationStatus, SuppressionStatus


@dataclass(frozen=True, slots=True)
class AudienceTrouble:
    """One thing that is not well; the lower its `rank`, the worse. `hint` is what to do, empty where nothing is."""

    rank: int
    what: str
    hint: str = ""


def troubles_of(status: ActivationStatus, now: datetime) -> tuple[AudienceTrouble, ...]:
    """What is wrong with an audience, the worst first."""
    return tuple(sorted(_troubles(status, now), key=lambda one: one.rank))


def _troubles(status: ActivationStatus, now: datetime) -> Iterator[AudienceTrouble]:
    last = status.latest.run
    if last is not None and last.outcome in (Outcome.FAILED, Outcome.INTERRUPTED):
        what, advice = taken_apart(last.detail)
        said = f"The last run, {ago(last.started_at, now)}, {_ended(last.outcome)}: {what}"
        yield AudienceTrouble(0, said, "; ".join(advice))
    if last is not None and last.outcome is Outcome.BLOCKED:
        what, advice = taken_apart(last.detail)
        said = f"A guardrail stopped the last run, {ago(last.started_at, now)}: {what}"
        yield AudienceTrouble(1, said, "; ".join(advice))
    if status.stale and status.declared is not None and status.declared.freshness is not None:
        limit = length_words(status.declared.freshness)
        since = f"since {ago(status.latest.good.started_at, now)}" if status.latest.good else "so far"
        yield AudienceTrouble(2, f"It is stale: no good run {since}, and it may be {limit} old at most.")
    record = status.applied
    if record is not None and record.refill:
        yield AudienceTrouble(
            3, "What it holds is not known.", "The next headcount apply clears it and fills it again."
        )
    if record is not None and (record.unfinished is not None or record.doubtful):
        yield AudienceTrouble(4, "A run ended before all was sent.", "The next run brings it to its end.")
    if status.condition is Condition.ORPHANED:
        yield AudienceTrouble(5, "No activation declares it any more.", "headcount apply --prune deletes it.")
    elif status.condition.awaits_apply:
        yield AudienceTrouble(6, _WAITING[status.condition], "headcount apply puts it into effect.")


_WAITING = {
    Condition.NOT_APPLIED: "It is declared and not made yet.",
    Condition.CREATING: "It was asked for, and the answer is not known yet.",
    Condition.IMPORTED: "It was taken over and not filled yet.",
    Condition.CHANGED: "Its files differ from what was applied.",
}


def _ended(outcome: Outcome) -> str:
    return "failed" if outcome is Outcome.FAILED else "was interrupted"


def troubles_of_suppression(status: SuppressionStatus, now: datetime) -> tuple[AudienceTrouble, ...]:
    """What is wrong with a suppression."""
    return tuple(_suppression_troubles(status, now))


def _suppression_troubles(status: SuppressionStatus, now: datetime) -> Iterator[AudienceTrouble]:
    known = status.applied
    if known is not None and known.failing_since is not None:
        since = ago(known.failing_since, now)
        yield AudienceTrouble(0, f"It has not been in effect since {since}: nobody is added where it applies.")
    if status.standing is not Standing.APPLIED:
        hint = "headcount apply puts into effect what the files say."
        yield AudienceTrouble(2, "Its files differ from what was applied: nobody is added where it applies.", hint)
    if known is not None and not known.is_clean:
        yield AudienceTrouble(
            3, "Not everybody it names is known to have left every audience.", "The next run takes them out."
        )
