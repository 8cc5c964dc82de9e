"""What a query engine must do. DuckDB is the embedded one; a distributed one can follow.

An implementation
- MUST bring values to the wire forms of the design exactly (tests/conformance holds awkward values with their results),
- MUST let segment SQL read the declared sources and nothing else,
- MUST mask every value in what it reports, errors included,
- MUST write files atomically: under a temporary name, flushed to disk, then renamed,
- MUST NOT hold a membership in Python memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from runner.core.findings import Finding
from runner.core.identifiers import IdentifierType, WireForms
from runner.core.membership import Batch, Delta, Evaluation, MembershipFiles
from runner.core.project import Activation, Source


@dataclass(frozen=True, slots=True)
class SettledMembership:
    """A membership settled: |M ∪ U| per type, and how many of them are unknown.

    With `changes_only`, the file that was written holds what has changed of the membership file there was (see
    MembershipFiles).
    """

    members: Mapping[IdentifierType, int]
    unknown: Mapping[IdentifierType, int]
    changes_only: bool = False


class Engine(Protocol):
    """Evaluates segments over sources and does set algebra on memberships."""

    def check(self, activation: Activation, sources: tuple[Source, ...]) -> tuple[Finding, ...]:
        """What is wrong with the activation's SQL and mapping against the sources, without reading rows."""
        ...

    def evaluate(
        self, activation: Activation, sources: tuple[Source, ...], beside: MembershipFiles | None = None
    ) -> Evaluation:
        """Run the segment, bring mapped columns to wire form. Raises SegmentError.

        Who will compare the segment with one membership only may say so in `beside`: both can then be done in one pass.
        Raises StateError where that cannot be read.
        """
        ...

    def compare(self, evaluation: Evaluation | None, held: MembershipFiles) -> Delta:
        """The delta that brings what is held to the segment (to nothing when `evaluation` is None).

        Raises StateError, and ValueError for an evaluation that was made beside another membership.
        """
        ...

    def write_outbox(
        self, evaluation: Evaluation, held: MembershipFiles, path: Path, batch_size: int
    ) -> tuple[Batch, ...]:
        """Write the delta to `path` in batches of one operation and one type, removals first."""
        ...

    def batches(self, outbox: Path) -> Iterator[tuple[int, WireForms]]:
        """Number and wire forms of each batch, in order, reading the file once, bounded in memory."""
        ...

    def settle(self, held: MembershipFiles, path: Path) -> SettledMembership:
        """Fold an unfinished delta into a new membership file at `path`: taken batches take effect, identifiers of
        batches in flight become unknown, batches never sent are dropped.

        Where little changes of much, the file may hold the changes alone. Raises StateError.
        """
        ...

    def close(self) -> None:
        """Remove every file that evaluations left."""
        ...
