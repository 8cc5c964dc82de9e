"""Evaluating a segment that suppressions are for by fingerprints: those of members, and of people that the suppressions
named before, so that neither need be hashed again.

As fingerprinted_pass.py, a private agreement of the two DuckDB classes. Suppressions are evaluated after the segment,
so its rows are kept until it is known which of them go. docs/adr/0052 says why it is exact.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from runner.core.errors import SegmentError
from runner.core.fingerprints import Fingerprinting
from runner.core.identifiers import IdentifierType
from runner.core.membership import ComparedMembership, Evaluation, LookedUpRows, MembershipFiles
from runner.core.project import Activation, Source
from runner.core.suppression import SuppressionFiles
from runner.engine.duckdb.workspace import Workspace
from runner.engine.fingerprint_sql import origin_of
from runner.engine.fingerprinted_pass import Mistaken, compared_by, members_of, most_at_once, worth_looking_up
from runner.engine.interface import MappedColumn, SegmentEvaluator, mapped_columns
from runner.engine.joined_pass import written_beside
from runner.engine.memberships import known_members, looked_up_people
from runner.engine.memberships.parquet_files import translating_errors
from runner.engine.memberships.suppressed_people import columns_in, counts_of_all
from runner.engine.segments.evaluator import DuckDBSegmentEvaluator
from runner.engine.segments.looked_up_rows import looked_up_rows
from runner.engine.segments.segment_errors import OUT_OF_MEMORY
from runner.quick_dataclass import replace

if TYPE_CHECKING:
    import duckdb


def look_up(
    evaluator: SegmentEvaluator,
    workspace: Workspace,
    activation: Activation,
    sources: tuple[Source, ...],
    held: MembershipFiles,
    remembered: Sequence[SuppressionFiles],
    by: Fingerprinting,
) -> Evaluation | None:
    """The evaluation, with its rows; None where there are no fingerprints to go by, or where they do not pay or do not
    fit into memory. Those of people remembered are used as far as they are of the same origin.

    Raises Mistaken where one that was checked is wrong, SegmentError, and StateError where a file of the state cannot
    be read.
    """
    columns = tuple(mapped_columns(activation.mapping))
    kinds = worth_looking_up(held, columns)
    if not isinstance(evaluator, DuckDBSegmentEvaluator) or not kinds:
        return None
    with translating_errors("the comparison", held.files, workspace.folder):
        connection = workspace.connection()
        origin = origin_of(connection, by.salt)
        files = tuple(one.members for one in remembered if one.fingerprints == origin)
        if held.origin != origin or _sought(connection, held, files, columns, kinds) > most_at_once(connection):
            return None
    members = {kind: known_members.fingerprints(held, kind) for kind in kinds}
    people = {kind: looked_up_people.fingerprints(files, kind) for kind in kinds}
    rows = looked_up_rows(activation, members, by, people)
    read = (*held.files, *files)
    try:
        evaluation, file = written_beside(evaluator, workspace, activation, sources, read, rows, columns, "count(*)")
    except SegmentError as error:
        if error.finding is None or error.finding.code != OUT_OF_MEMORY:
            raise
        return None
    evaluation = replace(evaluation, looked_up=LookedUpRows((file,), held, kinds, files, by))
    with translating_errors("the comparison", read, workspace.folder):
        if looked_up_people.mistaken(workspace.connection(), evaluation, file.parent):
            raise Mistaken
    return evaluation


def compared_rows(workspace: Workspace, evaluation: Evaluation) -> ComparedMembership:
    """What differs between rows that were looked up and the membership they were looked up in. Raises StateError."""
    looked = evaluation.looked_up
    assert looked is not None
    columns = columns_in(evaluation)
    return compared_by(workspace, evaluation, looked.held, looked.types, columns, looked.files, looked.by, by_rows=True)


def _sought(
    connection: duckdb.DuckDBPyConnection,
    held: MembershipFiles,
    files: tuple[Path, ...],
    columns: Iterable[MappedColumn],
    kinds: tuple[IdentifierType, ...],
) -> int:
    """How many fingerprints are looked for at one time: each column's, with all members and all people of its type."""
    people = counts_of_all(connection, files)
    return sum(members_of(held, one.type) + people.get(one.type, 0) for one in columns if one.type in kinds)
