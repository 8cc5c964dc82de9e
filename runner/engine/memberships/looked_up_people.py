"""Rows of a segment in which known people stand by number: which of them suppressions leave out, and what goes along.

A text may be known of a member, and of somebody remembered whom a suppression named before. Either number is a name for
an identifier and decides nothing: who is left out is settled by the identifiers that suppressions name now. So a row
goes where one of its texts stands for a remembered person who is named still, or for a member who is named, or has a
wire form that is.
"""
# ruff: noqa: S608 (paths are quoted; all else is the engine's own)

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from runner.core.identifiers import IdentifierType
from runner.core.membership import Evaluation, LookedUpRows, MembershipFiles
from runner.core.sql_quoting import literal, one_file
from runner.engine.duckdb import cancellable
from runner.engine.duckdb.session import UNPACKED
from runner.engine.fingerprint_sql import FIRST, NO_FINGERPRINT, SECOND, looked_up_in, member_of, remembered_of
from runner.engine.interface import AS_GIVEN, HASHED, MappedColumn
from runner.engine.memberships import known_members
from runner.engine.memberships.suppressed_people import columns_in, of_type
from runner.quick_dataclass import dataclass

if TYPE_CHECKING:
    import duckdb

_FILE = 1 << 40
"""Numbers of remembered people: that of the file by this, and the row in it."""

_NO_ROWS = "select null::varchar as identifier_type, null::blob as identifier where false"


def fingerprints(files: Sequence[Path], identifier_type: IdentifierType) -> str:
    """Each fingerprint of people remembered once, with the number of one who has it: a query of the files alone."""
    parts = [
        f"select {_number(place)} as member, {FIRST}, {SECOND} "
        f"from read_parquet({one_file(file)}, file_row_number = true) "
        f"where identifier_type = '{identifier_type}' and {FIRST} is not null"
        for place, file in enumerate(files)
    ]
    if not parts:
        return f"select null::bigint as member, {NO_FINGERPRINT} where false"
    if len(parts) == 1:
        return parts[0]
    # One who is in several is looked for in all of them afterwards, by the identifier.
    every = f"select min(member) as member, {FIRST}, {SECOND} from ({_union(parts)})"
    return f"{every} group by {FIRST}, {SECOND}"


def mistaken(connection: duckdb.DuckDBPyConnection, evaluation: Evaluation, folder: Path) -> bool:
    """Whether a text that was checked has another wire form than the one who was found for it, or was found for two
    who are not the same. Raises what DuckDB raises.
    """
    looked, file = _of(evaluation), folder / "looked-at.parquet"
    for kind, columns in _by_type(evaluation, looked):
        parts = []
        for one in columns:
            member, remembered = member_of(one), remembered_of(one)
            checked = f"({one.name} is not null or {one.name}_kind not in ({HASHED}, {AS_GIVEN}))"
            both = f"({member} is not null and {remembered} is not null)"
            found = f"({member} is not null or {remembered} is not null)"
            parts.append(
                f"select {member} as member, {remembered} as remembered, {one.name} as identifier, "
                f"{checked} as checked from {_rows(looked)} where {found} and ({checked} or {both})"
            )
        [(count,)] = cancellable.run(connection, f"copy ({_union(parts)}) to {literal(file)} {UNPACKED}")
        if count and _differ(connection, looked, kind, f"read_parquet({one_file(file)})"):
            return True
    return False


def _differ(connection: duckdb.DuckDBPyConnection, looked: LookedUpRows, kind: IdentifierType, file: str) -> bool:
    """Whether any text that is looked at stands for another identifier than one who was found for it."""
    numbers = "semi join (select {0} from {1} where {0} is not null) using ({0})"
    members = known_members.numbered(looked.held, kind, "identifier", numbers.format("member", file))
    people = f"from ({_people(looked.remembered, kind)}) {numbers.format('remembered', file)}"
    [(count,)] = cancellable.run(
        connection,
        f"select count(*) from {file} look left join ({members}) held on look.member = held.member "
        f"left join ({people}) known on look.remembered = known.remembered "
        "where (look.checked and look.member is not null and look.identifier is distinct from held.identifier) "
        "or (look.checked and look.remembered is not null and look.identifier is distinct from known.identifier) "
        "or (look.member is not null and look.remembered is not null "
        "and held.identifier is distinct from known.identifier)",
    )
    return bool(count)


