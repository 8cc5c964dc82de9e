"""People who may not be sent: who they are, which rows of a segment are theirs, and what an audience holds of them.

Whom a suppression names is kept in the form of a membership file, so that memberships' own set algebra serves.
"""
# ruff: noqa: S608 (paths are quoted; all else is the engine's own)

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from runner.core.identifiers import IdentifierType
from runner.core.membership import ComparedMembership, Evaluation, MembershipFiles, TypeDelta
from runner.core.sql_quoting import file_list, literal, one_file
from runner.engine.duckdb import cancellable
from runner.engine.duckdb.session import UNPACKED
from runner.engine.fingerprint_sql import FIRST, NO_FINGERPRINT, PAYS, SECOND
from runner.engine.interface import NUMBER, MappedColumn
from runner.engine.memberships import set_algebra
from runner.engine.memberships.differences import least_portions
from runner.engine.memberships.parquet_files import columns_of
from runner.quick_dataclass import replace

if TYPE_CHECKING:
    import duckdb

_COLUMNS = "identifier_type, identifier, unknown"
_NOBODY = f"select ''::varchar as identifier_type, ''::blob as identifier, {NO_FINGERPRINT} where false"


def write_named(
    connection: duckdb.DuckDBPyConnection, evaluation: Evaluation, path: Path, last: Path | None, run: int | None
) -> None:
    """Write whom a suppression names, each identifier once, with the run that saw it first, and whether it `entered`;
    and with a fingerprint, where the evaluation has any.

    That is `run` for those who are not in `last`, a file of whom it named before: they entered. Raises what DuckDB
    raises.
    """
    parts = (f"select '{kind}' as identifier_type, * from ({_once(evaluation, kind)})" for kind in evaluation.types)
    rows, now = " union all ".join(parts), f"{'null' if run is None else run}::uinteger"
    if last is None:
        rows = f"select *, {now} as first_run, true as entered from ({rows})"
    else:
        known = "first_run" if "first_run" in columns_of(connection, last) else "null::uinteger"
        rows = (
            f"select now.*, case when earlier.there then earlier.first_run else {now} end as first_run, "
            "earlier.there is null as entered "
            f"from ({rows}) as now left join (select identifier_type, identifier, true as there, "
            f"{known} as first_run from read_parquet({one_file(last)})) as earlier using (identifier_type, identifier)"
        )
    _copy(connection, rows, path)


def write_named_beside(
    connection: duckdb.DuckDBPyConnection,
    found: ComparedMembership,
    last: Path,
    run: int | None,
    path: Path,
    gone: Path,
) -> None:
    """Write the same, and whom it names no more, from what differs between a suppression's segment and `last`.

    Raises what DuckDB raises.
    """
    beside = f"{FIRST}, {SECOND}"
    added, removed = [_NOBODY], [_NOBODY]
    for kind, files in found.differing.items():
        fingerprinted = kind in found.fingerprints
        rows = set_algebra.differing(files, kind, as_evaluated=kind in found.as_evaluated, fingerprinted=fingerprinted)
        its = beside if fingerprinted else NO_FINGERPRINT
        added.append(f"select '{kind}' as identifier_type, identifier, {its} from ({rows}) where {set_algebra.TO_ADD}")
        removed.append(f"select '{kind}', identifier, {its} from ({rows}) where {set_algebra.TO_REMOVE}")
    _copy(connection, f"select identifier_type, identifier from ({' union all '.join(removed)})", gone)
    known = "first_run" if "first_run" in columns_of(connection, last) else "null::uinteger as first_run"
    stay = (
        f"select identifier_type, identifier, unknown, {beside}, {known}, false as entered "
        f"from read_parquet({one_file(last)}) as earlier "
        f"anti join read_parquet({one_file(gone)}) as went using (identifier_type, identifier)"
    )
    if found.refreshed:
        fresh = " union all ".join(
            f"select '{kind}' as identifier_type, identifier, {beside} from read_parquet({one_file(new.path)})"
            for kind, new in found.refreshed.items()
        )
        both = ", ".join(f"coalesce(fresh.{half}, stay.{half}) as {half}" for half in (FIRST, SECOND))
        stay = f"select stay.* replace ({both}) from ({stay}) stay left join ({fresh}) fresh "
        stay += "using (identifier_type, identifier)"
    now = f"{'null' if run is None else run}::uinteger"
    come = f"select identifier_type, identifier, false as unknown, {beside}, {now} as first_run, true as entered"
    _copy(connection, f"{stay} union all {come} from ({' union all '.join(added)})", path)


