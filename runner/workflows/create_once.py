"""Creating an audience exactly once, even when the destination's answer is lost.

The intent is durable before the call. An audience that a lost create may have made has the name and is not older than
the intent (planning/lost_creates), but anybody may have made one of that name since. Ours has had no member yet, for
its id is recorded before the first is sent; one that has members is somebody else's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from runner.core.destination import DestinationClient, LiveAudience
from runner.core.errors import AnswerLost, DestinationError, NameTaken
from runner.core.project import Activation
from runner.core.records import Action, AppliedAudience, Definition
from runner.destinations.registry import platform_of
from runner.planning.lost_creates import asks_for, claimed_by_another, found_again
from runner.planning.plan import Decision
from runner.workflows.accounts import Accounts
from runner.workflows.context import RunContext
from runner.workflows.send import Target

ATTEMPTS = 3
"""How often a create whose answer was lost is tried before the run gives up on it."""


def without_false_claims(decisions: Iterable[Decision], accounts: Accounts) -> Iterator[Decision]:
    """The decisions, with a conflict (a failure, for one to be deleted) in place of taking somebody else's audience.

    What has the name of a create that was given up and has members is no business of ours, and nothing is decided.
    """
    for decision in decisions:
        record, audience_id = decision.applied, decision.audience_id
        if record is None or record.audience_id is not None or audience_id is None:
            yield decision
            continue
        if record.given_up_at is None and decision.intended is Action.ORPHANED:
            yield decision
            continue
        try:
            size = accounts.reader(decision.account).size(audience_id)
        except DestinationError as error:
            yield decision.failed(error.message, error.hint)
            continue
        if not size:
            yield decision
        elif record.given_up_at is None:
            yield claimed_by_another(decision, audience_id, size)


def create_once(
    decision: Decision, activation: Activation, definition: Definition, client: DestinationClient, context: RunContext
) -> Target:
    """Create the audience, or find the one that an earlier create has made.

    Raises NameTaken, AnswerLost, DestinationError.
    """
    _require_gone(decision, client)
    # Whether an audience may have been made of which nobody knows yet; a refusal leaves no claim on what others make.
    lost = decision.applied is not None and asks_for(decision.applied, definition.name)
    record_id = _intend(decision, definition, client, context)
    for _ in range(ATTEMPTS):
        try:
            audience = client.create(definition.name, definition.description, tuple(activation.mapping))
        except (AnswerLost, NameTaken) as error:
            lost = lost or isinstance(error, AnswerLost)
            found = _look_again(record_id, client, context) if lost else None
            if found is None and isinstance(error, NameTaken):
                _withdraw(record_id, lost, context)
                raise
            if found is None:
                continue
            audience = found
        except DestinationError:
            _withdraw(record_id, lost, context)
            raise
        context.state.created(record_id, audience.id)
        return Target(record_id, audience.id)
    raise AnswerLost(
        f"{platform_of(decision.account.kind)} did not say whether it created the audience, {ATTEMPTS} times in a row",
        "run apply again: an audience that was created all the same is found and not created twice",
    )


def _require_gone(decision: Decision, client: DestinationClient) -> None:
    """Raise DestinationError when an audience that a listing did not show is there all the same."""
    known = decision.applied.audience_id if decision.applied and not decision.replaces else None
    if known is not None and client.exists(known):
        raise DestinationError(
            f"{platform_of(decision.account.kind)}'s list of audiences left out audience {known}, which exists",
            "run the command again; nothing was changed",
        )


def _intend(decision: Decision, definition: Definition, client: DestinationClient, context: RunContext) -> int:
    """Record the intent before the call, once for all attempts; its record's id."""
    record = decision.applied and context.state.audience(decision.applied.record_id)
    if record is not None and asks_for(record, definition.name):
        # An earlier intent stays the one that counts: its audience may yet appear, and must be known as ours.
        context.state.define(record.record_id, definition, decision.destination, context.clock())
        return record.record_id
    if record is not None:
        forget(record, client, context)
    return context.state.intend(decision.id, decision.destination, *decision.account, definition, client.now())


def forget(record: AppliedAudience, client: DestinationClient, context: RunContext) -> None:
    """Drop the record of an audience that is gone; a create without an answer may yet take effect and is given up."""
    if record.audience_id is None:
        context.state.give_up(record.record_id, client.now())
    else:
        context.state.forget(record.record_id)


def _withdraw(record_id: int, lost: bool, context: RunContext) -> None:
    """Forget an intent of which nothing can have come."""
    if not lost:
        context.state.forget(record_id)


def _look_again(record_id: int, client: DestinationClient, context: RunContext) -> LiveAudience | None:
    """The audience that a create without an answer has made, if it is there by now and as empty as ours must be."""
    known = (*context.state.audiences(), *context.state.given_up())
    found = found_again(context.state.audience(record_id), client.audiences(), known)
    return found if found is not None and not client.size(found.id) else None