@dataclass(frozen=True, slots=True)
class Named:
    """Whom suppressions name, for one segment: `files` of all of them; `gone`, a file of the remembered people who are
    named no more; and `since`, files of those whom an audience may hold all the same."""

    files: tuple[Path, ...]
    gone: Path
    since: tuple[Path, ...]


def write_gone(
    connection: duckdb.DuckDBPyConnection,
    remembered: Sequence[Path],
    named: tuple[Path, ...],
    gone: Mapping[Path, tuple[Path, Path]],
    path: Path,
) -> None:
    """Write the people remembered whom no suppression names now, with their numbers and fingerprints.

    `gone` has, of some of these files, the one that took its place and a file of those who are not in that any more.
    Raises what DuckDB raises.
    """
    parts = []
    for place, file in enumerate(remembered):
        if file in named:
            continue
        now, went = gone.get(file, (file, file))
        among, others = "", named
        if now in named:
            among = f"as earlier semi join read_parquet({one_file(went)}) as went using (identifier_type, identifier)"
            others = tuple(one for one in named if one != now)
        rows = (
            f"select {_number(place)} as remembered, identifier_type, identifier, {FIRST}, {SECOND} "
            f"from read_parquet({one_file(file)}, file_row_number = true) {among}"
        )
        if others:
            still = _union(f"select identifier_type, identifier from read_parquet({one_file(one)})" for one in others)
            rows = f"select * from ({rows}) anti join ({still}) using (identifier_type, identifier)"
        parts.append(rows)
    nobody = f"select null::bigint as remembered, *, {NO_FINGERPRINT} from ({_NO_ROWS})"
    cancellable.run(connection, f"copy ({_union(parts) or nobody}) to {literal(path)} {UNPACKED}")


@dataclass(frozen=True, slots=True)
class RowsLeft:
    """What is left of a segment's rows: the files, how many rows there are, and a file of the identifiers that the
    audience holds on rows that were left out, and that are on none of those left; None where there can be none."""

    files: tuple[Path, ...]
    people: int
    left_out: Path | None


def write_left(connection: duckdb.DuckDBPyConnection, evaluation: Evaluation, named: Named, folder: Path) -> RowsLeft:
    """Write the rows with a valid identifier that are left of a segment into `folder`. Raises what DuckDB raises.

    Nearly all rows hold known people alone: members, who stay, or people who are named still, and who go. Of these
    members only the numbers are written; the other rows are looked at one by one. There a text that stood for a
    remembered person only, who is named no more, has the identifier of that one.
    """
    looked, columns = _of(evaluation), columns_in(evaluation)
    known = tuple(one for one in columns if one.type in looked.types)
    others, plain, hits, left, left_out = (
        folder / f"{name}.parquet" for name in ("others", "plain", "hits", "left", "left-out")
    )
    here = _rows(looked)
    leaving = {one: _named_members(looked.held, one.type, named.since) for one in known if named.since}
    test = " or ".join(_not_plain(columns, known, named.gone, leaving))
    cancellable.run(connection, f"copy (select * from {here} where {test}) to {literal(others)} {UNPACKED}")
    members = ", ".join(f"{member_of(one)}, {one.name}_kind" for one in known)
    nobody = " and ".join(
        [*(f"{one.name} is null" for one in columns), *(f"{remembered_of(one)} is null" for one in known)]
    )
    somebody = " or ".join(f"{member_of(one)} is not null" for one in known)
    staying = "".join(f" and not coalesce({member_of(one)} in ({query}), false)" for one, query in leaving.items())
    rows = f"select {members} from {here} where {nobody} and ({somebody}){staying}"
    [(stay,)] = cancellable.run(connection, f"copy ({rows}) to {literal(plain)} {UNPACKED}")
    _write_hits(connection, evaluation, named.files, others, hits)
    rows, goes = _judged_rows(columns, known, others, hits, named.gone, leaving)
    [(people,)] = cancellable.run(connection, f"copy ({rows} and not ({goes})) to {literal(left)} {UNPACKED}")
    total = int(stay) + int(people)
    if len(columns) == 1 or total == evaluation.people:
        return RowsLeft((left, plain), total, None)
    out = folder / "rows-left-out.parquet"
    cancellable.run(connection, f"copy ({rows} and ({goes})) to {literal(out)} {UNPACKED}")
    _write_left_out(connection, evaluation, out, (left, plain), left_out)
    return RowsLeft((left, plain), total, left_out)


