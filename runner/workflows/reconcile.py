"""Carrying out what a plan says about audiences themselves: delete, rename, describe, create.

Deletes come first, then renames in an order in which every name is free when it is taken, then creates. An audience
that is replaced is deleted with the first and created with the last.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from runner.core.destination import DestinationClient, LiveAudience
from runner.core.errors import AnswerLost, DestinationError, NameTaken
from runner.core.records import AccountRef, Action, AppliedAudience, Definition
from runner.planning.lost_creates import found_again
from runner.planning.plan import Change
from runner.workflows.context import RunContext
from runner.workflows.verify_lost_creates import is_free

ATTEMPTS = 3
"""How often a create whose answer was lost is tried before the run gives up on it."""


@dataclass(frozen=True, slots=True)
class AudienceCall:
    """One call on an audience; `name` differs from the declared one while two audiences swap names.

    `deletes` tells the call that deletes an audience from one that makes or changes it.
    """

    change: Change
    name: str
    deletes: bool = False


def in_order(changes: Iterable[Change]) -> tuple[AudienceCall, ...]:
    """Deletes, then renames and descriptions so that no name is taken before it is given up, then creates."""
    pending = tuple(changes)
    gone = [change for change in pending if change.action is Action.DELETE or change.replaces]
    deletes = [AudienceCall(change, change.name, deletes=True) for change in gone]
    creates = [
        AudienceCall(change, change.name) for change in pending if change.action in (Action.CREATE, Action.RECREATE)
    ]
    others = [change for change in pending if change.action in (Action.UPDATE, Action.SYNC)]
    return (*deletes, *_renames(others), *creates)


def _renames(changes: list[Change]) -> Iterator[AudienceCall]:
    waiting = {(change.account, change.audience_id): change for change in changes}
    held = {(change.account, name): change for change in changes if (name := _old_name(change))}
    while waiting:
        free = [change for change in waiting.values() if _is_free(change, held)]
        if not free:
            # Only swaps are left: one of them steps aside under a name nobody uses.
            aside = next(iter(waiting.values()))
            yield AudienceCall(aside, aside.name_aside)
            held.pop((aside.account, _old_name(aside)), None)
            continue
        for change in free:
            yield AudienceCall(change, change.name)
            held.pop((change.account, _old_name(change)), None)
            del waiting[change.account, change.audience_id]


def _old_name(change: Change) -> str:
    """The name that a rename gives up; empty when the name stays."""
    return next((part.before for part in change.fields if part.field == "name"), "")


def _is_free(change: Change, held: dict[tuple[AccountRef, str], Change]) -> bool:
    holder = held.get((change.account, change.name))
    return not _old_name(change) or holder is None or holder is change


def carry_out(step: AudienceCall, connection: DestinationClient, tools: RunContext) -> Change:
    """Make the call of one step and record it; the change comes back with the audience it is now about."""
    change = step.change
    if step.deletes:
        _delete(change, connection, tools)
        return change
    if change.action in (Action.CREATE, Action.RECREATE):
        change = _create(change, connection, tools)
    else:
        assert change.applied is not None
        assert change.audience_id is not None
        assert change.definition is not None
        if change.refill:
            tools.state.require_refill(change.applied.record_id)
        if change.applied.audience_id is None:
            tools.state.created(change.applied.record_id, change.audience_id)
        if change.fields:
            connection.update(change.audience_id, step.name, change.definition.description)
    if step.name == change.name:
        _remember(change, tools)
    return change


def _remember(change: Change, tools: RunContext) -> None:
    assert change.applied is not None
    assert change.definition is not None
    if change.definition != change.applied.definition or change.applied.applied_at is None:
        tools.state.define(change.applied.record_id, change.definition, change.destination, tools.clock())


def _delete(change: Change, connection: DestinationClient, tools: RunContext) -> None:
    """Delete an audience and forget it; one that is replaced is forgotten when the intent of the next is recorded."""
    assert change.applied is not None
    if change.replaces and change.applied.audience_id is None:
        # Its create was never answered. From here on it is known, so that its intent cannot find another one.
        assert change.audience_id is not None
        tools.state.created(change.applied.record_id, change.audience_id)
    if change.audience_id is not None:
        connection.delete(change.audience_id)
    if change.replaces:
        return
    if change.audience_id is None and change.applied.audience_id is None:
        # Its create was never answered and may yet take effect.
        tools.state.give_up(change.applied.record_id, connection.now())
    else:
        tools.state.forget(change.applied.record_id)


def _create(change: Change, connection: DestinationClient, tools: RunContext) -> Change:
    """Create an audience exactly once, even when the answer is lost: the intent is durable before the call."""
    assert change.definition is not None
    assert change.activation is not None
    definition = change.definition
    _require_gone(change, connection)
    # Whether an audience may have been made of which nobody knows yet; a refusal leaves no claim on what others make.
    lost = change.applied is not None and _asks_the_same(change.applied, definition)
    key = _intend(change, connection, tools)
    for _ in range(ATTEMPTS):
        try:
            audience = connection.create(definition.name, definition.description, tuple(change.activation.mapping))
        except (AnswerLost, NameTaken) as error:
            lost = lost or isinstance(error, AnswerLost)
            found = _look_again(key, connection, tools) if lost else None
            if found is None and isinstance(error, NameTaken):
                _withdraw(key, lost, tools)
                raise
            if found is None:
                continue
            audience = found
        except DestinationError:
            _withdraw(key, lost, tools)
            raise
        tools.state.created(key, audience.id)
        return replace(change, audience_id=audience.id, applied=tools.state.audience(key))
    raise AnswerLost(
        f"Criteo did not say whether it created the audience, {ATTEMPTS} times in a row",
        "run apply again: an audience that was created all the same is found and not created twice",
    )


def _require_gone(change: Change, connection: DestinationClient) -> None:
    """Raise DestinationError when an audience that a listing did not show is there all the same."""
    known = change.applied.audience_id if change.applied and not change.replaces else None
    if known is not None and connection.exists(known):
        raise DestinationError(
            f"Criteo's list of audiences left out audience {known}, which exists",
            "run the command again; nothing was changed",
        )


def _withdraw(key: int, lost: bool, tools: RunContext) -> None:
    """Forget an intent of which nothing can have come."""
    if not lost:
        tools.state.forget(key)


def _intend(change: Change, connection: DestinationClient, tools: RunContext) -> int:
    assert change.definition is not None
    applied = change.applied and tools.state.audience(change.applied.record_id)
    if applied is not None and _asks_the_same(applied, change.definition):
        # An earlier intent stays the one that counts: its audience may yet appear, and must be known as ours.
        tools.state.define(applied.record_id, change.definition, change.destination, tools.clock())
        return applied.record_id
    if applied is not None and applied.audience_id is None:
        # What was asked for under another name may yet appear, and must be known as ours.
        tools.state.give_up(applied.record_id, connection.now())
    elif applied is not None:
        tools.state.forget(applied.record_id)
    return tools.state.intend(change.id, change.destination, *change.account, change.definition, connection.now())


def _asks_the_same(record: AppliedAudience, definition: Definition) -> bool:
    """Whether a record is an intent without an answer for an audience of the same name."""
    return record.audience_id is None and record.definition is not None and record.definition.name == definition.name


def _look_again(key: int, connection: DestinationClient, tools: RunContext) -> LiveAudience | None:
    known = (*tools.state.audiences(), *tools.state.given_up())
    found = found_again(tools.state.audience(key), connection.audiences(), known)
    return found if found is not None and is_free(found, connection) else None
