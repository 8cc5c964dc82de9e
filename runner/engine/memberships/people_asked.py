"""People that somebody asks about: their wire forms, and where they are among memberships and suppressions."""
# ruff: noqa: S608 (paths are quoted; all else is the engine's own)

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from runner.core.identifiers import IdentifierType
from runner.core.membership import MembershipFiles
from runner.core.people import AskedPeople, FoundMembers, FoundSuppressed, GivenValue
from runner.core.sql_quoting import file_list, literal, one_file
from runner.engine.duckdb import cancellable
from runner.engine.duckdb.session import UNPACKED
from runner.engine.interface import HASHED, MappedColumn
from runner.engine.memberships import compaction
from runner.engine.memberships.parquet_files import columns_of
from runner.engine.segments.normalize import TRIMMED_SQL, wire_select

if TYPE_CHECKING:
    import duckdb

_AT_ONCE = 50_000
"""Values that are brought to wire forms at one time."""


def write_asked(
    connection: duckdb.DuckDBPyConnection, values: Iterable[tuple[IdentifierType, GivenValue]], folder: Path
) -> AskedPeople:
    """Write the wire forms of values into files below `folder`. Raises what DuckDB raises."""
    by_type: dict[IdentifierType, list[GivenValue]] = {}
    for kind, value in values:
        by_type.setdefault(kind, []).append(value)
    files: list[Path] = []
    unusable: set[int] = set()
    for kind, given in by_type.items():
        for start in range(0, len(given), _AT_ONCE):
            part = given[start : start + _AT_ONCE]
            file = folder / f"{len(files)}.parquet"
            unusable.update(_write_some(connection, kind, part, file))
            files.append(file)
    counts = {}
    for kind in by_type:
        [(count,)] = cancellable.run(connection, f"select count(distinct identifier) from ({_of(tuple(files), kind)})")
        counts[kind] = int(count)
    return AskedPeople(tuple(files), {kind: count for kind, count in counts.items() if count}, tuple(sorted(unusable)))


def _write_some(
    connection: duckdb.DuckDBPyConnection, kind: IdentifierType, given: list[GivenValue], file: Path
) -> Iterator[int]:
    """Write the wire forms of some values of one type; the lines of those that have none."""
    wire = wire_select({MappedColumn(kind): "value"}, "(select unnest($1::varchar[]) as value)")
    texts = [value.text for value in given]
    rows = f"select {kind} as identifier, {kind}_kind as kind from ({wire})"
    forms = f"select identifier from ({rows}) where identifier is not null"
    if kind is IdentifierType.EMAIL:  # a segment may have given the address as its MD5, which is another wire form
        clear = f"select lower(trim(unnest($1::varchar[]), {TRIMMED_SQL})) as text"
        hashed = f"select identifier from ({rows}) where kind = {HASHED}"
        forms += f" union all select unhex(md5(text)) from ({clear}) where unhex(sha256(text)) in ({hashed})"
    cancellable.run(
        connection,
        f"copy (select '{kind}' as identifier_type, identifier, false as unknown from ({forms})) "
        f"to {literal(file)} {UNPACKED}",
        [texts],
    )
    usable = cancellable.run(connection, f"select identifier is not null from ({rows})", [texts])
    return (value.line for value, (there,) in zip(given, usable, strict=True) if not there)


def found_members(
    connection: duckdb.DuckDBPyConnection, held: MembershipFiles, people: tuple[Path, ...]
) -> tuple[FoundMembers, ...]:
    """Who of them is in M ∪ U, once an unfinished delta is settled. Raises what DuckDB raises."""
    runs = compaction.run_columns(connection, held)
    found: list[FoundMembers] = []
    for kind in _types(connection, people):
        rows = compaction.settled(held, kind, runs)
        if rows is None:
            continue
        counted = cancellable.run(
            connection,
            f"select run, unknown, count(*) from ({rows}) semi join ({_of(people, kind)}) using (identifier) "
            "group by run, unknown order by run nulls first, unknown",
        )
        found += [FoundMembers(kind, None if run is None else int(run), bool(unsure), n) for run, unsure, n in counted]
    return tuple(found)


def found_suppressed(
    connection: duckdb.DuckDBPyConnection, named: Path, people: tuple[Path, ...]
) -> tuple[FoundSuppressed, ...]:
    """Who of them is in a file of whom a suppression names. Raises what DuckDB raises."""
    first = "first_run" if "first_run" in columns_of(connection, named) else "null::uinteger"
    rows = cancellable.run(
        connection,
        f"select identifier_type, {first} as first_run, count(*) from read_parquet({one_file(named)}) "
        f"semi join (select identifier_type, identifier from read_parquet({file_list(people)})) "
        "using (identifier_type, identifier) group by all order by identifier_type, first_run nulls first",
    )
    return tuple(
        FoundSuppressed(IdentifierType(kind), None if run is None else int(run), count) for kind, run, count in rows
    )


def mentioned(connection: duckdb.DuckDBPyConnection, files: tuple[Path, ...], people: tuple[Path, ...]) -> int:
    """How many rows of files of the state are of them, whatever these rows mean. Raises what DuckDB raises."""
    total = 0
    for file in files:
        [(count,)] = cancellable.run(
            connection,
            f"select count(*) from read_parquet({one_file(file)}) "
            f"semi join (select identifier_type, identifier from read_parquet({file_list(people)})) "
            "using (identifier_type, identifier)",
        )
        total += int(count)
    return total


def write_without(connection: duckdb.DuckDBPyConnection, file: Path, people: tuple[Path, ...], path: Path) -> None:
    """Write the rows of a suppression's file that are not theirs. Raises what DuckDB raises."""
    rows = (
        f"select there.* from read_parquet({one_file(file)}) as there "
        f"anti join (select identifier_type, identifier from read_parquet({file_list(people)})) as asked "
        "using (identifier_type, identifier)"
    )
    cancellable.run(connection, f"copy ({rows}) to {literal(path)} {UNPACKED}")


def _types(connection: duckdb.DuckDBPyConnection, people: tuple[Path, ...]) -> tuple[IdentifierType, ...]:
    rows = cancellable.run(connection, f"select distinct identifier_type from read_parquet({file_list(people)})")
    there = {str(kind) for (kind,) in rows}
    return tuple(kind for kind in IdentifierType if kind in there)


def _of(people: tuple[Path, ...], kind: IdentifierType) -> str:
    return f"select identifier from read_parquet({file_list(people)}) where identifier_type = '{kind}'"
