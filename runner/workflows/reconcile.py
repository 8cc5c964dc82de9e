"""Carrying out what a plan says about audiences themselves: delete, rename, describe, create.

Deletes come first, then renames in an order in which every name is free when it is taken, then creates. An audience
that is replaced is deleted with the first and created with the last.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from runner.core.destination import DestinationClient
from runner.core.project import Activation
from runner.core.records import AccountRef, Action, AppliedAudience, Definition
from runner.planning.plan import PlannedChange
from runner.quick_dataclass import dataclass, replace
from runner.workflows.context import RunContext
from runner.workflows.create_once import create_once, forget
from runner.workflows.send import Target


@dataclass(frozen=True, slots=True)
class Delete:
    """An audience is deleted. One that is replaced keeps its record until the intent of the next is recorded."""

    change: PlannedChange
    record: AppliedAudience
    audience_id: str | None


@dataclass(frozen=True, slots=True)
class Update:
    """An audience gets its name and description; `name` is a passing one while two audiences swap theirs."""

    change: PlannedChange
    record: AppliedAudience
    audience_id: str
    definition: Definition
    name: str


@dataclass(frozen=True, slots=True)
class Create:
    """An audience is made, perhaps in place of one that was deleted before."""

    change: PlannedChange
    activation: Activation
    definition: Definition


Step = Delete | Update | Create
"""What is done to one audience, once."""


def in_order(changes: Iterable[PlannedChange]) -> tuple[Step, ...]:
    """Deletes, then renames and descriptions so that no name is taken before it is given up, then creates."""
    pending = tuple(changes)
    deletes = [_delete(change) for change in pending if change.action is Action.DELETE or change.replaces]
    updates = [_update(change) for change in pending if change.action in (Action.UPDATE, Action.SYNC)]
    creates = [_create(change) for change in pending if change.action in (Action.CREATE, Action.RECREATE)]
    return (*deletes, *_renames(updates), *creates)


def _delete(change: PlannedChange) -> Delete:
    assert change.applied is not None
    return Delete(change, change.applied, change.audience_id)


def _update(change: PlannedChange) -> Update:
    assert change.applied is not None
    assert change.audience_id is not None
    assert change.definition is not None
    return Update(change, change.applied, change.audience_id, change.definition, change.name)


def _create(change: PlannedChange) -> Create:
    assert change.activation is not None
    assert change.definition is not None
    return Create(change, change.activation, change.definition)


def _renames(updates: list[Update]) -> Iterator[Update]:
    waiting = {(step.change.account, step.audience_id): step for step in updates}
    held = {(step.change.account, name): step for step in updates if (name := step.change.old_name)}
    while waiting:
        free = [step for step in waiting.values() if _is_free(step, held)]
        if not free:
            # Only swaps are left: one of them steps aside under a name nobody uses.
            aside = next(iter(waiting.values()))
            yield replace(aside, name=aside.change.name_aside)
            held.pop((aside.change.account, aside.change.old_name), None)
            continue
        for step in free:
            yield step
            held.pop((step.change.account, step.change.old_name), None)
            del waiting[step.change.account, step.audience_id]


def _is_free(step: Update, held: dict[tuple[AccountRef, str], Update]) -> bool:
    holder = held.get((step.change.account, step.name))
    return not step.change.old_name or holder is None or holder is step


def carry_out(step: Step, client: DestinationClient, context: RunContext) -> Target | None:
    """Make the call of one step and record it; the audience that members can then be sent to, None for one deleted."""
    match step:
        case Delete():
            _carry_out_delete(step, client, context)
            return None
        case Update():
            return _carry_out_update(step, client, context)
        case Create():
            target = create_once(step.change, step.activation, step.definition, client, context)
            _remember(step.change, context.state.audience(target.record_id), step.definition, context)
            return target


def _carry_out_update(step: Update, client: DestinationClient, context: RunContext) -> Target:
    record = step.record
    if step.change.refill:
        context.state.require_refill(record.record_id)
    if record.audience_id is None:
        context.state.created(record.record_id, step.audience_id)
    if step.change.fields:
        client.update(step.audience_id, step.name, step.definition.description)
    if step.name == step.change.name:
        _remember(step.change, record, step.definition, context)
    return Target(record.record_id, step.audience_id)


def _remember(change: PlannedChange, record: AppliedAudience, definition: Definition, context: RunContext) -> None:
    if definition != record.definition or record.applied_at is None:
        context.state.define(record.record_id, definition, change.destination, context.clock())


def _carry_out_delete(step: Delete, client: DestinationClient, context: RunContext) -> None:
    record = step.record
    if step.change.replaces and record.audience_id is None and step.audience_id is not None:
        # Its create was never answered. From here on it is known, so that its intent cannot find another one.
        context.state.created(record.record_id, step.audience_id)
    if step.audience_id is not None:
        client.delete(step.audience_id)
    if step.change.replaces:
        return
    if step.audience_id is not None:
        context.state.forget(record.record_id)
    else:
        forget(record, client, context)
