"""The kinds of source there are: a line for each. The door into this package; opening it loads no library."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from runner.core.project import Source
from runner.sources.attached_kinds import ATTACHED_KINDS, GivenSource, attached_kind_of, remote_patterns
from runner.sources.interface import SourceKind
from runner.sources.warehouse import WarehouseKind, WarehouseSource
from runner.sources.warehouses import WAREHOUSES

__all__ = [
    "ATTACHED_KINDS",
    "KINDS",
    "WAREHOUSE_KINDS",
    "GivenSource",
    "is_warehouse",
    "kind_of",
    "remote_patterns",
    "warehouse_names",
]

WAREHOUSE_KINDS: Mapping[str, WarehouseKind] = {kind.type: kind for kind in WAREHOUSES}
"""Those that run the segment."""

KINDS: Mapping[str, SourceKind[Any]] = {**ATTACHED_KINDS, **WAREHOUSE_KINDS}
"""Those that a document can declare."""


def kind_of(source: Source) -> SourceKind[Any]:
    """The kind that the source is of."""
    return attached_kind_of(source) if isinstance(source, GivenSource) else KINDS[source.type]


def is_warehouse(source: Source) -> bool:
    """Whether the source runs segments itself."""
    return isinstance(source, WarehouseSource)


def warehouse_names(sources: Iterable[Source]) -> frozenset[str]:
    """The names of those of the sources that run segments themselves."""
    return frozenset(source.name for source in sources if is_warehouse(source))
