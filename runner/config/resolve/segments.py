"""Segment documents, and segments written inside an activation, to segments."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from runner.conditions.statements import Statement
from runner.config.document import Document
from runner.config.resolve.dbt_models import Models
from runner.config.resolve.defaults import Layer
from runner.config.resolve.sql_meaning import meaning
from runner.config.schema.validate_documents import report_template
from runner.config.templates.render import NO_MODELS, Scope, render_with_places
from runner.config.templates.template_types import TemplateErrors
from runner.config.yaml.nodes import MapNode, ScalarNode, Span, TextFile
from runner.config.yaml.project_files import ProjectFiles, shown_path
from runner.config.yaml.source_map import Origin, origin_of
from runner.core.project import Segment, SqlText
from runner.core.suggest import quoted_word, suggest
from runner.disk.path_rule import NotAllowed, allowed, hidden_part
from runner.quick_dataclass import dataclass, field, replace
from runner.sources.dbt_manifest import DbtManifest

_SQL = (".sql",)


@dataclass(frozen=True, slots=True)
class SegmentDraft:
    """A segment that may yet lack a name: one written inside an activation may take the activation's.

    `segment` is None when its SQL has findings; the spans say where its words stand. One of conditions has its
    `statement`, and its entity gives it a `mapping`; `depth` counts the segments that are made of each other in it, one
    of the next.
    """

    segment: Segment | None
    name: str | None
    description: str
    document: Document
    name_span: Span | None = None
    description_span: Span | None = None
    source_span: Span | None = None
    statement: Statement | None = None
    mapping: Layer | None = None
    depth: int = 1


@dataclass(frozen=True, slots=True)
class Runners:
    """The sources that can run a segment, and the others, by name; `complete` is false when one could not be read.

    `manifests` are dbt's, by the source that declares one; None where it has findings. `is_lenient`: a model that a
    manifest lacks is no finding. `dialects` are those of the warehouses' SQL.
    """

    warehouses: frozenset[str]
    attached: frozenset[str]
    complete: bool
    manifests: Mapping[str, DbtManifest | None] = field(default_factory=dict)
    is_lenient: bool = False
    dialects: Mapping[str, str] = field(default_factory=dict)

    def models(self, source: str | None) -> Models | str:
        """What `ref` means in a segment of the source (None: it has findings), or why it means nothing."""
        if source is None:
            return Models(None, self.is_lenient)
        if not source:
            return f"{NO_MODELS}; this one reads <source>.<table>"
        if source not in self.manifests:
            return f"`ref` means nothing here: source {quoted_word(source)} has no `dbt: {{manifest: ...}}`"
        return Models(self.manifests[source], self.is_lenient)

    def dialect(self, source: str | None) -> str:
        """What the SQL of a segment of the source is written in; empty for the embedded engine's."""
        return self.dialects.get(source or "", "")

    @property
    def usual(self) -> str:
        """What runs a segment that does not say: a warehouse that is the project's only source, else no source."""
        return next(iter(self.warehouses)) if len(self.warehouses) == 1 and not self.attached else ""


@dataclass(frozen=True, slots=True)
class _Read:
    """SQL that was read, and what it is recognised by (see Segment)."""

    sql: SqlText
    fingerprint: str
    meaning: str


def draft_segment(fields: MapNode, document: Document, key: str, files: ProjectFiles, runners: Runners) -> SegmentDraft:
    """The segment that the fields describe, declared at a top-level key of the document."""
    name, description = fields.text("name"), fields.text("description") or ""
    source = source_of(fields, document, runners) if document.sound("source", "segment") else None
    models = runners.models(source)
    scope = replace(document.scope, models=models, dialect=runners.dialect(source))
    sql = _read_sql(fields, document, files, scope) if document.sound("sql", "file", "segment") else None
    words = (name.strip() if name else None, description.strip())
    segment = None
    if sql is not None and source is not None:
        location = document.location(document.value_span(key))
        recognised = (sql.fingerprint, location, sql.meaning, sql.sql.text)
        used = () if isinstance(models, str) else tuple(models.used.values())
        segment = Segment(words[0] or "", words[1], sql.sql, *recognised, source, used, document.entry)
    spans = (span_of(fields, "name"), span_of(fields, "description"), span_of(fields, "source"))
    return SegmentDraft(segment, *words, document, *spans)


