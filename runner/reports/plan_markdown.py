"""A plan as Markdown, ready to be a pull-request comment: the danger first, a table, details folded away.

It is cut where a platform would refuse it: whole lines, the least dangerous first, and it says so.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC

from runner.core.records import Action
from runner.destinations.registry import platform_of
from runner.planning.plan import CHANGING, Plan, PlannedChange
from runner.planning.refill_cost import refills_of
from runner.planning.sql_diff import readable_sql_diff
from runner.planning.staleness import id_of
from runner.planning.ways_out import ways_out
from runner.reports.escape import in_markdown, printable
from runner.reports.format import summary
from runner.reports.hints import held_out, let_pass, members_of
from runner.reports.overlap_text import IN_A_PLAN, overlap_sentences
from runner.reports.plan_text import DELETE_WARNING, SYMBOLS
from runner.reports.refill_text import refill_sentence
from runner.reports.suppressions_text import sentences, told, unrecognised, withdrawal_sentences

MARKER = "<!-- headcount:plan "
"""How it begins, by which a bot finds its own comment and edits it in place."""

LIMIT = 65_000
"""The most bytes of UTF-8. GitHub takes 65,536 characters of a comment, so it holds however they are counted there;
a step's summary may have 1 MiB and a note of GitLab's a million characters."""

_AROUND = 1_000
"""More bytes than what stands around the lines of each section, and says that some are missing, takes."""

_WHOLE = "run `headcount plan` to see the whole"


def plan_markdown(plan: Plan, limit: int = LIMIT) -> str:
    """The plan as GitHub-flavoured Markdown of at most `limit` bytes. Holds counts, never identifiers."""
    listed = [change for change in plan.changes if change.action is not Action.UNCHANGED]
    target = f" for {in_markdown(plan.options.target)}" if plan.options.target else ""
    head = [f"### Headcount plan{target}", "", f"**{in_markdown(summary(plan))}**", ""]
    made_at = plan.made_at.astimezone(UTC)
    foot = [f"<sub>plan {id_of(plan)}, data of {plan.today.isoformat()}, planned at {made_at:%Y-%m-%d %H:%M} UTC</sub>"]
    room = _Room(limit - _AROUND - _size([_marker(plan, cut=False), *head, *foot]))
    body = [
        *_caution(plan, listed, room),
        *_suppressed(plan, room),
        *_table(listed, room),
        *_sql(listed, room),
        *_folded(listed, room),
    ]
    return "\n".join([_marker(plan, cut=room.cut), *head, *body, *foot]) + "\n"


def _marker(plan: Plan, *, cut: bool) -> str:
    """The hidden first line: for a bot to find, and to learn which target and plan it is and whether all is shown."""
    target = f"{plan.options.target} " if plan.options.target else ""
    return f"{MARKER}{target}{json.dumps({'plan_id': id_of(plan), 'cut': cut})} -->"


class _Room:
    """How much may still be written."""

    def __init__(self, size: int) -> None:
        self.left = size
        self.cut = False

    def fit(self, lines: Iterable[str], missing: str) -> list[str]:
        """As many whole lines as there is room for, and what to say of the others.

        `missing` is that sentence, with `{}` for how many of how many.
        """
        every = list(lines)
        kept: list[str] = []
        for line in every:
            if _size([line]) > self.left:
                self.left = 0
                self.cut = True
                kept.append(missing.format(f"{len(every) - len(kept):,} of {len(every):,}"))
                break
            self.left -= _size([line])
            kept.append(line)
        return kept


def _size(lines: Iterable[str]) -> int:
    return sum(len(line.encode()) + 1 for line in lines)


def _caution(plan: Plan, changes: list[PlannedChange], room: _Room) -> Iterator[str]:
    lines = room.fit(
        (*_not_in_effect(plan), *_dangers(changes), *_refills(plan)),
        f"> - **{{}} dangers are not shown here**: {_WHOLE}",
    )
    if lines:
        yield "> [!CAUTION]"
        yield from lines
        yield ""


def _refills(plan: Plan) -> Iterator[str]:
    cost = refills_of(plan)
    if cost is not None:
        yield f"> - {refill_sentence(cost)}"


def _not_in_effect(plan: Plan) -> Iterator[str]:
    for one in plan.suppressions:
        if not one.takes_effect:
            word = "failed" if one.error else "blocked" if one.blocks else "waiting"
            yield f"> - suppression `{one.name}` is **{word}**: {in_markdown(one.why_not())}; nobody is added meanwhile"


def _suppressed(plan: Plan, room: _Room) -> Iterator[str]:
    """What suppressions do, and what leaves audiences because of them."""
    every = [
        f"- suppression `{one.name}`: {in_markdown(sentence)}" for one in told(plan) for sentence in sentences(one)
    ]
    every += [f"- {in_markdown(sentence)}" for sentence in withdrawal_sentences(plan)]
    every += [f"- warning: {in_markdown(f'{one.location}: {one.message}; {one.hint}')}" for one in unrecognised(plan)]
    lines = room.fit(every, f"- **{{}} lines about suppressions are not shown here**: {_WHOLE}")
    if lines:
        yield from lines
        yield ""


def _dangers(changes: list[PlannedChange]) -> Iterator[str]:
    for change in changes:
        name = in_markdown(change.name)
        if change.action is Action.DELETE:
            yield f'> - `{change.id}`: audience "{name}" will be **deleted**; this {DELETE_WARNING}'
        for block in change.blocks:
            yield f"> - `{change.id}` is **blocked**: {in_markdown(block.message)}"
        if change.action in (Action.FAILED, Action.CONFLICT):
            yield f"> - `{change.id}` **{change.action}**: {in_markdown(change.error)}"
        if change.replaces:
            would = "would be" if change.blocks else "will be"
            yield f'> - `{change.id}`: audience "{name}" {would} **deleted** and created again'
        if change.refill and change.action in CHANGING:
            yield f"> - `{change.id}` will be **cleared** and refilled"


def _table(changes: list[PlannedChange], room: _Room) -> Iterator[str]:
    missing = f"| | **{{}} rows are not shown here** | | | | {_WHOLE} |"
    rows = room.fit((_row(change) for change in changes), missing)
    if rows:
        yield "| | Activation | Action | Audience | Members | Why |"
        yield "|---|---|---|---|---:|---|"
        yield from rows
        yield ""


def _row(change: PlannedChange) -> str:
    audience = in_markdown(change.name) + (f" ({in_markdown(change.audience_id)})" if change.audience_id else "")
    where = in_markdown(f"{change.location.file}:{change.location.line}") if change.location else ""
    why = ", ".join(change.reasons) or change.error
    cells = (
        f"`{SYMBOLS[change.action][0]}`",
        f"`{change.id}`" + (f"<br>{where}" if where else ""),
        str(change.action),
        audience,
        _members(change),
        in_markdown(why),
    )
    return f"| {' | '.join(cells)} |"


def _members(change: PlannedChange) -> str:
    return "<br>".join(
        f"{kind} {part.before:,} → {part.after:,} (+{part.added:,} −{part.removed:,})"
        for kind, part in members_of(change).items()
    )


def _folded(changes: list[PlannedChange], room: _Room) -> Iterator[str]:
    every = list(_details(changes))
    lines = room.fit(every, f"- **{{}} details are not shown here**: {_WHOLE}")
    if lines:
        yield f"<details><summary>Details ({len(every)})</summary>"
        yield ""
        yield from lines
        yield ""
        yield "</details>"
        yield ""


def _sql(changes: list[PlannedChange], room: _Room) -> Iterator[str]:
    """The lines of SQL that changed, folded; no line can end the block, whose fence is longer than any in it."""
    for change in changes:
        lines = room.fit(
            (printable(line) for line in readable_sql_diff(change)), f"... {{}} lines are not shown here: {_WHOLE}"
        )
        if lines:
            fence = "`" * (2 + max((len(run) for line in lines for run in re.findall("`+", line)), default=1))
            yield f"<details><summary>SQL of {in_markdown(change.id)}</summary>"
            yield ""
            yield f"{fence}diff"
            yield from lines
            yield fence
            yield ""
            yield "</details>"
            yield ""


def _details(changes: list[PlannedChange]) -> Iterator[str]:
    for change in changes:
        for part in change.fields:
            drift = f" (changed by hand in {platform_of(change.account.kind)})" if part.drift else ""
            yield f'- `{change.id}` {part.field}: "{in_markdown(part.before)}" → "{in_markdown(part.after)}"{drift}'
        if change.overlap is not None:
            for sentence in overlap_sentences(change.overlap, IN_A_PLAN):
                yield f"- `{change.id}`: {in_markdown(sentence)}"
        for rejected in change.rejected:
            kind, reason = rejected.identifier_type, in_markdown(rejected.reason)
            yield f"- `{change.id}` rejected {rejected.count:,} {kind}: {reason}"
        for line in (*held_out(change), *let_pass(change)):
            yield f"- `{change.id}`: {in_markdown(line)}"
        for warning in change.warnings:
            yield f"- `{change.id}` warning: {in_markdown(f'{warning.location}: {warning.message}; {warning.hint}')}"
        for advice in (*ways_out(change), *filter(None, [change.hint])):
            yield f"- `{change.id}`: {in_markdown(advice)}"
