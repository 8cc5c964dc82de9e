"""What has become of an activation, from its declaration and the state's record alone."""

from __future__ import annotations

from enum import StrEnum

from runner.core.project import Activation
from runner.core.records import AppliedAudience, redefined
from runner.planning.diff import definition_of


class Condition(StrEnum):
    """What has become of an activation; CHANGED says that the files differ from what was applied, NOT_READABLE
    that the state knows an audience of which the files, which are not valid, say nothing that can be read.
    """

    NOT_APPLIED = "not applied"
    CREATING = "creating"
    IMPORTED = "imported"
    CHANGED = "changed"
    APPLIED = "applied"
    ORPHANED = "orphaned"
    NOT_READABLE = "not readable"

    @property
    def awaits_apply(self) -> bool:
        """Whether only `apply` brings it up to date: until then its schedule makes nothing due."""
        return self in (Condition.NOT_APPLIED, Condition.CREATING, Condition.IMPORTED, Condition.CHANGED)


def condition_of(activation: Activation, record: AppliedAudience | None) -> Condition:
    """The condition of a declared activation, `record` being what the state knows of its audience."""
    if record is None:
        return Condition.NOT_APPLIED
    if record.audience_id is None:
        return Condition.CREATING
    if record.definition is None:
        return Condition.IMPORTED
    return Condition.CHANGED if redefined(record.definition, definition_of(activation)) else Condition.APPLIED
