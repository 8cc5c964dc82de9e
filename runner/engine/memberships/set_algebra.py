"""Set algebra on memberships, as SQL text.

Each identifier of a type is seen once, with a `side`: a sum of bits that says in which of the sets it occurs.
Everything that is asked about it (is it held, must it be added) is a test of those bits, so one pass answers all.
"""
# ruff: noqa: S608 (paths are quoted; all else is the engine's own)

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from runner.core.identifiers import IdentifierType, Operation
from runner.core.membership import MembershipFiles
from runner.core.sql_quoting import file_list, one_file
from runner.engine.fingerprint_sql import FIRST, SECOND
from runner.engine.interface import NUMBER, MappedColumn

DECLARED = 1
"""In the segment now (D)."""
HELD = 2
"""In the membership last settled, for certain."""
UNSURE = 4
"""In the membership last settled, as unknown."""
ADDED = 8
"""Added by a batch that was taken since."""
IN_FLIGHT = 16
"""In a batch that may or may not have been taken since."""
REMOVED = 32
"""Removed by a batch that was taken since."""

UNKNOWN = f"(side & {IN_FLIGHT} <> 0 or side & {UNSURE | ADDED | REMOVED} = {UNSURE})"
"""In U, once the unfinished delta is settled."""
MEMBER = f"(side & {IN_FLIGHT} = 0 and (side & {ADDED} <> 0 or side & {HELD | REMOVED} = {HELD}))"
"""In M, once the unfinished delta is settled."""
TO_ADD = f"(side & {DECLARED} <> 0 and not {MEMBER})"
TO_REMOVE = f"(side & {DECLARED} = 0 and ({MEMBER} or {UNKNOWN}))"
NEW = f"(side & {DECLARED} <> 0 and not {MEMBER} and not {UNKNOWN})"
"""To be added, and not even perhaps there."""

Carried = Mapping[Path, str]
"""What else is read of each identifier, by file: further columns of a select list, of the same names in every file."""

NOTHING_ELSE: Carried = {}

SHA256 = frozenset({IdentifierType.EMAIL, IdentifierType.PHONE_NUMBER})
"""The types whose wire forms are spread evenly over all values."""


def declared(
    evaluation: Path,
    identifier_type: IdentifierType,
    columns: int = 1,
    *,
    fingerprinted: bool = False,
    number: int | None = None,
    carried: str = "",
) -> str:
    """The identifiers of D, not yet distinct, in so many columns of the segment's file, or of its rows of a number;
    with their fingerprints, where these are asked for, and with a column that is `carried` along."""
    names = (MappedColumn(identifier_type, number).name for number in range(1, columns + 1))
    beside = f", {{0}}_{FIRST} as {FIRST}, {{0}}_{SECOND} as {SECOND}" if fingerprinted else ""
    return " union all ".join(
        f"select {f'{carried}, ' * bool(carried)}{name} as identifier, {DECLARED}::utinyint as side"
        f"{beside.format(name)} "
        f"from {rows_of(evaluation, number)} where {name} is not null"
        for name in names
    )


def rows_of(evaluation: Path, number: int | None) -> str:
    """The rows of a segment's file, or those of a number."""
    rows = f"read_parquet({one_file(evaluation)})"
    return rows if number is None else f"(from {rows} where {NUMBER} = {number})"


def least_fingerprint(first: str, second: str) -> str:
    """Of the fingerprints of several texts of one identifier the least, as two columns of an aggregation."""
    return f"min({first}) as {FIRST}, min_by({second}, {first}) as {SECOND}"


def differing(
    files: tuple[Path, ...], identifier_type: IdentifierType, *, as_evaluated: bool, fingerprinted: bool = False
) -> str:
    """The identifiers that differ, each once with its side; `as_evaluated` says that the file is a segment's own."""
    if as_evaluated:
        return declared(files[0], identifier_type, fingerprinted=fingerprinted)
    beside = f", {FIRST}, {SECOND}" if fingerprinted else ""
    return f"select identifier, side{beside} from read_parquet({file_list(files)})"


def joined(now: str, before: str, *, fingerprinted: bool = False) -> str:
    """Each identifier of two sets, with the bits of both sides; several times where `now` has it so, and then with its
    fingerprints too, where these are asked for.

    `before` is distinct. A full join takes half the time and memory of grouping the union of both: what is in both,
    nearly everything, needs no place in a table of groups, and only what differs is made distinct afterwards.
    """
    side = "(coalesce(n.side, 0::utinyint) | coalesce(b.side, 0::utinyint))::utinyint"
    beside = f", n.{FIRST}, n.{SECOND}" if fingerprinted else ""
    return f"select identifier, {side} as side{beside} from ({now}) n full join ({before}) b using (identifier)"


def joined_rows(wire_forms: str, before: str, identifier_type: IdentifierType) -> str:
    """Each row of a segment's wire forms, and each identifier only held, with its side; `before` is distinct.

    A row without a valid identifier has none here and no side but 0.
    """
    side = (
        f"(case when n.{identifier_type} is null then 0 else {DECLARED} end::utinyint "
        "| coalesce(b.side, 0::utinyint))::utinyint"
    )
    return (
        f"select coalesce(n.{identifier_type}, b.identifier) as identifier, {side} as side, n.{identifier_type}_kind "
        f"from ({wire_forms}) n full join ({before}) b on n.{identifier_type} = b.identifier"
    )


