"""Evaluating a segment against a membership by fingerprints: only texts that no member's fingerprint stands for are
brought to their wire form, and only the members that something is said of are read.

As joined_pass.py, a private agreement of the two DuckDB classes. docs/adr/0042 says why it is exact.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from runner.core.errors import SegmentError
from runner.core.fingerprints import Fingerprinting
from runner.core.identifiers import IdentifierType
from runner.core.membership import ComparedMembership, Evaluation, MembershipFiles, NewFingerprints
from runner.core.project import Evaluated, Source
from runner.engine.duckdb import cancellable
from runner.engine.duckdb.workspace import Workspace
from runner.engine.fingerprint_sql import LEAST, PAYS, origin_of
from runner.engine.interface import MappedColumn, SegmentEvaluator, mapped_columns
from runner.engine.joined_pass import written_beside
from runner.engine.memberships import differences, known_members
from runner.engine.memberships.parquet_files import translating_errors
from runner.engine.segments.evaluator import DuckDBSegmentEvaluator
from runner.engine.segments.fingerprinted_rows import OCCURRENCES, unknown_texts
from runner.engine.segments.looked_up_rows import looked_up_rows
from runner.engine.segments.segment_errors import OUT_OF_MEMORY
from runner.process_limits import in_bytes
from runner.quick_dataclass import replace

if TYPE_CHECKING:
    import duckdb

BYTES_A_MEMBER = 64
"""Of the memory that DuckDB may use, for each member whose fingerprint is looked for: a row of 34 bytes in the table
that the segment is joined with, and 12 to 24 for its place. DuckDB fills four fifths of its memory with tables; what
does not fit goes through the disk, encrypted, which takes longer than to hash everybody (docs/adr/0049)."""

ONE_IN = 10
"""Where more than one member in so many lacks a fingerprint, the membership is better written again."""


class Mistaken(Exception):
    """A fingerprint stood for another identifier than its text has."""


def evaluate_by_fingerprints(
    evaluator: SegmentEvaluator,
    workspace: Workspace,
    activation: Evaluated,
    sources: tuple[Source, ...],
    held: MembershipFiles,
    by: Fingerprinting,
    *,
    counts_only: bool = False,
) -> tuple[Evaluation, ComparedMembership] | None:
    """The evaluation, and what differs; None where there are no fingerprints to go by, or where they do not pay or do
    not fit into memory. Of what differs there are no files where `counts_only` are wanted.

    Raises Mistaken where one that was checked is wrong, SegmentError, and StateError where the membership cannot be
    read.
    """
    columns = tuple(mapped_columns(activation.mapping))
    kinds = worth_looking_up(held, columns)
    if not isinstance(evaluator, DuckDBSegmentEvaluator) or not kinds:
        return None
    with translating_errors("the comparison", held.files, workspace.folder):
        connection = workspace.connection()
        # Each column is joined with all members of its type.
        sought = sum(members_of(held, one.type) for one in columns if one.type in kinds)
        if sought > most_at_once(connection) or held.origin != origin_of(connection, by.salt):
            return None
    members = {kind: known_members.fingerprints(held, kind) for kind in kinds}
    if len(columns) == 1:
        [kind] = kinds
        rows, total = unknown_texts(activation, members[kind], by), f"sum({OCCURRENCES})"
    else:
        rows, total = looked_up_rows(activation, members, by), "count(*)"
    try:
        evaluation, file = written_beside(evaluator, workspace, activation, sources, held.files, rows, columns, total)
    except SegmentError as error:
        if error.finding is None or error.finding.code != OUT_OF_MEMORY:
            raise
        return None  # what the segment needs besides the members may do alone
    by_rows = len(columns) > 1
    # Who was checked is looked at with their identifiers.
    counts_only = counts_only and by.checked is None
    found = compared_by(
        workspace, evaluation, held, kinds, columns, (file,), by, by_rows=by_rows, counts_only=counts_only
    )
    return evaluation, found


def compared_by(
    workspace: Workspace,
    evaluation: Evaluation,
    held: MembershipFiles,
    kinds: tuple[IdentifierType, ...],
    columns: tuple[MappedColumn, ...],
    files: tuple[Path, ...],
    by: Fingerprinting,
    *,
    by_rows: bool,
    counts_only: bool = False,
) -> ComparedMembership:
    """What differs, or only how many do: of the types that were looked up, and of all others by their wire forms.

    `files` have the segment's rows (`by_rows`), the first of them all that have a wire form; or what `unknown_texts`
    leaves of them. Raises Mistaken, StateError.
    """
    folder, connection = workspace.next_folder(), workspace.connection()
    assert held.origin is not None
    with translating_errors("the comparison", held.files, workspace.folder):
        folder.mkdir(mode=0o700)
        looked = {}
        for kind in kinds:
            looked_up = files[0]
            if by_rows:
                looked_up = folder / f"{kind}-looked-up.parquet"
                of_kind = tuple(one for one in columns if one.type == kind)
                known_members.write_looked_up(connection, held, of_kind, files, looked_up)
            looked[kind] = (
                _only_sides(connection, held, kind, looked_up, folder)
                if counts_only
                else _differing(connection, held, kind, looked_up, folder, by)
            )
        whole = replace(evaluation, path=files[0]) if by_rows else evaluation
        differing = {kind: one.differing for kind, one in looked.items()}
        found = differences.compared(connection, workspace.limits, whole, held, folder, differing)
    if counts_only:
        return replace(found, differing={}, as_evaluated=frozenset(), fingerprints={}, refreshed={})
    refreshed = {
        kind: NewFingerprints(one.lacking, held.origin)
        for kind, one in looked.items()
        if one.lacked * ONE_IN > found.delta[kind].before
    }
    return replace(found, fingerprints=dict.fromkeys(kinds, held.origin), refreshed=refreshed)


class _LookedUp(NamedTuple):
    """Files of what differs of one type, and of how many members that lack their fingerprint, where that is asked."""

    differing: Path
    lacking: Path
    lacked: int


def _differing(
    connection: duckdb.DuckDBPyConnection,
    held: MembershipFiles,
    kind: IdentifierType,
    looked_up: Path,
    folder: Path,
    by: Fingerprinting,
) -> _LookedUp:
    """Raises Mistaken, and what DuckDB raises."""
    touched, differing, lacking = (folder / f"{kind}-{name}.parquet" for name in ("touched", "differing", "lacking"))
    known_members.write_touched(connection, held, kind, looked_up, touched)
    if known_members.mistaken(connection, kind, looked_up, touched):
        raise Mistaken
    known_members.write_differing(connection, kind, looked_up, touched, differing)
    lacked = known_members.write_lacking(connection, kind, looked_up, touched, lacking) if by.writes else 0
    return _LookedUp(differing, lacking, lacked)


def _only_sides(
    connection: duckdb.DuckDBPyConnection,
    held: MembershipFiles,
    kind: IdentifierType,
    looked_up: Path,
    folder: Path,
) -> _LookedUp:
    """The same for those who only count what differs: members that are lost need not be read. Raises what DuckDB
    raises."""
    respelled, sides = (folder / f"{kind}-{name}.parquet" for name in ("respelled", "sides"))
    known_members.write_respelled(connection, held, kind, looked_up, respelled)
    known_members.write_sides(connection, kind, looked_up, respelled, sides)
    return _LookedUp(sides, sides, 0)


def most_at_once(connection: duckdb.DuckDBPyConnection) -> int:
    """How many members' fingerprints fit into the memory that an instance may use. Raises what DuckDB raises."""
    [(memory,)] = cancellable.run(connection, "select current_setting('memory_limit')")
    return in_bytes(str(memory)) // BYTES_A_MEMBER


def worth_looking_up(held: MembershipFiles, columns: Iterable[MappedColumn]) -> tuple[IdentifierType, ...]:
    """The types of columns whose members' fingerprints may be looked for, as far as the membership's records tell."""
    return tuple(dict.fromkeys(one.type for one in columns if _pays(held, one.type)))


def _pays(held: MembershipFiles, kind: IdentifierType) -> bool:
    """Whether the membership is settled, and of a type and a size for which fingerprints are kept."""
    return held.origin is not None and held.untouched and kind in PAYS and members_of(held, kind) >= LEAST


def members_of(held: MembershipFiles, kind: IdentifierType) -> int:
    """How many members of a type there are, by the record of that."""
    members, _ = (held.counts or {}).get(kind, (0, 0))
    return members
