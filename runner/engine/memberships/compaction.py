"""Folding a delta into the membership: a whole new file, or next to a great one a small file of what has changed.

A whole file of ten million members is 360 MB to write, to flush and, for a state in a bucket, to upload, though one in
a hundred of them changes in a day. The file of changes is written again each time, so there is never more than one.
When it would outgrow a sixteenth of the whole, the two become one: so the state stays under 40 bytes a member.
"""
# ruff: noqa: S608 (paths are quoted; all else is the engine's own)

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from runner.core.identifiers import IdentifierType, Operation
from runner.core.membership import MembershipFiles, SettledMembership
from runner.engine.duckdb import cancellable
from runner.engine.memberships import differences, set_algebra
from runner.engine.memberships.parquet_files import columns_of, write_whole
from runner.engine.memberships.set_algebra import Carried

if TYPE_CHECKING:
    import duckdb

WHOLE_BELOW = 16_000_000
"""Bytes of a membership file below which it is always written whole."""

LEAST_TIMES: float = 16
"""How many times as great as the changes a membership file must be, for these to have a file of their own."""

_NOBODY = (
    "select ''::varchar as identifier_type, ''::blob as identifier, false as unknown, null::uinteger as run where false"
)
_NO_CHANGES = f"select *, false as gone from ({_NOBODY})"


def fold_delta(
    connection: duckdb.DuckDBPyConnection, held: MembershipFiles, path: Path, temporary: Path, *, whole: bool = False
) -> SettledMembership:
    """Write the file and count what is then held. Raises StateError, and what DuckDB raises.

    With `whole` it is a whole one, however little has changed. `temporary` is the folder for temporary files, to be
    named in errors.
    """
    types = differences.stored_types(connection, None, held)
    runs = run_columns(connection, held)
    changes_only = not whole and _is_small_change(held)
    if changes_only:
        parts, none = [_changed(held, kind, runs) for kind in types], _NO_CHANGES
    else:
        parts, none = [_in_portions(settled(held, kind, runs), kind, most) for kind, most in types.items()], _NOBODY
    rows = " union all ".join(part for part in parts if part) or none
    write_whole(connection, rows, path, types, held.files, temporary)
    now = MembershipFiles(held.members, changes=path) if changes_only else MembershipFiles(path)
    members: dict[IdentifierType, int] = {}
    unknown: dict[IdentifierType, int] = {}
    for kind in types:
        rows = set_algebra.current(now, kind) or _NOBODY
        [(total, unsure)] = cancellable.run(connection, f"select count(*), count(*) filter (unknown) from ({rows})")
        members |= {kind: int(total)} if total else {}
        unknown |= {kind: int(unsure)} if unsure else {}
    return SettledMembership(members, unknown, changes_only)


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


def settled(held: MembershipFiles, identifier_type: IdentifierType, runs: Carried) -> str | None:
    """The settled membership of one type as rows of a membership file; None when there can be none.

    `runs` are the `run_columns`.

    What was sent is small next to the membership, or the membership is empty: so the one is looked up in the other.
    """
    before = set_algebra.current(held, identifier_type, runs)
    arrived = f"identifier, side = {set_algebra.IN_FLIGHT} as unknown, run"
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


def _changed(held: MembershipFiles, identifier_type: IdentifierType, runs: Carried) -> str | None:
    """What is then to be known of one type next to the membership file, as rows of a file of changes."""
    before = set_algebra.changes(held.changes, identifier_type, runs) if held.changes is not None else None
    since = f"identifier, side = {set_algebra.IN_FLIGHT} as unknown, run, side = {set_algebra.REMOVED} as gone"
    return _and_sent(before, held, identifier_type, runs, since, "true")


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
    """What was sent, with the run since which it is there, if it is: a removal that may not have arrived is of somebody
    who is there since the run that added them."""
    if held.outbox is None:
        return None
    adds = f"operation = '{Operation.ADD}'"
    carried = {held.outbox: f"{adds} as adds, {runs[held.outbox]}"}
    sent = set_algebra.sent(held, identifier_type, carried)
    before = set_algebra.current(held, identifier_type, runs) if held.in_flight else None
    if sent is None or before is None:
        return sent and f"select identifier, side, case when adds then run end as run from ({sent})"
    return (
        "select identifier, side, case when adds then now.run else earlier.run end as run "
        f"from ({sent}) as now left join ({before}) as earlier using (identifier)"
    )
