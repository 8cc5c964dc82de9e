"""Plans and runs for people at a terminal: no boxes, ASCII symbols, what can hurt first, colour as an extra only.

Every function returns rich text; printed without colour it is the same text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from runner.core.identifiers import IdentifierType
from runner.core.membership import TypeDelta
from runner.core.project import Activation
from runner.core.records import Action
from runner.destinations.registry import platform_of
from runner.planning.plan import FieldChange, Plan, PlannedChange
from runner.planning.refill_cost import refills_of
from runner.planning.sql_diff import readable_sql_diff
from runner.planning.staleness import Deviation, StalePlan, id_of
from runner.planning.ways_out import ways_out
from runner.reports.escape import printable
from runner.reports.format import plural, summary
from runner.reports.hints import held_out, let_pass, members_of
from runner.reports.overlap_text import IN_A_PLAN, overlap_sentences
from runner.reports.refill_text import refill_sentence
from runner.reports.styled_text import Text
from runner.reports.suppressions_text import heading, sentences, told, unrecognised, withdrawal_sentences

SYMBOLS = {
    Action.DELETE: ("-", "red"),
    Action.BLOCKED: ("!", "bold magenta"),
    Action.FAILED: ("x", "bold red"),
    Action.CONFLICT: ("x", "bold red"),
    Action.RECREATE: ("+", "green"),
    Action.CREATE: ("+", "green"),
    Action.UPDATE: ("~", "yellow"),
    Action.SYNC: ("~", "yellow"),
    Action.ORPHANED: ("?", "cyan"),
    Action.UNCHANGED: ("=", "dim"),
}
DELETE_WARNING = "cannot be undone; ad sets that use the audience lose it"
SHOWN_SQL = 20
"""Lines of changed SQL; the JSON document has them all."""
SHOWN_DEVIATIONS = 50
"""Lines of why a plan is stale; a list of more than that helps nobody."""


def plan_text(plan: Plan) -> Text:
    """The whole plan: a block per change, nothing for what is unchanged, and one last line that says it all."""
    text = Text()
    first: dict[tuple[str, str], str] = {}
    text.append_text(_suppressions(plan))
    for change in plan.changes:
        if change.action is not Action.UNCHANGED:
            text.append_text(_change(change, first)).append("\n")
    cost = refills_of(plan)
    if cost is not None:
        text.append(f"Note: {refill_sentence(cost)}.\n\n", style="red")
    return text.append_text(_rejected(plan)).append_text(plan_summary(plan))


def _suppressions(plan: Plan) -> Text:
    """What suppressions do, before anything else is done."""
    text = Text()
    for one in told(plan):
        style = "bold red" if one.error else "bold magenta" if not one.takes_effect else "yellow"
        sign = "x" if one.error else "!" if one.blocks else "?" if one.waits else "~"
        text.append(f"{sign} {printable(heading(one))}\n", style=style)
        for sentence in sentences(one):
            text.append(f"    {printable(sentence)}\n")
        text.append("\n")
    for sentence in withdrawal_sentences(plan):
        text.append(f"- {printable(sentence)}\n", style="red")
    for warning in unrecognised(plan):
        text.append(f"! warning: {printable(f'{warning.location}: {warning.message}')}\n", style="yellow")
        text.append(f"    -> {printable(warning.hint)}\n\n")
    return text.append("\n") if plan.withdrawals and not text.plain.endswith("\n\n") and text.plain else text


def plan_summary(plan: Plan) -> Text:
    """The plan's last line."""
    target = f"  target {printable(plan.options.target)}" if plan.options.target else ""
    return Text(f"{summary(plan)}  id {id_of(plan)}{target}\n", style="bold")


def _change(change: PlannedChange, first: dict[tuple[str, str], str]) -> Text:
    """One change; `first` is which change has shown an error already: an account's failure is one for all of it."""
    symbol, style = SYMBOLS[change.action]
    text = Text()
    text.append(f"{symbol} {printable(change.id)}", style=style)
    text.append(f"  {change.action}", style=style)
    if change.reasons:
        text.append(f" ({printable(', '.join(change.reasons))})")
    text.append(f'  "{printable(change.name)}" in {_place(change)}\n')
    for line in _details(change, first):
        text.append_text(line).append("\n")
    return text


def _place(change: PlannedChange) -> str:
    audience = f", audience {printable(change.audience_id)}" if change.audience_id else ""
    return f"{printable(change.destination)} (account {printable(change.account.account_id)}{audience})"


def _details(change: PlannedChange, first: dict[tuple[str, str], str]) -> Iterator[Text]:
    for block in change.blocks:
        yield Text(f"    {block.guardrail}: {printable(block.message)}", style="magenta")
    for advice in ways_out(change):
        yield Text(f"    -> {printable(advice)}")
    if change.blocks and change.intended is not Action.DELETE:
        yield Text(f"    it would {change.intended}; nothing is sent until then")
    yield from _error(change, first)
    for part in change.fields:
        yield _field(part, platform_of(change.account.kind))
    yield from _sql(change)
    if change.replaces:
        yield Text("    deleted first: the new audience has another id, to be chosen again in campaigns", style="red")
    if change.refill:
        yield Text("    cleared first: its present members cannot be read back", style="red")
    yield from _moves(change)
    yield from _never_sent(change)
    if change.intended is Action.DELETE:
        yield Text(f"    {DELETE_WARNING}", style="red")
    if change.overlap is not None:
        for sentence in overlap_sentences(change.overlap, IN_A_PLAN):
            yield Text(f"    {printable(sentence)}")
    for warning in change.warnings:
        yield Text(f"    warning: {printable(f'{warning.location}: {warning.message}')}", style="yellow")
        yield Text(f"    -> {printable(warning.hint)}")


