"""Comparing a segment with what is held, and writing the difference as an outbox."""
# ruff: noqa: S608 (paths are quoted; all else is the engine's own)

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.core.fingerprints import FingerprintOrigin
from runner.core.identifiers import IdentifierType, Operation, WireForms
from runner.core.membership import (
    Batch,
    ComparedMembership,
    Evaluation,
    MembershipFiles,
    NewFingerprints,
    TypeDelta,
)
from runner.core.sql_quoting import literal, one_file
from runner.engine.duckdb import cancellable
from runner.engine.duckdb.session import UNPACKED, Limits, give_back
from runner.engine.fingerprint_sql import FIRST, LEAST, NO_FINGERPRINT, PAYS, SECOND
from runner.engine.memberships import set_algebra
from runner.engine.memberships.parquet_files import unreadable, write_whole
from runner.quick_dataclass import replace

if TYPE_CHECKING:
    import duckdb

PORTION, GREATEST_PORTION = 500_000, 13_000_000
"""Identifiers of each set that are compared at one time. Half a million take some 50 MB; up to four portions cost next
to no time. Where that would be too many at a time, there are more portions, so that what DuckDB may use is enough: else
it goes through the disk, encrypted, which takes far longer than reading the sets again."""

HASHED_AT_ONCE = 16_000_000
"""Hashes of identifiers that are sorted at one time; they take some 25 MB a million."""

LOOKED_AT_FIRST = 500_000
"""So many identifiers are looked at before all of them."""

_AT_ONCE = 100_000
"""Identifiers of an outbox that are read at one time, unless one batch alone has more. Twice as many are in Python's
memory: some are sent while the next are read."""


def compared(
    connection: duckdb.DuckDBPyConnection,
    limits: Limits,
    evaluation: Evaluation | None,
    held: MembershipFiles,
    folder: Path,
    joined: Mapping[IdentifierType, Path] | None = None,
) -> ComparedMembership:
    """Compare type by type; what differs is kept in files in `folder`. Raises what DuckDB raises.

    `limits` are those of the connection. `joined` is what differs of mapped types of which that is known.
    """
    delta: dict[IdentifierType, TypeDelta] = {}
    differing: dict[IdentifierType, tuple[Path, ...]] = {}
    as_evaluated: set[IdentifierType] = set()
    fingerprinted: dict[IdentifierType, FingerprintOrigin] = {}
    refreshed: dict[IdentifierType, NewFingerprints] = {}
    for identifier_type, most in _compared_types(connection, evaluation, held).items():
        mapped = evaluation is not None and identifier_type in evaluation.types
        origin = _kept_fingerprints(evaluation, held, identifier_type, most)
        now = _declared(evaluation, identifier_type, fingerprinted=origin is not None)
        before = set_algebra.before(held, identifier_type)
        if joined and identifier_type in joined:
            files: tuple[Path, ...] = (joined[identifier_type],)
        elif (
            evaluation
            and evaluation.own_file
            and now
            and not before
            and identifier_type not in evaluation.columns
            and nobody_twice(connection, f"select hash(identifier) as hash from ({now})", most)
        ):
            files = (evaluation.own_file,)
            as_evaluated.add(identifier_type)
        elif now or before:
            where, with_them = folder / str(identifier_type), origin is not None
            files = _compare(connection, limits, identifier_type, now, held, where, most, fingerprinted=with_them)
        else:
            continue
        rows = set_algebra.differing(files, identifier_type, as_evaluated=identifier_type in as_evaluated)
        counts = _counted(connection, held, identifier_type, before, rows)
        if mapped or counts.before:
            delta[identifier_type], differing[identifier_type] = counts, files
        if origin is not None:
            fingerprinted[identifier_type] = origin
        elif lacked := _lacked_fingerprints(evaluation, held, identifier_type, counts):
            refreshed[identifier_type] = lacked
    return ComparedMembership(
        held, delta, differing, frozenset(as_evaluated), fingerprints=fingerprinted, refreshed=refreshed
    )


