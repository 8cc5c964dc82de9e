"""Where everything stands, on one screen: what is broken first, what is fine summed up in one line.

Of what is broken it says since when, why, and what to do; of what was, that it is over and when.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import groupby

from runner.core.erasure_receipts import Receipt
from runner.core.schedule import describe
from runner.destinations.registry import platform_of
from runner.planning.suppression_rules import Standing
from runner.reports.attention import WELL, Line, attention, open_receipt, suppression_attention
from runner.reports.escape import printable
from runner.reports.format import counts, duration, moment, plural
from runner.reports.styled_text import Text
from runner.workflows.condition import Condition
from runner.workflows.status import ActivationStatus, SuppressionStatus

_FINE = ("=", "dim")
_NAMED = 5
"""Activations that a line names at most."""


def status_text(
    rows: tuple[ActivationStatus, ...],
    suppressions: tuple[SuppressionStatus, ...],
    now: datetime,
    receipts: tuple[Receipt, ...] = (),
    *,
    everything: bool = False,
    is_whole: bool = True,
) -> Text:
    """A line for each that somebody should know of, and one for all others; with `everything`, a line for each.

    `is_whole` is false where the files are not valid, which says that not all is fine.

    `receipts` are those of erasures that did not come to a good end.
    """
    if not (rows or suppressions or receipts):
        return Text("No activation.\n")
    told = {row.activation: line for row in rows if (line := attention(row, now)) is not None}
    never = {row.name: line for row in suppressions if (line := suppression_attention(row, now)) is not None}
    over = {name: line.said for name, line in told.items() if line.sign == WELL}  # those are fine again
    fine = tuple(row for row in rows if row.activation not in told or row.activation in over)
    in_effect = tuple(row for row in suppressions if row.name not in never)
    shown = (line for name, line in told.items() if not (everything and name in over))
    lines = sorted((*never.values(), *shown, *(open_receipt(one, now) for one in receipts)), key=_rank)
    text = _lines(lines)
    if everything:
        effects = (Line(_FINE, f"suppression {row.name}", _effect(row, now)) for row in in_effect)
        text.append_text(_lines([*_standings(fine, over, now), *effects]))
    elif fine or in_effect:
        if lines:
            text.append("\n")
        is_all = is_whole and len(fine) + len(in_effect) == len(rows) + len(suppressions) + len(receipts)
        text.append(_summary(fine, in_effect, now, is_all=is_all))
    return text


_RANKS = ("x", "!", "~", "?", "=")


def _rank(line: Line) -> tuple[int, tuple[str, ...], str]:
    return _RANKS.index(line.sign[0]), line.reasons, line.name


def _lines(lines: Iterable[Line]) -> Text:
    """The lines, what they are about in one column, and reasons below the last that shares them."""
    listed, text = tuple(lines), Text()
    width = max((len(printable(line.name)) for line in listed), default=0)
    for reasons, group in groupby(listed, key=lambda line: line.reasons):
        for line in group:
            text.append(f"{line.sign[0]} {printable(line.name):<{width}}", style=line.sign[1])
            text.append(f"  {printable(line.said)}\n")
        for reason in reasons:
            text.append(f"    {printable(reason)}\n")
    return text


# -- what is fine ----------------------------------------------------------------------------------------------------


def _age(row: ActivationStatus, now: datetime) -> str:
    last = row.latest.run
    return f"{last.outcome} {duration(abs((now - last.started_at).total_seconds()))} ago" if last else "never run"


def _standings(rows: tuple[ActivationStatus, ...], over: Mapping[str, str], now: datetime) -> Iterator[Line]:
    """A line for each that is fine: the last run, when the next is due, who is in it; each in a column.

    `over` says of those that are fine again what was wrong.
    """
    ages, due = [_age(row, now) for row in rows], [_due(row, now) for row in rows]
    widths = (max(map(len, ages), default=0), max(map(len, due), default=0))
    for row, *cells in zip(rows, ages, due, strict=True):
        columns = (f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True))
        was = over.get(row.activation)
        yield Line(_FINE, row.activation, "  ".join((*columns, _size(row))), (was,) if was else ())


def _size(row: ActivationStatus) -> str:
    parts = [counts(row.applied.members) if row.applied else "-"]
    if row.live_size is not None and row.applied is not None:
        parts.append(f"{platform_of(row.applied.kind)} counts {row.live_size:,}")
    return "  ".join(parts)


def _due(row: ActivationStatus, now: datetime) -> str:
    if row.condition is Condition.NOT_READABLE:
        return "due: not known"
    if row.next_due is None:
        return describe(row.declared.schedule) if row.declared else ""
    seconds = (row.next_due - now).total_seconds()
    return f"due in {duration(seconds)}" if seconds > 0 else "due now"


def _effect(row: SuppressionStatus, now: datetime) -> str:
    known = row.applied
    if known is None:
        return ""
    looked = f"looked at {moment(known.evaluated_at, now)}" if known.evaluated_at else "never looked at"
    return f"in effect, {looked}  names {plural(sum(known.members.values()), 'identifier')}"


def _summary(
    rows: tuple[ActivationStatus, ...], suppressions: tuple[SuppressionStatus, ...], now: datetime, *, is_all: bool
) -> str:
    """All that are fine in one line: how many they are, when the last run was, and which is due next."""
    unknown = [row.activation for row in rows if row.condition is Condition.NOT_READABLE]
    unknown += [f"suppression {row.name}" for row in suppressions if row.standing is Standing.NOT_READABLE]
    told = [plural(len(rows), "audience")] if rows else []
    told += [plural(len(suppressions), "suppression")] if suppressions else []
    verb = "is" if len(rows) + len(suppressions) == 1 else "are"
    parts = [f"{' and '.join(told)} {verb} fine" if not is_all else f"All is fine: {' and '.join(told)}"]
    held = sum(sum(row.applied.members.values()) for row in rows if row.applied)
    parts[0] += f", {plural(held, 'identifier')}" if rows else ""
    ran = max((row.latest.run.started_at for row in rows if row.latest.run), default=None)
    if ran is not None:
        parts.append(f"last run {duration(abs((now - ran).total_seconds()))} ago")
    due = min(((row.next_due, row.activation) for row in rows if row.next_due), default=None)
    if due is not None:
        when = f"in {duration((due[0] - now).total_seconds())}" if due[0] > now else "now"
        parts.append(f"next due: {printable(due[1])} {when}")
    if unknown:
        more = f" and {len(unknown) - _NAMED:,} more" if len(unknown) > _NAMED else ""
        parts.append(f"not readable in the files: {printable(', '.join(unknown[:_NAMED]))}{more}")
    return f"{';  '.join(parts)}.  (--all shows each)\n"