def _not_plain(
    columns: Sequence[MappedColumn], known: Sequence[MappedColumn], gone: Path, leaving: Mapping[MappedColumn, str]
) -> Iterator[str]:
    """Tests of a row, of which one is true where more is to be known than which members it has, or that it goes."""
    for one in columns:
        yield f"{one.name} is not null"
    for one in known:
        people = f"select remembered from read_parquet({one_file(gone)}) where identifier_type = '{one.type}'"
        yield f"coalesce({remembered_of(one)} in ({people}), false)"
    for one, members in leaving.items():
        yield f"coalesce({member_of(one)} in ({members}), false)"
    if len(columns) > 1:
        remembered = " or ".join(f"{remembered_of(one)} is not null" for one in known)
        members = " or ".join(f"{member_of(one)} is not null" for one in known)
        yield f"(({remembered}) and ({members}))"


def _judged_rows(
    columns: Sequence[MappedColumn],
    known: Sequence[MappedColumn],
    file: Path,
    hits: Path,
    gone: Path,
    leaving: Mapping[MappedColumn, str],
) -> tuple[str, str]:
    """The rows of a file that have a valid identifier, as a query to which tests can be added, and the test that one
    goes."""
    joins, goes, valid, returned = [], [], [], []
    for one in columns:
        found, back, held = (f"{one.name}_{name}" for name in ("hit", "gone", "held"))
        of_type = f"where identifier_type = '{one.type}'"
        joins.append(
            f"left join (select identifier from read_parquet({one_file(hits)}) {of_type}) {found} "
            f"on rows.{one.name} = {found}.identifier"
        )
        goes.append(f"{found}.identifier is not null")
        valid.append(f"rows.{one.name} is not null")
        if one not in known:
            continue
        member, remembered = member_of(one), remembered_of(one)
        joins.append(
            f"left join (select * from read_parquet({one_file(gone)}) {of_type}) {back} "
            f"on rows.{remembered} = {back}.remembered"
        )
        goes.append(f"(rows.{remembered} is not null and {back}.remembered is null)")
        valid += (f"rows.{member} is not null", f"rows.{remembered} is not null")
        returned.append(_returned(one, back))
        if one in leaving:
            joins.append(f"left join ({leaving[one]}) {held} on rows.{member} = {held}.member")
            goes.append(f"{held}.member is not null")
    excluded = ", ".join(map(remembered_of, known))
    select = f"rows.* exclude ({excluded}) replace ({', '.join(returned)})"
    source = f"read_parquet({one_file(file)})"
    return f"select {select} from {source} rows {' '.join(joins)} where ({' or '.join(valid)})", " or ".join(goes)


