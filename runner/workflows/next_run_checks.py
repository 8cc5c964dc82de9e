"""What `doctor` finds that would stop the next run, or keep it from doing what is expected of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import islice
from pathlib import Path

from runner.core.checks import Check, Verdict
from runner.core.erasure_receipts import Fate, open_receipts, way_on
from runner.core.file_size import file_size
from runner.core.local_time import local_time
from runner.core.project import Activation, Project
from runner.core.receivers import Receiver
from runner.core.records import Outcome
from runner.core.schedule import describe, slots
from runner.planning.freshness import why_never_fresh
from runner.planning.suppression_rules import Standing
from runner.state.interface import State
from runner.webhooks.webhook_addresses import WebhookAddress
from runner.workflows.status import ActivationStatus, SuppressionStatus, activation_statuses, suppression_statuses

NAMED = 5
"""Activations that a line names at most."""

ENDS_SOON = timedelta(days=7)
"""How long before its last day a permission is worth a warning."""

RARE = timedelta(days=100)
"""A schedule that is due less often than about each quarter was perhaps not meant."""

LITTLE, TOO_LITTLE = 1_000_000_000, 100_000_000
"""Free bytes under which a disk is worth a warning, and under which a run can hardly go well."""


def check_next_run(project: Project, state: State, now: datetime, today: date) -> Iterator[Check]:
    """What the files and the state together say of the next run."""
    rows = [row for row in activation_statuses(project, state, now) if row.declared is not None]
    yield from _definitions(rows)
    yield from _outcomes(rows)
    yield from _schedules(rows, now)
    yield from _receipts(state)
    yield from _suppressions(suppression_statuses(project, state, now))
    for activation in project.activations:
        yield from _permission(activation, state, today)


def _definitions(rows: Sequence[ActivationStatus]) -> Iterator[Check]:
    """Of a project of which nothing is applied yet, nothing is said: that is how each begins."""
    waiting = [row.activation for row in rows if row.condition.awaits_apply]
    if waiting and any(row.applied is not None for row in rows):
        message = f"{_counted(waiting)} not applied as the files have it: {_named(waiting)}"
        hint = "see what `headcount plan` shows, then run `headcount apply`; until then sync leaves it alone"
        yield Check("definition", "", Verdict.WARN, message, hint)


def _outcomes(rows: Sequence[ActivationStatus]) -> Iterator[Check]:
    """What the last run could not do, the next one can only do if something is different then."""
    advice = {
        Outcome.FAILED: "`headcount status` says why and what to do",
        Outcome.BLOCKED: "`headcount plan` says which guardrail, and what a person may allow",
    }
    for outcome, hint in advice.items():
        ids = [row.activation for row in rows if row.latest.run is not None and row.latest.run.outcome is outcome]
        if ids:
            many = f"{len(ids):,} activation{'s' if len(ids) > 1 else ''}"
            was = "" if outcome is Outcome.FAILED else " were" if len(ids) > 1 else " was"
            message = f"{many}{was} {outcome} in the last run: {_named(ids)}"
            yield Check("definition", "", Verdict.WARN, message, hint)


def _schedules(rows: Sequence[ActivationStatus], now: datetime) -> Iterator[Check]:
    overdue: list[str] = []
    for row in rows:
        activation = row.declared
        if activation is None or activation.schedule.manual:
            continue
        first, second = islice(slots(activation.schedule, now), 2)
        if max(first - now, second - first) > RARE:
            message = f"its schedule ({describe(activation.schedule)}) is due next on {local_time(first)}"
            hint = "set another schedule, if it is meant to run more often"
            yield Check("schedule", activation.id, Verdict.WARN, message, hint)
        why = why_never_fresh(activation, now)
        if why:
            yield Check("schedule", activation.id, Verdict.WARN, f"it is stale between its runs: {why}")
        if row.overdue_since is not None:
            overdue.append(row.activation)
    if overdue:
        message = f"{_counted(overdue)} due for longer than its schedule ever waits: {_named(overdue)}"
        hint = "see whether what runs `headcount sync --due` or `headcount serve` still does"
        yield Check("schedule", "", Verdict.WARN, message, hint)


def _suppressions(rows: Sequence[SuppressionStatus]) -> Iterator[Check]:
    for row in rows:
        failing = row.applied.failing_since if row.applied is not None else None
        if failing is not None:
            message = f"cannot take effect since {local_time(failing)}: nobody is added where it applies"
            hint = "`headcount status` says why; whom it named last stays out meanwhile"
            yield Check("suppression", row.name, Verdict.WRONG, message, hint)
        elif row.standing is not Standing.APPLIED:
            message = f"{row.standing}, and not in effect like that: nobody is added where it applies"
            yield Check("suppression", row.name, Verdict.WARN, message, "`headcount apply` puts it into effect")


def _receipts(state: State) -> Iterator[Check]:
    """Erasures that did not come to a good end."""
    for one in open_receipts(state.receipts()):
        verdict = Verdict.WRONG if one.fate in (Fate.UNFINISHED, Fate.LEFT) else Verdict.WARN
        message = f"{one.fate}, asked for on {local_time(one.at)}"
        yield Check("receipt", str(one.number), verdict, message, way_on(one))


def _permission(activation: Activation, state: State, today: date) -> Iterator[Check]:
    permission = activation.guardrails.allow
    if permission is None or permission.until - today > ENDS_SOON:
        return
    if today > permission.until:
        message = f"the permission to remove {permission.removals:,} identifiers ended on {permission.until}"
        hint = f"remove `allow` at {permission.location}, or have a later day reviewed"
        yield Check("permission", activation.id, Verdict.WARN, message, hint)
        return
    left = max(0, permission.removals - state.removed_under(activation.id, permission))
    message = f"the permission to remove identifiers ends on {permission.until}; {left:,} of them are left"
    yield Check("permission", activation.id, Verdict.WARN, message, "have a later day reviewed, if more are meant")


def check_disks(places: Mapping[str, Path]) -> Iterator[Check]:
    """Whether there is room where a run writes; `places` are what is written there, and the folder."""
    for what, folder in places.items():
        there = next((one for one in (folder, *folder.parents) if one.exists()), None)
        if there is None:
            continue
        free = shutil.disk_usage(there).free
        verdict = Verdict.OK if free >= LITTLE else Verdict.WARN if free >= TOO_LITTLE else Verdict.WRONG
        hint = "" if verdict is Verdict.OK else "make room there, or have it written elsewhere"
        yield Check("disk", str(folder), verdict, f"{file_size(free)} free for {what}", hint)


def check_receivers(
    receivers: Sequence[Receiver], addresses: Mapping[str, WebhookAddress], reach: Callable[[WebhookAddress], str]
) -> Iterator[Check]:
    """Whether each receiver of notices can be reached; nothing is sent. `reach` says why not, as a clause."""
    for one in receivers:
        address = addresses[one.name]
        problem = address.problem or reach(address)
        where = f" ({address.host})" if address.host else ""
        if problem:
            there = "it gets what waits for it once it is there" if not address.problem else ""
            hint = there or "set that right where the job is defined; `headcount notify --test` tries it"
            yield Check("notify", one.name, Verdict.WARN, f"cannot be notified{where}: {problem}", hint)
        else:
            yield Check("notify", one.name, Verdict.OK, f"can be reached{where}")


def _counted(ids: Sequence[str]) -> str:
    return "1 activation is" if len(ids) == 1 else f"{len(ids):,} activations are"


def _named(ids: Sequence[str]) -> str:
    return ", ".join(ids[:NAMED]) + (f" and {len(ids) - NAMED:,} more" if len(ids) > NAMED else "")