def without_those_gone(
    connection: duckdb.DuckDBPyConnection, found: ComparedMembership, held: MembershipFiles, folder: Path
) -> ComparedMembership:
    """What differs, once some of those who are to be removed have been taken out, and nothing else has happened: who is
    in the segment is none of them. What is held now is settled. Raises what DuckDB raises.
    """
    delta, differing = dict(found.delta), dict(found.differing)
    for kind, part in found.delta.items():
        before, as_evaluated = set_algebra.before(held, kind), kind in found.as_evaluated
        if part.removed:
            rows = set_algebra.differing(found.differing[kind], kind, as_evaluated=False)
            fingerprinted = kind in found.fingerprints
            added = set_algebra.differing(found.differing[kind], kind, as_evaluated=False, fingerprinted=fingerprinted)
            parts = [f"select * from ({added}) where {set_algebra.TO_ADD}"]
            if before:
                none = f", {NO_FINGERPRINT}" if fingerprinted else ""
                going = f"select identifier from ({rows}) where {set_algebra.TO_REMOVE}"
                parts.append(f"select identifier, side{none} from ({before}) semi join ({going}) using (identifier)")
            file = folder / f"{kind}.parquet"
            cancellable.run(connection, f"copy ({' union all '.join(parts)}) to {literal(file)} {UNPACKED}")
            differing[kind] = (file,)
        rows = set_algebra.differing(differing[kind], kind, as_evaluated=as_evaluated)
        delta[kind] = _counted(connection, held, kind, before, rows)
    return replace(found, held=held, delta=delta, differing=differing)


def _declared(evaluation: Evaluation | None, identifier_type: IdentifierType, *, fingerprinted: bool) -> str | None:
    """The identifiers of a segment of one type, None where they are not mapped, or in no file."""
    if evaluation is None or evaluation.path is None or identifier_type not in evaluation.types:
        return None
    columns = evaluation.columns.get(identifier_type, 1)
    return set_algebra.declared(
        evaluation.path, identifier_type, columns, fingerprinted=fingerprinted, number=evaluation.number
    )


def _kept_fingerprints(
    evaluation: Evaluation | None, held: MembershipFiles, identifier_type: IdentifierType, most: int
) -> FingerprintOrigin | None:
    """What those fingerprints of an evaluation were made with that are worth to be kept beside what differs: those of a
    first membership, or of one whose others are of the same origin."""
    if evaluation is None or evaluation.path is None or identifier_type not in PAYS & {*evaluation.types}:
        return None
    same = held.members is None or held.origin == evaluation.fingerprints
    return evaluation.fingerprints if same and most >= LEAST else None


def _lacked_fingerprints(
    evaluation: Evaluation | None, held: MembershipFiles, identifier_type: IdentifierType, counts: TypeDelta
) -> NewFingerprints | None:
    """Those of a segment, where the membership would be looked through by fingerprints, had it any of the same origin:
    then it is written again with these."""
    if evaluation is None or evaluation.path is None or evaluation.fingerprints in (None, held.origin):
        return None
    if held.members is None or counts.after < LEAST or identifier_type not in PAYS & {*evaluation.types}:
        return None
    assert evaluation.fingerprints is not None
    return NewFingerprints(evaluation.path, evaluation.fingerprints, evaluation.columns.get(identifier_type, 1))


