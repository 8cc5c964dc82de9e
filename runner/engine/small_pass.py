"""Evaluating several small segments together, and comparing them with their audiences together.

As joined_pass.py, a private agreement of the two DuckDB classes. What a segment of fifty people takes is not its rows:
it is statements, files and folders, of which there is one each for all of them here (docs/adr/0050).
"""
# ruff: noqa: S608 (paths are quoted; all else is the engine's own)

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from runner.core.membership import ComparedMembership, Evaluation, MembershipFiles
from runner.core.project import Activation, Source
from runner.core.sql_quoting import file_list
from runner.engine.duckdb import cancellable
from runner.engine.duckdb.workspace import Workspace
from runner.engine.fingerprint_sql import LEAST
from runner.engine.interface import NUMBER, MappedColumn, SegmentEvaluator, mapped_columns
from runner.engine.memberships import small_audiences
from runner.engine.segments.evaluator import DuckDBSegmentEvaluator, evaluation_of

if TYPE_CHECKING:
    import duckdb

MOST_ROWS = LEAST - 1
"""Rows of a segment that is small: it has too few people for fingerprints."""

Asked = tuple[Activation, MembershipFiles]
Known = tuple[Evaluation, ComparedMembership]


def evaluate_small(
    evaluator: SegmentEvaluator, workspace: Workspace, asked: Sequence[Asked], sources: tuple[Source, ...]
) -> Mapping[int, Known]:
    """The evaluation of each segment, and what brings its audience to it, by their places in `asked`.

    Without those for which this is not done, and those that fail. Raises SegmentError, and what DuckDB raises.
    """
    if not isinstance(evaluator, DuckDBSegmentEvaluator):
        return {}
    alike: dict[tuple[MappedColumn, ...], dict[int, Asked]] = {}
    for place, (activation, held) in enumerate(asked):
        if _may_be_small(activation, held):
            alike.setdefault(tuple(mapped_columns(activation.mapping)), {})[place] = activation, held
    found: dict[int, Known] = {}
    for columns, some in alike.items():
        if len(some) > 1:
            places = tuple(some)
            known = _evaluated(evaluator, workspace, columns, tuple(some.values()), sources)
            found |= {places[place]: one for place, one in known.items()}
    return found


def _may_be_small(activation: Activation, held: MembershipFiles) -> bool:
    """Whether it may be done for an activation: the members are known, few, and of types that it maps."""
    if activation.holdout is not None or activation.segment.source:
        return False
    if held.members is None or held.changes is not None or held.fingerprints:
        return False
    if held.counts is None or not held.untouched:
        return False
    members = {kind: count for kind, (count, _) in held.counts.items() if count}
    return members.keys() <= activation.mapping.keys() and max(members.values(), default=0) <= MOST_ROWS


def _evaluated(
    evaluator: DuckDBSegmentEvaluator,
    workspace: Workspace,
    columns: tuple[MappedColumn, ...],
    asked: Sequence[Asked],
    sources: tuple[Source, ...],
) -> Mapping[int, Known]:
    files, warnings = evaluator.write_small([activation for activation, _ in asked], sources, MOST_ROWS)
    if not warnings:
        return {}
    connection = workspace.connection()
    evaluations = {
        place: replace(one, warnings=warnings[place])
        for place, one in _counted(connection, columns, files, frozenset(warnings)).items()
    }
    held = {place: asked[place][1] for place in evaluations}
    compared = small_audiences.compared(connection, columns, files, held, workspace.next_folder())
    return {place: (one, compared[place]) for place, one in evaluations.items() if _is_sound(one, compared[place])}


def _is_sound(evaluation: Evaluation, compared: ComparedMembership) -> bool:
    """Whether a segment has no more people after the comparison than it has values, as it would have had its audience
    been mistaken for another."""
    return all(
        part.after <= evaluation.people * evaluation.columns.get(kind, 1) for kind, part in compared.delta.items()
    )


def _counted(
    connection: duckdb.DuckDBPyConnection,
    columns: tuple[MappedColumn, ...],
    files: tuple[Path, ...],
    places: frozenset[int],
) -> Mapping[int, Evaluation]:
    """What the rows of each segment come to."""
    kinds = ", ".join(f"{one.name}_kind" for one in columns)
    query = f"select {NUMBER}, {kinds}, count(*) from read_parquet({file_list(files)}) group by all"
    found: dict[int, list[tuple[tuple[int, ...], int]]] = {place: [] for place in places}
    for place, *kinds_of_row, count in cancellable.run(connection, query):
        if place in found:
            found[place].append((tuple(kinds_of_row), int(count)))
    return {place: evaluation_of(columns, rows, None) for place, rows in found.items()}
