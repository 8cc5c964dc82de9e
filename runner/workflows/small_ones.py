"""Small segments of a plan, evaluated and compared some at a time: which of its decisions these are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from time import monotonic

from runner.core.errors import HeadcountError, Interrupted, StateError
from runner.core.membership import ComparedMembership, Evaluation, MembershipFiles
from runner.core.project import Activation, Project
from runner.core.records import Action, AudienceKey
from runner.planning.plan import Decision
from runner.quick_dataclass import dataclass
from runner.workflows.context import RunContext

MOST_TOGETHER = 100
"""So many are evaluated at a time at most: who watches sees how far the plan is when they are done."""

MOST_MEMBERS = 500_000
"""So many members they have together at most: their identifiers are in memory at one time, some 100 bytes each."""

MOST_OF_ONE = 50_000
"""So many members one has at most. Its segment may have more people by now, and is then evaluated alone."""


@dataclass(frozen=True, slots=True)
class Ahead:
    """What was found of a segment before its turn came, in so many `seconds`; `compared` is None where it was not
    compared with its audience."""

    evaluation: Evaluation
    compared: ComparedMembership | None = None
    seconds: float = 0.0


def some_at_a_time(decisions: Iterable[Decision]) -> Iterator[tuple[Decision, ...]]:
    """The decisions in their order, as many at a time as may be evaluated together."""
    some: list[Decision] = []
    small = members = 0
    for decision in decisions:
        size = _members(decision)
        if size is not None:
            if small == MOST_TOGETHER or members + size > MOST_MEMBERS:
                yield tuple(some)
                some, small, members = [], 0, 0
            small, members = small + 1, members + size
        some.append(decision)
    if some:
        yield tuple(some)


def small_among(decisions: Iterable[Decision]) -> Mapping[AudienceKey, Activation]:
    """The activations of those decisions whose audiences are known, and small."""
    return {one.key: one.activation for one in decisions if one.activation is not None and _members(one) is not None}


def evaluated_together(
    activations: Mapping[AudienceKey, Activation], project: Project, context: RunContext
) -> Mapping[AudienceKey, Evaluation]:
    """The evaluations of small segments; one that is not there, for any reason, is to be evaluated alone."""
    if len(activations) < 2:
        return {}
    keys = tuple(activations)
    try:
        found = context.evaluator.evaluate_small(tuple(activations.values()), project.sources)
    except Interrupted:
        raise
    except Exception:  # noqa: BLE001 - whatever it is, each by itself says so
        found = {}
    if context.stopping():  # what failed may have been the statement that was interrupted
        raise Interrupted("nothing was sent", "interrupted; nothing was sent")
    return {keys[place]: one for place, one in found.items()}


def look_ahead(
    decisions: Iterable[Decision],
    evaluated: Mapping[AudienceKey, Evaluation | HeadcountError],
    project: Project,
    context: RunContext,
) -> Mapping[AudienceKey, Ahead]:
    """What there is to know of those that are small; some of them are `evaluated` by now, if they could be."""
    began = monotonic()
    records = {one.key: one.applied.record_id for one in decisions if one.applied is not None}
    small = small_among(decisions)
    held: dict[AudienceKey, MembershipFiles] = {}
    for key in small if len(small) > 1 else ():
        try:
            held[key] = context.state.held(records[key])
        except StateError:  # the comparison says so
            continue
    left = {key: small[key] for key, files in held.items() if key not in evaluated and not files.fingerprints}
    found = {key: one for key, one in evaluated.items() if key in held and isinstance(one, Evaluation)}
    found |= evaluated_together(left, project, context)
    asked = {key: (one, held[key]) for key, one in found.items()}
    try:
        compared = context.memberships.compare_small(tuple(asked.values()))
    except Interrupted:
        raise
    except Exception:  # noqa: BLE001 - as above
        compared = {}
    if context.stopping():
        raise Interrupted("nothing was sent", "interrupted; nothing was sent")
    each = (monotonic() - began) / max(len(asked), 1)
    return {key: Ahead(one, compared.get(place), each) for place, (key, (one, _)) in enumerate(asked.items())}


def _members(decision: Decision) -> int | None:
    """How many members an audience has whose segment may be evaluated together with others; None where it may not."""
    applied = decision.applied
    if applied is None or decision.activation is None or decision.refill or decision.replaces:
        return None
    if decision.intended not in (Action.UNCHANGED, Action.UPDATE, Action.SYNC) or applied.refill:
        return None
    members = sum(applied.members.values())
    return members if members <= MOST_OF_ONE else None
