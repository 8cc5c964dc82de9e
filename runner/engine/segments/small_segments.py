"""Segments of few people run one after the other, and brought to wire forms in one statement.

To bind the wire forms takes longer than to run a small segment, and so does to open and to write a file for each. So
what each yields goes into a table first, beside its number, and the file is written once for all that read the same
tables. One that fails, or that yields more rows than a small one has, is left out with everything of it: whoever runs
it alone says what is wrong with it.
"""
# ruff: noqa: S608 (names are the engine's own)

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from runner.core.errors import SegmentError
from runner.core.project import Source
from runner.core.sql_quoting import literal
from runner.engine.duckdb import cancellable
from runner.engine.duckdb.file_identity import SourceReplaced
from runner.engine.duckdb.instance_pool import Instance, InstancePool, Wanted
from runner.engine.duckdb.session import UNPACKED
from runner.engine.interface import NUMBER
from runner.engine.segments.bind import advice, bound, taken_apart, wanted
from runner.engine.segments.segment_query import VIEW, SegmentQuery, SmallQueries, WrittenSmall, column
from runner.engine.segments.sql_policy import Parsed
from runner.object_stores.interface import StoreFault

if TYPE_CHECKING:
    import duckdb

_FAILURES = (SegmentError, SourceReplaced, StoreFault, OSError, MemoryError)


def write_small(
    small: SmallQueries,
    sources: tuple[Source, ...],
    folder: Path,
    instances: InstancePool,
    parser: Callable[[], duckdb.DuckDBPyConnection],
    deadline: float,
) -> Mapping[int, WrittenSmall]:
    """As SegmentQueries has it: a file for all that read the same tables.

    Left out are those with too many rows, those that fail, and those that are not begun in half of the time.
    """
    from runner.engine.duckdb.compiled import duckdb

    half = (deadline - monotonic()) / 2
    begun_by, run_by = deadline - half, deadline - half / 2  # the rest is for what they yielded
    queries = small.queries
    written: dict[int, WrittenSmall] = {}
    for file, (tables, parts) in enumerate(_by_tables(queries, sources, parser)):
        with suppress(duckdb.Error, cancellable.TimeLimitReached, *_FAILURES):
            with instances.lend(tables, deadline, shared=queries[0].shared) as instance:
                together = _Together(instance, sources, small, run_by)
                together.begin()
                done = [place for place, one in parts.items() if together.take(place, one, begun_by)]
                together.write(folder / f"{file}.parquet", deadline)
            written |= {place: WrittenSmall(file, advice(queries[place].sql, parts[place])) for place in done}
    return written


def _by_tables(
    queries: Sequence[SegmentQuery], sources: tuple[Source, ...], parser: Callable[[], duckdb.DuckDBPyConnection]
) -> Iterator[tuple[Wanted, dict[int, Parsed]]]:
    """The queries taken apart, by their places, those together that name the same tables; none that cannot be."""
    groups: dict[frozenset[tuple[str, frozenset[str]]], tuple[Wanted, dict[int, Parsed]]] = {}
    for place, query in enumerate(queries):
        with suppress(SegmentError):
            statement = taken_apart(query, parser())
            tables = wanted(statement, sources)
            named = frozenset((source.name, names) for source, names in tables)
            groups.setdefault(named, (tables, {}))[1][place] = statement
    yield from groups.values()


class _Together:
    """The table of what some segments yield, inside the instance that runs them."""

    def __init__(self, instance: Instance, sources: tuple[Source, ...], small: SmallQueries, deadline: float) -> None:
        self._instance = instance
        self._sources = sources
        self._small = small
        self._deadline = deadline

    def begin(self) -> None:
        """Make the table, with the columns that each query maps."""
        columns = "".join(f", {column(one)} varchar" for one in self._small.queries[0].mapping)
        self._run(f"create temp table {VIEW} ({NUMBER} integer{columns})")

    def take(self, place: int, statement: Parsed, begun_by: float) -> bool:
        """Run a segment; whether the table has all of it, or else nothing."""
        from runner.engine.duckdb.compiled import duckdb

        if monotonic() >= begun_by:
            return False
        try:
            query, number, most = self._small.queries[place], self._small.first + place, self._small.most
            segment = bound(query, statement, self._sources, self._instance, self._deadline)
            if segment.findings:
                return False
            names = ", ".join(f"c{position}" for position in range(segment.width))
            values = "".join(f", cast({segment.columns[column(one)]} as varchar)" for one in query.mapping)
            text = segment.sql.text.rstrip().removesuffix(";")
            # One row more than a small segment has shows that it is none.
            found = f"select {number}{values} from (\n{text}\n) as yielded({names}) limit {most + 1}"
            [(count,)] = self._run(f"insert into temp.{VIEW} {found}")
            if count > most:
                self._run(f"delete from temp.{VIEW} where {NUMBER} = {number}")
        except (duckdb.Error, cancellable.TimeLimitReached, MemoryError):
            return False
        return bool(count <= most)

    def write(self, path: Path, deadline: float) -> None:
        """Write the rows to a file, and remove the table. Raises SourceReplaced where files changed since."""
        written = self._instance.out / path.name
        try:
            copy = f"copy ({self._small.rows}) to {literal(written)} {UNPACKED}"
            cancellable.run(self._instance.connection, copy, deadline=deadline)
            self._instance.require_unreplaced()
            written.replace(path)  # out of reach of the segment that the instance runs next
        finally:
            written.unlink(missing_ok=True)
        self._instance.connection.execute(f"drop table temp.{VIEW}")

    def _run(self, sql: str) -> list[cancellable.Row]:
        return cancellable.run(self._instance.connection, sql, deadline=self._deadline)
