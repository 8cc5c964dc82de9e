"""Running a prepared segment: its mapped columns in wire form into a file of the engine's own, and what was counted."""
# ruff: noqa: S608 (paths are quoted; all else is the engine's own)

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from runner.core.identifiers import IdentifierType
from runner.core.membership import Evaluation, MembershipFiles, Rejected
from runner.engine.duckdb import cancellable
from runner.engine.duckdb.session import literal
from runner.engine.memberships import set_algebra
from runner.engine.memberships.parquet_files import PLAIN
from runner.engine.segments.normalize import AS_GIVEN, BLANK, HASHED, reasons, wire_select

if TYPE_CHECKING:
    import duckdb

MAX_SAMPLES = 5
"""Masked samples kept for each reason of rejection."""


def write_statement(columns: Mapping[IdentifierType, str], path: Path) -> str:
    """The statement that runs the view `segment` and writes its wire forms into a file that is short-lived."""
    return f"copy ({wire_select(columns, 'segment')}) to {literal(path)} {PLAIN}"


def beside_statement(identifier_type: IdentifierType, column: str, before: str, path: Path) -> str:
    """The same for one type and what is held of it, a query of distinct identifiers with their sides.

    What is on both sides is only counted: writing and reading ten million again costs a seventh of a plan.
    """
    rows = set_algebra.beside(wire_select({identifier_type: column}, "segment"), before, identifier_type)
    kind, sample = f"{identifier_type}_kind", f"{identifier_type}_sample"
    # The two valid kinds as one, so that an identifier that differs has one row.
    differs = f"{set_algebra.TO_ADD} or {set_algebra.TO_REMOVE}"
    counted = f"""select case when {differs} then identifier end as identifier, side,
        case {kind} when {AS_GIVEN} then {HASHED} else {kind} end as {kind}, {sample}, count(*) as occurrences
        from ({rows}) group by all"""
    return f"copy ({counted}) to {literal(path)} {PLAIN}"


def measure(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    types: tuple[IdentifierType, ...],
    beside: MembershipFiles | None = None,
) -> Evaluation:
    """Count what an evaluation wrote: only the narrow columns are read."""
    source = f"read_parquet({literal(path)})"
    kinds = [f"{identifier_type}_kind" for identifier_type in types]
    total = "count(*)"
    if beside is not None:
        source = f"(select * from {source} where {kinds[0]} is not null)"  # without rows of what is only held
        total = "sum(occurrences)"
    rows = cancellable.run(connection, f"select {', '.join(kinds)}, {total} from {source} group by all")
    found = [(row[:-1], int(row[-1])) for row in rows]
    blank: dict[IdentifierType, int] = {}
    rejected: list[Rejected] = []
    for position, identifier_type in enumerate(types):
        counts: dict[int, int] = {}
        for combination, count in found:
            counts[combination[position]] = counts.get(combination[position], 0) + count
        blank[identifier_type] = counts.get(BLANK, 0)
        for kind, reason in reasons(identifier_type).items():
            if kind in counts:
                samples = _samples(connection, source, identifier_type, kind)
                rejected.append(Rejected(identifier_type, reason, counts[kind], samples))
    return Evaluation(
        path=path,
        types=types,
        rows=sum(count for _, count in found),
        people=sum(count for combination, count in found if any(kind in (HASHED, AS_GIVEN) for kind in combination)),
        blank=blank,
        rejected=tuple(rejected),
        beside=beside,
    )


def _samples(
    connection: duckdb.DuckDBPyConnection, source: str, identifier_type: IdentifierType, kind: int
) -> tuple[str, ...]:
    """Some shapes of the values rejected for one reason, the same ones for the same data."""
    rows = cancellable.run(
        connection,
        f"select distinct {identifier_type}_sample as sample from {source} "
        f"where {identifier_type}_kind = $1 order by sample limit {MAX_SAMPLES}",
        [kind],
    )
    return tuple(str(row[0]) for row in rows)
