"""Whether an audience that a create without an answer may have made can be ours: it must be empty.

It has the name and is not older than the intent, but anybody may have made one of that name since. Ours has had no
member yet, for its id is recorded before the first is sent; one that has members is somebody else's.
"""

from __future__ import annotations

from dataclasses import replace

from runner.destinations import Connection, LiveAudience
from runner.errors import DestinationError
from runner.plan import Action, Change
from runner.workflows.accounts import Accounts


def without_false_claims(change: Change, accounts: Accounts) -> Change:
    """The change, or a conflict (a failure, for one to be deleted) where it would take somebody else's audience."""
    if change.applied is None or change.applied.audience_id is not None or change.audience_id is None:
        return change
    if change.intended is Action.ORPHANED:
        return change
    try:
        size = accounts.reader((change.kind, change.account_id)).size(change.audience_id)
    except DestinationError as error:
        return replace(change, intended=Action.FAILED, error=error.message, hint=error.hint)
    if not size:
        return change
    told = (
        f'audience {change.audience_id} is called "{change.name}", as the one whose creation was never answered, '
        f"but it has {size:,} identifiers: someone else made it"
    )
    if change.activation is None:
        hint = (
            "delete or rename that audience in Criteo if it is not needed; --prune then forgets the unanswered create"
        )
        return replace(change, intended=Action.FAILED, error=told, hint=hint)
    hint = f"take it over with `headcount import {change.id} {change.audience_id}`, or choose another name"
    return replace(change, intended=Action.CONFLICT, error=told, hint=hint)


def is_free(audience: LiveAudience, connection: Connection) -> bool:
    """Whether an audience that was found again is as empty as the one that was made. Raises DestinationError."""
    return not connection.size(audience.id)
