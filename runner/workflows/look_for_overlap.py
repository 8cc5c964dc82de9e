"""Holding a segment against every other audience of the state, for as long as that may take."""

from __future__ import annotations

from collections.abc import Iterable
from time import monotonic

from runner.core.errors import StateError
from runner.core.membership import ComparedMembership
from runner.core.project import Activation
from runner.core.records import Action, AppliedAudience
from runner.engine.interface import MembershipStore
from runner.planning.overlap import Overlap, SharedWith, in_order, shared_with
from runner.planning.plan import PlannedChange
from runner.quick_dataclass import replace
from runner.state.interface import State

SECONDS = 20.0
"""How long looking at other audiences may take, over all activations of a command."""


def overlap_of(
    activation: Activation, compared: ComparedMembership, state: State, memberships: MembershipStore, deadline: float
) -> Overlap:
    """What other audiences hold of a segment that was compared with nobody; `deadline` is on the monotonic clock.

    Those of the same account come first, then small ones, so that there is time for as many as can be. Raises
    StateError where the segment's own files cannot be read.
    """
    return _overlap(activation, compared, state.audiences(), state, memberships, deadline)


def _overlap(
    activation: Activation,
    compared: ComparedMembership,
    records: Iterable[AppliedAudience],
    state: State,
    memberships: MembershipStore,
    deadline: float,
) -> Overlap:
    others = _others(activation, records)
    sample = memberships.sample(compared) if others else {}
    shared: list[SharedWith] = []
    seen = unreadable = 0
    for record in others:
        if monotonic() >= deadline:
            break
        seen += 1
        try:
            counts = memberships.shared(sample, state.held(record.record_id))
        except StateError:  # damaged, or a run has moved on: what is shown is about the others
            unreadable += 1
            continue
        found = shared_with(record.activation, sample, counts)
        if found is not None:
            elsewhere = "" if record.account == activation.account else record.account_id
            shared.append(replace(found, elsewhere=elsewhere))
    is_estimate = any(part.one_in > 1 for part in sample.values())
    return Overlap(in_order(shared), seen - unreadable, len(others) - seen, unreadable, is_estimate)


def anybody_held(state: State) -> bool:
    """Whether there is any audience to hold a segment against."""
    return any(any(one.members.values()) for one in state.audiences())


def _others(activation: Activation, records: Iterable[AppliedAudience]) -> list[AppliedAudience]:
    found = [one for one in records if one.activation != activation.id and any(one.members.values())]
    return sorted(found, key=lambda one: (one.account != activation.account, sum(one.members.values())))


def with_overlaps(
    changes: tuple[PlannedChange, ...], state: State, memberships: MembershipStore
) -> tuple[PlannedChange, ...]:
    """The changes, each new audience with what others hold of it already."""
    if not any(change.intended is Action.CREATE for change in changes):
        return changes
    deadline = monotonic() + SECONDS
    records = state.audiences()  # once: there may be thousands, and as many new ones
    return tuple(_with_overlap(change, records, state, memberships, deadline) for change in changes)


def _with_overlap(
    change: PlannedChange,
    records: tuple[AppliedAudience, ...],
    state: State,
    memberships: MembershipStore,
    deadline: float,
) -> PlannedChange:
    measured = change.measured
    if change.intended is not Action.CREATE or measured is None or measured.compared.held.files:
        return change
    # It was only counted, when there was no other audience; or nobody may be added, and so nobody of it is known here.
    if not measured.compared.differing or measured.compared.removals_only:
        return change
    try:
        overlap = _overlap(measured.activation, measured.compared, records, state, memberships, deadline)
    except StateError:
        return change  # the plan is right without it
    return replace(change, overlap=overlap)
