"""How many identifiers each two of several audiences have in common: exact, in one pass over all of them.

Each identifier is seen once, with the list of the audiences that hold it; equal lists are counted together, and only
then taken apart into pairs. What is read at a time is bounded by portions, so that memory is, too.
"""
# ruff: noqa: S608 (paths are quoted; all else is the engine's own)

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from runner.core.identifiers import IdentifierType
from runner.core.membership import MembershipFiles
from runner.engine.duckdb import cancellable
from runner.engine.memberships import set_algebra

if TYPE_CHECKING:
    import duckdb

AT_ONCE = 2_000_000
"""Identifiers, over all audiences, of one pass: about 300 MB of groups."""

Pair = tuple[int, int]


def pairwise(
    connection: duckdb.DuckDBPyConnection, held: Sequence[MembershipFiles], at_once: int = AT_ONCE
) -> Mapping[Pair, int]:
    """How many identifiers, of all types together, two of the audiences both hold or may hold, by their places in
    `held`, the lower one first; pairs with nobody in common are left out. Raises what DuckDB raises.
    """
    found: dict[Pair, int] = {}
    for identifier_type in IdentifierType:
        having = [number for number, one in enumerate(held) if _may_hold(one, identifier_type)]
        if len(having) < 2:
            continue
        total = sum(_counted(held[number], identifier_type) for number in having)
        portions = min(65_536, 1 << (max(-(-total // at_once), 1) - 1).bit_length())
        for number in range(portions):
            rows = [
                f"select identifier, {audience}::usmallint as audience from ({members}) "
                f"where {set_algebra.MEMBER} or {set_algebra.UNKNOWN}"
                for audience in having
                if (members := set_algebra.before(held[audience], identifier_type, number, portions)) is not None
            ]
            if len(rows) > 1:
                for first, second, count in cancellable.run(connection, _pairs(" union all ".join(rows))):
                    found[first, second] = found.get((first, second), 0) + int(count)
    return found


def _pairs(rows: str) -> str:
    return (
        f"with together as (select list_sort(list(audience)) as them from ({rows}) group by identifier "
        "having count(*) > 1), alike as (select them, count(*) as number from together group by them), "
        "firsts as (select them, number, unnest(them) as first from alike), "
        "pairs as (select first, number, unnest(them) as second from firsts) "
        "select first, second, sum(number) from pairs where first < second group by first, second"
    )


def _may_hold(held: MembershipFiles, identifier_type: IdentifierType) -> bool:
    if not held.files:
        return False
    return held.counts is None or not held.untouched or identifier_type in held.counts


def _counted(held: MembershipFiles, identifier_type: IdentifierType) -> int:
    """How many identifiers the audience has of a type, as far as that is recorded."""
    return held.counts.get(identifier_type, (0, 0))[0] if held.counts is not None else 0
