"""What finds the people of a segment, and what compares them with an audience: two interfaces.

The embedded DuckDB implements both. A warehouse would implement `SegmentEvaluator` alone: memberships are Parquet files
of the state, whatever ran the SQL.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from runner.core.findings import Finding
from runner.core.identifiers import WireForms
from runner.core.membership import Batch, ComparedMembership, Evaluation, MembershipFiles, SettledMembership
from runner.core.project import Activation, Source


class SegmentEvaluator(Protocol):
    """Finds the people of a segment, as wire forms.

    An implementation
    - MUST bring values to the wire forms of the design exactly (tests/conformance holds awkward values and results),
    - MUST let segment SQL read the declared sources and nothing else,
    - MUST mask every value in what it reports, errors included,
    - MUST NOT hold a segment's people in Python memory.

    `Evaluation.path` is a Parquet file with a row for each row of the SQL and three columns for each mapped type, named
    after it (`email`, `email_kind`, `email_sample`):
    - `<type>` BLOB: the wire form as bytes (a SHA-256 as its 32 bytes, an MD5 as its 16, a UUID as its 16 or text as
      UTF-8, as normalize.py says), null where the value is blank or rejected; one identifier may occur in many rows;
    - `<type>_kind` UTINYINT: 0 blank, 1 hashed here, 2 taken as it was given, from 3 on rejected, for the reason of
      that number in `normalize.reasons`;
    - `<type>_sample` VARCHAR: the masked shape of a rejected value, null for any other.
    """

    def check(self, activation: Activation, sources: tuple[Source, ...]) -> tuple[Finding, ...]:
        """What is wrong with the activation's SQL and mapping against the sources, without reading rows."""
        ...

    def evaluate(self, activation: Activation, sources: tuple[Source, ...]) -> Evaluation:
        """Run the segment, bring mapped columns to wire form. Raises SegmentError."""
        ...

    def close(self) -> None:
        """Give back what evaluations left open."""
        ...


class MembershipStore(Protocol):
    """Does set algebra on segments and the membership files of the state (see MembershipFiles for their columns).

    An implementation
    - MUST write files whole or not at all; the state makes them durable,
    - MUST NOT hold a membership in Python memory.
    """

    def evaluate_and_compare(
        self, evaluator: SegmentEvaluator, activation: Activation, sources: tuple[Source, ...], held: MembershipFiles
    ) -> tuple[Evaluation, ComparedMembership]:
        """Evaluate a segment and compare it with one membership: as `evaluate` and `compare`, perhaps in one pass.

        Raises SegmentError, and StateError where the membership cannot be read.
        """
        ...

    def compare(self, evaluation: Evaluation | None, held: MembershipFiles) -> ComparedMembership:
        """What brings the membership to the segment (to nothing when `evaluation` is None). Raises StateError."""
        ...

    def write_outbox(self, compared: ComparedMembership, path: Path, batch_size: int) -> tuple[Batch, ...]:
        """Write the delta to `path` in batches of one operation and one type, removals first.

        No file is written when there is nothing to send. Raises StateError.
        """
        ...

    def batches(self, outbox: Path) -> Iterator[tuple[int, WireForms]]:
        """Number and wire forms of each batch, in order, read once and bounded in memory. Raises StateError."""
        ...

    def settle(self, held: MembershipFiles, path: Path) -> SettledMembership:
        """Fold an unfinished delta into a new membership file at `path`: taken batches take effect, identifiers of
        batches in flight become unknown, batches never sent are dropped.

        Where little changes of much, the file may hold the changes alone. Raises StateError.
        """
        ...
