"""Whether credentials may use an ad account, and what is told when they may not."""

from __future__ import annotations

from runner.core.destination import AdAccount
from runner.core.errors import AccountNotUsable
from runner.core.project import Destination

LISTED = 20
"""Accounts that a hint names at most."""


def require_usable(destination: Destination, usable: tuple[AdAccount, ...], field: str) -> None:
    """Raise AccountNotUsable unless the destination's account is among those usable; `field` is where it is written."""
    if all(account.id != destination.account_id for account in usable):
        raise AccountNotUsable(
            f'the credentials of destination "{destination.name}" may not use ad account {destination.account_id}',
            _advice(usable, field),
        )


def _advice(usable: tuple[AdAccount, ...], field: str) -> str:
    if not usable:
        return "they may use none: an admin of the ad account must consent to the app in Criteo's partner portal"
    named = ", ".join(f"{account.id} ({account.name})" if account.name else account.id for account in usable[:LISTED])
    more = f", and {len(usable) - LISTED} more" if len(usable) > LISTED else ""
    return f"they may use {named}{more}; set {field} to one of these, or have the account consent to the app"
