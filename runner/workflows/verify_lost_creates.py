"""Whether an audience that a create without an answer may have made can be ours: it must be empty.

It has the name and is not older than the intent, but anybody may have made one of that name since. Ours has had no
member yet, for its id is recorded before the first is sent; one that has members is somebody else's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from runner.core.destination import DestinationClient, LiveAudience
from runner.core.errors import DestinationError
from runner.core.records import Action
from runner.planning.plan import Change
from runner.workflows.accounts import Accounts


def without_false_claims(changes: Iterable[Change], accounts: Accounts) -> Iterator[Change]:
    """The changes, with a conflict (a failure, for one to be deleted) in place of taking somebody else's audience.

    What has the name of a create that was given up and has members is no business of ours, and no change.
    """
    for change in changes:
        if change.applied is None or change.applied.audience_id is not None or change.audience_id is None:
            yield change
        elif change.applied.given_up_at is None:
            yield change if change.intended is Action.ORPHANED else _judged(change, change.audience_id, accounts)
        else:
            yield from _unless_filled(change, change.audience_id, accounts)


def _unless_filled(change: Change, audience_id: str, accounts: Accounts) -> Iterator[Change]:
    """The deletion of what a create has made that was given up, or nothing."""
    try:
        if not accounts.reader(change.account).size(audience_id):
            yield change
    except DestinationError as error:
        yield _unreadable(change, error)


def _judged(change: Change, audience_id: str, accounts: Accounts) -> Change:
    try:
        size = accounts.reader(change.account).size(audience_id)
    except DestinationError as error:
        return _unreadable(change, error)
    if not size:
        return change
    told = (
        f'audience {audience_id} is called "{change.name}", as the one whose creation was never answered, '
        f"but it has {size:,} identifiers: someone else made it"
    )
    if change.activation is None:
        hint = (
            "delete or rename that audience in Criteo if it is not needed; --prune then forgets the unanswered create"
        )
        return replace(change, intended=Action.FAILED, error=told, hint=hint)
    hint = f"take it over with `headcount import {change.id} {audience_id}`, or choose another name"
    return replace(change, intended=Action.CONFLICT, error=told, hint=hint)


def _unreadable(change: Change, error: DestinationError) -> Change:
    return replace(change, intended=Action.FAILED, error=error.message, hint=error.hint)


def is_free(audience: LiveAudience, connection: DestinationClient) -> bool:
    """Whether an audience that was found again is as empty as the one that was made. Raises DestinationError."""
    return not connection.size(audience.id)
