"""What runs did, for people at a terminal: a line for each activation, what can be compared in columns."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from runner.core.local_time import local_time
from runner.core.records import FORGET, IMPORT, SUPPRESS, Action, ActivationRun, AppliedAudience, Outcome, taken_apart
from runner.destinations.registry import any_platform
from runner.planning.plan import CHANGING
from runner.quick_dataclass import dataclass, replace
from runner.reports.escape import printable
from runner.reports.format import duration, plural
from runner.reports.plan_text import SYMBOLS
from runner.reports.styled_text import Text
from runner.workflows.apply import Applied
from runner.workflows.orphans import orphan_notice
from runner.workflows.sync import Skipped

_DONE = {str(action): sign for action, sign in SYMBOLS.items() if action in CHANGING} | {FORGET: ("-", "red")}
_EVALUATES_NOTHING = (Action.DELETE, SUPPRESS, FORGET)
"""Actions that say nothing of an activation's segment, and so nothing of what it yields that is rejected."""

SIGNS = {
    Outcome.DONE: ("+", "green"),
    Outcome.UNCHANGED: ("=", "dim"),
    Outcome.SKIPPED: ("?", "cyan"),
    Outcome.BLOCKED: ("!", "bold magenta"),
    Outcome.FAILED: ("x", "bold red"),
    Outcome.INTERRUPTED: ("x", "bold red"),
}


@dataclass(frozen=True, slots=True)
class _Widths:
    """How wide the columns of some lines are: ids, actions, added, removed, identifiers."""

    columns: tuple[int, ...] = (0, 0, 0, 0, 0)

    @classmethod
    def of(cls, runs: Iterable[ActivationRun]) -> _Widths:
        listed = tuple(runs)
        ids = max((len(printable(run.activation)) for run in listed), default=0)
        cells = [_cells(run)[1:] for run in listed if _moved(run)] or [("",) * 4]
        return cls((ids, *(max(map(len, column)) for column in zip(*cells, strict=True))))


def run_text(done: Applied, *, advised: bool, skipped: int = 0) -> Text:
    """What a run did, a line per activation, those unchanged left out, and one last line with the totals.

    What helps where one was blocked or failed follows its line where it is not `advised` of already. What made several
    fail is said of the first. How many values were rejected is said where that is another number than before.
    """
    text = Text()
    shown = [run for run in done.outcomes if run.outcome is not Outcome.UNCHANGED or run.activation in done.recovered]
    widths = _Widths.of(shown)
    for run in _said_once(shown):
        line = outcome_text(run, widths, done.rejected_before.get(run.activation, 0))
        if run.activation in done.recovered:
            since = local_time(done.recovered[run.activation])
            line.append(f"  recovered: it had gone wrong since {since}", style="bold green")
        text.append_text(line).append("\n")
        if not advised:
            for one in taken_apart(run.detail)[1] if run.outcome in (Outcome.BLOCKED, Outcome.FAILED) else ():
                text.append(f"    -> {printable(one)}\n")
    return text.append(run_summary(done.outcomes, skipped) + "\n", style="bold")


def _said_once(runs: Iterable[ActivationRun]) -> Iterator[ActivationRun]:
    """The runs, those that failed as one before them did with no more than its name: an account's failure is one."""
    first: dict[str, str] = {}
    for run in runs:
        alike = first.setdefault(run.detail, run.activation) if run.outcome is Outcome.FAILED and run.detail else ""
        yield replace(run, detail=f"the same as for {alike}") if alike not in ("", run.activation) else run


def outcomes_text(runs: Collection[ActivationRun], rejected: Mapping[str, int]) -> Text:
    """The lines of a past run, as in `run_text`; `rejected` is how many values of an activation were, the time
    before.
    """
    text, widths = Text(), _Widths.of(runs)
    for run in _said_once(runs):
        line = outcome_text(run, widths, rejected.get(run.activation, 0))
        text.append("    ").append_text(line).append("\n")
    return text


