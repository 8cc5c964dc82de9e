"""Segment documents, and segments written inside an activation, to segments."""

from __future__ import annotations

from dataclasses import dataclass

from runner.config.yaml.finding_collector import Findings
from runner.config.yaml.nodes import Document, MapNode, Span
from runner.config.yaml.project_files import ProjectFiles
from runner.config.build.segment_sql import read_sql
from runner.config.templates.render import Scope
from runner.core.project import Segment


@dataclass(frozen=True, slots=True)
class SegmentDraft:
    """A segment that may yet lack a name: one written inside an activation may take the activation's.

    `segment` is None when its SQL has findings; `name_span` and `description_span` say where its words stand.
    """

    segment: Segment | None
    name: str | None
    description: str
    document: Document
    name_span: Span | None = None
    description_span: Span | None = None


def draft_segment(
    fields: MapNode, document: Document, span: Span, scope: Scope, files: ProjectFiles, found: Findings
) -> SegmentDraft:
    """The segment that the fields describe; `span` is where it is declared."""
    name, description = fields.text("name"), fields.text("description") or ""
    sql = read_sql(fields, document, scope, files, found) if document.sound("sql", "file", "segment") else None
    words = (name.strip() if name else None, description.strip())
    segment = None
    if sql is not None:
        segment = Segment(words[0] or "", words[1], sql[0], sql[1], document.location(span))
    spans = (_span(fields, "name"), _span(fields, "description"))
    return SegmentDraft(segment, *words, document, *spans)


def _span(fields: MapNode, key: str) -> Span | None:
    entry = fields.entries.get(key)
    return entry.value.span if entry else None
