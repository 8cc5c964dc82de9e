"""The real parts a workflow works with; whoever starts the workflow chooses them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from runner.engine.interface import MembershipStore, SegmentEvaluator
from runner.state.interface import State
from runner.workflows.progress import Progress


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class RunContext:
    """`clock` tells the time (aware, UTC).

    `stopping` says whether someone asked the run to end, and raises KeyboardInterrupt when it is to end at once.
    """

    state: State
    evaluator: SegmentEvaluator
    memberships: MembershipStore
    clock: Callable[[], datetime]
    progress: Progress = field(default_factory=Progress)
    stopping: Callable[[], bool] = _never
