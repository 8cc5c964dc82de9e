"""What a plan says besides what it does: how many an audience loses that goes, and who is let pass or held out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from runner.core.identifiers import IdentifierType
from runner.core.membership import TypeDelta
from runner.core.records import Action
from runner.planning.plan import PlannedChange


def members_of(change: PlannedChange) -> Mapping[IdentifierType, TypeDelta]:
    """The change's members by type; for an audience that is no longer declared, what the state knows of it."""
    if change.activation is not None or change.applied is None:
        return change.delta
    goes = change.intended is Action.DELETE
    return {
        kind: TypeDelta(held, 0 if goes else held, 0, held if goes else 0)
        for kind, held in change.applied.members.items()
    }


def let_pass(change: PlannedChange) -> Iterator[str]:
    """What removals of the change were let pass by, and what the files go on to allow."""
    if change.grant is not None:
        reason = f": {change.grant.reason}" if change.grant.reason else ""
        yield f"these removals are let pass by {change.grant.by}{reason}"
    if change.allowance is not None and not change.allowance.ended:
        yield f"guardrails.allow: {change.allowance.used:,} of {change.allowance.permission} used so far"


def held_out(change: PlannedChange) -> Iterator[str]:
    """Whom the holdout of an activation leaves out, and how many members leave because of it."""
    if change.measured is None or change.activation is None or change.activation.holdout is None:
        return
    evaluation, leaving = change.measured.evaluation, change.measured.newly_held_out
    because = ", ".join(f"{count:,} {kind}" for kind, count in leaving.items())
    leave = f"; {because} leave because of it" if because else ""
    yield f"held out: {evaluation.held_out:,} of {evaluation.rows:,} rows, {change.activation.holdout}{leave}"
    if evaluation.without_key:
        key = change.activation.holdout.by
        yield f"left out as well, since they have no {key} to decide by: {evaluation.without_key:,} rows"
