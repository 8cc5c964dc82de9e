"""What is broken about an audience or a suppression, the worst first, in words for people who read no logs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from runner.core.records import Outcome, taken_apart
from runner.quick_dataclass import dataclass
from runner.reports.attention import again
from runner.reports.html.words import ago, length_words, moment_words
from runner.workflows.condition import Condition
from runner.workflows.status import ActivationStatus, SuppressionStatus

NOT_READABLE = "Its file is not valid: what it says cannot be read."


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
    if status.wrong is not None:
        what, advice = taken_apart(status.wrong.detail)
        rank = 1 if status.wrong.outcome is Outcome.BLOCKED else 0
        yield AudienceTrouble(rank, f"{_went_wrong(status, now)}: {what}", "; ".join((*advice, *again(status, advice))))
    if status.stale and status.declared is not None and status.declared.freshness is not None:
        limit = length_words(status.declared.freshness)
        since = f"since {moment_words(status.latest.good.started_at)}" if status.latest.good else "so far"
        yield AudienceTrouble(2, f"It is stale: no good run {since}, and it may be {limit} old at most.")
    if status.overdue_since is not None:
        due = f"It is overdue: it was due on {moment_words(status.overdue_since)}, and no run of it has begun since."
        yield AudienceTrouble(2, due, "See whether anything still runs headcount sync --due or headcount serve.")
    record = status.applied
    if record is not None and record.refill:
        yield AudienceTrouble(
            3, "What it holds is not known.", "The next headcount apply clears it and fills it again."
        )
    if record is not None and (record.unfinished is not None or record.doubtful):
        yield AudienceTrouble(4, "A run ended before all was sent.", "The next run brings it to its end.")
    if status.condition is Condition.ORPHANED:
        yield AudienceTrouble(5, "No activation declares it any more.", "headcount apply --prune deletes it.")
    elif status.condition is Condition.NOT_READABLE:
        yield AudienceTrouble(6, NOT_READABLE, "Nothing brings it up to date until headcount validate finds nothing.")
    elif status.condition.awaits_apply:
        # Where the last run went wrong, that is what has to be put right first.
        hint = "" if status.wrong is not None else "headcount apply puts it into effect."
        yield AudienceTrouble(6, _WAITING[status.condition], hint)


_WAITING = {
    Condition.NOT_APPLIED: "It is declared and not made yet.",
    Condition.CREATING: "It was asked for, and the answer is not known yet.",
    Condition.IMPORTED: "It was taken over and not filled yet.",
    Condition.CHANGED: "Its files differ from what was applied.",
}


_ENDED = {
    Outcome.FAILED: "failed",
    Outcome.INTERRUPTED: "was interrupted",
    Outcome.BLOCKED: "was stopped by a guardrail",
}


def _went_wrong(status: ActivationStatus, now: datetime) -> str:
    """That the last run went wrong, and since when that is so where it was not the only one."""
    assert status.wrong is not None
    last, since = status.wrong, status.wrong_since or status.wrong.started_at
    said = f"The last run, {ago(last.started_at, now)}, {_ENDED[last.outcome]}"
    return said if since == last.started_at else f"{said}; no run has gone well since {moment_words(since)}"


def the_last_run(status: ActivationStatus) -> str:
    """What became of the last run, where it did not bring the audience up to date: `was stopped by a guardrail`."""
    return _ENDED[status.wrong.outcome] if status.wrong is not None else ""


def troubles_of_suppression(status: SuppressionStatus) -> tuple[AudienceTrouble, ...]:
    """What is wrong with a suppression."""
    return tuple(_suppression_troubles(status))


def _suppression_troubles(status: SuppressionStatus) -> Iterator[AudienceTrouble]:
    known = status.applied
    if known is not None and known.failing_since is not None:
        since = moment_words(known.failing_since)
        yield AudienceTrouble(0, f"It has not been in effect since {since}: nobody is added where it applies.")
    if status.awaits_apply:
        hint = "headcount apply puts into effect what the files say."
        yield AudienceTrouble(2, "Its files differ from what was applied: nobody is added where it applies.", hint)
    if known is not None and not known.is_clean:
        yield AudienceTrouble(
            3, "Not everybody it names is known to have left every audience.", "The next run takes them out."
        )
