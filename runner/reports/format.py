"""How numbers, counts and times are written, the same in every report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from runner.core.identifiers import IdentifierType
from runner.core.local_time import local_time
from runner.core.records import Action

if TYPE_CHECKING:
    from runner.planning.plan import Plan

_NAMED = (Action.DELETE, Action.BLOCKED, Action.FAILED, Action.CONFLICT)
"""The last line names these, for readers who read nothing else: their audiences are in danger."""


def plural(count: int, one: str, many: str = "") -> str:
    """`1 segment`, `2 segments`, `1,200 people`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def summary(plan: Plan) -> str:
    """The plan in one sentence: deletes and blocks first, by name."""
    from runner.planning.plan import CHANGING

    never = tuple(_suppressions(plan))
    if set(plan.counts) <= {Action.UNCHANGED} and not never:
        return f"Nothing to do: {plural(len(plan.changes), 'activation')} as declared."
    parts = []
    for action, count in plan.counts.items():
        names = ", ".join(change.id for change in plan.having(action)) if action in _NAMED else ""
        ending = f"to {action}" if action in CHANGING else "in conflict" if action is Action.CONFLICT else action
        parts.append(f"{count:,} {ending}" + (f" ({names})" if names else ""))
    return f"Plan: {', '.join((*parts, *never))}."


def _suppressions(plan: Plan) -> Iterator[str]:
    """What suppressions do that is worth a word of the last line: what fails first, by name."""
    ended = {
        "failed": [one.name for one in plan.suppressions if one.error],
        "blocked": [one.name for one in plan.suppressions if one.blocks and not one.error],
        "to apply": [one.name for one in plan.suppressions if one.takes_effect and one.changes_definition],
    }
    for ending, names in ended.items():
        if names:
            yield f"{plural(len(names), 'suppression')} {ending} ({', '.join(names)})"
    leaving = sum(one.removed for one in plan.withdrawals if not one.error and not one.is_blind)
    if leaving:
        yield f"{plural(leaving, 'identifier')} to remove as suppressed"


def moment(when: datetime | None, now: datetime | None = None) -> str:
    """A time to the minute in the machine's own zone, with how far away it is when `now` is given."""
    if when is None:
        return "-"
    text = local_time(when)
    if now is None:
        return text
    seconds = (when - now).total_seconds()
    if abs(seconds) < 0.5:
        return f"{text} (now)"
    return f"{text} ({duration(abs(seconds))} ago)" if seconds < 0 else f"{text} (in {duration(seconds)})"


def timestamp(when: datetime) -> str:
    """As documents write a time: ISO 8601 in UTC with a Z."""
    return when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def json_time(when: datetime | None) -> str | None:
    """The same where there may be no time."""
    return timestamp(when) if when else None


def duration(seconds: float) -> str:
    """A length of time in its largest fitting unit: `0.4 s`, `12 s`, `5 min`, `3 h`, `9 d`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    for unit, size, until in (("s", 1, 60), ("min", 60, 3_600), ("h", 3_600, 86_400)):
        if seconds < until:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86_400:.0f} d"


def counts(members: Mapping[IdentifierType, int]) -> str:
    """`12,003 email, 804 mobile_ad_id`."""
    return ", ".join(f"{count:,} {kind}" for kind, count in members.items()) or "-"
