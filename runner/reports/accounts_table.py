"""Ad accounts as a plain table, at most as wide as the terminal."""

from __future__ import annotations

from rich.table import Table

from runner.core.destination import AdAccount
from runner.reports.escape import printable


def accounts_table(accounts: dict[str, tuple[AdAccount, ...]]) -> Table:
    """A row per ad account that some credentials may use."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in ("Credentials of", "Account", "Name"):
        table.add_column(column, overflow="fold")
    for destination, listed in accounts.items():
        for account in listed:
            table.add_row(printable(destination), printable(account.id), printable(account.name))
    return table
