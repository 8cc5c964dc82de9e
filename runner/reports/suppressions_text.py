"""Suppressions in a plan, for people at a terminal and for a pull request."""

from __future__ import annotations

from collections.abc import Iterator

from runner.core.findings import Finding
from runner.core.records import Action
from runner.planning.md5_addresses import NOT_RECOGNISED
from runner.planning.plan import Plan
from runner.planning.suppression_rules import PlannedSuppression, Standing, no_identifiers
from runner.planning.ways_out import ways_out_of_suppression
from runner.reports.format import plural

SHOWN_AUDIENCES = 10
"""Audiences that a new suppression takes people out of; the JSON document has them all."""


def told(plan: Plan) -> tuple[PlannedSuppression, ...]:
    """The suppressions that a plan has something to say of."""
    return tuple(one for one in plan.suppressions if not one.takes_effect or _moves(one) or _names_nobody(one))


def _moves(one: PlannedSuppression) -> bool:
    """Whether it is another than the time before."""
    return one.is_new or one.rejects_others


def _names_nobody(one: PlannedSuppression) -> bool:
    """Whether it yields values, and none of them is an identifier: it is not what somebody meant."""
    return one.rejected > 0 and one.named is not None and not any(one.members.values())


def heading(one: PlannedSuppression) -> str:
    """What it is and why."""
    reason = f" ({one.reason})" if one.reason else ""
    what = "failed" if one.error else "blocked" if one.blocks else "waits" if one.waits else str(one.standing)
    return f"suppression {one.name}  {what}{reason}"


def sentences(one: PlannedSuppression) -> Iterator[str]:
    """What it does, a sentence each; what keeps it from doing that first."""
    if not one.takes_effect:
        yield f"{one.why_not()}"
        for advice in ways_out_of_suppression(one):
            yield f"-> {advice}"
        yield "nobody is added where it applies, and whom it named last goes on leaving"
    if one.standing is Standing.UNDECLARED:
        if one.takes_effect:
            yield "whom it named may be sent again"
        return
    if one.named is not None:
        total = plural(sum(one.members.values()), "identifier")
        yield f"names {total}: {one.entered:,} entered, {one.left:,} left"
    if one.rejected or one.rejects_others:
        yield no_identifiers(one)
    for part in one.takes[:SHOWN_AUDIENCES]:
        yield f"takes {part.removed:,} of {part.before:,} {part.identifier_type} out of {part.activation}"
    if len(one.takes) > SHOWN_AUDIENCES:
        yield f"and people out of {len(one.takes) - SHOWN_AUDIENCES:,} more"


def unrecognised(plan: Plan) -> Iterator[Finding]:
    """The warnings about people whom suppressions cannot recognise, of activations that nothing else is shown of."""
    for change in plan.having(Action.UNCHANGED):
        yield from (one for one in change.warnings if one.code == NOT_RECOGNISED)


def withdrawal_sentences(plan: Plan) -> Iterator[str]:
    """What leaves audiences that the plan says nothing else of, or that are blocked or failed."""
    shown = {change.key for change in plan.pending}
    for one in plan.withdrawals:
        if one.error:
            yield f"{one.record.activation}: {one.error}"
        elif one.record.key not in shown:
            left = plural(one.removed, "identifier")
            what = f"up to {left}, its members not being known," if one.is_blind else left
            leave = "leaves" if one.removed == 1 and not one.is_blind else "leave"
            yield f"{one.record.activation}: {what} {leave}, named by a suppression"
