"""Taking over an audience that exists in the destination and that Headcount did not make."""

from __future__ import annotations

from dataclasses import dataclass

from runner.compare import account_of, misfit
from runner.destinations import LiveAudience
from runner.errors import UsageError
from runner.model import Activation, Project
from runner.select import require_known
from runner.workflows.accounts import Accounts, require_credentials
from runner.workflows.tools import Tools


@dataclass(frozen=True, slots=True)
class Imported:
    """An audience that is ours from now on; its content is not known until the next apply has refilled it."""

    activation: Activation
    audience: LiveAudience
    size: int | None


def take_over(project: Project, activation_id: str, audience_id: str, tools: Tools, accounts: Accounts) -> Imported:
    """Record that the audience belongs to the activation. Nothing changes in the destination.

    Raises UsageError when the activation is not declared or has an audience already, or when the audience is not in its
    account, read-only or another activation's; Locked, DestinationError.
    """
    require_known([activation_id], [(a.id, a.destination.name) for a in project.activations])
    activation = next(a for a in project.activations if a.id == activation_id)
    require_credentials([activation.destination])
    with tools.state.lock("headcount import"):
        kind, account_id = account_of(activation)
        _require_free(activation, audience_id, tools)
        audience = _find(activation, audience_id, accounts)
        tools.state.imported(activation.id, activation.destination.name, kind, account_id, audience_id, tools.clock())
        size = accounts.connection(activation.destination).size(audience_id)
        return Imported(activation, audience, size)


def _require_free(activation: Activation, audience_id: str, tools: Tools) -> None:
    account = account_of(activation)
    for record in tools.state.audiences():
        if (record.kind, record.account_id) != account:
            continue
        if record.activation == activation.id:
            held = f"audience {record.audience_id}" if record.audience_id else "an audience that is being created"
            raise UsageError(
                f'activation "{activation.id}" already has {held} in account {record.account_id}',
                "an activation keeps one audience; declare another activation for the other one",
            )
        if record.audience_id == audience_id:
            raise UsageError(
                f'audience {audience_id} already belongs to activation "{record.activation}"',
                "an audience is kept by one activation only",
            )


def _find(activation: Activation, audience_id: str, accounts: Accounts) -> LiveAudience:
    account = activation.destination.account_id
    for audience in accounts.live(activation.destination):
        if audience.id == audience_id:
            if audience.read_only:
                raise UsageError(
                    f"Criteo marks audience {audience_id} as read-only",
                    "only lists that this account may amend can be taken over",
                )
            _require_fit(activation, audience)
            return audience
    raise UsageError(
        f"account {account} has no contact list with the id {audience_id}",
        "the id is the number that Criteo shows for the audience; `headcount plan` names it for a conflict",
    )


def _require_fit(activation: Activation, audience: LiveAudience) -> None:
    """An audience that would have to be deleted and made anew is not worth taking over."""
    for why in misfit(activation, audience):
        raise UsageError(
            f"audience {audience.id} cannot become what is declared: {why}, which is fixed when an audience is made",
            f'change what "{activation.id}" declares, or give it a name of its own: `headcount apply` then makes one',
        )
