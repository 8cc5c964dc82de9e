"""Limits that stop a change no one can have meant.

They are judged per identifier type, so that a mapping that loses a column is caught even when the segment is as large
as ever. A guardrail that cannot be computed blocks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from runner.core.identifiers import IdentifierType
from runner.core.membership import NOBODY, Delta, Evaluation, TypeDelta
from runner.core.project import Guardrails
from runner.core.records import Action
from runner.destinations.registry import platform_of
from runner.planning.allowances import AllowedRemovals, Grant, option_grant
from runner.planning.blocks import Block
from runner.planning.limits import SMALL, exceeds
from runner.planning.plan import Decision, Measured, PlannedChange
from runner.planning.suppression_rules import PlannedSuppression
from runner.quick_dataclass import replace

_NONE_LEAVES: Delta = {}
SUPPRESSION = "suppression"
"""What blocks an audience that would be filled from nothing while a suppression does not take effect."""

_ANEW = (Action.CREATE, Action.RECREATE)

_NONE_HELD_OUT: Mapping[IdentifierType, int] = {}


def guard(
    decision: Decision,
    measured: Measured | None = None,
    *,
    allow_removals: str = "",
    allowance: AllowedRemovals | None = None,
    allow_recreate: bool = False,
    size: int | None = None,
    held: Delta | None = None,
    leaving: Delta = _NONE_LEAVES,
    waits_for: tuple[PlannedSuppression, ...] = (),
) -> PlannedChange:
    """The change that comes of a decision and its members, with whatever blocks it.

    `allow_removals` is the pattern of the option that lets removals pass for this run, however many; `allowance` is
    what the files let pass. `allow_recreate` allows an account whose audiences are all made again. For a refill, `held`
    is the delta against what the audience holds, where that is known; `size` is what the destination says that it
    holds, which is all that is known of an audience that was imported. `leaving` is what suppressions take out of the
    audience, which no guardrail judges; while one of `waits_for` does not take effect, nobody is added.
    """
    if decision.intended is Action.DELETE:
        return PlannedChange.of(decision, measured, _protected(decision))
    if measured is None:
        return PlannedChange.of(decision)
    limits = measured.activation.guardrails
    blocks = list(_protected(decision)) if decision.replaces else []
    all_gone = _all_gone(decision) if decision.vanished else None
    if all_gone is not None and not allow_recreate:
        blocks.append(all_gone)
    blocks += _members(limits, measured.evaluation)
    blocks += _nobody(decision, limits, measured.evaluation)
    blocks += _waits(decision, waits_for)
    known = held if decision.refill else measured.delta
    known = None if known is None else _without(known, leaving)
    losses = tuple(_losses(decision, measured, limits, size, known))
    grant = _grant(decision, known or {}, allow_removals, allowance) if losses else None
    if grant is None:
        blocks += _not_allowed(decision, losses, allowance)
    if known is not None and not _is_filling(decision):
        blocks += _additions(known, limits)
    if all_gone is not None and allow_recreate and grant is None:
        grant = Grant(all_gone.allow, is_for_removals=False)
    change = PlannedChange.of(decision, measured, blocks)
    return replace(change, allowance=allowance, grant=grant, leaving=leaving, waits_for=waits_for)


def _waits(decision: Decision, waits_for: tuple[PlannedSuppression, ...]) -> Iterator[Block]:
    """An audience that would be filled from nothing waits whole for a suppression that does not take effect."""
    if decision.intended in _ANEW or decision.refill:
        for one in waits_for:
            yield Block(SUPPRESSION, f"suppression {one.name} does not take effect, so nobody may be added")


def _without(delta: Delta, leaving: Delta) -> Delta:
    """The delta without what suppressions take out."""
    gone = {kind: part.removed for kind, part in leaving.items()}
    return {
        kind: replace(
            part,
            before=max(0, part.before - gone.get(kind, 0)),
            removed=max(0, part.removed - gone.get(kind, 0)),
        )
        for kind, part in delta.items()
    }


def _grant(decision: Decision, delta: Delta, option: str, allowance: AllowedRemovals | None) -> Grant | None:
    """What lets removals pass, if anything does; the files allow those of a delta only, whose number is known."""
    if option:
        return option_grant(option)
    if allowance is None or decision.refill or decision.replaces:
        return None
    leaving = sum(max(0, part.certainly_removed) for part in delta.values())
    return allowance.grant if leaving <= allowance.left else None


def _not_allowed(decision: Decision, losses: tuple[Block, ...], allowance: AllowedRemovals | None) -> Iterator[Block]:
    """The blocks, with the way out; and with why the permission of the files, if there is one, is none."""
    why = _why_not(decision, allowance) if allowance is not None else ""
    for block in losses:
        yield replace(block, message=block.message + why, allow=f"--allow-removals {decision.id}")


def _why_not(decision: Decision, allowance: AllowedRemovals) -> str:
    if allowance.ended:
        return f"; guardrails.allow ended on {allowance.permission.until}"
    if decision.refill or decision.replaces:
        return "; guardrails.allow says nothing of an audience that is cleared or made again"
    return f"; guardrails.allow leaves {allowance.left:,} of {allowance.permission}"


def _protected(decision: Decision) -> Iterator[Block]:
    if decision.applied is not None and decision.applied.protected:
        again = "make this change" if decision.replaces else "remove it"
        yield Block(
            "protect",
            f"the audience is protected: declare it again with `protect: false`, apply, then {again}",
        )


def _all_gone(decision: Decision) -> Block:
    """Nobody deletes all audiences of an account; another account, another API or an old state looks just so."""
    account, platform = decision.account.account_id, platform_of(decision.account.kind)
    return Block(
        "all_gone",
        f"all {decision.vanished:,} audiences that the state knows in account {account} are gone in {platform}"
        " at once: is this the right address, and the right state?",
        allow=f"--allow-recreate {account}",
    )


def _losses(
    decision: Decision, measured: Measured, limits: Guardrails, size: int | None, known: Delta | None
) -> Iterator[Block]:
    if decision.replaces:
        return _replaced(decision, measured.delta, size)
    return (
        _refill(decision, measured.delta, limits, size)
        if known is None
        else _removals(known, limits, measured.newly_held_out)
    )


def _replaced(decision: Decision, delta: Delta, size: int | None) -> Iterator[Block]:
    """An audience that is deleted and created again loses all its members, however many there are."""
    what = "the audience must be deleted and created again"
    parts = ", ".join(f"{part.removed:,} {kind}" for kind, part in delta.items() if part.removed)
    if parts:
        yield Block("re_create", f"{what}: all {parts} would be removed")
    elif decision.applied is not None and decision.applied.refill:
        held = sum(decision.applied.members.values()) or size
        if held != 0:
            number = "an unknown number of" if held is None else f"all {held:,}"
            yield Block("re_create", f"{what}: {number} identifiers would be removed")


def _nobody(decision: Decision, limits: Guardrails, evaluation: Evaluation) -> Iterator[Block]:
    """A new audience without a member is a mistake in data or SQL, unless its files say that it may be empty."""
    if limits.min_members is not None or evaluation.people or decision.intended not in _ANEW:
        return
    rejected = ", ".join(f"{part.count:,} {part.identifier_type} {part.reason}" for part in evaluation.rejected)
    if rejected:
        why = f"every value of the segment is rejected ({rejected})"
    elif evaluation.rows:
        why = f"none of the {evaluation.rows:,} rows of the segment has a value to send"
    else:
        why = "the segment yields nobody"
    yield Block("min_members", f"{why}, so the new audience would be empty")


def _members(limits: Guardrails, evaluation: Evaluation) -> Iterator[Block]:
    people = evaluation.people
    if limits.min_members is not None and people < limits.min_members:
        yield Block(
            "min_members",
            f"the segment has {people:,} people with a valid identifier, fewer than {limits.min_members:,}",
        )


def _removals(
    delta: Delta, limits: Guardrails, held_out: Mapping[IdentifierType, int] = _NONE_HELD_OUT
) -> Iterator[Block]:
    for kind, part in delta.items():
        because = f"; {held_out[kind]:,} of them because of the holdout" if held_out.get(kind) else ""
        if part.before and not part.after:
            gone = f"the segment has no {kind} any more: all {part.before:,} would be removed{because}"
            yield Block("empty_segment", gone)
        elif part.removed and _judged(limits, part.before) and exceeds(part.removed, part.before, limits.max_removed):
            yield Block(
                "max_removed",
                f"{part.removed:,} of {part.before:,} {kind} would be removed ({_share(part.removed, part.before)}),"
                f" more than {limits.max_removed}{because}",
            )


def _additions(delta: Delta, limits: Guardrails) -> Iterator[Block]:
    for kind, part in delta.items():
        if limits.max_added is None or (limits.max_added.percent and not part.before):
            continue  # a share of nothing is no limit: the first fill is always larger
        new = part.after - part.before + part.removed  # without those sent again only because they are in doubt
        if exceeds(new, part.before, limits.max_added):
            yield Block("max_added", f"{new:,} {kind} would be added to {part.before:,}, more than {limits.max_added}")


def _is_filling(decision: Decision) -> bool:
    """Whether an earlier run began to fill the audience and was cut off: what it was let add may still be added."""
    return decision.applied is not None and decision.applied.filling and decision.intended not in _ANEW


def _refill(decision: Decision, delta: Delta, limits: Guardrails, size: int | None) -> Iterator[Block]:
    """A refill removes all who are not in the segment: at least as many as the audience is now larger than it."""
    known = decision.applied.members if decision.applied else {}
    after = {kind: part.after for kind, part in delta.items()}
    members = sum(after.values())
    if known:
        shrunk = {
            kind: TypeDelta(before=held, after=after.get(kind, 0), added=0, removed=max(0, held - after.get(kind, 0)))
            for kind, held in known.items()
        }
        yield from _removals(shrunk, limits)
    elif size is None:
        unsaid = f"{platform_of(decision.account.kind)} does not say how many identifiers the audience holds"
        yield Block("refill", f"{unsaid}, so removals cannot be judged")
    elif size and not members:
        yield Block("empty_segment", f"the segment is empty: all {size:,} identifiers of the audience would be removed")
    elif _judged(limits, size) and exceeds(max(0, size - members), size, limits.max_removed):
        yield Block(
            "max_removed",
            f"the audience holds {size:,} identifiers and the segment {members:,}: at least"
            f" {_share(size - members, size)} would be removed, more than {limits.max_removed}",
        )


def _judged(limits: Guardrails, before: int) -> bool:
    return limits.max_removed_declared or before >= SMALL


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}%"


def beyond_announced(change: PlannedChange, announced: Delta) -> Iterator[str]:
    """Where the removals of a change pass what a reviewed plan announced by more than `max_removed` allows.

    The excess is judged per identifier type, as removals are, against the membership before the change. An audience
    that is cleared is judged by how much smaller it would be than was announced. A type that would lose all its members
    must have been announced.
    """
    limits = change.activation.guardrails if change.activation else Guardrails()
    for kind, part in change.delta.items():
        said = announced.get(kind, NOBODY)
        before = said.after if change.refill else part.before
        gone = change.leaving.get(kind, NOBODY).removed
        excess = said.after - part.after if change.refill else part.removed - gone - said.removed
        if before > gone and not part.after and (said.after or kind not in announced):
            yield f"the segment has no {kind} any more, which the reviewed plan did not announce"
        elif excess > 0 and _judged(limits, before) and exceeds(excess, before, limits.max_removed):
            yield (
                f"{excess:,} {kind} more would be removed than the reviewed plan announced"
                f" ({_share(excess, before)} of {before:,}), more than {limits.max_removed}"
            )
