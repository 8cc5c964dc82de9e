"""What a selection can mean: every activation of the project, and every audience of ours that is no longer declared."""

from __future__ import annotations

from collections.abc import Iterable

from runner.core.project import Project
from runner.core.records import AppliedAudience
from runner.core.selection import Candidate


def all_candidates(project: Project, applied: Iterable[AppliedAudience]) -> tuple[Candidate, ...]:
    declared = (Candidate.of(activation) for activation in project.activations)
    return (*declared, *(candidate_of(record, project) for record in applied))


def candidate_of(record: AppliedAudience, project: Project) -> Candidate:
    """An audience as the state knows it, by the destination it was made through and those that have its account now."""
    home = (record.kind, record.account_id)
    now = (one.name for one in project.destinations if (one.type, one.account_id) == home)
    return Candidate(record.activation, tuple(dict.fromkeys((record.destination, *now))))
