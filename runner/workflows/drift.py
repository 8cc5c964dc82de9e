"""What the destination says that audiences hold against what was sent: the only sign of drift in members.

The destination cannot list members. Its count lags behind and is approximate, so it is held against every size that the
audience has had within the lag: one that is sent something each day is compared as well, and one that was made within
the lag is not missed.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from runner.core.errors import AudienceGone
from runner.core.records import IMPORT, Action, ActivationRun, Outcome, Run
from runner.quick_dataclass import dataclass, replace
from runner.state.interface import State
from runner.workflows.accounts import Accounts, require_credentials
from runner.workflows.status import ActivationStatus

LAG = timedelta(hours=24)
"""How long a change may take to show in the count (Criteo computes them twice a day, and needs some hours)."""

DRIFT_SHARE = 0.1
"""The share of the members sent by which the count may be off before drift is suspected."""

_RUNS = (50, 2_000, 50_000)
"""How many past runs are read: at first, where these do not go back far enough, and at most."""


@dataclass(frozen=True, slots=True)
class SizeRange:
    """The least and the most identifiers that an audience may have held at any time within the lag."""

    least: int
    most: int


def with_live_sizes(
    rows: tuple[ActivationStatus, ...], accounts: Accounts, state: State, now: datetime
) -> tuple[ActivationStatus, ...]:
    """The rows with the destination's count of each declared audience: one call per audience.

    Raises InvalidProject for a missing credential, DestinationError for an account that cannot be read, StateError.
    """
    asked = [row for row in rows if row.declared is not None and row.audience_id is not None]
    destinations = {row.declared.destination.name: row.declared.destination for row in asked if row.declared}
    require_credentials(destinations.values())
    moved = {row.activation for row in asked if row.latest.change and row.latest.change.started_at > now - LAG}
    runs = _recent_runs(state, moved, now - LAG) if moved else ()
    return tuple(_with_size(row, accounts, runs, now) for row in rows)


def _with_size(row: ActivationStatus, accounts: Accounts, runs: Sequence[Run], now: datetime) -> ActivationStatus:
    if row.declared is None or row.audience_id is None:
        return row
    size: int | None
    try:
        size = accounts.client(row.declared.destination).size(row.audience_id)
    except AudienceGone:
        size = None
    return replace(row, live_size=size, suspected_drift=size is not None and _is_far(row, size, runs, now))


def _is_far(row: ActivationStatus, size: int, runs: Sequence[Run], now: datetime) -> bool:
    if row.applied is None or row.applied.left_work:
        return False
    held = sizes_within(row, runs, now - LAG)
    # What the destination called malformed it may not count; of the most, only what it did before the lag is certain.
    least, most = max(held.least - row.applied.invalid, 0), held.most
    return size < least - DRIFT_SHARE * max(least, 1) or size > most + DRIFT_SHARE * max(most, 1)


def sizes_within(row: ActivationStatus, runs: Sequence[Run], since: datetime) -> SizeRange:
    """What the audience may have held since then, by what is recorded of its runs (the newest first).

    One of which no good run is known from before then may have held nothing at first.
    """
    assert row.applied is not None
    now = sum(row.applied.members.values())
    changed = row.latest.change
    if changed is None or changed.started_at <= since:
        return SizeRange(now, now)
    least = most = now
    for run in runs:
        for one in _of(row.activation, run):
            if run.started_at <= since:
                return SizeRange(min(least, one.members), max(most, one.members))
            # Removals are sent first, and what is cleared is filled from nothing.
            least = min(least, max(one.members - one.added, 0))
            most = max(most, one.members + one.removed)
    return SizeRange(0, most)


def _of(activation: str, run: Run) -> Collection[ActivationRun]:
    """How its audience fared in the run, where that went well; the deletion of an orphan is none of its runs."""
    good = (Outcome.DONE, Outcome.UNCHANGED)
    return [
        one
        for one in run.activations
        if one.activation == activation and one.outcome in good and one.action not in (Action.DELETE, IMPORT)
    ]


def _recent_runs(state: State, activations: Collection[str], since: datetime) -> Sequence[Run]:
    """The runs since then and, of each activation, a good one from before, where there is any; the newest first."""
    for limit in _RUNS:
        runs = state.runs(limit=limit)
        before = [run for run in runs if run.started_at <= since]
        if len(runs) < limit or all(any(_of(one, run) for run in before) for one in activations):
            return runs
    return runs
