"""Statuses, runs to come and past runs as short records, which fit 80 columns where a table would not; ad accounts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from runner.core.destination import AdAccount
from runner.core.erasure_receipts import Receipt, way_on
from runner.core.local_time import local_time
from runner.core.records import FORGET, SUPPRESS, Action, Outcome, Run, taken_apart
from runner.core.schedule import describe, length
from runner.destinations.registry import platform_of
from runner.planning.freshness import why_never_fresh
from runner.reports.attention import left_over, since
from runner.reports.cost_text import run_cost
from runner.reports.escape import printable
from runner.reports.format import counts, moment, plural
from runner.reports.run_details import NOT_WHOLE
from runner.reports.run_text import outcomes_text
from runner.reports.styled_text import Text
from runner.workflows.condition import Condition
from runner.workflows.status import ActivationStatus, SuppressionStatus
from runner.workflows.upcoming import Slot

_ACCOUNTS = ("Credentials of", "Account", "Name")
_STYLES = {Outcome.FAILED: "bold red", Outcome.BLOCKED: "magenta", Outcome.INTERRUPTED: "red"}


def details_text(rows: tuple[ActivationStatus, ...], now: datetime) -> Text:
    """A record per activation: what it is, then a line for each thing that is known of it."""
    text = Text()
    for row in rows:
        text.append(printable(row.activation), style="bold")
        text.append(f"  {row.condition}  {_place(row)}\n")
        for name, value in _facts(row, now):
            text.append(f"    {name:<9} {value}\n", style=_style(row) if name == "last run" else None)
        for note in _notes(row, now):
            text.append(f"    {printable(note)}\n", style=_style(row))
    return text if rows else text.append("No activation.\n")


def suppression_details_text(rows: tuple[SuppressionStatus, ...], now: datetime) -> Text:
    """A record per suppression, as for activations."""
    text = Text()
    for row in rows:
        reason = f" ({printable(row.reason)})" if row.reason else ""
        text.append(f"suppression {printable(row.name)}", style="bold").append(f"  {row.standing}{reason}\n")
        for name, value in _suppression_facts(row, now):
            text.append(f"    {name:<9} {value}\n")
        for note in _suppression_notes(row, now):
            text.append(f"    {printable(note)}\n", style="bold red")
    return text


def open_receipts_text(receipts: tuple[Receipt, ...], now: datetime) -> Text:
    """A record per erasure that did not come to a good end."""
    text = Text()
    for one in receipts:
        text.append(f"receipt {one.number}", style="bold").append(f"  {one.fate}\n", style="bold red")
        text.append(f"    asked for {moment(one.at, now)} by run {one.run}\n    {way_on(one)}\n")
    return text


def _suppression_facts(row: SuppressionStatus, now: datetime) -> Iterator[tuple[str, str]]:
    known, last = row.applied, row.latest.run
    if known is not None:
        yield "names", plural(sum(known.members.values()), "identifier")
        yield "looked at", moment(known.evaluated_at, now) if known.evaluated_at else "never"
    if last is not None:
        yield "last did", f"{moment(last.started_at, now)}: {printable(taken_apart(last.detail)[0])}"
    if row.next_due is not None:
        yield "next due", moment(row.next_due, now) if row.next_due > now else "now"


def _suppression_notes(row: SuppressionStatus, now: datetime) -> Iterator[str]:
    if row.awaits_apply:
        yield "nobody is added where it applies until `headcount apply` puts into effect what the files say"
    if row.applied is not None and row.applied.failing_since is not None:
        yield f"not in effect since {moment(row.applied.failing_since, now)}: nobody is added where it applies"
    if row.applied is not None and not row.applied.is_clean:
        yield "not everybody it names is known to have left every audience: the next run takes them out"


def schedule_text(
    slots: tuple[Slot, ...], now: datetime, awaiting: tuple[str, ...] = (), unknown: tuple[str, ...] = ()
) -> Text:
    """A line for each run to come, one that names the activations that wait for `apply`, and one for those whose
    schedules cannot be read in files that are not valid.
    """
    rows = [(_when(run, now), printable(run.activation), describe(run.schedule)) for run in slots]
    widths = [max(map(len, column)) for column in list(zip(*rows, strict=True))[:2]]
    lines = [f"{when:<{widths[0]}}  {name:<{widths[1]}}  {schedule}\n" for when, name, schedule in rows]
    if awaiting:
        lines.append(f"Not before `headcount apply`: {printable(', '.join(awaiting))}.\n")
    if unknown:
        lines.append(f"Not known while their files are not valid: {printable(', '.join(unknown))}.\n")
    return Text("".join(lines) or "No run to come: every activation is run by hand.\n")


def waiting_text(slots: tuple[Slot, ...], now: datetime) -> Text:
    """How many activations were not due, and which is the next to be; nothing where none waits."""
    if not slots:
        return Text()
    first = slots[0]
    return Text(
        f"{plural(len(slots), 'activation')} not due; next is {printable(first.activation)}, {_when(first, now)}.\n"
    )


def _when(run: Slot, now: datetime) -> str:
    return f"{local_time(run.at)} now" if run.at <= now else moment(run.at, now)


def _place(row: ActivationStatus) -> str:
    audience = f"audience {printable(row.audience_id)}" if row.audience_id else "no audience"
    return f"{audience} in {printable(row.destination)} (account {printable(row.account_id)})"


def _style(row: ActivationStatus) -> str | None:
    return _STYLES.get(row.latest.run.outcome) if row.latest.run else None


def _facts(row: ActivationStatus, now: datetime) -> Iterator[tuple[str, str]]:
    declared, last = row.declared, row.latest.run
    if declared and (declared.owner or declared.tags):
        parts = (declared.owner, *(f"tag:{tag}" for tag in declared.tags))
        yield "owner", printable(", ".join(part for part in parts if part))
    if row.applied and row.applied.members:
        yield "members", counts(row.applied.members)
    if last:
        yield "last run", f"{moment(last.started_at, now)}, {last.outcome}"
    elif declared:
        yield "last run", "never"
    if row.next_due:
        yield "next due", moment(row.next_due, now) if row.next_due > now else "now"
    elif declared and row.condition.awaits_apply and not declared.schedule.manual:
        yield "next due", "not before `headcount apply`"
    elif declared:
        yield "next due", describe(declared.schedule)
    elif row.condition is Condition.NOT_READABLE:
        yield "next due", "not known: its file is not valid"


def _notes(row: ActivationStatus, now: datetime) -> Iterator[str]:
    if row.stale and row.declared and row.declared.freshness:
        never = why_never_fresh(row.declared, now)
        yield f"stale: no good run for {length(row.declared.freshness)}{'; ' if never else ''}{never}"
    if row.overdue_since is not None:
        yield f"overdue: it was due {moment(row.overdue_since, now)}, and no run of it has begun since"
    yield from left_over(row)
    if row.applied and row.applied.invalid:
        yield f"{platform_of(row.applied.kind)} called {row.applied.invalid:,} identifiers malformed"
    if row.live_size is not None and row.applied:
        yield f"{platform_of(row.applied.kind)} counts {row.live_size:,}"
    if row.suspected_drift:
        yield f"suspected drift: `headcount sync --rebuild {row.activation}` clears and refills it"
    if row.wrong is not None:
        sentence, advice = taken_apart(row.wrong.detail)
        yield "; ".join(since(row, now))
        yield from ([sentence] if sentence else [])
        yield from (f"-> {one}" for one in advice)


def history_text(runs: tuple[Run, ...], now: datetime | None = None) -> Text:
    """A record per run, the newest first: a line for each activation in it, and one for all that needed nothing."""
    text = Text()
    for run in runs:
        text.append(f"{run.id}  {run.command}", style="bold")
        text.append(f"  {moment(run.started_at, now)}{'' if run.finished_at else '  (did not end)'}\n")
        if who := _who(run):
            text.append(f"    {printable(who)}\n", style="dim")
        if spent := run_cost(run.cost):
            text.append(f"    {printable(spent)}\n", style="dim")
        text.append_text(outcomes_text(run.activations, _rejected_before(run, runs)))
        if run.unchanged:
            text.append(f"    = {run.unchanged:,} unchanged\n", style="dim")
        if not run.is_whole:
            text.append(f"    {NOT_WHOLE}\n", style="dim")
    return text


def _rejected_before(run: Run, runs: tuple[Run, ...]) -> dict[str, int]:
    """How many values of each activation were rejected the time before, as far as the runs shown go back."""
    earlier = sorted((one for one in runs if one.id < run.id), key=lambda one: one.id)
    measured = (part for one in earlier for part in one.activations if part.outcome in (Outcome.DONE, Outcome.BLOCKED))
    return {part.activation: part.rejected for part in measured if part.action not in (Action.DELETE, SUPPRESS, FORGET)}


def _who(run: Run) -> str:
    """Who ran it, from which commit, by which plan, as far as that is known."""
    origin = run.origin
    person = origin.person
    changed = " with changes" if origin.dirty else ""
    parts = (
        f"by {person}" if person else "",
        f"in {origin.ci_job}" if origin.ci_job else "",
        f"commit {origin.commit[:12]}{changed}" if origin.commit else "",
        f"plan {run.plan_id}" if run.plan_id else "",
    )
    return ", ".join(part for part in parts if part)


def accounts_text(accounts: Mapping[str, tuple[AdAccount, ...]]) -> Text:
    """A line per ad account that some credentials may use, under a heading; ids and headings are never folded."""
    rows = [
        (printable(destination), printable(account.id), printable(account.name))
        for destination, listed in accounts.items()
        for account in listed
    ]
    first, second = (max(len(row[column]) for row in [_ACCOUNTS, *rows]) for column in (0, 1))
    text = Text()
    for row in [_ACCOUNTS, *rows]:
        line = f"{row[0]:<{first}}  {row[1]:<{second}}  {row[2]}".rstrip() + "\n"
        text.append(line, style="bold" if row is _ACCOUNTS else None)
    return text
