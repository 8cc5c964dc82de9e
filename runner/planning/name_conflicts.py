"""Names that a plan counts on: the change that is to give one up must really be carried out."""

from __future__ import annotations

from collections.abc import Iterator

from runner.core.records import AccountRef, Action
from runner.planning.plan import CHANGING, PlannedChange
from runner.quick_dataclass import replace

Name = tuple[AccountRef, str]
"""A name within an account."""


def without_taken_names(changes: tuple[PlannedChange, ...]) -> tuple[PlannedChange, ...]:
    """The changes, those in conflict that need a name which a blocked or failed change will not give up after all."""
    while True:
        kept = {name: change for change in changes if change.action not in CHANGING for name in _given_up(change)}
        judged = tuple(_judge(change, kept) for change in changes)
        if judged == changes:
            return changes
        changes = judged


def _judge(change: PlannedChange, kept: dict[Name, PlannedChange]) -> PlannedChange:
    holder = kept.get((change.account, change.name))
    if holder is None or holder is change or not _takes_name(change):
        return change
    return replace(
        change,
        intended=Action.CONFLICT,
        blocks=(),
        error=f'the audience of {holder.id} is still called "{change.name}": its own change is {holder.action}',
        hint=f"fix {holder.id} first, or choose another name",
    )


def _takes_name(change: PlannedChange) -> bool:
    renamed = change.action is Action.UPDATE and bool(change.old_name)
    return renamed or change.action in (Action.CREATE, Action.RECREATE)


def _given_up(change: PlannedChange) -> Iterator[Name]:
    """The name that a change would free if it were carried out."""
    name = change.name if change.intended is Action.DELETE else change.old_name
    if name:
        yield change.account, name
