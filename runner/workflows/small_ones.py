"""Small segments of a plan, evaluated and compared some at a time: which of its decisions these are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from time import monotonic

from runner.core.errors import Interrupted, StateError
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


def evaluate_small(
    decisions: Sequence[Decision], without: frozenset[AudienceKey], project: Project, context: RunContext
) -> Mapping[AudienceKey, Ahead]:
    """What was found of those that are small, but of those `without`; others, and those that fail, have their turn."""
    began = monotonic()
    asked: dict[AudienceKey, tuple[Activation, MembershipFiles]] = {}
    for decision in decisions:
        if decision.key in without or _members(decision) is None or decision.applied is None:
            continue
        try:
            held = context.state.held(decision.applied.record_id)
        except StateError:
            continue
        if decision.activation is not None:
            asked[decision.key] = decision.activation, held
    if len(asked) < 2:
        return {}
    try:
        found = context.memberships.evaluate_and_compare_small(
            context.evaluator, tuple(asked.values()), project.sources
        )
    except Interrupted:
        raise
    except Exception:  # noqa: BLE001 - whatever it is, each by itself says so
        found = {}
    if context.stopping():
        raise Interrupted("nothing was sent", "interrupted; nothing was sent")
    keys, each = tuple(asked), (monotonic() - began) / len(asked)
    return {keys[place]: Ahead(*both, each) for place, both in found.items()}


def _members(decision: Decision) -> int | None:
    """How many members an audience has whose segment may be evaluated together with others; None where it may not."""
    applied = decision.applied
    if applied is None or decision.activation is None or decision.refill or decision.replaces:
        return None
    if decision.intended not in (Action.UNCHANGED, Action.UPDATE, Action.SYNC) or applied.refill:
        return None
    members = sum(applied.members.values())
    return members if members <= MOST_OF_ONE else None
