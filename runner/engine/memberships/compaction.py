"""Folding a delta into the membership: a whole new file, or next to a great one a small file of what has changed.

A whole file of ten million members is 500 MB to write, to flush and, for a state in a bucket, to upload, though one in
a hundred of them changes in a day. The file of changes is written again each time, so there is never more than one.
When it would outgrow a sixteenth of the whole, the two become one: so the state stays under 54 bytes a
member whose fingerprint it has, and under 40 of others.
"""
# ruff: noqa: S608 (paths are quoted; all else is the engine's own)

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from runner.core.fingerprints import FingerprintOrigin
from runner.core.identifiers import IdentifierType, Operation
from runner.core.membership import MembershipFiles, SettledMembership
from runner.core.sql_quoting import one_file
from runner.engine.duckdb import cancellable
from runner.engine.fingerprint_sql import FIRST, NO_FINGERPRINT, SECOND
from runner.engine.memberships import differences, set_algebra
from runner.engine.memberships.parquet_files import columns_of, write_whole
from runner.engine.memberships.set_algebra import Carried

if TYPE_CHECKING:
    import duckdb

WHOLE_BELOW = 25_000_000
"""Bytes of a membership file below which it is always written whole."""

LEAST_TIMES: float = 16
"""How many times as great as the changes a membership file must be, for these to have a file of their own."""

NOBODY = (
    "select ''::varchar as identifier_type, ''::blob as identifier, false as unknown, null::uinteger as run where false"
)
_NO_CHANGES = f"select *, false as gone from ({NOBODY})"


def fold_delta(
    connection: duckdb.DuckDBPyConnection, held: MembershipFiles, path: Path, temporary: Path, *, whole: bool = False
) -> SettledMembership:
    """Write the file and count what is then held. Raises StateError, and what DuckDB raises.

    With `whole` it is a whole one, however little has changed. `temporary` is the folder for temporary files, to be
    named in errors.
    """
    types = differences.stored_types(connection, None, held)
    origin = held.origin if held.members is not None else held.fingerprints.get(held.outbox or Path())
    runs = carried(connection, held, origin)
    changes_only = not whole and _is_small_change(held)
    if changes_only:
        parts, none = [_changed(held, kind, runs, origin) for kind in types], _NO_CHANGES
    else:
        parts, none = [_in_portions(settled(held, kind, runs), kind, most) for kind, most in types.items()], NOBODY
    rows = " union all ".join(part for part in parts if part) or none
    origin = origin if any(parts) else None
    write_whole(connection, rows, path, types, held.files, temporary)
    now = MembershipFiles(held.members, changes=path) if changes_only else MembershipFiles(path)
    members: dict[IdentifierType, int] = {}
    unknown: dict[IdentifierType, int] = {}
    for kind in types:
        rows = set_algebra.current(now, kind) or NOBODY
        [(total, unsure)] = cancellable.run(connection, f"select count(*), count(*) filter (unknown) from ({rows})")
        members |= {kind: int(total)} if total else {}
        unknown |= {kind: int(unsure)} if unsure else {}
    return SettledMembership(members, unknown, changes_only, origin)


def _is_small_change(held: MembershipFiles) -> bool:
    """Whether the delta, and what has changed before, is little next to the membership file."""
    if held.members is None or held.outbox is None:
        return False
    whole = held.members.stat().st_size
    change = sum(path.stat().st_size for path in (held.outbox, held.changes) if path is not None)
    return whole >= WHOLE_BELOW and change * LEAST_TIMES <= whole


def run_columns(connection: duckdb.DuckDBPyConnection, held: MembershipFiles) -> Carried:
    """The column of each file that says which run added an identifier; nothing is known where there is none.

    Raises what DuckDB raises.
    """
    known = {file: "run" in columns_of(connection, file) for file in held.files}
    return {file: "run" if there else "null::uinteger as run" for file, there in known.items()}


