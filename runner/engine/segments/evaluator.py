"""The embedded evaluator: a segment's mapped columns go into a file in wire form, and what is in it is counted."""
# ruff: noqa: S608 (paths are quoted; all else is the engine's own)

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from runner.core.asked_people import AskedPeople, GivenValue
from runner.core.findings import Finding
from runner.core.fingerprints import Fingerprinting, Salt
from runner.core.holdout import Choice
from runner.core.identifiers import IdentifierType
from runner.core.membership import Evaluation, Rejected
from runner.core.project import Activation, Evaluated, Source, SqlText, TableName
from runner.core.sql_quoting import file_list, literal, one_file
from runner.engine.duckdb import cancellable
from runner.engine.duckdb.session import load
from runner.engine.duckdb.workspace import Workspace
from runner.engine.fingerprint_sql import LEAST, PAYS, looked_up_in, origin_of
from runner.engine.interface import (
    AS_GIVEN,
    BLANK,
    HASHED,
    HELD_OUT,
    KEYLESS,
    NUMBER,
    MappedColumn,
    mapped_columns,
    reasons,
)
from runner.engine.segments.asked_values import write_asked
from runner.engine.segments.fingerprinted_rows import fingerprinted_select, judged_rows
from runner.engine.segments.holdout_choice import keys
from runner.engine.segments.normalize import wire_select
from runner.engine.segments.segment_errors import failed
from runner.engine.segments.segment_query import VIEW, SegmentQueries, SmallQueries, column, query_of
from runner.engine.segments.shared_tables import shared_tables
from runner.engine.segments.steadiness import may_be_unsteady
from runner.quick_dataclass import replace

if TYPE_CHECKING:
    import duckdb


MOST_ROWS = LEAST - 1
"""Rows of a segment that is small: it has too few people for fingerprints."""

KindsFound = tuple[tuple[int, ...], int]
"""The kinds of the values in each column, and how many rows have these."""


