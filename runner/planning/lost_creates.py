"""Which audience a create has made whose answer never came, and whether one of its name is somebody else's."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from runner.core.destination import LiveAudience
from runner.core.records import AppliedAudience
from runner.destinations.registry import platform_of
from runner.planning.plan import Decision

CLOCK_TOLERANCE = timedelta(minutes=5)
"""By how much the destination's clock that dates answers, and intents, may differ from the one that dates audiences."""

WAIT = timedelta(days=1)
"""How long after a create was given up it may take effect."""


def found_again(
    intent: AppliedAudience, live: Iterable[LiveAudience], applied: Iterable[AppliedAudience]
) -> LiveAudience | None:
    """The audience that a create made whose answer was lost: it has the name, is not older than the intent, and is
    no other record's. Nobody else can have made it before the intent, for then planning would have met a conflict.
    Where two intents have the name, the latest that is not younger than the audience made it."""
    neighbours = [record for record in applied if record.account == intent.account]
    ours = {record.audience_id for record in neighbours}
    later = [record.intended_at for record in neighbours if _claims_after(record, intent)]
    for audience in live:
        if audience.created_at is not None and any(at <= audience.created_at for at in later):
            continue
        named = intent.definition is not None and audience.name == intent.definition.name
        young = audience.created_at is None or audience.created_at >= intent.intended_at - CLOCK_TOLERANCE
        if named and young and _in_time(intent, audience) and audience.id not in ours and not audience.other_kind:
            return audience
    return None


def _in_time(intent: AppliedAudience, audience: LiveAudience) -> bool:
    """Whether an audience can still be of a create that was given up; one without a date cannot."""
    if intent.given_up_at is None:
        return True
    return audience.created_at is not None and audience.created_at <= intent.given_up_at + WAIT


def _claims_after(record: AppliedAudience, intent: AppliedAudience) -> bool:
    """Whether the record is another unanswered create of the same name, and a later one."""
    named = intent.definition is not None and asks_for(record, intent.definition.name)
    return named and record.intended_at > intent.intended_at


def asks_for(record: AppliedAudience, name: str) -> bool:
    """Whether a record is an intent without an answer for an audience of that name."""
    return record.audience_id is None and record.definition is not None and record.definition.name == name


def claimed_by_another(decision: Decision, audience_id: str, size: int) -> Decision:
    """A decision about an audience taken for the one that a lost create made, which has members: it is not ours."""
    error = (
        f'audience {audience_id} is called "{decision.name}", as the one whose creation was never answered, '
        f"but it has {size:,} identifiers: someone else made it"
    )
    if decision.activation is None:
        hint = f"delete or rename that audience in {platform_of(decision.account.kind)} if it is not needed"
        return decision.failed(error, f"{hint}; --prune then forgets the unanswered create")
    hint = f"take it over with `headcount import {decision.id} {audience_id}`, or choose another name"
    return decision.in_conflict(error, hint)
