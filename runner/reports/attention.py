"""Of which activations and suppressions somebody should know: since when, why, and what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from runner.core.erasure_receipts import Fate, Receipt, way_on
from runner.core.records import Outcome, taken_apart
from runner.core.schedule import length
from runner.destinations.registry import platform_of
from runner.planning.freshness import why_never_fresh
from runner.quick_dataclass import dataclass
from runner.reports.format import moment
from runner.reports.run_text import SIGNS
from runner.workflows.condition import Condition
from runner.workflows.orphans import orphan_notice
from runner.workflows.status import ActivationStatus, SuppressionStatus

WELL = ("=", "green")
"""The sign of what went wrong and is fine again."""

_STALE = ("!", "yellow")
_WAITS = ("?", "cyan")
_LEFT = ("~", "yellow")
_RECEIPTS = "`headcount forget --receipts` says more"
_TRIES = re.compile(r"`headcount |\brun\b.*\bagain\b")
_DUE = "see whether anything still runs `headcount sync --due` or `headcount serve`"
_PLAN = "`headcount plan` shows what `headcount apply` would change"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a status: a sign and its style, what it is about, what is said of it, and why and what to do.

    Lines with the same reasons that follow each other show them once.
    """

    sign: tuple[str, str]
    name: str
    said: str
    reasons: tuple[str, ...] = ()


def attention(row: ActivationStatus, now: datetime) -> Line | None:
    """What is to be known of an activation, None where all is well."""
    too_old = _too_old(row, now)
    if row.wrong is not None:
        sentence, advice = taken_apart(row.wrong.detail)
        said = "; ".join([*since(row, now), *too_old[:1], *left_over(row)])
        return Line(SIGNS[row.wrong.outcome], row.activation, said, _reasons(sentence, *advice, *again(row, advice)))
    if too_old:
        return Line(_STALE, row.activation, *too_old)
    if row.suspected_drift:
        return Line(
            _STALE,
            row.activation,
            _counted(row),
            _reasons("", f"`headcount sync --rebuild {row.activation}` clears and refills it"),
        )
    if row.condition is Condition.ORPHANED:
        return Line(_WAITS, row.activation, f"orphaned: {orphan_notice(row.applied)}" if row.applied else "orphaned")
    if row.condition.awaits_apply:
        return Line(_WAITS, row.activation, _AWAITING[row.condition], _reasons("", _PLAN))
    if left := "; ".join(left_over(row)):
        return Line(_LEFT, row.activation, left)
    if (over_at := row.recovered_at(now)) is not None and row.setback is not None:
        said = f"recovered {moment(over_at, now)}; it had gone wrong since {moment(row.setback.since)}"
        return Line(WELL, row.activation, said)
    return None


def since(row: ActivationStatus, now: datetime) -> Iterator[str]:
    """Since when its runs have ended as the last one did, and where they went wrong otherwise before, since when."""
    if row.wrong is None:
        return
    yield f"{row.wrong.outcome} since {moment(row.wrong_alike_since, now)}"
    if row.setback is not None and row.wrong_since != row.wrong_alike_since:
        yield f"went wrong first {moment(row.wrong_since, now)}, {row.setback.first} then"


def again(row: ActivationStatus, advice: tuple[str, ...]) -> Iterator[str]:
    """Which command tries once more, unless the advice says it: what went wrong stays so until a run goes well."""
    told = any(_TRIES.search(one) for one in advice)
    if row.wrong is not None and row.wrong.outcome is not Outcome.BLOCKED and not told:
        command = "apply" if row.condition.awaits_apply else "sync"
        once = ", once its file is valid" if row.condition is Condition.NOT_READABLE else ""
        yield f"{'then ' if advice else ''}`headcount {command}` tries again{once}"


_AWAITING = {
    Condition.NOT_APPLIED: "not applied yet",
    Condition.CREATING: "its creation was interrupted; the next apply finds out",
    Condition.IMPORTED: "imported; the next apply clears and refills it",
    Condition.CHANGED: "the files differ from what was applied",
}


def _too_old(row: ActivationStatus, now: datetime) -> tuple[()] | tuple[str, tuple[str, ...]]:
    """That an audience is older than it may be, or should have been run, and what to do; nothing where it is not."""
    if row.overdue_since is not None:
        due = f"overdue: it was due {moment(row.overdue_since, now)}, and no run of it has begun since"
        return due, _reasons("", _DUE)
    if not (row.stale and row.declared and row.declared.freshness):
        return ()
    last = f"the last good run was {moment(row.latest.good.started_at, now)}" if row.latest.good else "no good run yet"
    never = why_never_fresh(row.declared, now)
    advice = (
        never
        or f"`headcount sync --select {row.activation}` brings it up to date; does anything run `headcount sync --due`?"
    )
    return f"stale: {last}, {length(row.declared.freshness)} is allowed", _reasons("", advice)


def _counted(row: ActivationStatus) -> str:
    known = row.applied is not None and row.live_size is not None
    size = f"{platform_of(row.applied.kind)} counts {row.live_size:,}" if known and row.applied else ""
    held = f"{sum(row.applied.members.values()):,} were sent" if row.applied else ""
    return f"suspected drift: {', '.join(part for part in (size, held) if part)}"


def left_over(row: ActivationStatus) -> Iterator[str]:
    """What earlier runs left of an audience."""
    if row.applied is None:
        return
    if row.applied.refill:
        yield "the next apply clears and refills it"
    if row.applied.unfinished:
        part = row.applied.unfinished
        yield f"unfinished: {part.taken} of {part.batches} batches taken, {part.in_flight} in flight"
    if row.applied.doubtful:
        yield f"{row.applied.doubtful:,} identifiers in doubt; the next run sends them again"


def suppression_attention(row: SuppressionStatus, now: datetime) -> Line | None:
    """What is to be known of a suppression, None where it is in effect."""
    name, last = f"suppression {row.name}", row.latest.run
    if row.applied is not None and row.applied.failing_since is not None:
        sentence, advice = taken_apart(last.detail) if last and last.outcome.is_wrong else ("", ())
        said = f"not in effect since {moment(row.applied.failing_since, now)}"
        return Line(
            SIGNS[Outcome.FAILED], name, said, _reasons(sentence or "nobody is added where it applies", *advice)
        )
    if row.awaits_apply:
        said = f"{row.standing}: nobody is added where it applies until it is applied"
        return Line(_WAITS, name, said, _reasons("", _PLAN))
    if row.applied is not None and not row.applied.is_clean:
        return Line(_LEFT, name, "not everybody it names is known to have left: the next run takes them out")
    return None


def open_receipt(receipt: Receipt, now: datetime) -> Line:
    """What is to be known of an erasure that is not erased for good."""
    sign = SIGNS[Outcome.FAILED] if receipt.fate in (Fate.UNFINISHED, Fate.LEFT) else _STALE
    said = f"{receipt.fate}, asked for {moment(receipt.at, now)}"
    return Line(sign, f"receipt {receipt.number}", said, _reasons("", way_on(receipt), _RECEIPTS))


def _reasons(sentence: str, *advice: str) -> tuple[str, ...]:
    return (*([sentence] if sentence else []), *(f"-> {one}" for one in advice))
