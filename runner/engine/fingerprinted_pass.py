"""Evaluating a segment against a membership by fingerprints: only texts that no member's fingerprint stands for are
brought to their wire form, and only the members that something is said of are read.

As joined_pass.py, a private agreement of the two DuckDB classes. docs/adr/0042 says why it is exact.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from runner.core.errors import SegmentError
from runner.core.fingerprints import Fingerprinting
from runner.core.identifiers import IdentifierType
from runner.core.membership import ComparedMembership, Evaluation, MembershipFiles, NewFingerprints
from runner.core.project import Activation, Source
from runner.engine.duckdb import cancellable
from runner.engine.duckdb.workspace import Workspace
from runner.engine.fingerprint_sql import LEAST, PAYS, origin_of
from runner.engine.interface import SegmentEvaluator, mapped_columns
from runner.engine.joined_pass import written_beside
from runner.engine.memberships import differences, known_members
from runner.engine.memberships.parquet_files import translating_errors
from runner.engine.segments.evaluator import DuckDBSegmentEvaluator
from runner.engine.segments.fingerprinted_rows import OCCURRENCES, unknown_texts
from runner.engine.segments.segment_errors import OUT_OF_MEMORY
from runner.process_limits import in_bytes

if TYPE_CHECKING:
    import duckdb

BYTES_A_MEMBER = 75
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
    activation: Activation,
    sources: tuple[Source, ...],
    held: MembershipFiles,
    by: Fingerprinting,
) -> tuple[Evaluation, ComparedMembership] | None:
    """The evaluation, and what differs; None where there are no fingerprints to go by, or where they do not pay or do
    not fit into memory.

    Raises Mistaken where one that was checked is wrong, SegmentError, and StateError where the membership cannot be
    read.
    """
    columns = tuple(mapped_columns(activation.mapping))
    if not isinstance(evaluator, DuckDBSegmentEvaluator) or len(columns) > 1 or not _pays(held, columns[0].type):
        return None
    [(kind, _)] = columns
    with translating_errors("the comparison", held.files, workspace.folder):
        connection = workspace.connection()
        if _members(held, kind) > most_at_once(connection) or held.origin != origin_of(connection, by.salt):
            return None
    rows = unknown_texts(activation, known_members.fingerprints(held, kind), by)
    total = f"sum({OCCURRENCES})"
    try:
        evaluation, file = written_beside(evaluator, workspace, activation, sources, held, rows, kind, total)
    except SegmentError as error:
        if error.finding is None or error.finding.code != OUT_OF_MEMORY:
            raise
        return None  # what the segment needs besides the members may do alone
    return evaluation, _compared(workspace, evaluation, held, kind, file, by)


def _compared(
    workspace: Workspace,
    evaluation: Evaluation,
    held: MembershipFiles,
    kind: IdentifierType,
    file: Path,
    by: Fingerprinting,
) -> ComparedMembership:
    folder, connection = workspace.next_folder(), workspace.connection()
    touched, differing, lacking = (folder / f"{name}.parquet" for name in ("touched", "differing", "lacking"))
    with translating_errors("the comparison", held.files, workspace.folder):
        folder.mkdir(mode=0o700)
        known_members.write_touched(connection, held, kind, file, touched)
        if known_members.mistaken(connection, kind, file, touched):
            raise Mistaken
        known_members.write_differing(connection, kind, file, touched, differing)
        found = differences.compared(connection, workspace.limits, evaluation, held, folder, (differing,))
        assert held.origin is not None
        found = replace(found, fingerprints={kind: held.origin})
        if not by.writes:
            return found
        count = known_members.write_lacking(connection, kind, file, touched, lacking)
        members = found.delta[kind].before
        return (
            replace(found, refreshed={kind: NewFingerprints(lacking, held.origin)})
            if count * ONE_IN > members
            else found
        )


def most_at_once(connection: duckdb.DuckDBPyConnection) -> int:
    """How many members' fingerprints fit into the memory that an instance may use. Raises what DuckDB raises."""
    [(memory,)] = cancellable.run(connection, "select current_setting('memory_limit')")
    return in_bytes(str(memory)) // BYTES_A_MEMBER


def _pays(held: MembershipFiles, kind: IdentifierType) -> bool:
    """Whether the membership is settled, and of a type and a size for which fingerprints are kept."""
    return held.origin is not None and held.untouched and kind in PAYS and _members(held, kind) >= LEAST


def _members(held: MembershipFiles, kind: IdentifierType) -> int:
    members, _ = (held.counts or {}).get(kind, (0, 0))
    return members
