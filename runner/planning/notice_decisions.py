"""Which notices are due: what a run has seen, compared with what each receiver knows. One per change of state."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from runner.core.notices import KeptNotice, NoticeKey, Observed, Turnover, Wording
from runner.core.project import Limit
from runner.core.receivers import OUTCOMES, NoticeCondition, Receiver
from runner.quick_dataclass import dataclass, replace

FORMAT = 1

_OVER = {
    NoticeCondition.FAILED: "its runs failed",
    NoticeCondition.BLOCKED: "a guardrail stopped it",
    NoticeCondition.SKIPPED: "it was left alone",
    NoticeCondition.STALE: "it was stale",
    NoticeCondition.TURNOVER: "its turnover was over the limit",
    NoticeCondition.SUPPRESSION: "it did not take effect",
}


@dataclass(frozen=True, slots=True)
class NoticeChanges:
    """What changes of what is remembered: rows as they are from now on, and rows that end without a word."""

    put: tuple[KeptNotice, ...] = ()
    dropped: tuple[NoticeKey, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.put or self.dropped)


def decide(
    receivers: Collection[Receiver],
    declared: Collection[str],
    kept: Iterable[KeptNotice],
    observed: Iterable[Observed],
    facts: Mapping[str, Any],
    now: datetime,
) -> NoticeChanges:
    """The changes after a run.

    `receivers` are those that can be reached from here, `declared` the names of all: what the others know stays as it
    is. `facts` are said in every notice: which run, which target.
    """
    known: dict[tuple[str, str], dict[str, KeptNotice]] = {}
    dropped: list[NoticeKey] = []
    put: list[KeptNotice] = []
    for row in kept:
        known.setdefault((row.key.receiver, row.key.subject), {})[row.key.condition] = row
        if row.key.receiver not in declared:
            dropped.append(row.key)
    for seen in observed:
        for receiver in receivers:
            rows = known.get((receiver.name, seen.subject), {})
            for change in _changes(receiver, seen, rows, facts, now):
                if isinstance(change, KeptNotice):
                    put.append(change)
                else:
                    dropped.append(change)
    return NoticeChanges(tuple(put), tuple(dropped))


def _changes(
    receiver: Receiver, seen: Observed, rows: Mapping[str, KeptNotice], facts: Mapping[str, Any], now: datetime
) -> Iterator[KeptNotice | NoticeKey]:
    on = {condition: wording for condition, wording in seen.on.items() if condition in receiver.when}
    off = set(seen.off)
    if seen.turnover is not None and receiver.max_turnover is not None:
        exceeded = _exceeded(seen, seen.turnover, receiver.max_turnover)
        if exceeded is None:
            off.add(NoticeCondition.TURNOVER)
        else:
            on[NoticeCondition.TURNOVER] = exceeded
    for condition, wording in on.items():
        row = rows.get(condition)
        if row is not None and row.ends and row.delivered_at is not None:
            yield replace(row, content=None, attempts=0)  # it is as the receiver knows it
        elif row is None or row.ends:
            key = NoticeKey(receiver.name, seen.subject, condition)
            since = wording.since or now
            content = _began(seen, condition, wording, since, facts, now)
            yield KeptNotice(key, since, content)
    for row in rows.values():
        if row.key.condition not in on:
            yield from _no_longer(receiver, seen, (frozenset(on), frozenset(off)), row, facts, now)


def _no_longer(
    receiver: Receiver,
    seen: Observed,
    on_and_off: tuple[frozenset[NoticeCondition], frozenset[NoticeCondition]],
    row: KeptNotice,
    facts: Mapping[str, Any],
    now: datetime,
) -> Iterator[KeptNotice | NoticeKey]:
    """What becomes of a row whose condition does not hold, or is not known to."""
    on, off = on_and_off
    if row.key.condition not in set(NoticeCondition):  # of a newer Headcount
        return
    condition = NoticeCondition(row.key.condition)
    if not _wants(receiver, condition):
        yield row.key
    elif condition in OUTCOMES and not OUTCOMES.isdisjoint(seen.on):
        if not OUTCOMES.isdisjoint(on):  # what it is in now is said instead
            yield row.key
    elif condition in off and not row.ends:
        yield from _over(receiver, seen, condition, row, facts, now)


def _wants(receiver: Receiver, condition: NoticeCondition) -> bool:
    return receiver.max_turnover is not None if condition is NoticeCondition.TURNOVER else condition in receiver.when


def _over(
    receiver: Receiver, seen: Observed, condition: NoticeCondition, row: KeptNotice, facts: Mapping[str, Any],
    now: datetime,
) -> Iterator[KeptNotice | NoticeKey]:  # fmt: skip
    """What began and was never delivered is said together with its end, also to those who want no such notice."""
    if receiver.recovered or row.content is not None:
        end = "is no longer declared" if seen.is_gone else "is well again"
        message = f"{seen.label} {end}: {_OVER[condition]} from {_utc(row.since)} to {_utc(now)}"
        wording = Wording(message, "nothing has to be done")
        content = _content(seen, condition, wording, row.since, facts, now, "recovered")
        yield replace(row, content=content, attempts=0)
    else:
        yield row.key


def _exceeded(seen: Observed, turnover: Turnover, limit: Limit) -> Wording | None:
    """What is said of a turnover over the limit; None for one within it, and for an audience that was empty."""
    changed = turnover.added + turnover.removed
    most = limit.value * turnover.before / 100 if limit.percent else limit.value
    if not turnover.before or changed <= most:
        return None
    message = (
        f"{changed / turnover.before:.0%} of {seen.label} changed in one run: {turnover.added:,} added and"
        f" {turnover.removed:,} removed, of {turnover.before:,} identifiers; more than {limit}"
    )
    return Wording(message, f"`headcount history {seen.subject}` shows the runs before it")


def _began(
    seen: Observed,
    condition: NoticeCondition,
    wording: Wording,
    since: datetime,
    facts: Mapping[str, Any],
    now: datetime,
) -> dict[str, Any]:
    return _content(seen, condition, wording, since, facts, now, "began")


def _content(
    seen: Observed,
    condition: NoticeCondition,
    wording: Wording,
    since: datetime,
    facts: Mapping[str, Any],
    now: datetime,
    status: str,
) -> dict[str, Any]:
    """schemas/notice.schema.json: one of its `notices`. The same notice has the same id however often it is sent."""
    incident = _digest(seen.subject, condition, _iso(since))
    return {
        "id": _digest(incident, status, _iso(now)),
        "incident": incident,
        "status": status,
        "condition": str(condition),
        "subject": seen.subject,
        "message": wording.message,
        "hint": wording.hint,
        "since": _iso(since),
        "until": _iso(now) if status == "recovered" else None,
        "owner": seen.owner or None,
        "place": seen.place or None,
        **facts,
    }


def _digest(*parts: str) -> str:
    return hashlib.sha256(json.dumps([str(part) for part in parts]).encode()).hexdigest()[:32]


def _iso(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
