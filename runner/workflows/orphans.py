"""Audiences that no activation declares any more, and that still keep people: all that runs on a schedule says so.

Nobody enters or leaves them, so a campaign goes on with people who should have left long ago.
"""

from __future__ import annotations

from collections.abc import Iterable

from runner.core.project import Project
from runner.core.records import AppliedAudience
from runner.core.selection import EVERYTHING, Selection, candidate_of


def orphans_with_people(
    project: Project, applied: Iterable[AppliedAudience], select: Selection = EVERYTHING
) -> tuple[AppliedAudience, ...]:
    """The selected audiences that no activation declares and that hold somebody, or may, by what the state knows."""
    declared = {activation.key for activation in project.activations}
    return tuple(
        record
        for record in applied
        if record.key not in declared
        and record.audience_id is not None
        and (any(record.members.values()) or record.left_work)
        and select.means(candidate_of(record, project))
    )


def not_readable(project: Project, applied: Iterable[AppliedAudience]) -> tuple[str, ...]:
    """The activations that have audiences, and of which nothing can be read in files that are not valid."""
    if project.is_whole:
        return ()
    ids = {activation.id for activation in project.activations}
    return tuple(dict.fromkeys(one.activation for one in applied if one.activation not in ids))


def orphan_notice(record: AppliedAudience) -> str:
    """One sentence about such an audience: how many it keeps, and what to do."""
    kept = ", ".join(f"{count:,} {kind}" for kind, count in record.members.items() if count)
    return (
        f"audience {record.audience_id} keeps {kept or 'people'} and no activation declares it any more, so nobody"
        " leaves it: declare it again, or delete it with `headcount apply --prune`"
    )