def write_outbox(
    connection: duckdb.DuckDBPyConnection,
    found: ComparedMembership,
    path: Path,
    batch_size: int,
    run: int | None,
    temporary: Path,
) -> tuple[Batch, ...]:
    """Write what differs in batches, removals of all types first; nothing is written when nothing differs.

    `run` is the one whose delta it is. Raises StateError; `temporary` is the folder for temporary files, to be
    named in it.
    """
    batches: list[Batch] = []
    parts: list[str] = []
    both = ((Operation.REMOVE, set_algebra.TO_REMOVE), (Operation.ADD, set_algebra.TO_ADD))
    for operation, which in both[:1] if found.removals_only else both:
        for kind, counts in found.delta.items():
            total = counts.added if operation is Operation.ADD else counts.removed
            if total:
                adds = operation is Operation.ADD and kind in found.fingerprints
                differing = set_algebra.differing(
                    found.differing[kind], kind, as_evaluated=kind in found.as_evaluated, fingerprinted=adds
                )
                beside = f", {FIRST}, {SECOND}" if adds else f", {NO_FINGERPRINT}" if found.origin else ""
                rows = f"select identifier{beside} from ({differing}) where {which}"
                parts.append(set_algebra.batched(rows, operation, kind, len(batches), batch_size))
                sizes = [batch_size] * (total // batch_size) + ([total % batch_size] if total % batch_size else [])
                batches += [Batch(number, operation, kind, size) for number, size in zip(count(len(batches)), sizes)]
    if parts:
        types = {batch.identifier_type for batch in batches if batch.identifier_type is not None}
        rows = f"select *, {'null' if run is None else run}::uinteger as run from ({' union all '.join(parts)})"
        write_whole(connection, rows, path, types, (), temporary)
    return tuple(batches)


def read_batches(connection: duckdb.DuckDBPyConnection, outbox: Path) -> Iterator[tuple[int, WireForms]]:
    """Number and wire forms of each batch, some at a time.

    Raises StateError for a file that holds something else, and what DuckDB raises.
    """
    source = f"read_parquet({one_file(outbox)})"
    try:
        sizes = cancellable.run(
            connection,
            f"select batch, any_value(identifier_type), count(*) from {source} group by batch order by batch",
        )
        groups = list(_groups(sizes))
        for group, rows in zip(groups, _ahead(_reading(connection, source, one) for one in groups), strict=True):
            kind = IdentifierType(group[0][1])
            yield from ((int(batch), WireForms(set_algebra.as_sent(kind, text), count)) for batch, text, count in rows)
    except ValueError:
        raise unreadable(outbox) from None


def _reading(connection: duckdb.DuckDBPyConnection, source: str, group: list[Any]) -> cancellable.Running:
    """The reading of some batches of one type; raises ValueError when that is none."""
    text = set_algebra.wire_text(IdentifierType(group[0][1]), "identifier")
    return cancellable.Running(
        connection,
        f"select batch, string_agg({text}, chr(10)), count(*) "
        f"from {source} where batch between $1 and $2 group by batch order by batch",
        [group[0][0], group[-1][0]],
    )


def _ahead(readings: Iterator[cancellable.Running]) -> Iterator[list[Any]]:
    """The rows of each reading, in order; the next one goes on while those of the one before it are being sent."""
    under_way = next(readings, None)
    while under_way is not None:
        rows = under_way.rows()
        under_way = next(readings, None)
        try:
            if under_way is not None:
                under_way.begin()
            yield rows
        except BaseException:
            if under_way is not None:
                under_way.stop()
            raise


def _groups(sizes: list[Any]) -> Iterator[list[Any]]:
    """Runs of batches of one type that fit into memory together."""
    group: list[Any] = []
    for row in sizes:
        if group and (row[1] != group[0][1] or sum(part[2] for part in group) + row[2] > _AT_ONCE):
            yield group
            group = []
        group.append(row)
    if group:
        yield group


def stored_types(
    connection: duckdb.DuckDBPyConnection, evaluation: Evaluation | None, held: MembershipFiles
) -> dict[IdentifierType, int]:
    """The types that are mapped or occur in what is held, in the declared order, with the rows of the greatest set.

    Raises what DuckDB raises.
    """
    most = {str(one): values for one, values in _values(evaluation).items()}
    for path in held.files:
        query = f"select identifier_type, count(*) from read_parquet({one_file(path)}) group by identifier_type"
        for name, rows in cancellable.run(connection, query):
            most[str(name)] = max(int(rows), most.get(str(name), 0))
    return {one: most[str(one)] for one in IdentifierType if str(one) in most}


def _compared_types(
    connection: duckdb.DuckDBPyConnection, evaluation: Evaluation | None, held: MembershipFiles
) -> dict[IdentifierType, int]:
    """The same for a comparison: one that nobody is of any more is left out where counts tell."""
    if held.counts is None or not held.untouched:
        return stored_types(connection, evaluation, held)
    most = _values(evaluation)
    for identifier_type, (members, _) in held.counts.items():
        most[identifier_type] = max(members, most.get(identifier_type, 0))
    return {one: most[one] for one in IdentifierType if one in most}


def _values(evaluation: Evaluation | None) -> dict[IdentifierType, int]:
    """How many valid values of each mapped type a segment has at most."""
    if evaluation is None:
        return {}
    return {one: evaluation.people * evaluation.columns.get(one, 1) for one in evaluation.types}


def least_portions(most: int) -> int:
    """In how many portions sets of at most so many identifiers can be compared in memory: a power of two."""
    return _power_of_two(-(-most // GREATEST_PORTION))


def portions_of(most: int) -> int:
    """In how many portions to compare them."""
    return max(_power_of_two(min(-(-most // PORTION), 4)), least_portions(most))


def portions_of_hashes(most: int) -> int:
    """In how many portions so many hashes are looked at: a power of two."""
    return _power_of_two(-(-most // HASHED_AT_ONCE))


def _power_of_two(least: int) -> int:
    return 1 << (max(least, 1) - 1).bit_length()


def _compare(
    connection: duckdb.DuckDBPyConnection,
    limits: Limits,
    identifier_type: IdentifierType,
    now: str | None,
    held: MembershipFiles,
    folder: Path,
    most: int,
    *,
    fingerprinted: bool,
) -> tuple[Path, ...]:
    """What differs, each identifier once with its side: one pass over all sets for each portion of them.

    Only that is written down, into `folder`, which is made. `most` is the number of rows of the greatest set.
    """
    portions = portions_of(most)
    folder.mkdir(mode=0o700)
    files = tuple(folder / f"{number}.parquet" for number in range(portions))
    for number, file in enumerate(files):
        if portions > least_portions(most):  # to use less memory, so without what came before
            give_back(connection, limits)
        before = set_algebra.before(held, identifier_type, number, portions)
        sets = [rows for rows in (now and set_algebra.portion(now, identifier_type, number, portions), before) if rows]
        rows = set_algebra.joined(*sets, fingerprinted=fingerprinted) if len(sets) > 1 else sets[0]
        once, grouped = ("distinct identifier, side", "")
        if fingerprinted:
            least = set_algebra.least_fingerprint(FIRST, SECOND)
            once, grouped = f"identifier, side, {least}", "group by identifier, side"
        cancellable.run(
            connection,
            f"copy (select {once} from ({rows}) where {set_algebra.TO_ADD} or {set_algebra.TO_REMOVE} {grouped}) "
            f"to {literal(file)} {UNPACKED}",
        )
    return files


def nobody_twice(connection: duckdb.DuckDBPyConnection, hashes: str, most: int) -> bool:
    """Whether all of at most so many identifiers have a different `hash`, so that none of them is there twice.

    That takes less than half as long as making identifiers distinct and writing them down; equal ones are neighbours
    once they are sorted, which takes two thirds of the time and memory of a table of them. Where some are alike, the
    first of them mostly show it.
    """
    first = f"(from ({hashes}) limit {LOOKED_AT_FIRST})"
    portions = portions_of_hashes(most)
    # Of few, to look at the first of them is to look at half of them twice.
    looks = [first] if most > 4 * LOOKED_AT_FIRST else []
    parts = [*looks, *(f"(from ({hashes}) where hash & {portions - 1} = {number})" for number in range(portions))]
    for part in parts:
        neighbours = f"select hash, lag(hash) over (order by hash) as before from {part}"
        [(alike,)] = cancellable.run(connection, f"select count(*) from ({neighbours}) where hash = before")
        if alike:
            return False
    return True


def _counted(
    connection: duckdb.DuckDBPyConnection,
    held: MembershipFiles,
    identifier_type: IdentifierType,
    before: str | None,
    differing: str,
) -> TypeDelta:
    """The counts of what is held and of what differs from it, each identifier of these once with its side.

    What is held was counted when it was settled. Ten million with changes take a quarter of a second to count again.
    """
    total = unknown = 0
    if held.counts is not None and held.untouched:
        total, unknown = held.counts.get(identifier_type, (0, 0))
    elif before:
        [(members, unknown)] = cancellable.run(
            connection,
            f"select count(*) filter ({set_algebra.MEMBER}), count(*) filter ({set_algebra.UNKNOWN}) from ({before})",
        )
        total = members + unknown
    [(added, removed, new)] = cancellable.run(
        connection,
        f"select count(*) filter ({set_algebra.TO_ADD}), count(*) filter ({set_algebra.TO_REMOVE}), "
        f"count(*) filter ({set_algebra.NEW}) from ({differing})",
    )
    return TypeDelta(before=total, after=total - removed + new, added=added, removed=removed, unknown=unknown)