def came_and_went(connection: duckdb.DuckDBPyConnection, named: Path, last: Path | None) -> tuple[int, int]:
    """How many identifiers of the file `named` are not in `last`, beside which it was written, and how many of that
    one's are not in it. Raises what DuckDB raises.
    """
    counted = f"select count(*), count(*) filter (entered) from read_parquet({one_file(named)})"
    [(count, entered)] = cancellable.run(connection, counted)
    [(before,)] = (
        [(0,)] if last is None else cancellable.run(connection, f"select count(*) from read_parquet({one_file(last)})")
    )
    return int(entered), int(before) - (int(count) - int(entered))


def write_new(connection: duckdb.DuckDBPyConnection, named: Path, before: Path | None, path: Path) -> None:
    """Write those of `named` who were not among those `before`. Raises what DuckDB raises."""
    rows = f"select now.* from read_parquet({one_file(named)}) as now"
    if before is not None:
        rows += f" anti join read_parquet({one_file(before)}) as earlier using (identifier_type, identifier)"
    _copy(connection, rows, path)


def write_entered(connection: duckdb.DuckDBPyConnection, named: Path, path: Path) -> None:
    """Write those of `named` who entered it: the file that it was written beside has none of them.

    Raises what DuckDB raises.
    """
    _copy(connection, f"select * from read_parquet({one_file(named)}) where entered", path)


def write_lasting(connection: duckdb.DuckDBPyConnection, named: Path, before: Path, path: Path) -> None:
    """Write those of `before` who are among `named` still. Raises what DuckDB raises."""
    rows = f"select earlier.* from read_parquet({one_file(before)}) as earlier"
    rows += f" semi join read_parquet({one_file(named)}) as now using (identifier_type, identifier)"
    _copy(connection, rows, path)


def write_left_out(connection: duckdb.DuckDBPyConnection, whole: Evaluation, left: Evaluation, path: Path) -> None:
    """Write the identifiers of a segment that are on none of the rows left of it. Raises what DuckDB raises."""
    parts = []
    for kind in whole.types:
        portions = least_portions(whole.people * whole.columns.get(kind, 1))
        for number in range(portions):
            now, then = (set_algebra.portion(_declared(one, kind), kind, number, portions) for one in (whole, left))
            parts.append(
                f"select distinct '{kind}' as identifier_type, identifier, false as unknown "
                f"from ({now}) anti join ({then}) using (identifier)"
            )
    _copy_each(connection, parts, path)


def write_found(
    connection: duckdb.DuckDBPyConnection, named: tuple[Path, ...], evaluations: Iterable[Evaluation], path: Path
) -> None:
    """Write those of `named` who are in some of the segments: one pass, however many segments there are, for each
    portion of whom fits into memory.

    Raises what DuckDB raises.
    """
    segments: dict[IdentifierType, list[str]] = {}
    for evaluation in _by_file(evaluations):
        for kind in evaluation.types:
            segments.setdefault(kind, []).append(_declared(evaluation, kind))
    parts, counted = [], counts_of_all(connection, named)
    for kind, identifiers in segments.items():
        portions, among = least_portions(counted.get(kind, 0)), " union all ".join(identifiers)
        for number in range(portions):
            people = set_algebra.portion(of_type(named, kind), kind, number, portions)
            parts.append(
                f"select distinct '{kind}' as identifier_type, identifier, false as unknown from ({people}) "
                f"semi join ({set_algebra.portion(among, kind, number, portions)}) using (identifier)"
            )
    nobody = f"select {_COLUMNS} from read_parquet({file_list(named)}) limit 0"
    _copy_each(connection, parts or [nobody], path)