class DuckDBSegmentEvaluator:
    """Implements runner.engine.interface.SegmentEvaluator. May be used from several threads.

    `queries` bind and run the SQL; what they write is counted in the workspace's own instance. `on_progress` gets the
    activation's id and percent done while its segment runs.
    """

    def __init__(
        self, workspace: Workspace, queries: SegmentQueries, on_progress: Callable[[str, float], None] | None = None
    ) -> None:
        self._workspace = workspace
        self._queries = queries
        self._on_progress = on_progress
        self._run = ""
        self._shared: Mapping[TableName, int] = {}
        self._numbered = 0

    def name(self, run: str) -> None:
        self._run = run

    def prepare(self, sources: tuple[Source, ...]) -> None:
        self._queries.prepare(sources)

    def expect(self, segments: Iterable[Evaluated], sources: tuple[Source, ...]) -> None:
        self._shared = shared_tables(segments, sources)

    def check(self, activation: Evaluated, sources: tuple[Source, ...]) -> tuple[Finding, ...]:
        return self._queries.check(query_of(activation), sources)

    def advise(self, activation: Evaluated) -> tuple[Finding, ...]:
        query = query_of(activation)
        return self._queries.advise(query) if may_be_unsteady(query.sql.text) else ()

    def evaluate(
        self, activation: Evaluated, sources: tuple[Source, ...], by: Fingerprinting | None = None
    ) -> Evaluation:
        columns = tuple(mapped_columns(activation.mapping))
        salt = by.salt if by is not None and by.writes else None
        path, warnings = self.write(activation, sources, wire_forms(activation, salt))
        with self.translating_errors(activation.segment.sql):
            connection = self._workspace.connection()
            origin = None if salt is None or PAYS.isdisjoint(activation.mapping) else origin_of(connection, salt)
            found = counted(connection, columns, path, path)
            return replace(found, warnings=warnings, fingerprints=origin)

    def write(
        self, activation: Evaluated, sources: tuple[Source, ...], rows: str, readable: tuple[Path, ...] = ()
    ) -> tuple[Path, tuple[Finding, ...]]:
        """A file of what the select `rows` yields over the segment's mapped columns; it also reads `readable` files.

        Beside it are the warnings about the SQL. Raises SegmentError.
        """
        folder = self._workspace.next_folder()
        watch = partial(self._on_progress, activation.id) if self._on_progress else None
        try:
            with self.translating_errors(activation.segment.sql):
                folder.mkdir(mode=0o700)
            path = folder / "wire.parquet"
            warnings = self._queries.write(
                replace(query_of(activation), run=self._run, shared=self._shared), sources, rows, path, readable, watch
            )
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return path, warnings

    def evaluate_small(
        self, activations: Sequence[Activation], sources: tuple[Source, ...]
    ) -> Mapping[int, Evaluation]:
        alike: dict[tuple[MappedColumn, ...], dict[int, Activation]] = {}
        for place, one in enumerate(activations):
            if one.holdout is None and not one.segment.source:
                alike.setdefault(tuple(mapped_columns(one.mapping)), {})[place] = one
        found: dict[int, Evaluation] = {}
        for columns, some in alike.items():
            if len(some) > 1:
                places = tuple(some)
                evaluated = self._evaluated_together(columns, tuple(some.values()), sources)
                found |= {places[place]: one for place, one in evaluated.items()}
        return found

    def _evaluated_together(
        self, columns: tuple[MappedColumn, ...], activations: tuple[Activation, ...], sources: tuple[Source, ...]
    ) -> Mapping[int, Evaluation]:
        """The evaluations, by their places, of segments that map the same columns."""
        queries = tuple(replace(query_of(one), run=self._run, shared=self._shared) for one in activations)
        rows = wire_select({one: column(one) for one in columns}, VIEW, beside=(NUMBER,))
        first, self._numbered = self._numbered, self._numbered + len(activations)
        folder = self._workspace.next_folder()
        with self.translating_errors(activations[0].segment.sql):
            folder.mkdir(mode=0o700)
            small = SmallQueries(queries, rows, first, MOST_ROWS)
            written = self._queries.write_small(small, sources, folder)
            if not written:
                return {}
            files = {place: folder / f"{one.file}.parquet" for place, one in written.items()}
            counted = counted_together(self._workspace.connection(), columns, tuple(dict.fromkeys(files.values())))
        return {
            place: replace(
                evaluation_of(columns, counted.get(first + place, []), files[place]),
                warnings=one.warnings,
                number=first + place,
            )
            for place, one in written.items()
        }

    def md5s(self, of: Evaluated, evaluation: Evaluation) -> int:
        looked = evaluation.looked_up
        own_file = () if evaluation.path is None else (evaluation.path,)
        files = own_file if looked is None else looked.files
        if not files or IdentifierType.EMAIL not in evaluation.types:
            return 0
        columns = range(1, evaluation.columns.get(IdentifierType.EMAIL, 1) + 1)
        names = [MappedColumn(IdentifierType.EMAIL, number).name for number in columns]
        own = "" if evaluation.number is None else f" and {NUMBER} = {evaluation.number}"
        source = looked_up_in(files)
        # A text that was found has no wire form, and is called given where it is an MD5.
        found = "" if looked is None else " or {0} is null"
        with self.translating_errors(of.segment.sql):
            # Where no address was given as a hash, the kinds' own bounds say so, and none is read.
            counts = (
                cancellable.run(
                    self._workspace.connection(),
                    f"select count(*) from {source} where {name}_kind = {AS_GIVEN} "
                    f"and (octet_length({name}) = 16{found.format(name)}){own}",
                )
                for name in names
            )
            return sum(int(count) for [(count,)] in counts)

    def choose(self, activation: Activation, sources: tuple[Source, ...]) -> Choice:
        assert activation.holdout is not None
        file, _ = self.write(replace(activation, mapping={}), sources, keys(activation.holdout))
        with self.translating_errors(activation.segment.sql):
            connection, chosen = self._workspace.connection(), f"read_parquet({one_file(file)})"
            path = file.with_name("keys.parquet")
            kept = f"select key, held_out from {chosen} where key is not null"
            cancellable.run(connection, f"copy ({kept}) to {literal(path)} (format parquet, compression zstd)")
            [row] = cancellable.run(
                connection,
                f"""select count(key), count(key) filter (held_out),
                    coalesce(sum(occurrences) filter (key is null), 0) from {chosen}""",
            )
        return Choice(path, *map(int, row))

    @contextmanager
    def translating_errors(self, sql: SqlText) -> Iterator[None]:
        """Turn what DuckDB and the operating system raise about a segment's file into SegmentErrors."""
        load()
        from runner.engine.duckdb.compiled import duckdb

        try:
            yield
        except (duckdb.Error, OSError, MemoryError) as error:
            raise failed(error, sql, self._workspace.limits.memory, self._workspace.folder) from None

    def asked(self, values: Iterable[tuple[IdentifierType, GivenValue]]) -> AskedPeople:
        load()
        return write_asked(self._workspace.connection(), values, self._workspace.next_folder())

    def release(self) -> None:
        self.close()

    def close(self) -> None:
        self._queries.close()


