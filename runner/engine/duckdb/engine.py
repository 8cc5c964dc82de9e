"""The embedded engine: DuckDB in this process, locked instances for segments and one of our own for the rest."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from runner.core.errors import SegmentError
from runner.core.findings import Finding
from runner.core.identifiers import IdentifierType, WireForms
from runner.core.membership import Batch, Delta, Evaluation, MembershipFiles
from runner.core.project import Activation, Source, SqlText
from runner.engine.duckdb import cancellable
from runner.engine.duckdb.duckdb_errors import failed, too_slow
from runner.engine.duckdb.instance_pool import InstancePool
from runner.engine.duckdb.library import load
from runner.engine.duckdb.scratch_folder import Scratch, open_scratch
from runner.engine.duckdb.session import limits, open_session
from runner.engine.interface import SettledMembership
from runner.engine.memberships import differences, set_algebra
from runner.engine.memberships.compaction import fold_delta
from runner.engine.memberships.parquet_files import first_damaged, told
from runner.engine.segments.bind import prepared
from runner.engine.segments.evaluate import beside_statement, measure, write_statement

if TYPE_CHECKING:
    import duckdb

BESIDE_FROM, BESIDE_TO = 100_000_000, 470_000_000
"""Bytes of a membership with which a segment is compared while it runs, some three to thirteen million members. Fewer
take less memory in portions and no more time; more would not fit into memory at once."""


class DuckDBEngine:
    """Implements runner.engine.interface.Engine.

    `scratch` is the folder below which evaluations and spill files live until `close` (a folder of the system's for
    temporary files by default). `memory_limit` ("2GB") and `threads` bound each DuckDB instance, `time_limit` (seconds)
    each segment. `on_progress` gets the activation's id and percent done while its segment runs.

    May be used from several threads.
    """

    def __init__(
        self,
        scratch: Path | None = None,
        *,
        threads: int | None = None,
        memory_limit: str | None = None,
        time_limit: float | None = None,
        on_progress: Callable[[str, float], None] | None = None,
    ) -> None:
        self._scratch: Scratch | None = open_scratch(scratch)
        self._folder = self._scratch.path
        self._limits = limits(memory_limit, threads, time_limit)
        self._instances = InstancePool(self._limits, self._folder)
        self._on_progress = on_progress
        self._numbers = count()
        self._own: duckdb.DuckDBPyConnection | None = None
        self._compared: dict[tuple[Path, MembershipFiles], tuple[differences.TypeDifference, ...]] = {}
        self._guard = threading.Lock()

    def check(self, activation: Activation, sources: tuple[Source, ...]) -> tuple[Finding, ...]:
        """What is wrong with the activation's SQL and mapping against the sources, without reading rows."""
        deadline = monotonic() + self._limits.seconds
        try:
            with (
                self._telling(activation.segment.sql),
                prepared(activation, sources, self._connection(), self._instances, deadline) as segment,
            ):
                return segment.findings
        except SegmentError as error:
            return _findings(error)

    def evaluate(
        self, activation: Activation, sources: tuple[Source, ...], beside: MembershipFiles | None = None
    ) -> Evaluation:
        """Run the segment, bring mapped columns to wire form. Raises SegmentError.

        A great membership `beside` is compared in the same pass; raises StateError where it cannot be read.
        """
        if beside is not None and (len(activation.mapping) > 1 or not _pays_beside(beside)):
            beside = None
        folder = self._next_folder()
        try:
            with self._telling(activation.segment.sql, beside):
                path, types = self._run(activation, sources, folder, beside)
                return measure(self._connection(), path, types, beside)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def compare(self, evaluation: Evaluation | None, held: MembershipFiles) -> Delta:
        """The delta that brings what is held to the segment (to nothing when `evaluation` is None).

        Raises StateError, and ValueError for an evaluation that was made beside another membership.
        """
        return {
            found.identifier_type: found.counts
            for found in self._differences(evaluation, held)
            if _matters(found, evaluation)
        }

    def write_outbox(
        self, evaluation: Evaluation, held: MembershipFiles, path: Path, batch_size: int
    ) -> tuple[Batch, ...]:
        """Write the delta to `path` in batches of one operation and one type, removals first.

        No file is written when there is nothing to send. Raises StateError.
        """
        found = self._differences(evaluation, held)
        with told("writing the outbox", (), self._folder):
            return differences.write_outbox(self._connection(), found, path, batch_size, self._folder)

    def batches(self, outbox: Path) -> Iterator[tuple[int, WireForms]]:
        """Number and wire forms of each batch, in order, some batches at a time. Raises StateError."""
        with told("reading the outbox", (outbox,), self._folder):
            yield from differences.read_batches(self._connection(), outbox)

    def settle(self, held: MembershipFiles, path: Path) -> SettledMembership:
        """Fold an unfinished delta into a new membership file at `path`, or a file of changes. Raises StateError."""
        with told("settling the membership", held.files, self._folder):
            return fold_delta(self._connection(), held, path, self._folder)

    def close(self) -> None:
        """Remove every file that evaluations left."""
        with self._guard:
            own, self._own = self._own, None
            self._compared.clear()
            scratch, self._scratch = self._scratch, None
        with suppress(Exception):  # of a statement that an interrupt left under way: it ends with the process
            if own is not None:
                own.close()
            self._instances.close()
        if scratch is not None:
            scratch.remove()

    def _run(
        self, activation: Activation, sources: tuple[Source, ...], folder: Path, beside: MembershipFiles | None
    ) -> tuple[Path, tuple[IdentifierType, ...]]:
        deadline = monotonic() + self._limits.seconds
        held = beside or MembershipFiles()
        with (
            prepared(activation, sources, self._connection(), self._instances, deadline, held.files) as segment,
            segment.viewed(deadline) as instance,
        ):
            written = instance.out / f"{folder.name}.parquet"
            statement = _statement(segment.columns, written, held)
            try:
                cancellable.run(
                    instance.connection, statement, deadline=deadline, on_progress=self._watch(activation.id)
                )
                # Out of reach of whichever segment the instance runs next.
                folder.mkdir(mode=0o700)
                return written.replace(folder / "wire.parquet"), tuple(segment.columns)
            finally:
                written.unlink(missing_ok=True)

    @contextmanager
    def _telling(self, sql: SqlText, beside: MembershipFiles | None = None) -> Iterator[None]:
        """Turn what DuckDB and the operating system raise while a segment runs into SegmentErrors.

        And into a StateError where a file `beside` is to blame.
        """
        load()
        import duckdb

        try:
            yield
        except cancellable.TimeLimitReached:
            raise too_slow(sql, self._limits.seconds) from None
        except (duckdb.Error, OSError, MemoryError) as error:
            if beside is not None and isinstance(error, duckdb.Error):
                damage = first_damaged(self._connection(), beside.files, self._folder)
                if damage is not None:
                    raise damage from None
            raise failed(error, sql, self._limits.memory, self._folder) from None

    def _watch(self, activation: str) -> Callable[[float], None] | None:
        report = self._on_progress
        return None if report is None else lambda percent: report(activation, percent)

    def _differences(
        self, evaluation: Evaluation | None, held: MembershipFiles
    ) -> tuple[differences.TypeDifference, ...]:
        """Compare, or take what an earlier comparison of the same files found."""
        if evaluation is not None and evaluation.beside not in (None, held):
            raise ValueError("the evaluation was made beside another membership")
        key = (evaluation.path, held) if evaluation is not None else None
        with self._guard:
            found = self._compared.get(key) if key else None
        if found is None:
            folder = self._next_folder()
            with told("the comparison", held.files, self._folder):
                folder.mkdir(mode=0o700)
                found = differences.differences(self._connection(), self._limits, evaluation, held, folder)
            if key:
                with self._guard:
                    self._compared[key] = found
        return found

    def _connection(self) -> duckdb.DuckDBPyConnection:
        """A connection of this call's own to the instance that runs no segment."""
        with self._guard:
            if self._own is None:
                self._own = open_session(self._limits, self._folder / "spill")
                # Memberships are sets. A segment keeps its order: `limit` without `order by` must mean the same people.
                self._own.execute("set preserve_insertion_order = false")
            return self._own.cursor()

    def _next_folder(self) -> Path:
        """A folder that is not there yet."""
        return self._folder / str(next(self._numbers))


def _matters(found: differences.TypeDifference, evaluation: Evaluation | None) -> bool:
    """Whether a type belongs into the delta: it is mapped now, or has members."""
    mapped = evaluation is not None and found.identifier_type in evaluation.types
    return mapped or found.counts.before > 0


def _statement(columns: Mapping[IdentifierType, str], path: Path, beside: MembershipFiles) -> str:
    """What runs the segment, and compares it with what is held of its one type where that is wanted."""
    for identifier_type, column in columns.items():
        before = set_algebra.before(beside, identifier_type)
        if before is not None:
            return beside_statement(identifier_type, column, before, path)
    return write_statement(columns, path)


def _pays_beside(held: MembershipFiles) -> bool:
    try:
        return held.members is not None and BESIDE_FROM <= held.members.stat().st_size < BESIDE_TO
    except OSError:
        return False  # whoever compares with it says so


def _findings(error: SegmentError) -> tuple[Finding, ...]:
    return (error.finding,) if error.finding else ()