def write_rows_without(
    connection: duckdb.DuckDBPyConnection, evaluation: Evaluation, named: tuple[Path, ...], path: Path
) -> tuple[int, int]:
    """Write a segment's rows that have a valid identifier, and none that is among `named`: how many were left out, and
    how many there are. Raises what DuckDB raises.
    """
    assert evaluation.path is not None
    columns, counted = columns_in(evaluation), counts_of_all(connection, named)
    file = f"read_parquet({one_file(evaluation.path)}, file_row_number = true)"
    hits = []
    for one in columns:
        portions = least_portions(counted.get(one.type, 0))
        texts = f"select file_row_number, {one.name} as identifier from {file} where {one.name} is not null"
        for number in range(portions):
            people = set_algebra.portion(of_type(named, one.type), one.type, number, portions)
            hits.append(
                f"select file_row_number from ({set_algebra.portion(texts, one.type, number, portions)}) "
                f"semi join ({people}) using (identifier)"
            )
    valid = " or ".join(f"{one.name} is not null" for one in columns)
    if evaluation.number is not None:
        valid = f"({valid}) and {NUMBER} = {evaluation.number}"
    # One join at a time: what two in one statement need may be too much for memory together, and then DuckDB gives up.
    files = _copied_each(connection, hits, path.with_name("hits.parquet"))
    rows = f"select * exclude (file_row_number) from {file} as rows"
    rows += f" anti join read_parquet({file_list(files)}) as hits using (file_row_number) where {valid}"
    [(people,)] = cancellable.run(connection, f"copy ({rows}) to {literal(path)} {UNPACKED}")
    return evaluation.people - int(people), int(people)


def write_rows_of_each_without(
    connection: duckdb.DuckDBPyConnection, evaluation: Evaluation, named: tuple[Path, ...], path: Path
) -> Mapping[int, int]:
    """The same for all segments that share the evaluation's file: how many rows each has left, by its number; those
    that have none are not there. Raises what DuckDB raises.
    """
    write_rows_without(connection, replace(evaluation, number=None), named, path)
    rows = cancellable.run(connection, f"select {NUMBER}, count(*) from read_parquet({one_file(path)}) group by all")
    return {int(number): int(count) for number, count in rows}


def leaving(
    connection: duckdb.DuckDBPyConnection, held: MembershipFiles, named: tuple[Path, ...], folder: Path
) -> ComparedMembership:
    """What leaves an audience because `named` may not be in it: (M ∪ U) ∩ S. Nobody is added, and what else is
    unknown stays so. Raises what DuckDB raises.
    """
    delta: dict[IdentifierType, TypeDelta] = {}
    differing: dict[IdentifierType, tuple[Path, ...]] = {}
    for kind in types_in(connection, named):
        before = set_algebra.before(held, kind)
        if before is None:
            continue
        file = folder / f"{kind}.parquet"
        there = f"({set_algebra.MEMBER} or {set_algebra.UNKNOWN})"
        rows = f"select identifier, side from ({before}) semi join ({of_type(named, kind)}) using (identifier)"
        [(removed,)] = cancellable.run(
            connection, f"copy (select * from ({rows}) where {there}) to {literal(file)} {UNPACKED}"
        )
        if removed:
            counted = f"select count(*) filter ({there}) from ({before})"
            [(total,)] = cancellable.run(connection, counted)
            delta[kind] = TypeDelta(int(total), int(total) - int(removed), 0, int(removed))
            differing[kind] = (file,)
    return ComparedMembership(held, delta, differing)


def everybody(
    connection: duckdb.DuckDBPyConnection,
    held: MembershipFiles,
    named: tuple[Path, ...],
    types: frozenset[IdentifierType],
    folder: Path,
) -> ComparedMembership:
    """All of `named` of the types, to be removed from an audience of which nobody knows what it holds.

    Raises what DuckDB raises.
    """
    delta: dict[IdentifierType, TypeDelta] = {}
    differing: dict[IdentifierType, tuple[Path, ...]] = {}
    for kind in types_in(connection, named):
        if kind not in types:
            continue
        file = folder / f"{kind}.parquet"
        rows = f"select distinct identifier, {set_algebra.HELD}::utinyint as side from ({of_type(named, kind)})"
        [(removed,)] = cancellable.run(connection, f"copy ({rows}) to {literal(file)} {UNPACKED}")
        delta[kind] = TypeDelta(int(removed), 0, 0, int(removed))
        differing[kind] = (file,)
    return ComparedMembership(held, delta, differing)


def counts(connection: duckdb.DuckDBPyConnection, named: Path) -> Mapping[IdentifierType, int]:
    """How many identifiers of each type are named. Raises what DuckDB raises."""
    rows = cancellable.run(
        connection, f"select identifier_type, count(*) from read_parquet({one_file(named)}) group by identifier_type"
    )
    found = {str(kind): int(count) for kind, count in rows}
    return {kind: found[kind] for kind in IdentifierType if kind in found}


