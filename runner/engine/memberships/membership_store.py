"""The embedded membership store: set algebra in DuckDB over the Parquet files of the state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from runner.core.errors import StateError
from runner.core.identifiers import IdentifierType, WireForms
from runner.core.membership import (
    Batch,
    ComparedMembership,
    Evaluation,
    MembershipFiles,
    Sample,
    SettledMembership,
)
from runner.core.project import Activation, Source
from runner.engine.duckdb.workspace import Workspace
from runner.engine.interface import SegmentEvaluator
from runner.engine.joined_pass import evaluate_joined
from runner.engine.memberships import differences, sampling
from runner.engine.memberships.compaction import fold_delta
from runner.engine.memberships.parquet_files import translating_errors


class DuckDBMembershipStore:
    """Implements runner.engine.interface.MembershipStore. May be used from several threads."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def evaluate_and_compare(
        self, evaluator: SegmentEvaluator, activation: Activation, sources: tuple[Source, ...], held: MembershipFiles
    ) -> tuple[Evaluation, ComparedMembership]:
        joined = evaluate_joined(evaluator, self._workspace, activation, sources, held)
        if joined is None:
            evaluation = evaluator.evaluate(activation, sources)
            return evaluation, self.compare(evaluation, held)
        evaluation, file = joined
        return evaluation, self._compared(evaluation, held, (file,))

    def compare(self, evaluation: Evaluation | None, held: MembershipFiles) -> ComparedMembership:
        if evaluation is not None and evaluation.path is None:
            raise StateError("the membership changed after the segment was compared with it", "run the command again")
        return self._compared(evaluation, held, None)

    def write_outbox(self, compared: ComparedMembership, path: Path, batch_size: int) -> tuple[Batch, ...]:
        with translating_errors("writing the outbox", (), self._workspace.folder):
            connection = self._workspace.connection()
            return differences.write_outbox(connection, compared, path, batch_size, self._workspace.folder)

    def batches(self, outbox: Path) -> Iterator[tuple[int, WireForms]]:
        with translating_errors("reading the outbox", (outbox,), self._workspace.folder):
            yield from differences.read_batches(self._workspace.connection(), outbox)

    def settle(self, held: MembershipFiles, path: Path) -> SettledMembership:
        with translating_errors("settling the membership", held.files, self._workspace.folder):
            return fold_delta(self._workspace.connection(), held, path, self._workspace.folder)

    def sample(self, compared: ComparedMembership) -> Sample:
        folder = self._workspace.next_folder()
        with translating_errors("the comparison", (), self._workspace.folder):
            folder.mkdir(mode=0o700)
            return sampling.sampled(self._workspace.connection(), compared, folder)

    def shared(self, sample: Sample, held: MembershipFiles) -> Mapping[IdentifierType, int]:
        with translating_errors("the comparison with another audience", held.files, self._workspace.folder):
            return sampling.shared(self._workspace.connection(), sample, held)

    def _compared(
        self, evaluation: Evaluation | None, held: MembershipFiles, joined: tuple[Path, ...] | None
    ) -> ComparedMembership:
        folder = self._workspace.next_folder()
        with translating_errors("the comparison", held.files, self._workspace.folder):
            folder.mkdir(mode=0o700)
            connection, limits = self._workspace.connection(), self._workspace.limits
            return differences.compared(connection, limits, evaluation, held, folder, joined)
