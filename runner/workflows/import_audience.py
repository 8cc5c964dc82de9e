"""Taking over an audience that exists in the destination and that Headcount did not make."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from runner.core.destination import LiveAudience
from runner.core.errors import DestinationError, UsageError
from runner.core.project import Activation, Project
from runner.core.records import IMPORT, NOT_KNOWN, ActivationRun, Outcome
from runner.core.selection import require_known
from runner.planning.diff import Comparison, misfit
from runner.quick_dataclass import dataclass
from runner.workflows.accounts import Accounts, require_credentials
from runner.workflows.context import RunContext


@dataclass(frozen=True, slots=True)
class Imported:
    """An audience that is ours from now on; its content is not known until the next apply has refilled it.

    `size` is what the destination counts, None where it does not say.
    """

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
        live = {activation.account: accounts.live(activation.destination)}
        require_free(activation, audience, Comparison((), project.activations, context.state.audiences(), live))
        imported = Imported(activation, audience, _size(activation, audience_id, accounts))
        with take_over(context, accounts) as record:
            record(imported)
        return imported


@contextmanager
def take_over(context: RunContext, accounts: Accounts) -> Iterator[Callable[[Imported], None]]:
    """A run of the history in which audiences are taken over, each when what this gives is called with it."""
    state = context.state
    if context.binding is not None and state.binding() is None:
        state.bind(context.binding)
    run = state.begin_run(IMPORT, context.clock(), context.origin() or NOT_KNOWN)
    context.begun(True)

    def record(one: Imported) -> None:
        _make_way(one.activation, context, accounts)
        where = (one.activation.destination.name, *one.activation.account)
        state.imported(one.activation.id, *where, one.audience.id, context.clock())
        detail = f'audience {one.audience.id}, called "{one.audience.name}", is kept by Headcount from now on'
        state.record(run, ActivationRun(one.activation.id, IMPORT, Outcome.DONE, detail=detail))

    yield record
    state.end_run(run, context.clock())


def require_free(activation: Activation, audience: LiveAudience, comparison: Comparison) -> None:
    """Raise UsageError when the audience is another activation's, or the activation has another audience."""
    owner = comparison.owner(activation.account, audience)
    if owner is not None and owner.activation != activation.id:
        raise UsageError(
            f'audience {audience.id} already belongs to activation "{owner.activation}"',
            "choose another audience, or remove that activation first: one audience is kept by one activation",
        )
    record = comparison.record(activation)
    held = comparison.locate(record) if record is not None else None
    if record is None or held is None:
        return
    if not (record.audience_id is None and held.id == audience.id):
        raise UsageError(
            f'activation "{activation.id}" already has audience {held.id} in account {activation.account.account_id}',
            "declare another activation for the other one: an activation keeps one audience",
        )


def _make_way(activation: Activation, context: RunContext, accounts: Accounts) -> None:
    """Forget what the activation had and is gone, or is the audience itself; a create without an answer is given up."""
    for record in context.state.audiences():
        if record.key == activation.key:
            live = {activation.account: accounts.live(activation.destination)}
            found = Comparison((), (), context.state.audiences(), live).locate(record)
            if record.audience_id is None and found is None:
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
            require_amendable(activation, audience)
            return audience
    raise UsageError(
        f"account {account} has no contact list with the id {audience_id}",
        f"look for the number that {platform} shows for the audience; `headcount plan` names it for a conflict",
    )


def require_amendable(activation: Activation, audience: LiveAudience) -> None:
    """Raise UsageError for what can never hold the activation's members: it would have to be made again for that."""
    if audience.other_kind:
        raise UsageError(
            f"segment {audience.id} is of type {audience.other_kind} and can hold no members of ours",
            "choose a contact list: nothing else can be taken over",
        )
    if audience.read_only:
        raise UsageError(
            f"{activation.destination.kind.platform} marks audience {audience.id} as read-only",
            "choose a list that this account may amend, or let `headcount apply` make one",
        )
    for why in misfit(activation, audience):
        raise UsageError(
            f"audience {audience.id} cannot become what is declared: {why}, which is fixed when an audience is made",
            f'change what "{activation.id}" declares, or give it a name of its own: `headcount apply` then makes one',
        )
