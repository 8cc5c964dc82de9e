"""The people of a segment, however they are declared: by SQL, by a .sql file, or by conditions about an entity."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from runner.conditions.people_query import PeopleQuery
from runner.conditions.sql_text import UndatedTexts
from runner.conditions.statements import Day, Entity, Every, InSegment, Statement, Top
from runner.config.document import Document
from runner.config.resolve.condition_nodes import ConditionReader
from runner.config.resolve.condition_values import INVALID, column
from runner.config.resolve.entities import EntityDraft
from runner.config.resolve.segments import Runners, SegmentDraft, draft_segment, fingerprint_of, source_of, span_of
from runner.config.resolve.sql_meaning import meaning
from runner.config.yaml.nodes import MapNode, ScalarNode, Span
from runner.config.yaml.project_files import ProjectFiles
from runner.core.project import Segment, SqlText
from runner.core.suggest import quoted_word, suggest
from runner.quick_dataclass import dataclass, field, replace

_OF_CONDITIONS = ("where", "top", "of")
_DEEPEST = 10
"""Segments that are made of each other, one of the next."""

_LONGEST = 200_000
"""Characters of SQL that the segments which one names may come to: each that is named twice doubles what it names."""


@dataclass(slots=True)
class People:
    """Drafts segments, those that name others included: each Segment document once, in whatever order.

    `documents` are the Segment documents by name; `complete` is false when a file could not be read, so that what is
    missing may be declared there.
    """

    runners: Runners
    files: ProjectFiles
    entities: Mapping[str, EntityDraft]
    documents: Mapping[str, Document]
    complete: bool
    timezone: str = "UTC"
    texts: UndatedTexts = field(default_factory=UndatedTexts)
    _drafts: dict[str, SegmentDraft] = field(default_factory=dict)
    _open: list[str] = field(default_factory=list)

    def segments(self) -> dict[str, SegmentDraft]:
        """Every Segment document's segment, by its name."""
        for name in self.documents:
            self._named(name)
        return self._drafts

    def draft(self, fields: MapNode, document: Document, key: str) -> SegmentDraft:
        """The people that fields with `sql`, `file` or `of`, `where` and `top` declare, at a top-level key."""
        if not any(one in fields.entries for one in _OF_CONDITIONS):
            return draft_segment(fields, document, key, self.files, self.runners)
        return _Drafting(self, fields, document, key).draft()

    def _named(self, name: str) -> SegmentDraft:
        if name not in self._drafts:
            document = self.documents[name]
            self._open.append(name)
            try:
                self._drafts[name] = self.draft(document.root, document, "name")
            finally:
                self._open.pop()
        return self._drafts[name]

    def named(self, node: ScalarNode, document: Document) -> SegmentDraft | None:
        """The segment that a value names; None after findings, a circle among them."""
        name = str(node.value).strip()
        if name in self._open:
            way = " -> ".join((*self._open[self._open.index(name) :], name))
            document.refuse(node.span, "segment-circle", f"segment {quoted_word(name)} is made of itself: {way}")
            return None
        below = self._drafts[name].depth if name in self._drafts else 1
        if len(self._open) + below > _DEEPEST:
            message = f"more than {_DEEPEST} segments are made of each other; put one of them into a table"
            document.refuse(node.span, INVALID, message)
            return None
        if name not in self.documents:
            if self.complete:
                advice = suggest(name, self.documents) or "; declare it with `kind: Segment`"
                document.refuse(node.span, "unknown-segment", f"unknown segment {quoted_word(name)}{advice}")
            return None
        return self._named(name)


