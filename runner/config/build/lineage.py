"""Which sources a segment reads: where these point is part of what was declared, and so of its fingerprint."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from runner.core.project import Activation, Segment, Source
from runner.sources.registry import kind_of


def with_sources(segment: Segment, sources: Iterable[Source], folder: Path) -> Segment:
    """The segment, its fingerprint covering where the sources named in its SQL point.

    Paths count relative to `folder`, so that the same files mean the same on every machine.
    """
    read = [source for source in sources if _names(segment.sql.text, source.name)]
    if not read:
        return segment
    digest = hashlib.sha256(segment.fingerprint.encode())
    for source in sorted(read, key=lambda source: source.name):
        digest.update(repr(kind_of(source).identity(source, folder.absolute())).encode("utf-8", "surrogatepass"))
    return replace(segment, fingerprint=digest.hexdigest())


def files_of(activation: Activation, sources: Iterable[Source]) -> frozenset[str]:
    """The files that an activation is declared by: its own, its segment's and SQL's, destination's and sources'."""
    segment = activation.segment
    read = (source.location.file for source in sources if _names(segment.sql.text, source.name))
    own = (activation.location.file, segment.location.file, segment.sql.file, activation.destination.location.file)
    return frozenset((*own, *read))


def _names(sql: str, source: str) -> bool:
    return re.search(rf'(?<!\w)"?{re.escape(source)}"?\s*\.', sql, re.IGNORECASE) is not None