def outcome_text(run: ActivationRun, widths: _Widths | None = None, rejected_before: int = 0) -> Text:
    """How one run of one activation ended, on one line."""
    symbol, style = _sign(run)
    text = Text()
    if _moved(run):
        name, action, added, removed, identifiers = _padded(run, widths or _Widths())
        text.append(f"{symbol} {name}  {action}", style=style)
        text.append(f"  {added}  {removed}  {identifiers} identifier{' ' if run.members == 1 else 's'}")
        text.append(f"  {duration(run.seconds)}")
        return text.append_text(_remarks(run, rejected_before))
    width = widths.columns[0] if widths else 0
    text.append(f"{symbol} {printable(run.activation):<{width}}", style=style)
    if run.action == FORGET and run.outcome is Outcome.DONE:
        return text.append(f"  erased {plural(run.removed, 'identifier')}, {run.members:,} left")
    if run.action == IMPORT:
        return text.append(f"  import  {printable(taken_apart(run.detail)[0])}")
    if run.outcome is Outcome.DONE:
        return text.append(f"  {printable(run.detail)}")
    text.append(f"  {run.outcome}", style=style)
    if run.detail:  # of a call that was interrupted, the history says so once more
        sentence, _ = taken_apart(run.detail)
        text.append(f"  {printable(sentence.removeprefix(f'{run.outcome}; '))}")
    return text


def _moved(run: ActivationRun) -> bool:
    """Whether counts say what was done."""
    if run.action in (IMPORT, FORGET):
        return False
    return run.outcome is Outcome.DONE and (run.action != SUPPRESS or bool(run.added or run.removed))


def _cells(run: ActivationRun) -> tuple[str, ...]:
    return printable(run.activation), run.action, f"+{run.added:,}", f"-{run.removed:,}", f"{run.members:,}"


def _padded(run: ActivationRun, widths: _Widths) -> Iterable[str]:
    for number, (cell, width) in enumerate(zip(_cells(run), widths.columns, strict=True)):
        yield f"{cell:<{width}}" if number < 2 else f"{cell:>{width}}"


def _remarks(run: ActivationRun, rejected_before: int) -> Text:
    text = Text()
    if run.action not in _EVALUATES_NOTHING and _differs(run.rejected, rejected_before):
        before = f", {rejected_before:,} before" if rejected_before else ""
        text.append(f"  {run.rejected:,} rejected{before}", style="yellow")
    if run.suppressed:
        text.append(f"  {plural(run.suppressed, 'row')} suppressed")
    if run.held_out:
        text.append(f"  {plural(run.held_out, 'row')} held out")
    if run.permission:
        reason = f": {run.permission_reason}" if run.permission_reason else ""
        text.append(f"  let pass by {printable(run.permission + reason)}", style="magenta")
    if run.invalid:
        text.append(f"  {any_platform()} called {run.invalid:,} malformed", style="yellow")
    return text


def _differs(now: int, before: int) -> bool:
    """Whether so many more or fewer values were rejected that somebody should know: by a tenth, and by ten."""
    if not before:
        return now > 0
    return abs(now - before) >= max(before / 10, 10)


def _sign(run: ActivationRun) -> tuple[str, str]:
    """What was done is marked as in the plan; anything else by how it ended."""
    if run.outcome is Outcome.DONE and run.action in _DONE:
        return _DONE[run.action]
    return SIGNS[run.outcome]


def run_summary(outcomes: tuple[ActivationRun, ...], skipped: int = 0) -> str:
    """The run in one sentence: what failed or was blocked first, by name; at last how many were skipped."""
    if outcomes and not skipped and all(run.outcome is Outcome.UNCHANGED for run in outcomes):
        return f"Nothing to do: {plural(len(outcomes), 'activation')} as declared."
    parts = []
    for outcome in (Outcome.FAILED, Outcome.BLOCKED, Outcome.INTERRUPTED, Outcome.DONE, Outcome.UNCHANGED):
        names = [run.activation for run in outcomes if run.outcome is outcome]
        if names:
            listed = f" ({', '.join(names)})" if outcome in (Outcome.FAILED, Outcome.BLOCKED) else ""
            parts.append(f"{len(names):,} {outcome}{listed}")
    if skipped:
        parts.append(f"{skipped:,} skipped")
    added, removed = sum(run.added for run in outcomes), sum(run.removed for run in outcomes)
    moved = f"; {plural(added, 'identifier')} added, {removed:,} removed" if added or removed else ""
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
