"""Members by number: which of them have a fingerprint, and what differs once texts were looked up by it.

A member's number is its row in the membership file, or, for one in the file of changes, a number below zero that says
its row there. So a statement that looks for fingerprints reads these alone, and no identifier.
"""
# ruff: noqa: S608 (paths are quoted; all else is the engine's own)

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from runner.core.identifiers import IdentifierType
from runner.core.membership import MembershipFiles
from runner.core.sql_quoting import literal, one_file
from runner.engine.duckdb import cancellable
from runner.engine.duckdb.session import UNPACKED
from runner.engine.fingerprint_sql import FIRST, NO_FINGERPRINT, SECOND, looked_up_in
from runner.engine.interface import AS_GIVEN, HASHED, MappedColumn
from runner.engine.memberships import set_algebra

if TYPE_CHECKING:
    import duckdb


def fingerprints(held: MembershipFiles, identifier_type: IdentifierType) -> str:
    """Each member of a type with its number and its fingerprint: a query of the files alone.

    Who is unknown has none here: nobody knows whether the destination has them, and they are sent again.
    """
    known = "case when not unknown then {} end as {}"
    return (
        f"select member, {known.format(FIRST, FIRST)}, {known.format(SECOND, SECOND)} "
        f"from ({numbered(held, identifier_type, f'unknown, {FIRST}, {SECOND}')})"
    )


def numbered(held: MembershipFiles, identifier_type: IdentifierType, columns: str, among: str = "") -> str:
    """The members of a type with their numbers; a change takes the place of the row that it names.

    `among` joins them with those that are wanted, before it is looked whether a change overrules any of these.
    """
    assert held.members is not None
    whole = _rows(held.members, identifier_type, "file_row_number", columns, "true", among)
    if held.changes is None:
        return whole
    overruled = f"select overrules as member from read_parquet({one_file(held.changes)}) where overrules is not null"
    since = _rows(held.changes, identifier_type, "-1 - file_row_number", columns, "not gone", among)
    return f"select * from ({whole}) anti join ({overruled}) using (member) union all {since}"


def write_looked_up(
    connection: duckdb.DuckDBPyConnection,
    held: MembershipFiles,
    columns: tuple[MappedColumn, ...],
    rows: tuple[Path, ...],
    path: Path,
) -> None:
    """Write what `unknown_texts` would yield of the columns of one type in files of `looked_up_rows`, but nobody who
    was found and is not checked. Raises what DuckDB raises.

    A member is lost whom none of the columns has.
    """
    file, kind = looked_up_in(rows), columns[0].type
    texts = " union all ".join(
        f"select {name} as identifier, {name}_kind as {kind}_kind, {name}_member as member, "
        f"{name}_{FIRST} as {FIRST}, {name}_{SECOND} as {SECOND} from {file} where {name} is not null "
        # One that is checked and comes to nothing is as wrong as one that comes to somebody else.
        f"or ({name}_member is not null and {name}_kind not in ({HASHED}, {AS_GIVEN}))"
        for name in (one.name for one in columns)
    )
    found = " union all ".join(f"select {one.name}_member as member from {file}" for one in columns)
    lost = (
        f"select null::blob as identifier, null::utinyint as {kind}_kind, member, {NO_FINGERPRINT} "
        f"from ({numbered(held, kind, 'unknown')}) "
        f"anti join (select member from ({found}) where member is not null) using (member)"
    )
    cancellable.run(connection, f"copy ({texts} union all {lost}) to {literal(path)} {UNPACKED}")


def write_touched(
    connection: duckdb.DuckDBPyConnection,
    held: MembershipFiles,
    identifier_type: IdentifierType,
    looked_up: Path,
    path: Path,
) -> None:
    """Write the members that what was looked up speaks of, by number or by identifier. Raises what DuckDB raises.

    `looked_up` is a file of what `unknown_texts` yields. A text that was not found may be of any member, whose
    fingerprint is of another spelling: so each is compared with all of them.
    """
    file = f"read_parquet({one_file(looked_up)})"
    named = f"(select member from {file} where member is not null)"
    # One after the other, each by a join of its own: to ask each member for both takes longer than to read them twice.
    by_number = f"semi join {named} using (member)"
    by_identifier = f"{_with_a_text(file)} anti join {named} using (member)"
    rows = (numbered(held, identifier_type, "identifier, unknown", among) for among in (by_number, by_identifier))
    cancellable.run(connection, f"copy ({' union all '.join(rows)}) to {literal(path)} {UNPACKED}")


def write_respelled(
    connection: duckdb.DuckDBPyConnection,
    held: MembershipFiles,
    identifier_type: IdentifierType,
    looked_up: Path,
    path: Path,
) -> None:
    """Write the members whose identifier a text that was not found has, by another spelling of theirs, and nobody else.

    Raises what DuckDB raises.
    """
    among = _with_a_text(f"read_parquet({one_file(looked_up)})")
    rows = numbered(held, identifier_type, "identifier, unknown", among)
    cancellable.run(connection, f"copy ({rows}) to {literal(path)} {UNPACKED}")


