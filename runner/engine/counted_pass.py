"""Counting who is in a segment of which nobody is held yet, where only the counts are wanted: a first plan.

As joined_pass.py, a private agreement of the two DuckDB classes. Of identifiers that are all given in clear, or all as
hashes, two are the same one exactly where their cleaned texts are, so that nobody need be hashed with SHA-256; and
texts are distinguished by fingerprints of 128 bits. docs/adr/0051 says why that is exact.
"""
# ruff: noqa: S608 (paths are quoted; all else is the engine's own)

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from runner.core.identifiers import IdentifierType
from runner.core.membership import ComparedMembership, Evaluation, MembershipFiles, TypeDelta
from runner.core.project import Activation, Source
from runner.core.sql_quoting import one_file
from runner.engine.duckdb import cancellable
from runner.engine.duckdb.workspace import Workspace
from runner.engine.fingerprint_sql import named, passing_salt
from runner.engine.interface import AS_GIVEN, HASHED, MappedColumn, SegmentEvaluator, mapped_columns
from runner.engine.memberships import differences
from runner.engine.segments.evaluator import DuckDBSegmentEvaluator, counted
from runner.engine.segments.fingerprinted_rows import counting_select
from runner.quick_dataclass import replace

if TYPE_CHECKING:
    import duckdb


def count_new(
    evaluator: SegmentEvaluator, workspace: Workspace, activation: Activation, sources: tuple[Source, ...]
) -> tuple[Evaluation, ComparedMembership] | None:
    """The evaluation, and what it adds to nobody; neither has files. None where another evaluator is to count.

    Where a type turns out to have clear values and hashes, which may be of the same people, the segment runs once more,
    to hash the clear ones. A warehouse may ask a price for that: of its rows they are hashed at once. Raises
    SegmentError.
    """
    if not isinstance(evaluator, DuckDBSegmentEvaluator):
        return None
    hashed = bool(activation.segment.source)
    found = _counted(evaluator, workspace, activation, sources, hashed=hashed)
    return found or _counted(evaluator, workspace, activation, sources, hashed=True)


def _counted(
    evaluator: DuckDBSegmentEvaluator,
    workspace: Workspace,
    activation: Activation,
    sources: tuple[Source, ...],
    *,
    hashed: bool,
) -> tuple[Evaluation, ComparedMembership] | None:
    """The same by texts, or by the hashes of those that are clear; None where their hashes are needed."""
    columns = tuple(mapped_columns(activation.mapping))
    # Salts that are used once: nobody can write texts that have the same fingerprint.
    rows = counting_select(activation, passing_salt(), hashed=hashed)
    file, warnings = evaluator.write(activation, sources, rows)
    with evaluator.translating_errors(activation.segment.sql):
        connection = workspace.connection()
        found = replace(counted(connection, columns, file, None), warnings=warnings)
        delta: dict[IdentifierType, TypeDelta] = {}
        for kind in (one for one in IdentifierType if one in found.types):
            names = [one for one in columns if one.type == kind]
            if not hashed and _mixed(connection, names, file):
                return None
            count = _distinct(connection, _fingerprints(names, file), found.people * len(names))
            delta[kind] = TypeDelta(before=0, after=count, added=count, removed=0)
    return found, ComparedMembership(MembershipFiles(), delta, {})


def _mixed(connection: duckdb.DuckDBPyConnection, columns: Iterable[MappedColumn], file: Path) -> bool:
    """Whether there are clear values and hashes."""
    kinds = " union all ".join(f"select {one.name}_kind as kind from read_parquet({one_file(file)})" for one in columns)
    [(count,)] = cancellable.run(
        connection, f"select count(distinct kind) from ({kinds}) where kind in ({HASHED}, {AS_GIVEN})"
    )
    return bool(count > 1)


def _fingerprints(columns: Iterable[MappedColumn], file: Path) -> str:
    """Those of the valid values of one type."""
    return " union all ".join(
        f"select {first} as first, {second} as second from read_parquet({one_file(file)}) where {first} is not null"
        for first, second in map(named, columns)
    )


def _distinct(connection: duckdb.DuckDBPyConnection, fingerprints: str, most: int) -> int:
    """How many different ones there are of at most so many."""
    if differences.nobody_twice(connection, f"select first as hash from ({fingerprints})", most):
        query = f"select count(*) from ({fingerprints})"
        return sum(int(count) for (count,) in cancellable.run(connection, query))
    portions = differences.portions_of_hashes(2 * most)
    return sum(
        int(count)
        for number in range(portions)
        for (count,) in cancellable.run(
            connection,
            f"select count(*) from (select distinct first, second from ({fingerprints}) "
            f"where first & {portions - 1} = {number})",
        )
    )
