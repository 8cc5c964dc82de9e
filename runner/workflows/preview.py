"""Looking at one segment without an ad account: who is in it, and what that would change."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from time import monotonic

from runner.core.errors import SegmentError
from runner.core.identifiers import IdentifierType
from runner.core.membership import Delta, Evaluation, MembershipFiles
from runner.core.project import Activation, Project
from runner.engine.interface import MembershipStore, SegmentEvaluator
from runner.planning.overlap import Overlap
from runner.quick_dataclass import dataclass
from runner.state.interface import State
from runner.workflows.failure_messages import as_failure
from runner.workflows.look_for_overlap import SECONDS, overlap_of


@dataclass(frozen=True, slots=True)
class Preview:
    """A segment evaluated, after suppressions. `identifiers` are distinct ones, per type.

    `delta` is what would be added to its audience and removed, None where the state knows of no audience; `refill` says
    that the audience is cleared first.
    """

    activation: Activation
    evaluation: Evaluation
    identifiers: dict[IdentifierType, int]
    overlap: Overlap
    delta: Delta | None = None
    refill: bool = False


def preview(
    activation: Activation, project: Project, evaluator: SegmentEvaluator, memberships: MembershipStore, state: State
) -> Preview:
    """Evaluate the activation's segment, and hold it against the state. Raises HeadcountError."""
    record = next((one for one in state.audiences() if one.key == activation.key and one.audience_id), None)
    evaluator.expect((activation, *project.suppressions), project.sources)
    try:
        evaluation = evaluator.evaluate(activation, project.sources)
        named = tuple(_named(activation, project, evaluator, memberships))
    except SegmentError as error:
        raise as_failure(error) from None
    evaluator.release()
    if named:
        evaluation = memberships.without(evaluation, named)
    alone = memberships.compare(evaluation, MembershipFiles())
    delta = memberships.compare(evaluation, state.held(record.record_id)).delta if record else None
    overlap = overlap_of(activation, alone, state, memberships, monotonic() + SECONDS)
    identifiers = {kind: part.after for kind, part in alone.delta.items()}
    return Preview(activation, evaluation, identifiers, overlap, delta, record.refill if record else False)


def _named(
    activation: Activation, project: Project, evaluator: SegmentEvaluator, memberships: MembershipStore
) -> Iterator[Path]:
    """A file of whom each suppression names now that is for the activation. Raises SegmentError, StateError."""
    for suppression in project.suppressions:
        if suppression.concerns(activation.account):
            path = memberships.named(evaluator.evaluate(suppression, project.sources))
            if memberships.counted(path):
                yield path
