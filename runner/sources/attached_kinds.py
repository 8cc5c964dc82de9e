"""The kinds of source whose tables segments of the embedded engine join: all that the process that runs them needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from runner.core.project import Source
from runner.sources.duckdb_file import DuckDBFileKind
from runner.sources.files import FilesKind, FilesSource, unread
from runner.sources.given import GivenKind, GivenSource
from runner.sources.interface import AttachedKind

__all__ = ["ATTACHED_KINDS", "GivenSource", "attached_kind_of", "remote_patterns", "unread"]

_ATTACHED: tuple[AttachedKind[Any], ...] = (
    FilesKind(),
    DuckDBFileKind(),
)

ATTACHED_KINDS: Mapping[str, AttachedKind[Any]] = {kind.type: kind for kind in _ATTACHED}
"""Those that a document can declare, by the source's `type` in the files."""

_OF_TESTS = GivenKind()


def attached_kind_of(source: Source) -> AttachedKind[Any]:
    """The kind of a source that the embedded engine attaches."""
    return _OF_TESTS if isinstance(source, GivenSource) else ATTACHED_KINDS[source.type]


def remote_patterns(sources: Iterable[Source]) -> tuple[str, ...]:
    """The addresses and patterns of objects that the sources declare."""
    return tuple(one for source in sources if isinstance(source, FilesSource) for one in source.remote)
