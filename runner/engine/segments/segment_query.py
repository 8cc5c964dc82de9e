"""What the process that runs segments knows of one: its SQL and what is mapped. No destination, no secret."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

from runner.core.declared_segment import Columns, DeclaredSegment, TableOf
from runner.core.findings import Finding, Location
from runner.core.project import Evaluated, Source, SqlText, TableName
from runner.engine.interface import MappedColumn, mapped_columns
from runner.quick_dataclass import dataclass, field, replace

VIEW = "segment"
"""The view that yields a segment's mapped columns (see `column`) while it runs, and KEY where a holdout needs it."""

KEY = "holdout_key"
"""The view's column for the key by which a holdout decides."""


@dataclass(frozen=True, slots=True)
class SegmentQuery:
    """A segment's SQL and the columns that are mapped, with the places where these are written.

    `activation` is the id of whose it is, and `run` what a warehouse is told of the run that asks, empty where that is
    none of a plan's; `source` names the warehouse that runs it, empty where the embedded engine
    does. `dialect` is what sqlglot calls the warehouse's SQL; `elsewhere` are the warehouses that embedded SQL cannot
    read. One declared by `conditions` gets its SQL once the columns of its tables are known. `key` is the column by
    which a holdout decides, and `key_at` where it is written. `shared` says of tables, by source and name, how many
    segments of the run read them, where it is not this one alone.
    """

    sql: SqlText
    mapping: Mapping[MappedColumn, str]
    mapped_at: Mapping[MappedColumn, Location]
    activation: str = ""
    source: str = ""
    dialect: str = ""
    elsewhere: frozenset[str] = frozenset()
    run: str = ""
    conditions: DeclaredSegment | None = None
    key: str = ""
    key_at: Location | None = None
    shared: Mapping[TableName, int] = field(default_factory=dict)

    def with_columns(self, columns: Mapping[str, Columns]) -> SegmentQuery:
        """The query with the SQL for tables that have these columns, where it is declared by conditions."""
        if self.conditions is None:
            return self
        return replace(self, sql=replace(self.sql, text=self.conditions.text(columns)))

    def written_at(self, part: TableOf) -> SqlText:
        """The query of a part, whose every place is that of the part."""
        return SqlText(part.select, part.location.file, part.location.line, part.location.column - 1, exact=False)


@dataclass(frozen=True, slots=True)
class SmallQueries:
    """Several queries with the same mapped columns, each with so many rows at `most`.

    `rows` is a select over a view of what all of them yield, whose column NUMBER counts the queries from `first` on.
    """

    queries: tuple[SegmentQuery, ...]
    rows: str
    first: int
    most: int


class WrittenSmall(NamedTuple):
    """In which of the files, whose names are numbers, a query's rows are, and the warnings about its SQL."""

    file: int
    warnings: tuple[Finding, ...]


class SegmentQueries(Protocol):
    """What binds and runs segments, in this process or in another."""

    def check(self, query: SegmentQuery, sources: tuple[Source, ...]) -> tuple[Finding, ...]:
        """What is wrong with the query against the sources, without reading rows; and warnings about its SQL."""

    def prepare(self, sources: tuple[Source, ...]) -> None:
        """Begin what takes time to begin, and do not wait for it: segments over these are about to run."""

    def advise(self, query: SegmentQuery) -> tuple[Finding, ...]:
        """Warnings about the SQL as such; none where it cannot be parsed."""

    def write(
        self,
        query: SegmentQuery,
        sources: tuple[Source, ...],
        rows: str,
        target: Path,
        readable: tuple[Path, ...] = (),
        on_progress: Callable[[float], None] | None = None,
    ) -> tuple[Finding, ...]:
        """Write what the select `rows` yields over the view to the Parquet file `target`, in an existing folder; the
        warnings about the SQL.

        `readable` are further files that `rows` reads; `on_progress` gets percent, now and then. Raises SegmentError.
        """

    def write_small(self, small: SmallQueries, sources: tuple[Source, ...], folder: Path) -> Mapping[int, WrittenSmall]:
        """Write what several queries yield to Parquet files in an existing folder; what was written, by their places.

        Those with too many rows are left out, and so are those that fail for any reason. Raises SegmentError.
        """

    def close(self) -> None:
        """Give back what was left open."""


def query_of(activation: Evaluated) -> SegmentQuery:
    """The activation's part of a query."""
    places = {setting.key: setting.location for setting in activation.settings}
    mapping = mapped_columns(activation.mapping)
    query = SegmentQuery(
        activation.segment.sql,
        mapping,
        {one: places.get(f"mapping.{one.type}") or activation.location for one in mapping},
        activation.id,
        activation.segment.source,
        conditions=activation.segment.conditions,
    )
    holdout = activation.holdout
    return query if holdout is None else replace(query, key=holdout.by, key_at=holdout.location)


def column(mapped: MappedColumn) -> str:
    """The view's column for a mapped one."""
    return f"mapped_{mapped.name}"
