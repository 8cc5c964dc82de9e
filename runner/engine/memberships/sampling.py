"""How many identifiers of a segment an audience holds already: set algebra over the files of both.

Of a large segment one identifier in some is looked for, by the low bits of its hash: the same ones in every audience,
so that an audience costs one pass over its own membership, whatever the segment's size.
"""
# ruff: noqa: S608 (paths are quoted; all else is the engine's own)

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from runner.core.identifiers import IdentifierType
from runner.core.membership import ComparedMembership, MembershipFiles, Sample, Sampled
from runner.core.sql_quoting import literal, one_file
from runner.engine.duckdb import cancellable
from runner.engine.duckdb.session import UNPACKED
from runner.engine.memberships import set_algebra

if TYPE_CHECKING:
    import duckdb

EXACT_UP_TO = 200_000
"""Identifiers of a type that are all looked for. Of twice as many, one in two is: a share is then right to half a
percentage point, in nineteen cases of twenty."""


def sampled(
    connection: duckdb.DuckDBPyConnection, compared: ComparedMembership, folder: Path, most: int = EXACT_UP_TO
) -> Sample:
    """The identifiers of a segment that was compared with nobody, about `most` of a type at most, in files in `folder`.

    Raises what DuckDB raises.
    """
    found: dict[IdentifierType, Sampled] = {}
    for identifier_type, delta in compared.delta.items():
        files = compared.differing.get(identifier_type, ())
        if not delta.after or not files:
            continue
        one_in = 1 << (max(-(-delta.after // most), 1) - 1).bit_length()
        path = folder / f"{identifier_type}.parquet"
        rows = set_algebra.differing(files, identifier_type, as_evaluated=identifier_type in compared.as_evaluated)
        rows = f"select identifier from ({rows}) where hash(identifier) & {one_in - 1} = 0"
        [(taken,)] = cancellable.run(connection, f"copy ({rows}) to {literal(path)} {UNPACKED}")
        found[identifier_type] = Sampled(path, delta.after, int(taken), one_in)
    return found


def shared(
    connection: duckdb.DuckDBPyConnection, sample: Sample, held: MembershipFiles
) -> Mapping[IdentifierType, int]:
    """How many of the sampled identifiers an audience holds, or may hold, by type; none of types it has nobody of.

    Raises what DuckDB raises.
    """
    counts: dict[IdentifierType, int] = {}
    for identifier_type, part in sample.items():
        before = set_algebra.before(held, identifier_type)
        if before is None or (held.counts is not None and held.untouched and identifier_type not in held.counts):
            continue
        there = f"select identifier from ({before}) where {set_algebra.MEMBER} or {set_algebra.UNKNOWN}"
        wanted = f"select identifier from read_parquet({one_file(part.path)})"
        [(number, members)] = cancellable.run(
            connection,
            f"select count(w.identifier), count(*) from ({there}) t left join ({wanted}) w using (identifier)",
        )
        if members:
            counts[identifier_type] = int(number)
    return counts
