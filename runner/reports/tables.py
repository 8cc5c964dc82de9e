"""Standings, past runs and ad accounts as plain tables, at most as wide as the terminal."""

from __future__ import annotations

from datetime import datetime

from rich.table import Table

from runner.applied import Outcome, Run
from runner.destinations import Account
from runner.reports.shown import shown
from runner.reports.words import counts, duration, moment
from runner.workflows.status import Standing

_STYLES = {Outcome.FAILED: "bold red", Outcome.BLOCKED: "magenta", Outcome.INTERRUPTED: "red"}


def status_table(standings: tuple[Standing, ...], now: datetime) -> Table:
    """A row per activation."""
    table = _table("Activation", "Condition", "Audience", "Members", "Last run", "Next due", "Notes")
    for row in standings:
        outcome = f" {row.last_outcome}" if row.last_outcome else ""
        table.add_row(
            row.activation,
            row.condition,
            f"{row.audience_id or '-'} ({row.account_id})",
            counts(row.members),
            f"{moment(row.last_run, now)}{outcome}" if row.last_run else "never",
            moment(row.next_due, now) if row.next_due else row.schedule or "-",
            "\n".join(_notes(row)),
            style=_STYLES.get(row.last_outcome) if row.last_outcome else None,
        )
    return table


def _notes(row: Standing) -> list[str]:
    notes = []
    if row.refill:
        notes.append("the next apply clears and refills it")
    if row.unfinished:
        part = row.unfinished
        notes.append(f"unfinished: {part.taken} of {part.batches} batches taken, {part.in_flight} in flight")
    if row.unknown:
        notes.append(f"{row.unknown:,} identifiers in doubt; the next run sends them again")
    if row.invalid:
        notes.append(f"Criteo called {row.invalid:,} identifiers malformed")
    if row.live_size is not None:
        notes.append(f"Criteo counts {row.live_size:,}")
    if row.suspected_drift:
        notes.append(f"suspected drift: `headcount sync --rebuild {row.activation}` clears and refills it")
    if row.last_outcome in _STYLES and row.last_detail:
        notes.append(row.last_detail)
    return notes


def history_table(runs: tuple[Run, ...]) -> Table:
    """A row per run and activation, the newest first."""
    table = _table("Run", "When", "Command", "Activation", "Outcome", "Added", "Removed", "Rejected", "Took", "Why")
    for run in runs:
        ended = "" if run.finished_at else " (did not end)"
        if not run.activations:
            table.add_row(str(run.id), moment(run.started_at), run.command + ended, *[""] * 7)
        for part in run.activations:
            table.add_row(
                str(run.id),
                moment(run.started_at),
                run.command + ended,
                part.activation,
                str(part.outcome),
                f"{part.added:,}",
                f"{part.removed:,}",
                f"{part.rejected:,}",
                duration(part.seconds),
                part.detail,
                style=_STYLES.get(part.outcome),
            )
    return table


def accounts_table(accounts: dict[str, tuple[Account, ...]]) -> Table:
    """A row per ad account that some credentials may use."""
    table = _table("Credentials of", "Account", "Name")
    for destination, listed in accounts.items():
        for account in listed:
            table.add_row(shown(destination), shown(account.id), shown(account.name))
    return table


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        right = column in ("Added", "Removed", "Rejected", "Took")
        table.add_column(column, justify="right" if right else "left", overflow="fold")
    return table
