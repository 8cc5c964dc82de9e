"""A plan as Markdown, ready to be a pull-request comment: the danger first, a table, details folded away."""

from __future__ import annotations

import re
from collections.abc import Iterator

from runner.plan import CHANGING, Action, Change, Plan
from runner.reports.advice import members_of, ways_out
from runner.reports.shown import shown
from runner.reports.text import DELETE_WARNING, SYMBOLS
from runner.reports.words import summary
from runner.reviewed import id_of

MARKER = "<!-- headcount:plan -->"
"""Lets a bot find its own comment and edit it in place."""

_SPECIAL = re.compile(r"([\\`*_\[\]<>|#&~$])")
_LINKED = re.compile(r"(?<=@)|(?<=:)(?=//)|(?<=www)(?=\.)|(?<=#)(?=\d)|(?<=\bGH)(?=-\d)", re.IGNORECASE)


def plan_markdown(plan: Plan) -> str:
    """The plan as GitHub-flavoured Markdown. Holds counts, never identifiers."""
    listed = [change for change in plan.changes if change.action is not Action.UNCHANGED]
    parts = [MARKER, "### Headcount plan", "", f"**{_escape(summary(plan))}**", ""]
    parts += _caution(listed)
    if listed:
        parts += ["| | Activation | Action | Audience | Members | Why |", "|---|---|---|---|---:|---|"]
        parts += [_row(change) for change in listed]
        parts.append("")
    parts += _details(listed)
    parts.append(
        f"<sub>plan {id_of(plan)}, data of {plan.today.isoformat()}, planned at {plan.made_at:%Y-%m-%d %H:%M} UTC</sub>"
    )
    return "\n".join(parts) + "\n"


def _caution(changes: list[Change]) -> Iterator[str]:
    lines = []
    for change in changes:
        if change.action is Action.DELETE:
            lines.append(f'`{change.id}`: audience "{_escape(change.name)}" will be **deleted**; this {DELETE_WARNING}')
        lines += [f"`{change.id}` is **blocked**: {_escape(block.message)}" for block in change.blocks]
        if change.action in (Action.FAILED, Action.CONFLICT):
            lines.append(f"`{change.id}` **{change.action}**: {_escape(change.error)}")
        if change.replaces:
            would = "would be" if change.blocks else "will be"
            lines.append(f'`{change.id}`: audience "{_escape(change.name)}" {would} **deleted** and made anew')
        if change.refill and change.action in CHANGING:
            lines.append(f"`{change.id}` will be **cleared** and refilled")
    if lines:
        yield "> [!CAUTION]"
        for line in lines:
            yield f"> - {line}"
        yield ""


def _row(change: Change) -> str:
    audience = _escape(change.name) + (f" ({_escape(change.audience_id)})" if change.audience_id else "")
    where = _escape(f"{change.location.file}:{change.location.line}") if change.location else ""
    why = ", ".join(change.reasons) or change.error
    cells = (
        f"`{SYMBOLS[change.action][0]}`",
        f"`{change.id}`" + (f"<br>{where}" if where else ""),
        str(change.action),
        audience,
        _members(change),
        _escape(why),
    )
    return f"| {' | '.join(cells)} |"


def _members(change: Change) -> str:
    return "<br>".join(
        f"{kind} {part.before:,} → {part.after:,} (+{part.added:,} −{part.removed:,})"
        for kind, part in members_of(change).items()
    )


def _details(changes: list[Change]) -> Iterator[str]:
    lines: list[str] = []
    for change in changes:
        for part in change.fields:
            drift = " (changed by hand in Criteo)" if part.drift else ""
            lines.append(f'- `{change.id}` {part.field}: "{_escape(part.before)}" → "{_escape(part.after)}"{drift}')
        if change.evaluation:
            lines += [
                f"- `{change.id}` rejected {part.count:,} {part.identifier_type}: {_escape(part.reason)}"
                for part in change.evaluation.rejected
            ]
        lines += [f"- `{change.id}`: {_escape(advice)}" for advice in ways_out(change)]
        if change.hint:
            lines.append(f"- `{change.id}`: {_escape(change.hint)}")
    if lines:
        yield f"<details><summary>Details ({len(lines)})</summary>"
        yield ""
        yield from lines
        yield ""
        yield "</details>"
        yield ""


def _escape(text: str) -> str:
    """Text that is not ours as text: no mention, link, reference, entity, table cell, formula or HTML of its own.

    GitHub makes links of bare addresses, of `#12` and of `GH-12` after it has undone backslashes, so a zero-width
    space goes where each would begin.
    """
    flat = _SPECIAL.sub(r"\\\1", shown(" ".join(text.split())))
    return _LINKED.sub("\u200b", flat)
