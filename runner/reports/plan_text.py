"""Plans and runs for people at a terminal: no boxes, ASCII symbols, what can hurt first, colour as an extra only.

Every function returns rich text; printed without colour it is the same text.
"""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from runner.core.membership import TypeDelta
from runner.core.project import Activation
from runner.core.records import IMPORT, SUPPRESS, Action, ActivationRun, AppliedAudience, Outcome
from runner.destinations.registry import any_platform, platform_of
from runner.planning.plan import CHANGING, FieldChange, Plan, PlannedChange
from runner.planning.refill_cost import refills_of
from runner.planning.sql_diff import readable_sql_diff
from runner.planning.staleness import Deviation, id_of
from runner.reports.escape import printable
from runner.reports.format import duration, plural, summary
from runner.reports.hints import held_out, let_pass, members_of, ways_out
from runner.reports.overlap_text import IN_A_PLAN, overlap_sentences
from runner.reports.refill_text import refill_sentence
from runner.reports.suppressions_text import heading, sentences, told, withdrawal_sentences
from runner.workflows.orphans import orphan_notice
from runner.workflows.sync import Skipped

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

_DONE = {str(action): sign for action, sign in SYMBOLS.items() if action in CHANGING}
_SIGNS = {
    Outcome.DONE: ("+", "green"),
    Outcome.UNCHANGED: ("=", "dim"),
    Outcome.SKIPPED: ("?", "cyan"),
    Outcome.BLOCKED: ("!", "bold magenta"),
    Outcome.FAILED: ("x", "bold red"),
    Outcome.INTERRUPTED: ("x", "bold red"),
}


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
    return text.append_text(plan_summary(plan))


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
    text.append(f'  "{printable(change.name)}" in {_place(change)}')
    if change.reasons:
        text.append(f"  ({printable(', '.join(change.reasons))})")
    text.append("\n")
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
    yield from _rejected(change)
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
    for kind, delta in members_of(change).items():
        yield _members(kind, delta)
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


def _members(kind: str, delta: TypeDelta) -> Text:
    text = Text(f"    {kind:<22} {delta.before:>11,} -> {delta.after:>11,}")
    if delta.added:
        text.append(f"  +{delta.added:,}", style="green")
    if delta.removed:
        text.append(f"  -{delta.removed:,}", style="red")
    if delta.unknown:
        text.append(f"  ({delta.unknown:,} left in doubt by an interrupted run)")
    return text


def _rejected(change: PlannedChange) -> Iterator[Text]:
    for part in change.rejected:
        yield Text(f"    rejected: {part.count:,} {part.identifier_type} ({part.reason})", style="yellow")


def run_text(outcomes: tuple[ActivationRun, ...], unseen: tuple[PlannedChange, ...] = (), skipped: int = 0) -> Text:
    """What a run did, a line per activation, those unchanged left out, and one last line with the totals.

    `unseen` are changes that no plan was shown of: what helps where one was blocked or failed follows its line.
    """
    text = Text()
    advice = {change.id: (*ways_out(change), *([change.hint] if change.hint else [])) for change in unseen}
    for run in outcomes:
        if run.outcome is not Outcome.UNCHANGED:
            text.append_text(outcome_text(run)).append("\n")
        if run.outcome in (Outcome.BLOCKED, Outcome.FAILED):
            for one in advice.get(run.activation, ()):
                text.append(f"    -> {printable(one)}\n")
    return text.append(run_summary(outcomes, skipped) + "\n", style="bold")


def outcome_text(run: ActivationRun) -> Text:
    """How one run of one activation ended, on one line."""
    symbol, style = _sign(run)
    text = Text()
    text.append(f"{symbol} {printable(run.activation)}", style=style)
    text.append(f"  {run.outcome}", style=style)
    if run.outcome is Outcome.DONE and run.action == SUPPRESS and not (run.added or run.removed):
        text.append(f"  {printable(run.detail)}")
    elif run.action == IMPORT:
        text.append(f"  import  {printable(run.detail)}")
    elif run.outcome is Outcome.DONE:
        text.append(f"  {run.action}  +{run.added:,} -{run.removed:,}  {plural(run.members, 'identifier')}")
        text.append(f"  {duration(run.seconds)}")
        if run.rejected:
            text.append(f"  {run.rejected:,} rejected", style="yellow")
        if run.suppressed:
            text.append(f"  {plural(run.suppressed, 'row')} suppressed")
        if run.held_out:
            text.append(f"  {plural(run.held_out, 'row')} held out")
        if run.permission:
            reason = f": {run.permission_reason}" if run.permission_reason else ""
            text.append(f"  let pass by {printable(run.permission + reason)}", style="magenta")
        if run.invalid:
            text.append(f"  {any_platform()} called {run.invalid:,} malformed", style="yellow")
    elif run.detail:  # of a call that was interrupted, the history says so once more
        text.append(f"  {printable(run.detail.removeprefix(f'{run.outcome}; '))}")
    return text


def _sign(run: ActivationRun) -> tuple[str, str]:
    """What was done is marked as in the plan; anything else by how it ended."""
    if run.outcome is Outcome.DONE and run.action in _DONE:
        return _DONE[run.action]
    return _SIGNS[run.outcome]


def run_summary(outcomes: tuple[ActivationRun, ...], skipped: int = 0) -> str:
    """The run in one sentence: what failed or was blocked first, by name; at last how many were skipped."""
    parts = []
    for outcome in (Outcome.FAILED, Outcome.BLOCKED, Outcome.INTERRUPTED, Outcome.DONE, Outcome.UNCHANGED):
        names = [run.activation for run in outcomes if run.outcome is outcome]
        if names:
            listed = f" ({', '.join(names)})" if outcome in (Outcome.FAILED, Outcome.BLOCKED) else ""
            parts.append(f"{len(names):,} {outcome}{listed}")
    if skipped:
        parts.append(f"{skipped:,} skipped")
    added, removed = sum(run.added for run in outcomes), sum(run.removed for run in outcomes)
    moved = f"; {added:,} identifiers added, {removed:,} removed" if added or removed else ""
    return f"Run: {', '.join(parts) or 'nothing to do'}{moved}."


def skipped_text(skipped: tuple[Skipped, ...]) -> Text:
    """What a sync left alone, and why."""
    text = Text()
    for part in skipped:
        text.append(f"? {printable(part.activation)}", style="cyan").append(f"  skipped  {printable(part.reason)}\n")
    return text


def orphans_text(orphans: tuple[AppliedAudience, ...]) -> Text:
    """A line for each audience that keeps people and that no activation declares any more."""
    text = Text()
    for record in orphans:
        text.append(f"? {printable(record.activation)}", style="cyan")
        text.append(f"  orphaned  {printable(orphan_notice(record))}\n")
    return text


def stale_lines(differences: tuple[Deviation, ...]) -> Iterator[str]:
    """One line per difference, what was planned before what is now."""
    for part in differences[:SHOWN_DEVIATIONS]:
        what = f" {part.what}" if part.what else ""
        yield printable(f"{part.id}{what}: planned {_short(part, part.planned)}, now {_short(part, part.now)}")
    if len(differences) > SHOWN_DEVIATIONS:
        yield f"and {len(differences) - SHOWN_DEVIATIONS:,} more"


def _short(part: Deviation, text: str) -> str:
    if part.what.endswith(" sql"):
        return text[:12]
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