@dataclass(slots=True)
class _Drafting:
    """One segment of conditions."""

    people: People
    fields: MapNode
    document: Document
    key: str
    _of: EntityDraft | None = None
    _also: list[SegmentDraft] = field(default_factory=list)

    def draft(self) -> SegmentDraft:
        fields, document = self.fields, self.document
        before = len(document.found)
        self._of = self._entity()
        entity = self._of.entity if self._of else None
        name, description = fields.text("name"), fields.text("description") or ""
        words = (name.strip() if name else None, description.strip())
        segment = statement = None
        try:
            statement = self._statement(entity) if entity is not None else None
            if statement is not None and len(document.found) == before and document.sound(*_OF_CONDITIONS, self.key):
                segment = self._segment(statement, words[0] or "", words[1])
        except RecursionError:
            document.refuse(self._first_key(), INVALID, "the conditions are nested too deeply; write it in SQL")
        spans = (span_of(fields, "name"), span_of(fields, "description"), None)
        mapping = self._of.mapping if self._of else None
        depth = 1 + max((draft.depth for draft in self._also), default=0)
        return SegmentDraft(segment, *words, document, *spans, statement if segment else None, mapping, depth)

    def _entity(self) -> EntityDraft | None:
        entities, node = self.people.entities, self.fields.get("of")
        if isinstance(node, ScalarNode) and isinstance(node.value, str):
            name = node.value.strip()
            if name not in entities and self.people.complete:
                advice = suggest(name, entities) or "; declare it with `kind: Entity`"
                self.document.refuse(node.span, "unknown-entity", f"unknown entity {quoted_word(name)}{advice}")
            return entities.get(name)
        if node is None and len(entities) == 1:
            return next(iter(entities.values()))
        if node is None and self.people.complete:
            names = ", ".join(quoted_word(name) for name in sorted(entities))
            message = (
                f"the segment needs `of`, for there are several entities; write one of {names}"
                if names
                else "conditions speak of an entity; declare one with `kind: Entity`"
            )
            self.document.refuse(self._first_key(), "unknown-entity", message)
        return None

    def _first_key(self) -> Span:
        return next(self.fields.entries[one].key for one in _OF_CONDITIONS if one in self.fields.entries)

    @property
    def _source(self) -> str:
        return self._of.source if self._of else ""

    @property
    def _dialect(self) -> str:
        return self.people.runners.dialect(self._source) if self._source else "duckdb"

    def _statement(self, entity: Entity) -> Statement | None:
        self._refuse_source()
        scope = replace(self.document.scope, dialect=self.people.runners.dialect(self._source))
        reader = ConditionReader(replace(self.document, scope=scope), entity, self._dialect, self._member)
        node = self.fields.get("where")
        where = reader.every(node, "where") if node is not None else Every(())
        top = self._top() if "top" in self.fields.entries else None
        day = Day(self.document.scope.today, self.people.timezone)
        return None if where is None else Statement(entity, where, top, day)

    def _refuse_source(self) -> None:
        entry = self.fields.entries.get("source")
        if entry is not None and source_of(self.fields, self.document, self.people.runners) != self._source:
            message = "a segment of conditions runs where its entity is; leave `source` out"
            self.document.refuse(entry.key, "contradictory-fields", message)

    def _top(self) -> Top | None:
        node = self.fields.get("top")
        if not isinstance(node, MapNode):
            return None
        by, count, lowest = node.get("by"), node.get("count"), node.get("lowest")
        of = column(str(by.value), by.span, self.document) if isinstance(by, ScalarNode) else None
        number = count.value if isinstance(count, ScalarNode) else None
        if isinstance(count, ScalarNode) and count.templated and str(number).isdigit():
            number = int(str(number))
        if of is None or not isinstance(number, int | float | Decimal):
            return None
        return Top(of, int(number), isinstance(lowest, ScalarNode) and lowest.value in (True, "true"))

    def _member(self, node: ScalarNode, is_in: bool) -> InSegment | None:
        draft = self.people.named(node, self.document)
        if draft is None or draft.segment is None or self._of is None:
            return None
        name = str(node.value).strip()
        problem = ""
        if draft.segment.source != self._source:
            problem = "runs elsewhere than this one; both need one source"
        elif draft.statement is not None and draft.statement.entity != self._of.entity:
            problem = f"is of entity {draft.statement.entity.name}, this one of another"
        elif sum(len(one.segment.sql.text) for one in (*self._also, draft) if one.segment) > _LONGEST:
            problem = f"makes the SQL of this one longer than {_LONGEST:,} characters; put it into a table"
        if problem:
            self.document.refuse(node.span, INVALID, f"segment {quoted_word(name)} {problem}")
            return None
        self._also.append(draft)
        members = draft.statement if draft.statement is not None else draft.segment.sql.text
        return InSegment(name, members, is_in, self.document.location(node.span))

    def _segment(self, statement: Statement, name: str, description: str) -> Segment:
        document = self.document
        text = self.people.texts.sql_of(statement, self._dialect)
        entry = self._first_key()
        sql = SqlText(text, document.file.name, entry.line, entry.column - 1, exact=False)
        models = {model.id: model for model in self._of.models} if self._of else {}
        files = {statement.entity.key.location.file}
        for other in (draft.segment for draft in self._also if draft.segment is not None):
            models |= {model.id: model for model in other.models}
            files |= {other.location.file, other.sql.file, *(other.conditions.files if other.conditions else ())}
        return Segment(
            name,
            description,
            sql,
            fingerprint_of("", text),
            document.location(document.value_span(self.key)),
            meaning("", text),
            text,
            self._source,
            tuple(models.values()),
            document.entry,
            conditions=PeopleQuery(statement, self._dialect, frozenset(files)),
        )
