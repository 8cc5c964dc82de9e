"""Comparing several small segments, whose wire forms are in the same files, with their audiences in one statement.

Each identifier has a side, as in set_algebra.py, for the audience of its number.
"""
# ruff: noqa: S608 (paths are quoted; all else is the engine's own)

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from runner.core.identifiers import IdentifierType
from runner.core.membership import ComparedMembership, MembershipFiles, TypeDelta
from runner.core.sql_quoting import file_list, literal, one_file
from runner.engine.duckdb import cancellable
from runner.engine.duckdb.session import UNPACKED
from runner.engine.interface import NUMBER, MappedColumn
from runner.engine.memberships.set_algebra import DECLARED, HELD, NEW, TO_ADD, TO_REMOVE, UNSURE

if TYPE_CHECKING:
    import duckdb

Counts = Mapping[int, tuple[int, int, int]]
"""How many are to be added to each audience, how many are to be removed, and how many are new."""


def compared(
    connection: duckdb.DuckDBPyConnection,
    columns: tuple[MappedColumn, ...],
    wire_forms: tuple[Path, ...],
    held: Mapping[int, MembershipFiles],
    folder: Path,
) -> Mapping[int, ComparedMembership]:
    """What brings each audience to its segment, by the segments' numbers; what differs is kept in files in `folder`,
    which is made.

    Every membership is settled and whole in its file, and has members of the mapped types alone. Raises what DuckDB
    raises.
    """
    folder.mkdir(mode=0o700)
    nobody = folder / "nobody.parquet"
    none = "select ''::blob as identifier, 0::utinyint as side limit 0"
    cancellable.run(connection, f"copy ({none}) to {literal(nobody)} {UNPACKED}")
    delta: dict[int, dict[IdentifierType, TypeDelta]] = {number: {} for number in held}
    differing: dict[int, dict[IdentifierType, tuple[Path, ...]]] = {number: {} for number in held}
    for kind in (one for one in IdentifierType if one in {column.type for column in columns}):
        names = tuple(one.name for one in columns if one.type == kind)
        differs = folder / f"{kind}.parquet"
        counts = _differing(connection, kind, names, wire_forms, held, differs)
        for number, files in held.items():
            part = _delta(files, kind, counts.get(number, (0, 0, 0)))
            delta[number][kind] = part
            differing[number][kind] = (nobody,)
            if part.added or part.removed:
                own = folder / f"{kind}-{number}.parquet"
                rows = f"select identifier, side from read_parquet({one_file(differs)}) where {NUMBER} = {number}"
                cancellable.run(connection, f"copy ({rows}) to {literal(own)} {UNPACKED}")
                differing[number][kind] = (own,)
    return {number: ComparedMembership(files, delta[number], differing[number]) for number, files in held.items()}


def _differing(
    connection: duckdb.DuckDBPyConnection,
    kind: IdentifierType,
    names: tuple[str, ...],
    wire_forms: tuple[Path, ...],
    held: Mapping[int, MembershipFiles],
    path: Path,
) -> Counts:
    """Write the identifiers of a type that differ, each once for its audience, to a file, and count them."""
    now = " union all ".join(
        f"select {NUMBER} as number, {name} as identifier, {DECLARED}::utinyint as side "
        f"from read_parquet({file_list(wire_forms)}) where {name} is not null"
        for name in names
    )
    numbers = {str(files.members): number for number, files in held.items() if files.members is not None}
    if numbers:
        which = ", ".join(f"({literal(file)}, {number})" for file, number in numbers.items())
        before = (
            f"select w.number, m.identifier, case when m.unknown then {UNSURE} else {HELD} end::utinyint as side "
            f"from read_parquet({file_list(tuple(numbers))}, hive_partitioning = false, filename = 'file') m "
            f"join (values {which}) w(file, number) using (file) where m.identifier_type = '{kind}'"
        )
        side = "(coalesce(n.side, 0::utinyint) | coalesce(b.side, 0::utinyint))::utinyint"
        both = f"({now}) n full join ({before}) b using (number, identifier)"
        now = f"select number, identifier, {side} as side from {both}"
    rows = f"select distinct number as {NUMBER}, identifier, side from ({now}) where {TO_ADD} or {TO_REMOVE}"
    cancellable.run(connection, f"copy ({rows}) to {literal(path)} {UNPACKED}")
    found = cancellable.run(
        connection,
        f"select {NUMBER}, count(*) filter ({TO_ADD}), count(*) filter ({TO_REMOVE}), count(*) filter ({NEW}) "
        f"from read_parquet({one_file(path)}) group by {NUMBER}",
    )
    return {int(number): (int(added), int(removed), int(new)) for number, added, removed, new in found}


def _delta(held: MembershipFiles, kind: IdentifierType, counts: tuple[int, int, int]) -> TypeDelta:
    added, removed, new = counts
    total, unknown = (held.counts or {}).get(kind, (0, 0))
    return TypeDelta(before=total, after=total - removed + new, added=added, removed=removed, unknown=unknown)
