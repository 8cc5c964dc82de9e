"""People that somebody asks about: where they are among memberships, suppressions and segments."""
# ruff: noqa: S608 (paths are quoted; all else is the engine's own)

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from runner.core.asked_people import FoundMembers, FoundSuppressed
from runner.core.identifiers import IdentifierType
from runner.core.membership import Evaluation, MembershipFiles
from runner.core.sql_quoting import file_list, literal, one_file
from runner.engine.duckdb import cancellable
from runner.engine.duckdb.session import UNPACKED
from runner.engine.memberships import compaction, set_algebra
from runner.engine.memberships.parquet_files import columns_of
from runner.engine.memberships.suppressed_people import columns_in, of_type, types_in

if TYPE_CHECKING:
    import duckdb


def found_members(
    connection: duckdb.DuckDBPyConnection, held: MembershipFiles, people: tuple[Path, ...]
) -> tuple[FoundMembers, ...]:
    """Who of them is in M ∪ U, once an unfinished delta is settled. Raises what DuckDB raises."""
    runs = compaction.run_columns(connection, held)
    found: list[FoundMembers] = []
    for kind in types_in(connection, people):
        rows = compaction.settled(held, kind, runs)
        if rows is None:
            continue
        counted = cancellable.run(
            connection,
            f"select run, unknown, count(*) from ({rows}) semi join ({of_type(people, kind)}) using (identifier) "
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


def write_rows_of(
    connection: duckdb.DuckDBPyConnection, evaluation: Evaluation, people: tuple[Path, ...], path: Path
) -> int:
    """Write the rows of a segment that they are on, with all that is on these; how many. Raises what DuckDB raises."""
    assert evaluation.path is not None
    columns = columns_in(evaluation)
    there = " or ".join(f"{one.name} in ({of_type(people, one.type)})" for one in columns)
    rows = f"select * from {set_algebra.rows_of(evaluation.path, evaluation.number)} where {there or 'false'}"
    [(count,)] = cancellable.run(connection, f"copy ({rows}) to {literal(path)} {UNPACKED}")
    return int(count)


def write_without(
    connection: duckdb.DuckDBPyConnection, file: Path, people: tuple[Path, ...], path: Path, kept: Path
) -> None:
    """Write the rows of a suppression's file that are not theirs, or of those who are in `kept`.

    Raises what DuckDB raises.
    """
    asked = f"select identifier_type, identifier from read_parquet({file_list(people)})"
    named = f"select identifier_type, identifier from read_parquet({one_file(kept)})"
    going = f"select * from ({asked}) anti join ({named}) using (identifier_type, identifier)"
    rows = f"select there.* from read_parquet({one_file(file)}) as there anti join ({going}) as going "
    rows += "using (identifier_type, identifier)"
    cancellable.run(connection, f"copy ({rows}) to {literal(path)} {UNPACKED}")
