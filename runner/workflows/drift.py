"""What the destination says that audiences hold, beside what was sent: the only sign of drift in members there is.

The destination cannot list members. Its count lags behind and is approximate, so a difference is a suspicion, and only
where nothing was sent for a day.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from runner.core.errors import AudienceGone
from runner.core.project import Project
from runner.workflows.accounts import Accounts, require_credentials
from runner.workflows.status import ActivationStatus

LAG = timedelta(hours=24)
"""How long a change may take to show in the count (Criteo computes audiences twice a day, and needs some hours)."""

DRIFT_SHARE = 0.1
"""The share of the members sent by which the count may be off before anyone is told."""


def with_live_sizes(
    standings: tuple[ActivationStatus, ...], project: Project, accounts: Accounts, now: datetime
) -> tuple[ActivationStatus, ...]:
    """The standings with the destination's count of each declared audience: one call per audience.

    Raises InvalidProject for a missing credential, DestinationError for an account that cannot be read.
    """
    destinations = {activation.id: activation.destination for activation in project.activations}
    asked = [row for row in standings if row.audience_id is not None and row.condition != "orphaned"]
    require_credentials({destinations[row.activation].name: destinations[row.activation] for row in asked}.values())
    sizes: dict[str, int | None] = {}
    for row in asked:
        assert row.audience_id is not None
        try:
            sizes[row.activation] = accounts.connection(destinations[row.activation]).size(row.audience_id)
        except AudienceGone:
            sizes[row.activation] = None
    return tuple(
        replace(row, live_size=sizes[row.activation], suspected_drift=_is_far(row, sizes[row.activation], now))
        if row.activation in sizes and row.condition != "orphaned"
        else row
        for row in standings
    )


def _is_far(row: ActivationStatus, size: int | None, now: datetime) -> bool:
    sent = sum(row.members.values()) - row.invalid
    if size is None or row.refill or row.unfinished or row.unknown:
        return False
    settled = row.last_change is None or now - row.last_change >= LAG
    return settled and abs(size - sent) > DRIFT_SHARE * max(sent, 1)