def carried(connection: duckdb.DuckDBPyConnection, held: MembershipFiles, origin: FingerprintOrigin | None) -> Carried:
    """What is carried along with an identifier, by file: the run that added it, and its fingerprint where it has one of
    an origin. In a file that lacks one of these, nothing is known of it. Raises what DuckDB raises."""
    runs = run_columns(connection, held)
    if origin is None:
        return runs
    same = {file: held.fingerprints.get(file) == origin for file in held.files}
    return {file: f"{run}, {f'{FIRST}, {SECOND}' if same[file] else NO_FINGERPRINT}" for file, run in runs.items()}


def settled(held: MembershipFiles, identifier_type: IdentifierType, runs: Carried) -> str | None:
    """The settled membership of one type as rows of a membership file; None when there can be none.

    `runs` are the `run_columns`, or what is `carried`.

    What was sent is small next to the membership, or the membership is empty: so the one is looked up in the other.
    """
    before = set_algebra.current(held, identifier_type, runs)
    arrived = f"* exclude (side) replace (side = {set_algebra.IN_FLIGHT} as unknown)"
    here = f"side <> {set_algebra.REMOVED}"
    return _and_sent(before, held, identifier_type, runs, arrived, here)


def _in_portions(rows: str | None, identifier_type: IdentifierType, most: int) -> str | None:
    """The rows, portion by portion where so many must be compared so: then only a portion's own rows are read.

    Not where it is hashed for which portion a row is in: no file tells what it holds of that.
    """
    portions = differences.least_portions(most)
    if rows is None or portions == 1 or identifier_type not in set_algebra.SHA256:
        return rows
    return " union all ".join(
        set_algebra.portion(rows, identifier_type, number, portions) for number in range(portions)
    )


def _changed(
    held: MembershipFiles, identifier_type: IdentifierType, runs: Carried, origin: FingerprintOrigin | None
) -> str | None:
    """What is then to be known of one type next to the membership file, as rows of a file of changes.

    Where there are fingerprints, each says which row of that file it takes the place of.
    """
    before = set_algebra.changes(held.changes, identifier_type, runs) if held.changes is not None else None
    since = (
        f"* exclude (side) replace (side = {set_algebra.IN_FLIGHT} as unknown), side = {set_algebra.REMOVED} as gone"
    )
    rows = _and_sent(before, held, identifier_type, runs, since, "true")
    if rows is None or origin is None:
        return rows
    assert held.members is not None
    whole = (
        f"select identifier, file_row_number as overrules from read_parquet({one_file(held.members)}, "
        f"file_row_number = true) where identifier_type = '{identifier_type}'"
    )
    return f"select now.*, whole.overrules from ({rows}) now left join ({whole}) whole using (identifier)"


def _and_sent(
    before: str | None, held: MembershipFiles, identifier_type: IdentifierType, runs: Carried, columns: str, where: str
) -> str | None:
    """The rows of before that nothing sent since overrules, and the columns of what was sent; None for no rows."""
    sent = _sent(held, identifier_type, runs)
    if before and sent:
        before = f"select * from ({before}) anti join ({sent}) using (identifier)"
    since = f"select {columns} from ({sent}) where {where}" if sent else None
    parts = " union all ".join(part for part in (before, since) if part)
    return f"select '{identifier_type}' as identifier_type, * from ({parts})" if parts else None


def _sent(held: MembershipFiles, identifier_type: IdentifierType, runs: Carried) -> str | None:
    """What was sent, as rows of a membership with a side, and with the run since which it is there, if it is: a removal
    that may not have arrived is of somebody who is there since the run that added them."""
    if held.outbox is None:
        return None
    adds = f"operation = '{Operation.ADD}'"
    carried = {held.outbox: f"false as unknown, {adds} as adds, {runs[held.outbox]}"}
    sent = set_algebra.sent(held, identifier_type, carried)
    before = set_algebra.current(held, identifier_type, runs) if held.in_flight else None
    if sent is None or before is None:
        return sent and f"select * exclude (adds) replace (case when adds then run end as run) from ({sent})"
    return (
        "select now.* exclude (adds) replace (case when adds then now.run else earlier.run end as run) "
        f"from ({sent}) as now left join ({before}) as earlier using (identifier)"
    )