def counts_of_all(connection: duckdb.DuckDBPyConnection, files: Iterable[Path]) -> Mapping[IdentifierType, int]:
    """How many identifiers of each type files of people have, those that are in several counted several times.

    Raises what DuckDB raises.
    """
    found: dict[IdentifierType, int] = {}
    for file in files:
        for kind, count in counts(connection, file).items():
            found[kind] = found.get(kind, 0) + count
    return found


def md5s(connection: duckdb.DuckDBPyConnection, named: Path) -> int:
    """How many of the e-mail addresses named are there as MD5. Raises what DuckDB raises."""
    [(count,)] = cancellable.run(
        connection,
        f"select count(*) from ({of_type((named,), IdentifierType.EMAIL)}) where octet_length(identifier) = 16",
    )
    return int(count)


def columns_in(evaluation: Evaluation) -> tuple[MappedColumn, ...]:
    """The columns with wire forms of an evaluation's file."""
    return tuple(
        MappedColumn(kind, number)
        for kind in evaluation.types
        for number in range(1, evaluation.columns.get(kind, 1) + 1)
    )


def _once(evaluation: Evaluation, kind: IdentifierType) -> str:
    """The identifiers of one type in an evaluation's file, each once; with the least of its fingerprints, where those
    of a type are kept."""
    if evaluation.fingerprints is None:
        return f"select distinct identifier, false as unknown from ({_declared(evaluation, kind)})"
    if kind not in PAYS:
        return f"select distinct identifier, false as unknown, {NO_FINGERPRINT} from ({_declared(evaluation, kind)})"
    assert evaluation.path is not None
    columns = evaluation.columns.get(kind, 1)
    rows = set_algebra.declared(evaluation.path, kind, columns, fingerprinted=True, number=evaluation.number)
    least = set_algebra.least_fingerprint(FIRST, SECOND)
    return f"select identifier, false as unknown, {least} from ({rows}) group by identifier"


def _declared(evaluation: Evaluation, identifier_type: IdentifierType) -> str:
    """The identifiers of one type in an evaluation's file, not yet distinct."""
    assert evaluation.path is not None
    columns = evaluation.columns.get(identifier_type, 1)
    return set_algebra.declared(evaluation.path, identifier_type, columns, number=evaluation.number)


def _by_file(evaluations: Iterable[Evaluation]) -> Iterator[Evaluation]:
    """The evaluations; of those that share a file one that stands for the whole file.

    Rows of others in it make no difference to whom suppressions name of all.
    """
    shared: set[Path | None] = set()
    for evaluation in evaluations:
        if evaluation.number is None:
            yield evaluation
        elif evaluation.path not in shared:
            shared.add(evaluation.path)
            yield replace(evaluation, number=None)


def types_in(connection: duckdb.DuckDBPyConnection, named: tuple[Path, ...]) -> tuple[IdentifierType, ...]:
    """The types that files of people have. Raises what DuckDB raises."""
    rows = cancellable.run(connection, f"select distinct identifier_type from read_parquet({file_list(named)})")
    there = {str(kind) for (kind,) in rows}
    return tuple(kind for kind in IdentifierType if kind in there)


def of_type(named: tuple[Path, ...], identifier_type: IdentifierType) -> str:
    """The identifiers of one type among those named, which may be there several times."""
    return f"select identifier from read_parquet({file_list(named)}) where identifier_type = '{identifier_type}'"


def _copy_each(connection: duckdb.DuckDBPyConnection, queries: Sequence[str], path: Path) -> None:
    """Write what some queries find into one file, one after the other: each may need all the memory that there is."""
    if len(queries) > 1:
        queries = [f"from read_parquet({file_list(_copied_each(connection, queries, path))})"]
    _copy(connection, queries[0], path)


def _copied_each(connection: duckdb.DuckDBPyConnection, queries: Sequence[str], path: Path) -> tuple[Path, ...]:
    """The files of what each of some queries finds, written one after the other beside `path`."""
    files = tuple(path.with_name(f"{path.stem}-{place}.parquet") for place in range(len(queries)))
    for rows, file in zip(queries, files, strict=True):
        _copy(connection, rows, file)
    return files


def _copy(connection: duckdb.DuckDBPyConnection, rows: str, path: Path) -> None:
    cancellable.run(connection, f"copy ({rows}) to {literal(path)} {UNPACKED}")
