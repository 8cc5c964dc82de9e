"""The embedded evaluator: segments run in locked DuckDB instances, their mapped columns go into a file in wire form."""
# ruff: noqa: S608 (paths are quoted; all else is the engine's own)

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from runner.core.errors import SegmentError
from runner.core.findings import Finding
from runner.core.identifiers import IdentifierType
from runner.core.membership import Evaluation, Rejected
from runner.core.project import Activation, Source, SqlText
from runner.core.sql_quoting import literal
from runner.engine.duckdb import cancellable
from runner.engine.duckdb.instance_pool import InstancePool
from runner.engine.duckdb.session import UNPACKED, load
from runner.engine.duckdb.workspace import Workspace
from runner.engine.interface import AS_GIVEN, BLANK, HASHED, reasons
from runner.engine.segments.bind import advice, prepared
from runner.engine.segments.normalize import wire_select
from runner.engine.segments.reading_again import blaming_data, unless_replaced
from runner.engine.segments.segment_errors import failed, too_slow

if TYPE_CHECKING:
    import duckdb

MAX_SAMPLES = 5
"""Masked samples kept for each reason of rejection."""

Columns = Mapping[IdentifierType, str]
"""The mapped types and their columns in the view `segment`."""


class DuckDBSegmentEvaluator:
    """Implements runner.engine.interface.SegmentEvaluator. May be used from several threads.

    `on_progress` gets the activation's id and percent done while its segment runs.
    """

    def __init__(self, workspace: Workspace, on_progress: Callable[[str, float], None] | None = None) -> None:
        self._workspace = workspace
        self.instances = InstancePool(workspace.limits, workspace.folder)
        self._on_progress = on_progress

    def check(self, activation: Activation, sources: tuple[Source, ...]) -> tuple[Finding, ...]:
        deadline = monotonic() + self._workspace.limits.seconds
        try:
            with (
                self.translating_errors(activation.segment.sql),
                prepared(activation, sources, self._workspace.connection(), self.instances, deadline) as segment,
            ):
                return segment.findings
        except SegmentError as error:
            return (error.finding,) if error.finding else ()

    def advise(self, activation: Activation) -> tuple[Finding, ...]:
        return advice(activation, self._workspace.connection())

    def evaluate(self, activation: Activation, sources: tuple[Source, ...]) -> Evaluation:
        with self.translating_errors(activation.segment.sql):
            path = self.run(activation, sources, wire_statement)
            return counted(self._workspace.connection(), tuple(activation.mapping), path, path)

    def run(
        self,
        activation: Activation,
        sources: tuple[Source, ...],
        statement: Callable[[Columns, Path], str],
        readable: tuple[Path, ...] = (),
    ) -> Path:
        """Run a statement over the view `segment` that writes a file; `readable` are further files that it reads.

        Raises SegmentError for what is wrong with the activation, and what DuckDB and the operating system raise.
        """
        read = partial(self._run, activation, sources, statement, readable)
        return unless_replaced(activation.segment.sql, read)

    def _run(
        self,
        activation: Activation,
        sources: tuple[Source, ...],
        statement: Callable[[Columns, Path], str],
        readable: tuple[Path, ...],
    ) -> Path:
        """Raises SourceReplaced as well."""
        deadline = monotonic() + self._workspace.limits.seconds
        parser, folder = self._workspace.connection(), self._workspace.next_folder()
        watch = partial(self._on_progress, activation.id) if self._on_progress else None
        try:
            with (
                prepared(activation, sources, parser, self.instances, deadline, readable) as segment,
                segment.viewed(deadline) as instance,
            ):
                written = instance.out / f"{folder.name}.parquet"
                sql = statement(segment.columns, written)
                try:
                    with blaming_data(instance, self._workspace.connection):
                        cancellable.run(instance.connection, sql, deadline=deadline, on_progress=watch)
                    # Out of reach of the segment that the instance runs next.
                    folder.mkdir(mode=0o700)
                    return written.replace(folder / "wire.parquet")
                finally:
                    written.unlink(missing_ok=True)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    @contextmanager
    def translating_errors(self, sql: SqlText) -> Iterator[None]:
        """Turn what DuckDB and the operating system raise while a segment runs into SegmentErrors."""
        load()
        import duckdb

        try:
            yield
        except cancellable.TimeLimitReached:
            raise too_slow(sql, self._workspace.limits.seconds) from None
        except (duckdb.Error, OSError, MemoryError) as error:
            raise failed(error, sql, self._workspace.limits.memory, self._workspace.folder) from None

    def release(self) -> None:
        self.close()

    def close(self) -> None:
        with suppress(Exception):  # of a statement that an interrupt left under way: it ends with the process
            self.instances.close()


def wire_statement(columns: Columns, path: Path) -> str:
    """The statement that writes the wire forms of the view `segment` into a file that is short-lived."""
    return f"copy ({wire_select(columns, 'segment')}) to {literal(path)} {UNPACKED}"


def counted(
    connection: duckdb.DuckDBPyConnection,
    types: tuple[IdentifierType, ...],
    file: Path,
    path: Path | None,
    total: str = "count(*)",
) -> Evaluation:
    """What a file of wire forms comes to: only its narrow columns are read.

    `total` counts the segment's rows that a row of the file stands for; `path` is the evaluation's, None where the file
    lacks rows.
    """
    source = f"read_parquet({literal(file)})"
    kinds = ", ".join(f"{identifier_type}_kind" for identifier_type in types)
    # A row without a kind is none of the segment's.
    rows = cancellable.run(
        connection, f"select {kinds}, {total} from {source} where {types[0]}_kind is not null group by all"
    )
    found = [(row[:-1], int(row[-1])) for row in rows]
    blank: dict[IdentifierType, int] = {}
    rejected: list[Rejected] = []
    for position, identifier_type in enumerate(types):
        counts: dict[int, int] = {}
        for combination, count in found:
            counts[combination[position]] = counts.get(combination[position], 0) + count
        blank[identifier_type] = counts.get(BLANK, 0)
        for kind, reason in reasons(identifier_type).items():
            if kind in counts:
                samples = _samples(connection, source, identifier_type, kind)
                rejected.append(Rejected(identifier_type, reason, counts[kind], samples))
    return Evaluation(
        path=path,
        types=types,
        rows=sum(count for _, count in found),
        people=sum(count for combination, count in found if any(kind in (HASHED, AS_GIVEN) for kind in combination)),
        blank=blank,
        rejected=tuple(rejected),
    )


def _samples(
    connection: duckdb.DuckDBPyConnection, source: str, identifier_type: IdentifierType, kind: int
) -> tuple[str, ...]:
    """Some shapes of the values rejected for one reason, the same ones for the same data."""
    rows = cancellable.run(
        connection,
        f"select distinct {identifier_type}_sample as sample from {source} "
        f"where {identifier_type}_kind = $1 order by sample limit {MAX_SAMPLES}",
        [kind],
    )
    return tuple(str(row[0]) for row in rows)
