"""Audiences that are taken over by their names, as text and as plain data: what was found, and what it costs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from runner.core.destination import LiveAudience
from runner.core.records import AccountRef
from runner.planning.refill_cost import RefillCost
from runner.reports.escape import printable
from runner.reports.format import plural
from runner.reports.refill_text import cost_data, refill_sentence
from runner.reports.styled_text import Text
from runner.workflows.import_all import ImportedAll, Takeovers
from runner.workflows.import_audience import Imported

SHOWN = 10
"""Names of audiences that are left alone, of each account, in the text; the JSON document has all."""


def takeovers_text(found: Takeovers) -> Text:
    """What would be taken over and what not, and why; then what it costs."""
    text = Text()
    for one in found.taken:
        text.append(f"> {printable(one.activation.id)}", style="cyan").append(f"  {_audience(one)}\n")
    for refused in found.refused:
        text.append(f"x {printable(refused.activation)}", style="bold red")
        text.append(f"  not taken over: {printable(refused.reason)}\n")
        if refused.hint:
            text.append(f"    -> {printable(refused.hint)}\n")
    for activation in found.new:
        text.append(f"+ {printable(activation.id)}", style="green")
        text.append(f'  no audience is called "{printable(activation.name)}": `headcount apply` makes it')
        dated = activation.any_day is not None and activation.any_day.name != activation.name
        text.append("; its name changes with the day: an older one is taken over by its id\n" if dated else "\n")
    if found.ours:
        text.append(f"= {plural(len(found.ours), 'activation has its', 'activations have their')} audience already\n")
    for line in _strangers(found):
        text.append(f"{line}\n", style="dim")
    if found.cost is not None:
        text.append(f"\n{_cost(found.cost)}\n")
    return text


def _audience(one: Imported) -> str:
    destination = one.activation.destination
    size = "" if one.size is None else f", {plural(one.size, 'identifier')} by {destination.kind.platform}'s count"
    where = f"{printable(destination.name)} (account {printable(destination.account_id)})"
    return f'audience {printable(one.audience.id)}, "{printable(one.audience.name)}" in {where}{size}'


def _strangers(found: Takeovers) -> Iterator[str]:
    accounts: dict[AccountRef, list[LiveAudience]] = {}
    for account, audience in found.strangers:
        accounts.setdefault(account, []).append(audience)
    for account, audiences in accounts.items():
        names = ", ".join(f'"{printable(one.name)}"' for one in audiences[:SHOWN])
        more = f" and {len(audiences) - SHOWN:,} more" if len(audiences) > SHOWN else ""
        have = plural(len(audiences), "audience of", "audiences of")
        yield f"? {have} account {printable(account.account_id)} left alone, by no activation's name: {names}{more}"


def _cost(cost: RefillCost) -> str:
    """What taking over costs afterwards, in words."""
    return (
        "Nothing changes there now. Nobody can tell who is in these audiences, so the next `headcount apply` empties"
        f" each of them and fills it from its segment. By their sizes, {refill_sentence(cost)}: choose a quiet hour."
    )


def imported_text(done: ImportedAll) -> Text:
    """What was recorded, and what to do next."""
    count = len(done.recorded)
    if not done.found.taken:
        return Text("Nothing to import.\n")
    next_ = "`headcount plan` says what filling them takes, `headcount apply` does it"
    return Text(f"Imported {plural(count, 'audience')}. {next_}.\n")


def import_data(done: ImportedAll) -> dict[str, Any]:
    """schemas/import.schema.json, without its frame."""
    found, cost = done.found, done.found.cost
    recorded = {one.activation.id for one in done.recorded}
    return {
        "approved": done.approved,
        "audiences": [_taken(one, imported=one.activation.id in recorded) for one in found.taken],
        "refused": [{"activation": one.activation, "reason": one.reason, "hint": one.hint} for one in found.refused],
        "new": [one.id for one in found.new],
        "ours": [one.id for one in found.ours],
        "left_alone": [
            {"type": account.kind, "account_id": account.account_id, "audience_id": one.id, "name": one.name}
            for account, one in found.strangers
        ],
        "cost": cost_data(cost) if cost is not None else None,
    }


def _taken(one: Imported, *, imported: bool) -> dict[str, Any]:
    destination = one.activation.destination
    return {
        "activation": one.activation.id,
        "destination": destination.name,
        "type": destination.type,
        "account_id": destination.account_id,
        "audience_id": one.audience.id,
        "name": one.audience.name,
        "identifiers": one.size,
        "imported": imported,
    }