def wire_forms(activation: Evaluated, salt: Salt | None = None) -> str:
    """A select of the activation's wire forms over the segment's view; a holdout decides before they are made.

    With a salt, there are fingerprints beside them, of the types for which that pays.
    """
    columns = {one: column(one) for one in mapped_columns(activation.mapping)}
    rows, left_out = judged_rows(activation)
    fingerprinted = [one for one in columns if salt is not None and one.type in PAYS]
    if salt is None or not fingerprinted:
        return wire_select(columns, rows, left_out)
    return fingerprinted_select(columns, fingerprinted, rows, left_out, salt)


def counted(
    connection: duckdb.DuckDBPyConnection,
    columns: tuple[MappedColumn, ...],
    file: Path,
    path: Path | None,
    total: str = "count(*)",
) -> Evaluation:
    """What a file of wire forms comes to: only its narrow columns are read.

    `total` counts the segment's rows that a row of the file stands for; `path` is the evaluation's, None where the file
    lacks rows.
    """
    source = f"read_parquet({one_file(file)})"
    kinds = ", ".join(f"{one.name}_kind" for one in columns)
    # A row without a kind is none of the segment's.
    rows = cancellable.run(
        connection, f"select {kinds}, {total} from {source} where {columns[0].name}_kind is not null group by all"
    )
    return evaluation_of(columns, [(row[:-1], int(row[-1])) for row in rows], path)


def counted_together(
    connection: duckdb.DuckDBPyConnection, columns: tuple[MappedColumn, ...], files: tuple[Path, ...]
) -> Mapping[int, list[KindsFound]]:
    """What rows there are of each number in files that several segments share."""
    kinds = ", ".join(f"{one.name}_kind" for one in columns)
    query = f"select {NUMBER}, {kinds}, count(*) from read_parquet({file_list(files)}) group by all"
    found: dict[int, list[KindsFound]] = {}
    for number, *kinds_of_row, count in cancellable.run(connection, query):
        found.setdefault(int(number), []).append((tuple(kinds_of_row), int(count)))
    return found


def evaluation_of(columns: tuple[MappedColumn, ...], found: Sequence[KindsFound], path: Path | None) -> Evaluation:
    """What rows of wire forms come to: `found` says how many have the same kinds of values in the columns."""
    blank: dict[IdentifierType, int] = {}
    rejected: list[Rejected] = []
    types = tuple(dict.fromkeys(one.type for one in columns))
    for identifier_type in types:
        counts: dict[int, int] = {}
        for combination, count in found:
            for kind in (kind for one, kind in zip(columns, combination, strict=True) if one.type == identifier_type):
                counts[kind] = counts.get(kind, 0) + count
        blank[identifier_type] = counts.get(BLANK, 0)
        for kind, reason in reasons(identifier_type).items():
            if kind in counts:
                rejected.append(Rejected(identifier_type, reason, counts[kind]))
    return Evaluation(
        path=path,
        types=types,
        rows=sum(count for _, count in found),
        held_out=sum(count for combination, count in found if combination[0] == HELD_OUT),
        without_key=sum(count for combination, count in found if combination[0] == KEYLESS),
        people=sum(count for combination, count in found if any(kind in (HASHED, AS_GIVEN) for kind in combination)),
        blank=blank,
        rejected=tuple(rejected),
        columns={one.type: one.number for one in columns if one.number > 1},
    )
