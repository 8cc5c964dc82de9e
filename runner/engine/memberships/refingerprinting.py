"""Writing a settled membership again with fingerprints that its members lack."""
# ruff: noqa: S608 (paths are quoted; all else is the engine's own)

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from runner.core.fingerprints import FingerprintOrigin
from runner.core.identifiers import IdentifierType
from runner.core.membership import ComparedMembership, MembershipFiles, NewFingerprints
from runner.core.sql_quoting import one_file
from runner.engine.fingerprint_sql import FIRST, NO_FINGERPRINT, SECOND
from runner.engine.memberships import compaction, differences, set_algebra
from runner.engine.memberships.parquet_files import write_whole

if TYPE_CHECKING:
    import duckdb


def write_fingerprints(
    connection: duckdb.DuckDBPyConnection,
    held: MembershipFiles,
    compared: ComparedMembership,
    origin: FingerprintOrigin,
    path: Path,
    temporary: Path,
) -> None:
    """Write what is held and settled as one whole file, with the fingerprints that `compared` found.

    A member that has one of the same origin keeps it, unless there is a new one. Raises StateError, and what DuckDB
    raises; `temporary` is where it spills to.
    """
    types = differences.stored_types(connection, None, held)
    carried = compaction.carried(connection, held, origin)
    parts: list[str] = []
    for kind, most in types.items():
        portions = differences.portions_of(most) if kind in set_algebra.SHA256 else 1
        for number in range(portions):
            rows = set_algebra.current(held, kind, carried)
            if rows is not None:
                rows = set_algebra.portion(rows, kind, number, portions)
                new = compared.refreshed.get(kind)
                rows = rows if new is None else _with(rows, _portion(new, kind, number, portions))
                parts.append(f"select '{kind}' as identifier_type, * from ({rows})")
    nobody = f"select *, {NO_FINGERPRINT} from ({compaction.NOBODY})"
    write_whole(connection, " union all ".join(parts) or nobody, path, types, held.files, temporary)


def _with(rows: str, new: str) -> str:
    """The rows of a membership, with the new fingerprint of each member that there is one of."""
    kept = ", ".join(f"coalesce(new.{name}, rows.{name}) as {name}" for name in (FIRST, SECOND))
    return f"select rows.* replace ({kept}) from ({rows}) rows left join ({new}) new using (identifier)"


def _portion(new: NewFingerprints, kind: IdentifierType, number: int, portions: int) -> str:
    """New fingerprints of one portion of the identifiers, one for each."""
    if new.columns:
        rows = set_algebra.declared(new.path, kind, new.columns, fingerprinted=True)
    else:
        rows = f"select identifier, {FIRST}, {SECOND} from read_parquet({one_file(new.path)})"
    rows = set_algebra.portion(rows, kind, number, portions)
    return f"select identifier, {set_algebra.least_fingerprint(FIRST, SECOND)} from ({rows}) group by identifier"
