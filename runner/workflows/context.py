"""What a workflow works with: the real parts, chosen by the caller that starts it, and who watches the progress."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from runner.quick_dataclass import dataclass, field

if TYPE_CHECKING:
    from runner.core.fingerprints import Fingerprinting
    from runner.core.records import Binding, RunOrigin
    from runner.engine.interface import MembershipStore, SegmentEvaluator
    from runner.state.interface import State


class Progress:
    """Called by a workflow as work goes on, in the thread that does the work; this one shows nothing."""

    def run(self, number: int) -> None:
        """A run begins that has this number in the history, if it comes to be recorded."""

    def evaluating(self, activations: int) -> None:
        """Segments are about to be evaluated."""

    def evaluated(self, activation: str, seconds: float) -> None:
        """One of them is done, well or not."""

    def sending(self, identifiers: int) -> None:
        """So many identifiers are about to be sent, over all activations."""

    def sent(self, activation: str, identifiers: int) -> None:
        """A batch has been taken."""

    def note(self, message: str) -> None:
        """Something worth a line: a definition applied, an unfinished delta settled."""


@dataclass(frozen=True, slots=True)
class RunContext:
    """`clock` tells the time (aware, UTC).

    `origin` says who runs it, for the history. `binding` is what this run is about: the state belongs to it from the
    first run on that sends something.
    `older` says that the state is older than one that was seen before: what audiences hold is not known by it.
    `counts_only` says that nothing will be sent by what is planned, so that nobody need be known who enters or leaves;
    `counts_new`, that nobody need be known either who is in an audience that is new.
    `fingerprinting` is how the run uses fingerprints; None where it uses none.
    `begun` is called when a run has begun, and with True before anything of it leaves, when it is durable in the state.
    `run` is the number of the run under way, since which those whom it adds are members; None before it has begun.
    `stopping` says whether someone asked the run to end, and raises KeyboardInterrupt when it is to end at once.
    """

    state: State
    evaluator: SegmentEvaluator
    memberships: MembershipStore
    clock: Callable[[], datetime]
    progress: Progress = field(default_factory=Progress)
    stopping: Callable[[], bool] = lambda: False
    binding: Binding | None = None
    origin: Callable[[], RunOrigin | None] = lambda: None
    older: bool = False
    begun: Callable[[bool], None] = lambda _: None
    run: int | None = None
    fingerprinting: Fingerprinting | None = None
    counts_only: bool = False
    counts_new: bool = False
