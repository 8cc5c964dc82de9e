"""Taking over an audience that exists in the destination and that Headcount did not make."""

from __future__ import annotations

from dataclasses import dataclass

from runner.core.destination import LiveAudience
from runner.core.errors import DestinationError, UsageError
from runner.core.project import Activation, Project
from runner.core.selection import require_known
from runner.planning.diff import Comparison, misfit
from runner.workflows.accounts import Accounts, require_credentials
from runner.workflows.context import RunContext


@dataclass(frozen=True, slots=True)
class Imported:
    """An audience that is ours from now on; its content is not known until the next apply has refilled it."""

    activation: Activation
    audience: LiveAudience
    size: int | None


def import_audience(
    project: Project, activation_id: str, audience_id: str, context: RunContext, accounts: Accounts
) -> Imported:
    """Record that the audience belongs to the activation. Nothing changes in the destination.

    Raises UsageError when the activation is not declared or has an audience already, or when the audience is not in its
    account, read-only or another activation's; Locked, DestinationError.
    """
    require_known([activation_id], (one.id for one in project.activations))
    activation = next(a for a in project.activations if a.id == activation_id)
    require_credentials([activation.destination])
    with context.state.lock("headcount import"):
        audience = _find(activation, audience_id, accounts)
        _make_way(activation, audience, project, context, accounts)
        size = _size(activation, audience_id, accounts)
        if context.binding is not None and context.state.binding() is None:
            context.state.bind(context.binding)
        context.state.imported(
            activation.id, activation.destination.name, *activation.account, audience_id, context.clock()
        )
        return Imported(activation, audience, size)


def _make_way(
    activation: Activation, audience: LiveAudience, project: Project, context: RunContext, accounts: Accounts
) -> None:
    """Raise UsageError when the audience or the activation is not free; forget what the activation had and is gone."""
    live = {activation.account: accounts.live(activation.destination)}
    comparison = Comparison((), project.activations, context.state.audiences(), live)
    owner = comparison.owner(activation.account, audience)
    if owner is not None and owner.activation != activation.id:
        raise UsageError(
            f'audience {audience.id} already belongs to activation "{owner.activation}"',
            "an audience is kept by one activation only",
        )
    record = comparison.record(activation)
    if record is None:
        return
    held = comparison.locate(record)
    if held is not None and not (record.audience_id is None and held.id == audience.id):
        raise UsageError(
            f'activation "{activation.id}" already has audience {held.id} in account {activation.account.account_id}',
            "an activation keeps one audience; declare another activation for the other one",
        )
    if record.audience_id is None and held is None:
        context.state.give_up(record.record_id, accounts.client(activation.destination).now())
    else:
        context.state.forget(record.record_id)


def _size(activation: Activation, audience_id: str, accounts: Accounts) -> int | None:
    """What the destination counts, for the person who imports; not knowing it stops nothing."""
    try:
        return accounts.client(activation.destination).size(audience_id)
    except DestinationError:
        return None


def _find(activation: Activation, audience_id: str, accounts: Accounts) -> LiveAudience:
    account, platform = activation.destination.account_id, activation.destination.kind.platform
    for audience in accounts.live(activation.destination):
        if audience.id == audience_id:
            if audience.other_kind:
                raise UsageError(
                    f"segment {audience_id} is of type {audience.other_kind} and can hold no members of ours",
                    "only contact lists can be taken over",
                )
            if audience.read_only:
                raise UsageError(
                    f"{platform} marks audience {audience_id} as read-only",
                    "only lists that this account may amend can be taken over",
                )
            _require_fit(activation, audience)
            return audience
    raise UsageError(
        f"account {account} has no contact list with the id {audience_id}",
        f"the id is the number that {platform} shows for the audience; `headcount plan` names it for a conflict",
    )


def _require_fit(activation: Activation, audience: LiveAudience) -> None:
    """An audience that would have to be deleted and created again is not worth taking over."""
    for why in misfit(activation, audience):
        raise UsageError(
            f"audience {audience.id} cannot become what is declared: {why}, which is fixed when an audience is made",
            f'change what "{activation.id}" declares, or give it a name of its own: `headcount apply` then makes one',
        )
