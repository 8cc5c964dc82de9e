"""The kinds of source there are: a line for each. The door into this package; opening it loads no library."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.core.project import Source
from runner.sources.duckdb_file import DuckDBFileKind
from runner.sources.files import FilesKind
from runner.sources.interface import AttachedKind

_ALL: tuple[AttachedKind[Any], ...] = (
    FilesKind(),
    DuckDBFileKind(),
)
KINDS: Mapping[str, AttachedKind[Any]] = {kind.type: kind for kind in _ALL}
"""By the source's `type` in the files."""


def kind_of(source: Source) -> AttachedKind[Any]:
    """The kind that the source is of."""
    return KINDS[source.type]