def portion(rows: str, identifier_type: IdentifierType, number: int, portions: int) -> str:
    """One of some portions of the rows, about as great as the others; an identifier is in the same one in all sets.

    There are a power of two of them, at most 65,536: a division would cost as much as the rest of the pass. A SHA-256
    is in the portion that its first bytes say, which DuckDB compares while it reads; others are hashed for it.
    """
    if portions == 1:
        return rows
    if identifier_type not in SHA256:
        return f"select * from ({rows}) where hash(identifier) & {portions - 1} = {number}"
    bounds = [f"identifier >= {_two_bytes(65_536 * number // portions)}"] if number else []
    if number + 1 < portions:
        bounds.append(f"identifier < {_two_bytes(65_536 * (number + 1) // portions)}")
    return f"select * from ({rows}) where {' and '.join(bounds)}"


def before(held: MembershipFiles, identifier_type: IdentifierType, number: int = 0, portions: int = 1) -> str | None:
    """The identifiers of the membership and those sent since, each once with its side; None when there can be none.

    All of them, or one portion: DuckDB does not move its test to within a join, so that it stands there.
    """
    both = (_members(held, identifier_type), sent(held, identifier_type))
    parts = [portion(part, identifier_type, number, portions) for part in both if part]
    # Each is distinct as it is: a delta has an identifier once, to be added or to be removed.
    return joined(parts[1], parts[0]) if len(parts) > 1 else next(iter(parts), None)


def current(held: MembershipFiles, identifier_type: IdentifierType, carried: Carried = NOTHING_ELSE) -> str | None:
    """The membership last settled of one type, each identifier once, and whether it is unknown."""
    if held.members is None:
        return None
    whole = (
        f"select identifier, unknown{_further(carried, held.members)} from read_parquet({one_file(held.members)}) "
        f"where identifier_type = '{identifier_type}'"
    )
    if held.changes is None:
        return whole
    since = changes(held.changes, identifier_type, carried)
    return (
        f"select * from ({whole}) anti join ({since}) using (identifier) "
        f"union all select * exclude (gone) from ({since}) where not gone"
    )


def changes(path: Path, identifier_type: IdentifierType, carried: Carried = NOTHING_ELSE) -> str:
    """The rows of one type in a file of changes."""
    return (
        f"select identifier, unknown{_further(carried, path)}, gone from read_parquet({one_file(path)}) "
        f"where identifier_type = '{identifier_type}'"
    )


def _further(carried: Carried, path: Path) -> str:
    columns = carried.get(path)
    return f", {columns}" if columns else ""


def batched(rows: str, operation: Operation, identifier_type: IdentifierType, first: int, size: int) -> str:
    """Rows of an outbox from rows of identifiers: in batches of `size` numbered from `first`."""
    return (
        f"select ((row_number() over () - 1) // {size} + {first})::integer as batch, '{operation}' as operation, "
        f"'{identifier_type}' as identifier_type, * from ({rows})"
    )


def wire_text(identifier_type: IdentifierType, identifier: str) -> str:
    """The wire form as text, from an SQL expression that yields its bytes; hex digits in upper case: see `as_sent`."""
    match identifier_type:
        case IdentifierType.EMAIL | IdentifierType.PHONE_NUMBER:
            return f"hex({identifier})"
        case IdentifierType.MOBILE_AD_ID:
            parts, dashed = "(.{8})(.{4})(.{4})(.{4})(.{12})", r"\1-\2-\3-\4-\5"
            return f"regexp_replace(hex({identifier}), '{parts}', '{dashed}')"
        case _:
            return f"decode({identifier})"


def as_sent(identifier_type: IdentifierType, text: str) -> str:
    """A text of one or many of these as it goes into a call. To lower all at once takes a tenth of the time that DuckDB
    takes to lower each."""
    hexadecimal = identifier_type in SHA256 or identifier_type is IdentifierType.MOBILE_AD_ID
    return text.lower() if hexadecimal else text


def _two_bytes(number: int) -> str:
    return "'{}'::blob".format("".join(f"\\x{byte:02x}" for byte in number.to_bytes(2, "big")))


def _members(held: MembershipFiles, identifier_type: IdentifierType) -> str | None:
    members = current(held, identifier_type)
    side = f"case when unknown then {UNSURE} else {HELD} end::utinyint as side"
    return f"select identifier, {side} from ({members})" if members else None


def sent(held: MembershipFiles, identifier_type: IdentifierType, carried: Carried = NOTHING_ELSE) -> str | None:
    """What batches that were taken or are in flight carried; batches never sent are left out."""
    if held.outbox is None or held.untouched:
        return None
    taken = _among(held.taken)
    effect = f"case operation when '{Operation.ADD}' then {ADDED} else {REMOVED} end"
    return (
        f"select identifier, case when {taken} then {effect} else {IN_FLIGHT} end::utinyint as side"
        f"{_further(carried, held.outbox)} from read_parquet({one_file(held.outbox)}) "
        f"where identifier_type = '{identifier_type}' and ({taken} or {_among(held.in_flight)})"
    )


def _among(batches: frozenset[int]) -> str:
    """A test for the batch numbers, as ranges: batches are taken in order, so there are few."""
    ranges: list[list[int]] = []
    for number in sorted(batches):
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    tests = " or ".join(f"batch between {first} and {last}" for first, last in ranges)
    return f"({tests})" if tests else "false"
