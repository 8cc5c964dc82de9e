"""The kinds of source there are: a line for each. The door into this package; opening it loads no library."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from runner.core.project import Source
from runner.sources.duckdb_file import DuckDBFileKind
from runner.sources.files import FilesKind, FilesSource, unread
from runner.sources.given import GivenKind, GivenSource
from runner.sources.interface import AttachedKind, SourceKind
from runner.sources.warehouse import WarehouseKind, WarehouseSource
from runner.sources.warehouses import WAREHOUSES

_ATTACHED: tuple[AttachedKind[Any], ...] = (
    FilesKind(),
    DuckDBFileKind(),
)
__all__ = [
    "ATTACHED_KINDS",
    "KINDS",
    "WAREHOUSE_KINDS",
    "GivenSource",
    "attached_kind_of",
    "is_warehouse",
    "kind_of",
    "remote_patterns",
    "unread",
    "warehouse_names",
]

ATTACHED_KINDS: Mapping[str, AttachedKind[Any]] = {kind.type: kind for kind in _ATTACHED}
"""Those whose tables segments of the embedded engine join, by the source's `type` in the files."""

WAREHOUSE_KINDS: Mapping[str, WarehouseKind] = {kind.type: kind for kind in WAREHOUSES}
"""Those that run the segment."""

KINDS: Mapping[str, SourceKind[Any]] = {**ATTACHED_KINDS, **WAREHOUSE_KINDS}
"""Those that a document can declare."""

_OF_TESTS = GivenKind()


def kind_of(source: Source) -> SourceKind[Any]:
    """The kind that the source is of."""
    return _OF_TESTS if isinstance(source, GivenSource) else KINDS[source.type]


def attached_kind_of(source: Source) -> AttachedKind[Any]:
    """The kind of a source that the embedded engine attaches."""
    return _OF_TESTS if isinstance(source, GivenSource) else ATTACHED_KINDS[source.type]


def is_warehouse(source: Source) -> bool:
    """Whether the source runs segments itself."""
    return isinstance(source, WarehouseSource)


def warehouse_names(sources: Iterable[Source]) -> frozenset[str]:
    """The names of those of the sources that run segments themselves."""
    return frozenset(source.name for source in sources if is_warehouse(source))


def remote_patterns(sources: Iterable[Source]) -> tuple[str, ...]:
    """The addresses and patterns of objects that the sources declare."""
    return tuple(one for source in sources if isinstance(source, FilesSource) for one in source.remote)
