"""Which types of identifiers an audience can hold, where its members are not known."""

from __future__ import annotations

from runner.core.identifiers import IdentifierType
from runner.core.project import Project
from runner.core.records import AppliedAudience
from runner.destinations.registry import KINDS


def types_of(record: AppliedAudience, project: Project) -> frozenset[IdentifierType]:
    """The types that an audience can hold: where it holds one only, that which was applied or is declared."""
    kind = KINDS[record.kind]
    declared = next((frozenset(one.mapping) for one in project.activations if one.key == record.key), frozenset())
    applied = frozenset(map(IdentifierType, record.definition.mapping)) if record.definition is not None else declared
    return applied if kind.one_type and applied else frozenset(kind.takes)