def _write_left_out(
    connection: duckdb.DuckDBPyConnection,
    evaluation: Evaluation,
    rows_out: Path,
    rows_left: tuple[Path, ...],
    path: Path,
) -> None:
    """Write the identifiers that an audience holds on rows that were left out, and that are on none of those left."""
    looked, parts = _of(evaluation), []
    out, left = looked_up_in((rows_out,)), looked_up_in(rows_left)
    for kind, columns in _by_type(evaluation, looked):
        numbers = {
            file: _union(f"select {member_of(one)} as member from {file}" for one in columns) for file in (out, left)
        }
        texts = {file: _wire_forms(columns, file) for file in (out, left)}
        among = (
            f"semi join (select member from ({numbers[out]}) where member is not null) using (member)",
            f"semi join ({texts[out]}) using (identifier)",
        )
        members = _union(known_members.numbered(looked.held, kind, "identifier", one) for one in among)
        parts.append(
            f"select '{kind}' as identifier_type, identifier from ({members}) "
            f"anti join (select member from ({numbers[left]}) where member is not null) using (member) "
            f"anti join ({texts[left]}) using (identifier)"
        )
    for kind in evaluation.types:
        if kind not in looked.types:
            columns = tuple(one for one in columns_in(evaluation) if one.type == kind)
            parts.append(
                f"select '{kind}' as identifier_type, identifier from ({_wire_forms(columns, out)}) "
                f"anti join ({_wire_forms(columns, left)}) using (identifier)"
            )
    rows = f"select distinct identifier_type, identifier, false as unknown from ({_union(parts)})"
    cancellable.run(connection, f"copy ({rows}) to {literal(path)} {UNPACKED}")


def _write_hits(
    connection: duckdb.DuckDBPyConnection, evaluation: Evaluation, named: tuple[Path, ...], rows: Path, path: Path
) -> None:
    """Write those of the named whose identifier is a wire form in the rows: these are few, beside those named."""
    parts, source = [_NO_ROWS], f"read_parquet({one_file(rows)})"
    for kind in evaluation.types if named else ():
        columns = tuple(one for one in columns_in(evaluation) if one.type == kind)
        parts.append(
            f"select distinct '{kind}' as identifier_type, identifier from ({of_type(named, kind)}) "
            f"semi join ({_wire_forms(columns, source)}) using (identifier)"
        )
    cancellable.run(connection, f"copy ({_union(parts)}) to {literal(path)} {UNPACKED}")


def _returned(one: MappedColumn, back: str) -> str:
    """A column's wire form and fingerprint, or those of the remembered person who is named no more and is no member."""
    names = ((one.name, "identifier"), (f"{one.name}_{FIRST}", FIRST), (f"{one.name}_{SECOND}", SECOND))
    nobody = f"rows.{member_of(one)} is null"
    return ", ".join(
        f"coalesce(rows.{name}, case when {nobody} then {back}.{value} end) as {name}" for name, value in names
    )


def _named_members(held: MembershipFiles, kind: IdentifierType, since: tuple[Path, ...]) -> str:
    """The numbers of members who are named."""
    named = f"semi join ({of_type(since, kind)}) using (identifier)"
    return f"select member from ({known_members.numbered(held, kind, 'identifier', named)})"


def _wire_forms(columns: Sequence[MappedColumn], file: str) -> str:
    return _union(f"select {one.name} as identifier from {file} where {one.name} is not null" for one in columns)


def _people(files: Sequence[Path], kind: IdentifierType) -> str:
    """The identifiers of people remembered, by their numbers."""
    parts = [
        f"select {_number(place)} as remembered, identifier "
        f"from read_parquet({one_file(file)}, file_row_number = true) where identifier_type = '{kind}'"
        for place, file in enumerate(files)
    ]
    return _union(parts) if parts else "select null::bigint as remembered, null::blob as identifier where false"


def _by_type(evaluation: Evaluation, looked: LookedUpRows) -> Iterator[tuple[IdentifierType, tuple[MappedColumn, ...]]]:
    """The types that were looked up, with their columns."""
    for kind in looked.types:
        yield kind, tuple(one for one in columns_in(evaluation) if one.type == kind)


def _of(evaluation: Evaluation) -> LookedUpRows:
    assert evaluation.looked_up is not None
    return evaluation.looked_up


def _rows(looked: LookedUpRows) -> str:
    return looked_up_in(looked.files)


def _number(place: int) -> str:
    return f"({place * _FILE} + file_row_number)::bigint"


def _union(queries: Iterable[str]) -> str:
    return " union all ".join(queries)
