"""Segment documents, and segments written inside an activation, to segments."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from runner.config.yaml.finding_collector import Findings
from runner.config.yaml.nodes import Document, MapNode, Span
from runner.config.build.segment_sql import read_sql
from runner.config.templates.render import Scope
from runner.core.project import Segment


@dataclass(frozen=True, slots=True)
class SegmentDraft:
    """A segment that may yet lack a name: one written inside an activation may take the activation's.

    `segment` is None when its SQL has findings; `name_span` and `description_span` say where its words stand, and the
    undated words are the same on every day.
    """

    segment: Segment | None
    name: str | None
    description: str
    document: Document
    name_span: Span | None = None
    description_span: Span | None = None
    undated_name: str = ""
    undated_description: str = ""


def draft_segment(
    fields: MapNode, document: Document, span: Span, scope: Scope, tree: Path, found: Findings
) -> SegmentDraft:
    """The segment that the fields describe; `span` is where it is declared."""
    name, description = fields.text("name"), fields.text("description") or ""
    sql = read_sql(fields, document, scope, tree, found) if document.sound("sql", "file", "segment") else None
    words = (name.strip() if name else None, description.strip())
    segment = None
    if sql is not None:
        segment = Segment(words[0] or "", words[1], sql[0], sql[1], document.location(span))
    spans = (_span(fields, "name"), _span(fields, "description"))
    undated = ((fields.undated_text(key) or "").strip() for key in ("name", "description"))
    return SegmentDraft(segment, *words, document, *spans, *undated)


def _span(fields: MapNode, key: str) -> Span | None:
    entry = fields.entries.get(key)
    return entry.value.span if entry else None
