"""Binding and running segments in this very process, against locked instances of DuckDB."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from itertools import count
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from runner.core.errors import SegmentError
from runner.core.findings import Finding
from runner.core.project import Source, SqlText
from runner.core.sql_quoting import literal
from runner.engine.duckdb import cancellable
from runner.engine.duckdb.instance_pool import InstancePool
from runner.engine.duckdb.session import UNPACKED, Limits, load, open_session, spill_into
from runner.engine.segments.bind import advice, not_of_their_type, prepared, taken_apart
from runner.engine.segments.reading_again import blaming_data, unless_replaced
from runner.engine.segments.segment_errors import failed, place, too_slow
from runner.engine.segments.segment_query import SegmentQuery, SmallQueries, WrittenSmall
from runner.engine.segments.small_segments import write_small
from runner.engine.segments.sql_policy import Flaw, Parsed
from runner.object_stores.interface import StoreFault
from runner.quick_dataclass import replace
from runner.sources.attached_kinds import unread
from runner.sources.interface import UNREACHABLE

if TYPE_CHECKING:
    import duckdb


_PARSERS: dict[Limits, duckdb.DuckDBPyConnection] = {}
"""What takes SQL apart in this process: opening one costs more than most segments, and nothing of one stays in it. So
it becomes the instance that a segment runs in, where none is open for it, and another one takes the next SQL apart: for
one segment, one instance is opened and not two."""


def _placed(sql: SqlText, flaw: Flaw) -> Finding:
    return place(sql, flaw.code, flaw.message, flaw.hint, flaw.offset, flaw.length)


def _checked_for_warehouse(query: SegmentQuery) -> tuple[Finding, ...]:
    """What is wrong with SQL that a warehouse runs, as far as its text says so."""
    from runner.engine.segments.warehouse_policy import warehouse_flaws
    from runner.engine.segments.warehouse_steadiness import unsteady_in

    parts = map(query.written_at, query.conditions.fragments() if query.conditions else ())
    judged = ([_placed(sql, one) for one in warehouse_flaws(sql.text, query.dialect)] for sql in (*parts, query.sql))
    found = next(filter(None, judged), [])
    return tuple(found) or tuple(
        replace(_placed(query.sql, one), is_warning=True) for one in unsteady_in(query.sql.text, query.dialect)
    )


class SegmentRunner:
    """Implements SegmentQueries. May be used from several threads; `folder` is for its files, which `close` leaves."""

    def __init__(self, limits: Limits, folder: Path) -> None:
        self._limits = limits
        self._folder = folder
        self._numbers = count()
        self.instances = InstancePool(folder, self._session)

    def parser(self) -> duckdb.DuckDBPyConnection:
        """A connection of this call's own to an instance that takes SQL apart and runs none of it."""
        parser = _PARSERS.get(self._limits)
        if parser is None:
            parser = _PARSERS[self._limits] = open_session(self._limits, self._folder / "parser")
        return parser.cursor()

    def _session(self, spill: Path) -> duckdb.DuckDBPyConnection:
        """An instance that has run nothing, and will spill into that folder."""
        unused = _PARSERS.pop(self._limits, None)
        if unused is None:
            return open_session(self._limits, spill)
        spill_into(unused, spill)
        return unused

    def check(self, query: SegmentQuery, sources: tuple[Source, ...]) -> tuple[Finding, ...]:
        if query.source:
            return _checked_for_warehouse(query)
        deadline = monotonic() + self._limits.seconds_to_check
        warnings: tuple[Finding, ...] = ()
        try:
            with self._translating_errors(query.sql, sources):
                statement = taken_apart(query, self.parser())
                warnings = advice(query.sql, statement)
                bind = partial(self._bound, query, statement, sources, deadline)
                return *unless_replaced(query.sql, bind), *warnings
        except SegmentError as error:
            if error.finding is None:
                return warnings
            return replace(error.finding, is_warning=error.finding.code == UNREACHABLE), *warnings

    def _bound(
        self, query: SegmentQuery, statement: Parsed, sources: tuple[Source, ...], deadline: float
    ) -> tuple[Finding, ...]:
        """Raises SourceReplaced as well."""
        with prepared(query, statement, sources, self.instances, deadline) as segment:
            return segment.findings or not_of_their_type(segment.sql, statement, self.parser())

    def prepare(self, sources: tuple[Source, ...]) -> None:
        """Nothing takes time to begin in this process."""

    def advise(self, query: SegmentQuery) -> tuple[Finding, ...]:
        try:
            with self._translating_errors(query.sql):
                return advice(query.sql, taken_apart(query, self.parser()))
        except SegmentError:  # checking or running it says what is wrong
            return ()

    def write(
        self,
        query: SegmentQuery,
        sources: tuple[Source, ...],
        rows: str,
        target: Path,
        readable: tuple[Path, ...] = (),
        on_progress: Callable[[float], None] | None = None,
    ) -> tuple[Finding, ...]:
        with self._translating_errors(query.sql, sources):
            statement = taken_apart(query, self.parser())
            write = partial(self._write, query, statement, sources, rows, target, readable, on_progress)
            unless_replaced(query.sql, write)
            return advice(query.sql, statement)

    def _write(
        self,
        query: SegmentQuery,
        statement: Parsed,
        sources: tuple[Source, ...],
        rows: str,
        target: Path,
        readable: tuple[Path, ...],
        on_progress: Callable[[float], None] | None,
    ) -> None:
        """Raises SourceReplaced as well."""
        deadline = monotonic() + self._limits.seconds
        with (
            prepared(query, statement, sources, self.instances, deadline, readable) as segment,
            segment.viewed(deadline) as instance,
        ):
            written = instance.out / f"{next(self._numbers)}.parquet"
            copy = f"copy ({rows}) to {literal(written)} {UNPACKED}"
            try:
                with blaming_data(instance, self.parser, segment.sql, segment.before):
                    cancellable.run(instance.connection, copy, deadline=deadline, on_progress=on_progress)
                written.replace(target)  # out of reach of the segment that the instance runs next
            finally:
                written.unlink(missing_ok=True)

    def write_small(self, small: SmallQueries, sources: tuple[Source, ...], folder: Path) -> Mapping[int, WrittenSmall]:
        load()
        deadline = monotonic() + self._limits.seconds_for_small
        return write_small(small, sources, folder, self.instances, self.parser, deadline)

    @contextmanager
    def _translating_errors(self, sql: SqlText, sources: tuple[Source, ...] = ()) -> Iterator[None]:
        """Turn what DuckDB, object stores and the operating system raise while a segment runs into SegmentErrors."""
        load()
        from runner.engine.duckdb.compiled import duckdb

        try:
            yield
        except cancellable.TimeLimitReached:
            raise too_slow(sql, self._limits.seconds) from None
        except StoreFault as fault:
            raise unread(fault, sources) from None
        except (duckdb.Error, OSError, MemoryError) as error:
            raise failed(error, sql, self._limits.memory, self._folder) from None

    def close(self) -> None:
        with suppress(Exception):  # of a statement that an interrupt left under way: it ends with the process
            self.instances.close()
