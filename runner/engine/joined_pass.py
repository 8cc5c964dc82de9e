"""Evaluating a segment and comparing it with one great membership in a single pass over both.

This is a private agreement of the two DuckDB classes and the only module that knows both: the interfaces say nothing of
it. It saves writing and reading everybody again, a seventh of a plan over ten million people (docs/adr/0003).
"""
# ruff: noqa: S608 (paths are quoted; all else is the engine's own)

from __future__ import annotations

from pathlib import Path

from runner.core.errors import SegmentError
from runner.core.fingerprints import Fingerprinting
from runner.core.identifiers import IdentifierType
from runner.core.membership import Evaluation, MembershipFiles
from runner.core.project import Activation, Evaluated, Source
from runner.engine.duckdb.workspace import Workspace
from runner.engine.fingerprint_sql import PAYS
from runner.engine.interface import AS_GIVEN, HASHED, MappedColumn, SegmentEvaluator, mapped_columns
from runner.engine.memberships import set_algebra
from runner.engine.memberships.parquet_files import first_damaged
from runner.engine.segments.evaluator import DuckDBSegmentEvaluator, counted, wire_forms
from runner.quick_dataclass import replace

JOIN_FROM, JOIN_TO = 100_000_000, 470_000_000
"""Bytes of a membership with which a segment is compared while it runs, some three to thirteen million members. Fewer
take less memory in portions and no more time; more would not fit into memory at once."""


def evaluate_joined(
    evaluator: SegmentEvaluator,
    workspace: Workspace,
    activation: Activation,
    sources: tuple[Source, ...],
    held: MembershipFiles,
    by: Fingerprinting | None = None,
) -> tuple[Evaluation, Path] | None:
    """The evaluation, and the file of the identifiers that differ, each with its side; None where it does not pay.

    Nor where fingerprints of all that it has are to be written down. Raises SegmentError, and StateError where the
    membership cannot be read.
    """
    columns = tuple(mapped_columns(activation.mapping))
    if by is not None and by.writes and columns[0].type in PAYS:
        return None
    if not isinstance(evaluator, DuckDBSegmentEvaluator) or len(columns) > 1 or not _pays(held):
        return None
    [(identifier_type, _)] = columns
    before = set_algebra.before(held, identifier_type)
    if before is None:
        return None

    rows = _joined(wire_forms(activation), identifier_type, before)
    files = held.files
    return written_beside(evaluator, workspace, activation, sources, files, rows, columns, "sum(occurrences)")


def written_beside(
    evaluator: DuckDBSegmentEvaluator,
    workspace: Workspace,
    activation: Evaluated,
    sources: tuple[Source, ...],
    files: tuple[Path, ...],
    rows: str,
    columns: tuple[MappedColumn, ...],
    total: str,
) -> tuple[Evaluation, Path]:
    """The evaluation, and the file of what `rows` yields over a segment and files of the state together.

    `total` sums how many rows of the segment each stands for. Raises SegmentError, and StateError where a file of
    the state cannot be read.
    """
    try:
        file, warnings = evaluator.write(activation, sources, rows, files)
    except SegmentError:
        # The state may be to blame for what the segment seems to have failed of.
        damage = first_damaged(workspace.connection(), files, workspace.folder)
        if damage is not None:
            raise damage from None
        raise
    with evaluator.translating_errors(activation.segment.sql):
        evaluation = counted(workspace.connection(), columns, file, None, total)
    return replace(evaluation, warnings=warnings), file


def _joined(segment: str, identifier_type: IdentifierType, before: str) -> str:
    """The rows of a segment's wire forms joined with `before`, a query of distinct identifiers with their sides.

    What is on both sides is only counted: writing and reading ten million again costs a seventh of a plan.
    """
    rows = set_algebra.joined_rows(segment, before, identifier_type)
    kind = f"{identifier_type}_kind"
    # The two valid kinds as one, so that an identifier that differs has one row.
    differs = f"{set_algebra.TO_ADD} or {set_algebra.TO_REMOVE}"
    return f"""select case when {differs} then identifier end as identifier, side,
        case {kind} when {AS_GIVEN} then {HASHED} else {kind} end as {kind}, count(*) as occurrences
        from ({rows}) group by all"""


def _pays(held: MembershipFiles) -> bool:
    try:
        return held.members is not None and JOIN_FROM <= held.members.stat().st_size < JOIN_TO
    except OSError:
        return False  # comparing with it says so
