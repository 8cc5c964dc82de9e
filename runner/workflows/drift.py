"""What the destination says that audiences hold against what was sent: the only sign of drift in members.

The destination cannot list members. Its count lags behind and is approximate, so a difference is a suspicion, and only
where nothing was sent for a day.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from runner.core.errors import AudienceGone
from runner.workflows.accounts import Accounts, require_credentials
from runner.workflows.status import ActivationStatus

LAG = timedelta(hours=24)
"""How long a change may take to show in the count (Criteo computes them twice a day, and needs some hours)."""

DRIFT_SHARE = 0.1
"""The share of the members sent by which the count may be off before drift is suspected."""


def with_live_sizes(
    rows: tuple[ActivationStatus, ...], accounts: Accounts, now: datetime
) -> tuple[ActivationStatus, ...]:
    """The rows with the destination's count of each declared audience: one call per audience.

    Raises InvalidProject for a missing credential, DestinationError for an account that cannot be read.
    """
    asked = [row.declared.destination for row in rows if row.declared is not None and row.audience_id is not None]
    require_credentials({destination.name: destination for destination in asked}.values())
    return tuple(_with_size(row, accounts, now) for row in rows)


def _with_size(row: ActivationStatus, accounts: Accounts, now: datetime) -> ActivationStatus:
    if row.declared is None or row.audience_id is None:
        return row
    size: int | None
    try:
        size = accounts.client(row.declared.destination).size(row.audience_id)
    except AudienceGone:
        size = None
    return replace(row, live_size=size, suspected_drift=_is_far(row, size, now))


def _is_far(row: ActivationStatus, size: int | None, now: datetime) -> bool:
    if size is None or row.applied is None or row.applied.left_work:
        return False
    sent = sum(row.applied.members.values()) - row.applied.invalid
    change = row.latest.change
    settled = change is None or now - change.started_at >= LAG
    return settled and abs(size - sent) > DRIFT_SHARE * max(sent, 1)
