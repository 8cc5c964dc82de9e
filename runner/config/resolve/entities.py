"""Entity documents: what conditions speak of, in one source, with what segments of it map by default."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from runner.conditions.statements import Column, Entity, EntityEvent, Table
from runner.conditions.table_names import table_name
from runner.config.document import Document
from runner.config.resolve.condition_values import column
from runner.config.resolve.defaults import Layer
from runner.config.resolve.schedules import declared_timezone
from runner.config.resolve.segments import Runners, source_of
from runner.config.schema.validate_documents import report_template
from runner.config.templates.render import render
from runner.config.templates.template_types import TemplateErrors
from runner.config.yaml.nodes import Entry, MapNode, ScalarNode, Span
from runner.config.yaml.source_map import origin_of
from runner.core.project import DbtModel
from runner.core.sql_quoting import folded
from runner.core.suggest import nearest, quoted_word, suggest
from runner.quick_dataclass import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class EntityDraft:
    """A declared entity: `entity` is None when it has findings. `source` is the warehouse that it is in, empty where
    its tables are attached; `models` are those of dbt's that it reads. `mapping` holds what its segments map.
    """

    document: Document
    entity: Entity | None
    source: str = ""
    models: tuple[DbtModel, ...] = ()
    mapping: Layer | None = None


def draft_entity(document: Document, runners: Runners, attached: Mapping[str, Collection[str]]) -> EntityDraft:
    """The entity of a document, without one where the document has findings.

    `attached` are the tables of attached sources, as far as their declarations say.
    """
    return _Drafting(document, runners, attached).draft()


@dataclass(slots=True)
class _Drafting:
    document: Document
    runners: Runners
    attached: Mapping[str, Collection[str]]
    models: dict[str, DbtModel] = field(default_factory=dict)

    def draft(self) -> EntityDraft:
        document, root = self.document, self.document.root
        before = len(document.found)
        source = source_of(root, document, self.runners) if document.sound("source") else None
        mapping = root.entries.get("mapping") if document.sound("mapping") else None
        layer = Layer(replace(root, entries={"mapping": mapping}), document) if mapping else None
        name, timezone = root.text("name"), declared_timezone(document)
        key, table = self._column(root, "key"), self._table(root, source)
        events = self._events(root, name or "", source)
        self._require_one_source(table, events, source)
        if len(document.found) > before or document.faulty or not name or key is None or table is None:
            return EntityDraft(document, None, source or "", mapping=layer)
        entity = Entity(name.strip(), table, key, timezone, events)
        return EntityDraft(document, entity, source or "", tuple(self.models.values()), layer)

    def _column(self, fields: MapNode, key: str) -> Column | None:
        node, name = fields.get(key), fields.text(key)
        return column(name, node.span, self.document) if node is not None and name is not None else None

    def _events(self, root: MapNode, entity: str, source: str | None) -> tuple[EntityEvent, ...]:
        declared = root.map("events")
        if declared is None or not self.document.sound("events"):
            return ()
        found, taken = [], {folded(entity.strip()): "its entity"}
        for name, entry in declared.entries.items():
            event = self._event(name, entry, source)
            other = taken.setdefault(folded(name), f"event {name}")
            if other != f"event {name}":
                message = f"event {quoted_word(name)} is called as {other} is, whose case SQL does not tell; rename it"
                self.document.refuse(entry.key, "duplicate-name", message)
            elif event is not None:
                found.append(event)
        return tuple(found)

    def _event(self, name: str, entry: Entry, source: str | None) -> EntityEvent | None:
        fields = entry.value
        if not isinstance(fields, MapNode):
            return None
        table, key, at = self._table(fields, source), self._column(fields, "key"), self._column(fields, "at")
        return EntityEvent(name, table, key, at) if table is not None and key is not None and at is not None else None

    def _table(self, fields: MapNode, source: str | None) -> Table | None:
        """The table under `from`; None after a finding."""
        node = fields.get("from")
        if not isinstance(node, ScalarNode) or not isinstance(node.value, str) or source is None:
            return None
        text = self._rendered(node, source)
        if text is None:
            return None
        parts = table_name(text.strip())
        if parts is None:
            message = f"{quoted_word(text)} is no name of a table, such as shop.customers"
            self.document.refuse(node.span, "invalid-value", message)
            return None
        table = Table(parts, self.document.location(node.span))
        return table if source or self._is_attached(table, node.span) else None

    def _rendered(self, node: ScalarNode, source: str) -> str | None:
        models = self.runners.models(source)
        try:
            text = render(node.text, replace(self.document.scope, models=models))
        except TemplateErrors as error:
            report_template(error, origin_of(node, self.document.file), self.document)
            return None
        if not isinstance(models, str):
            self.models |= models.used
        return text

    def _is_attached(self, table: Table, span: Span) -> bool:
        """Whether embedded SQL can read the table, as far as that is known from what is declared."""
        known = self.attached
        source = table.parts[0].text
        code, message = "", ""
        if len(table.parts) < 2 and self.runners.attached:
            code, message = (
                "unknown-source",
                f"{quoted_word(source)} says no source; write {min(self.runners.attached)}.{source}",
            )
        elif source in self.runners.warehouses:
            message = (
                f"{quoted_word(source)} is a warehouse; write `source: {source}` beside, and its tables without it"
            )
            code = "unknown-source"
        elif source not in self.runners.attached:
            if self.runners.complete:
                advice = suggest(source, self.runners.attached) or "; declare it with `kind: Source`"
                code, message = "unknown-source", f"unknown source {quoted_word(source)}{advice}"
        elif known.get(source) and table.parts[-1].text.lower() not in {one.lower() for one in known[source]}:
            near = nearest(table.parts[-1].text, known[source])
            advice = f'; did you mean "{source}.{near}"?' if near else suggest("", known[source], "it has")
            code, message = (
                "sql-unknown-table",
                f"source {source} has no table {quoted_word(table.parts[-1].text)}{advice}",
            )
        if code:
            self.document.refuse(span, code, message)
        return not code

    def _require_one_source(self, table: Table | None, events: tuple[EntityEvent, ...], source: str | None) -> None:
        if table is None or source:
            return
        own = table.parts[0].text
        for event in events:
            other = event.table.parts[0].text
            if other != own:
                message = f"event {event.name} is in source {other}, its entity in {own}; they have one source"
                at = Span(event.table.location.line, event.table.location.column, len(str(event.table)))
                self.document.refuse(at, "entity-of-two-sources", message)
