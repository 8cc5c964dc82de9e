"""Comparing several small segments, whose wire forms share files, with their audiences in one statement.

Each identifier has a side, as in set_algebra.py, for the audience of its number.
"""
# ruff: noqa: S608 (paths are quoted; all else is the engine's own)

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from runner.core.identifiers import IdentifierType
from runner.core.membership import ComparedMembership, Evaluation, MembershipFiles, TypeDelta
from runner.core.sql_quoting import file_list, literal, one_file
from runner.engine.duckdb import cancellable
from runner.engine.duckdb.session import UNPACKED
from runner.engine.interface import NUMBER
from runner.engine.memberships.set_algebra import HELD, NEW, TO_ADD, TO_REMOVE, UNSURE, declared

if TYPE_CHECKING:
    import duckdb

Asked = tuple[Evaluation, MembershipFiles]
Counts = Mapping[int, tuple[int, int, int]]
"""How many are to be added to each audience, how many are to be removed, and how many are new, by the numbers."""


def may_be_compared(evaluation: Evaluation, held: MembershipFiles) -> bool:
    """Whether a segment shares its file with others, and what the audience holds is settled, whole in its file, counted
    and of types that the segment maps."""
    if evaluation.number is None or held.members is None or held.changes is not None:
        return False
    if held.counts is None or not held.untouched:
        return False
    return {kind for kind, (members, _) in held.counts.items() if members} <= {*evaluation.types}


def compared(
    connection: duckdb.DuckDBPyConnection, asked: Sequence[Asked], folder: Path
) -> Mapping[int, ComparedMembership]:
    """What brings each audience to its segment, by their places; what differs is kept in files in `folder`, which is
    made. All may be compared in this way. Raises what DuckDB raises.
    """
    folder.mkdir(mode=0o700)
    nobody = folder / "nobody.parquet"
    none = "select ''::blob as identifier, 0::utinyint as side limit 0"
    cancellable.run(connection, f"copy ({none}) to {literal(nobody)} {UNPACKED}")
    delta: dict[int, dict[IdentifierType, TypeDelta]] = {place: {} for place, _ in enumerate(asked)}
    differing: dict[int, dict[IdentifierType, tuple[Path, ...]]] = {place: {} for place, _ in enumerate(asked)}
    for kind in IdentifierType:
        mapped = {place: one for place, one in enumerate(asked) if kind in one[0].types}
        if not mapped:
            continue
        differs = folder / f"{kind}.parquet"
        counts = _differing(connection, kind, tuple(mapped.values()), differs)
        for place, (evaluation, held) in mapped.items():
            assert evaluation.number is not None
            part = _delta(held, kind, counts.get(evaluation.number, (0, 0, 0)))
            delta[place][kind], differing[place][kind] = part, (nobody,)
            if part.added or part.removed:
                own = folder / f"{kind}-{place}.parquet"
                rows = f"select identifier, side from read_parquet({one_file(differs)}) "
                rows += f"where {NUMBER} = {evaluation.number}"
                cancellable.run(connection, f"copy ({rows}) to {literal(own)} {UNPACKED}")
                differing[place][kind] = (own,)
    found = {place: ComparedMembership(held, delta[place], differing[place]) for place, (_, held) in enumerate(asked)}
    return {place: one for place, one in found.items() if _is_sound(asked[place][0], one)}


def _differing(
    connection: duckdb.DuckDBPyConnection, kind: IdentifierType, asked: Sequence[Asked], path: Path
) -> Counts:
    """Write the identifiers of a type that differ, each once for its audience, to a file, and count them."""
    numbers: dict[tuple[Path, int], list[str]] = {}
    for one, _ in asked:
        if one.path is not None:
            numbers.setdefault((one.path, one.columns.get(kind, 1)), []).append(str(one.number))
    # Of each file only the rows of those it is for: a segment's rows may be in another one too, with people in them
    # whom suppressions leave out of its own.
    now = " union all ".join(
        f"select * from ({declared(file, kind, columns, carried=NUMBER)}) where {NUMBER} in ({', '.join(its)})"
        for (file, columns), its in numbers.items()
    )
    files = {held.members: evaluation.number for evaluation, held in asked if held.members is not None}
    which = ", ".join(f"({literal(str(file))}, {number})" for file, number in files.items())
    before = (
        f"select {NUMBER}, m.identifier, case when m.unknown then {UNSURE} else {HELD} end::utinyint as side "
        f"from read_parquet({file_list(tuple(files))}, hive_partitioning = false, filename = 'file') m "
        f"join (values {which}) w(file, {NUMBER}) using (file) where m.identifier_type = '{kind}'"
    )
    side = "(coalesce(n.side, 0::utinyint) | coalesce(b.side, 0::utinyint))::utinyint"
    both = f"({now}) n full join ({before}) b using ({NUMBER}, identifier)"
    rows = f"select {NUMBER}, identifier, {side} as side from {both}"
    rows = f"select distinct * from ({rows}) where {TO_ADD} or {TO_REMOVE}"
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


def _is_sound(evaluation: Evaluation, found: ComparedMembership) -> bool:
    """Whether a segment has no more people after the comparison than it has values, as it would have had its audience
    been mistaken for another."""
    return all(part.after <= evaluation.people * evaluation.columns.get(kind, 1) for kind, part in found.delta.items())