def write_sides(
    connection: duckdb.DuckDBPyConnection,
    identifier_type: IdentifierType,
    looked_up: Path,
    respelled: Path,
    path: Path,
) -> None:
    """Write the side of each identifier that differs, in a row of its own: to those who count, it does not matter who
    it is.

    A member whose text is lost is removed, whether they are known to be there or not. Raises what DuckDB raises.
    """
    file, members = f"read_parquet({one_file(looked_up)})", f"read_parquet({one_file(respelled)})"
    side = (
        f"({set_algebra.DECLARED} | case when held.identifier is null then 0 when held.unknown then "
        f"{set_algebra.UNSURE} else {set_algebra.HELD} end)::utinyint as side"
    )
    texts = f"select {side} from ({_texts(file)}) texts left join {members} held using (identifier)"
    lost = (
        f"select {set_algebra.HELD}::utinyint from ({_lost(file, identifier_type)}) anti join {members} using (member)"
    )
    rows = f"select * from ({texts} union all {lost}) where {set_algebra.TO_ADD} or {set_algebra.TO_REMOVE}"
    cancellable.run(
        connection, f"copy (select null::blob as identifier, side from ({rows})) to {literal(path)} {UNPACKED}"
    )


def mistaken(
    connection: duckdb.DuckDBPyConnection, identifier_type: IdentifierType, looked_up: Path, touched: Path
) -> int:
    """How many of the texts that were checked have another wire form than the member that was found for them.

    Raises what DuckDB raises.
    """
    [(count,)] = cancellable.run(
        connection,
        f"select count(*) from (select member, identifier from read_parquet({one_file(looked_up)}) "
        f"where member is not null and {identifier_type}_kind is not null) looked "
        f"left join (select member, identifier from read_parquet({one_file(touched)})) held using (member) "
        "where looked.identifier is distinct from held.identifier",
    )
    return int(count)


def write_differing(
    connection: duckdb.DuckDBPyConnection, identifier_type: IdentifierType, looked_up: Path, touched: Path, path: Path
) -> None:
    """Write what differs: each identifier once, with its side and the fingerprint of a text of it that was hashed.

    A member who is touched for being checked alone was found, and does not differ. Raises what DuckDB raises.
    """
    file = f"read_parquet({one_file(looked_up)})"
    members = (
        f"select identifier, unknown from read_parquet({one_file(touched)}) "
        f"where member in ({_lost(file, identifier_type)}) or identifier in (select identifier from {file} {_HASHED})"
    )
    side = (
        f"(case when texts.identifier is null then 0 else {set_algebra.DECLARED} end "
        f"| case when held.identifier is null then 0 when held.unknown then {set_algebra.UNSURE} "
        f"else {set_algebra.HELD} end)::utinyint"
    )
    rows = (
        f"select coalesce(texts.identifier, held.identifier) as identifier, {side} as side, texts.{FIRST}, "
        f"texts.{SECOND} from ({members}) held full join ({_texts(file)}) texts on held.identifier = texts.identifier"
    )
    cancellable.run(
        connection,
        f"copy (select * from ({rows}) where {set_algebra.TO_ADD} or {set_algebra.TO_REMOVE}) "
        f"to {literal(path)} {UNPACKED}",
    )


def write_lacking(
    connection: duckdb.DuckDBPyConnection, identifier_type: IdentifierType, looked_up: Path, touched: Path, path: Path
) -> int:
    """Write the members of whom a text was hashed and none was found, with the fingerprint of the text; how many.

    Raises what DuckDB raises.
    """
    file = f"read_parquet({one_file(looked_up)})"
    [(count,)] = cancellable.run(
        connection,
        f"copy (select texts.* from ({_texts(file)}) texts semi join (select identifier "
        f"from read_parquet({one_file(touched)}) where member in ({_lost(file, identifier_type)})) using (identifier)) "
        f"to {literal(path)} {UNPACKED}",
    )
    return int(count)


_HASHED = "where identifier is not null and member is null"


def _texts(file: str) -> str:
    """The identifiers of the texts that were hashed, each once with the least of their fingerprints."""
    return (
        f"select identifier, {set_algebra.least_fingerprint(FIRST, SECOND)} from {file} {_HASHED} group by identifier"
    )


def _with_a_text(file: str) -> str:
    """A join with those whose identifier a text has that was hashed."""
    return f"semi join (select identifier from {file} {_HASHED}) using (identifier)"


def _lost(file: str, identifier_type: IdentifierType) -> str:
    """The numbers of the members of whom no text was found."""
    return f"select member from {file} where member is not null and {identifier_type}_kind is null"


def _rows(path: Path, identifier_type: IdentifierType, number: str, columns: str, where: str, among: str) -> str:
    source = f"read_parquet({one_file(path)}, file_row_number = true)"
    its = f"identifier_type = '{identifier_type}' and {where}"
    return f"select * from (select {number} as member, {columns} from {source} where {its}) {among}"
