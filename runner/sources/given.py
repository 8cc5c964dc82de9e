"""Sources made of rows that a test of a segment writes out, in place of those that the files declare.

No document can declare one: they are made in memory, named after the source whose part they take.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import ClassVar

from runner.core.project import Source
from runner.core.sql_quoting import quoted
from runner.quick_dataclass import dataclass
from runner.sources.interface import Attaching, Declaration, Missing, Reachable, StoredCode

MAIN = "main"


@dataclass(frozen=True, slots=True)
class GivenSource(Source):
    """`views`: table, or `schema.table`, -> the SELECT of its rows."""

    views: Mapping[str, str]


class GivenKind:
    """A database in memory with a view for each table."""

    type: ClassVar = "given"

    def declare(self, written: Declaration) -> GivenSource:
        raise NotImplementedError("no document declares one")

    def missing(self, source: GivenSource) -> Iterator[Missing]:
        yield from ()

    def identity(self, source: GivenSource, folder: Path) -> tuple[object, ...]:
        return (source.name, source.type, tuple(sorted(source.views.items())))

    def only(self, source: GivenSource, tables: Collection[str]) -> GivenSource:
        return source

    def tables(self, source: GivenSource) -> tuple[str, ...]:
        return tuple(source.views)

    def files(self, source: GivenSource, used: Collection[str]) -> tuple[str, ...]:
        return ()

    def attach(self, source: GivenSource, used: Collection[str], connection: Attaching) -> Reachable:
        """All of its tables: they are small."""
        connection.run(f"attach ':memory:' as {quoted(source.name)}")
        for name, select in source.views.items():
            schema, _, table = name.rpartition(".")
            if schema:
                connection.run(f"create schema if not exists {quoted(source.name)}.{quoted(schema)}")
            place = f"{quoted(source.name)}.{quoted(schema or MAIN)}.{quoted(table)}"
            connection.run(f"create view {place} as {select}")
        return Reachable(source.name, tuple(sorted(source.views)), (), StoredCode())