def source_of(fields: MapNode, document: Document, runners: Runners) -> str | None:
    """The warehouse that runs the segment, empty where none does; None after findings."""
    name = fields.text("source")
    if name is None:
        return runners.usual
    span = fields.entries["source"].value.span
    if name in runners.attached:
        message = f"source {quoted_word(name)} runs no SQL of its own; leave `source` out, and read {name}.<table>"
        document.refuse(span, "not-a-warehouse", message)
        return None
    if name not in runners.warehouses and runners.complete:
        advice = suggest(name, runners.warehouses) or "; declare it with `kind: Source`"
        document.refuse(span, "unknown-source", f"unknown source {quoted_word(name)}{advice}")
        return None
    return name


def span_of(fields: MapNode, key: str) -> Span | None:
    """Where the value of a field stands."""
    entry = fields.entries.get(key)
    return entry.value.span if entry else None


def _read_sql(fields: MapNode, document: Document, files: ProjectFiles, scope: Scope) -> _Read | None:
    """The SQL of a segment's fields; None after findings. A file must lie in the project."""
    node = fields.get("sql")
    if isinstance(node, ScalarNode) and isinstance(node.value, str):
        origin = origin_of(node, document.file)
        return _filled(node.value, origin, node, document, scope)
    node = fields.get("file")
    if not isinstance(node, ScalarNode) or not isinstance(node.value, str):
        return None
    file = _sql_file(node, node.value, document, files)
    if file is None:
        return None
    return _filled(file.text, Origin(file, 1), node, document, scope)


def _sql_file(node: ScalarNode, path: str, document: Document, files: ProjectFiles) -> TextFile | None:
    if Path(path).is_absolute():
        message = "the path must be relative to this YAML file, such as segments/loyal.sql"
        document.refuse(node.span, "outside-project", message)
        return None
    full = Path(os.path.normpath(document.file.path.parent / path))
    if not Path(os.path.realpath(full)).is_relative_to(files.tree):
        message = f"{quoted_word(path)} lies outside of the project; put the file beside this one"
        document.refuse(node.span, "outside-project", message)
        return None
    if Path(path).suffix.lower() not in _SQL or hidden_part(path):
        message = (
            f"{quoted_word(path)} is no .sql file that can be read: its name must end in .sql, and nothing is hidden"
        )
        document.refuse(node.span, "path-not-allowed", message)
        return None
    try:
        allowed(full, files.tree, _SQL)
    except NotAllowed as error:
        document.refuse(node.span, "path-not-allowed", f"{quoted_word(path)} {error.strerror}; put a plain file there")
        return None
    except OSError:
        advice = "write it, or correct the path, which is relative to this YAML file"
        message = f"the file {quoted_word(path)} does not exist; {advice}"
        document.refuse(node.span, "no-sql-file", message)
        return None
    name = os.path.normpath(Path(document.file.name).parent / path)
    return files.read(full, shown_path(name), document.found, _SQL)


def _filled(template: str, origin: Origin, node: ScalarNode, document: Document, scope: Scope) -> _Read | None:
    try:
        rendered = render_with_places(template, scope)
    except TemplateErrors as error:
        report_template(error, origin, document)
        return None
    text = rendered.text
    if not text.strip():
        document.refuse(node.span, "sql-empty", "the query is empty; write a SELECT")
        return None
    sql = SqlText(text, origin.file.name, origin.first_line, origin.indent, origin.exact, rendered.written)
    return _Read(sql, fingerprint_of(template, text), meaning(template, text))


def fingerprint_of(template: str, text: str) -> str:
    """A SHA-256 (hex) of SQL as it was written and as it came out."""
    digest = hashlib.sha256()
    for part in (template, text):
        data = part.encode("utf-8", "surrogatepass")
        digest.update(f"{len(data)}:".encode() + data)
    return digest.hexdigest()
