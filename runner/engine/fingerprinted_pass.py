"""Evaluating a segment against a membership by fingerprints: only texts that no member's fingerprint stands for are
brought to their wire form, and only the members that something is said of are read.

As joined_pass.py, a private agreement of the two DuckDB classes. docs/adr/0042 says why it is exact.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from runner.core.fingerprints import Fingerprinting
from runner.core.identifiers import IdentifierType
from runner.core.membership import ComparedMembership, Evaluation, MembershipFiles, NewFingerprints
from runner.core.project import Activation, Source
from runner.engine.duckdb.workspace import Workspace
from runner.engine.fingerprint_sql import LEAST, PAYS, origin_of
from runner.engine.interface import SegmentEvaluator, mapped_columns
from runner.engine.joined_pass import written_beside
from runner.engine.memberships import differences, known_members
from runner.engine.memberships.parquet_files import translating_errors
from runner.engine.segments.evaluator import DuckDBSegmentEvaluator
from runner.engine.segments.fingerprinted_rows import OCCURRENCES, unknown_texts

MOST = 13_000_000
"""Members whose fingerprints are looked through at one time: they take some 60 MB a million."""

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
    """The evaluation, and what differs; None where there are no fingerprints to go by, or where they do not pay.

    Raises Mistaken where one that was checked is wrong, SegmentError, and StateError where the membership cannot be
    read.
    """
    columns = tuple(mapped_columns(activation.mapping))
    if not isinstance(evaluator, DuckDBSegmentEvaluator) or len(columns) > 1 or not _pays(held, columns[0].type):
        return None
    [(kind, _)] = columns
    with translating_errors("the comparison", held.files, workspace.folder):
        if held.origin != origin_of(workspace.connection(), by.salt):
            return None
    rows = unknown_texts(activation, known_members.fingerprints(held, kind), by)
    total = f"sum({OCCURRENCES})"
    evaluation, file = written_beside(evaluator, workspace, activation, sources, held, rows, kind, total)
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


def _pays(held: MembershipFiles, kind: IdentifierType) -> bool:
    """Whether the membership is settled, and of a type and a size for which fingerprints are kept."""
    if held.origin is None or held.counts is None or not held.untouched or kind not in PAYS:
        return False
    members, _ = held.counts.get(kind, (0, 0))
    return LEAST <= members <= MOST