def _error(change: PlannedChange, first: dict[tuple[str, str], str]) -> Iterator[Text]:
    shown_by = first.setdefault((change.error, change.hint), change.id)
    if change.error and shown_by != change.id:
        yield Text(f"    the same as for {printable(shown_by)}", style="red")
        return
    if change.error:
        yield Text(f"    {printable(change.error)}", style="red")
    if change.hint:
        yield Text(f"    -> {printable(change.hint)}")


def _field(part: FieldChange, platform: str) -> Text:
    drift = f" (changed by hand in {platform}; set back)" if part.drift else ""
    return Text(f'    {part.field}: "{printable(part.before)}" -> "{printable(part.after)}"{drift}')


def _sql(change: PlannedChange) -> Iterator[Text]:
    """The lines of SQL that changed."""
    lines = readable_sql_diff(change)
    for line in lines[:SHOWN_SQL]:
        yield Text(f"    | {printable(line)}", style={"+": "green", "-": "red"}.get(line[:1], ""))
    if len(lines) > SHOWN_SQL:
        yield Text(f"    | ... and {len(lines) - SHOWN_SQL:,} more lines")


def _moves(change: PlannedChange) -> Iterator[Text]:
    """The members of each type, who is held out, and what lets those go that do."""
    rejected: Counter[IdentifierType] = Counter()
    for part in change.rejected:
        rejected[part.identifier_type] += part.count
    for kind, delta in members_of(change).items():
        yield _members(kind, delta, rejected[kind])
    for line in held_out(change):
        yield Text(f"    {printable(line)}")
    for line in let_pass(change):
        yield Text(f"    {printable(line)}", style="magenta")


def _never_sent(change: PlannedChange) -> Iterator[Text]:
    """The rows that suppressions leave out, and the removals that they make."""
    left_out = change.measured.evaluation.suppressed if change.measured else 0
    leaving = sum(part.removed for part in change.leaving.values())
    if left_out or leaving:
        because = f", {leaving:,} of the removals because of that" if leaving else ""
        yield Text(f"    suppressed: {plural(left_out, 'row')}{because}")
    if change.waits_for:
        names = ", ".join(one.name for one in change.waits_for)
        yield Text(f"    nobody is added: suppression {printable(names)} does not take effect", style="magenta")


def _members(kind: str, delta: TypeDelta, rejected: int) -> Text:
    text = Text(f"    {kind:<22} {delta.before:>11,} -> {delta.after:>11,}")
    if delta.added:
        text.append(f"  +{delta.added:,}", style="green")
    if delta.removed:
        text.append(f"  -{delta.removed:,}", style="red")
    if delta.unknown:
        text.append(f"  ({delta.unknown:,} left in doubt by an interrupted run)")
    if rejected:
        text.append(f"  {rejected:,} rejected", style="yellow")
    return text


def _rejected(plan: Plan) -> Text:
    """Why values are rejected, of all segments together: the same values are in many of them."""
    counted: Counter[str] = Counter()
    for change in plan.changes:
        for part in change.rejected if change.action is not Action.UNCHANGED else ():
            counted[f"{part.identifier_type} ({part.reason})"] += part.count
    if not counted:
        return Text()
    return Text(f"Rejected: {', '.join(f'{count:,} {what}' for what, count in counted.items())}.\n", style="yellow")


def stale_lines(stale: StalePlan) -> Iterator[str]:
    """One line per difference, what was planned before what is now; of SQL, the lines by which it now differs from what
    was applied.
    """
    for part in stale.deviations[:SHOWN_DEVIATIONS]:
        if part.what.endswith(" sql"):
            yield from _stale_sql(part, stale.plan)
        else:
            what = f" {part.what}" if part.what else ""
            yield printable(f"{part.id}{what}: planned {_quoted(part, part.planned)}, now {_quoted(part, part.now)}")
    if len(stale.deviations) > SHOWN_DEVIATIONS:
        yield f"and {len(stale.deviations) - SHOWN_DEVIATIONS:,} more"


def _stale_sql(part: Deviation, plan: Plan | None) -> Iterator[str]:
    if part.what != "declared sql":
        yield printable(f"{part.id}: the SQL that was applied is not what it was when the plan was made")
        return
    yield printable(f"{part.id}: the SQL in the files is not what it was when the plan was made")
    changes = plan.changes if plan is not None else ()
    lines = next((readable_sql_diff(change) for change in changes if change.id == part.id), ())
    if lines:
        yield "  it differs from what was applied in"
        yield from (f"  | {printable(line)}" for line in lines[:SHOWN_SQL])
    if len(lines) > SHOWN_SQL:
        yield f"  | ... and {len(lines) - SHOWN_SQL:,} more lines"


def _quoted(part: Deviation, text: str) -> str:
    return f'"{text}"' if part.what else text


def resolved_text(activation: Activation) -> Text:
    """Each setting of an activation with its value and the place it came from."""
    text = Text(f"{activation.id}\n", style="bold")
    values = [printable(setting.value) for setting in activation.settings]
    key_width = max(len(setting.key) for setting in activation.settings)
    value_width = min(60, max(map(len, values)))
    for setting, value in zip(activation.settings, values, strict=True):
        text.append(f"  {setting.key:<{key_width}}  {value:<{value_width}}  ")
        text.append(printable(str(setting.location or "built-in")) + "\n", style="dim")
    return text
