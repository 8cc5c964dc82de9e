"""Conditions as the files write them, to what can be said about a person; whatever is wrong is a finding at its place.

An item of a list is one condition. It is known by its keys: `any`, `all`, `not`, `sql`, `in_segment`, `not_in_segment`
stand alone, `did` and `did_not` have modifiers, and any other key is a property.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal

from runner.conditions.fragments import NoFragment, parsed_fragment
from runner.conditions.statements import (
    Aggregate,
    Column,
    Condition,
    Entity,
    EntityEvent,
    Every,
    Fragment,
    Happening,
    InSegment,
    Measure,
    Operator,
    Opposite,
    PropertyComparison,
    Sequel,
    Some,
)
from runner.config.document import Document
from runner.config.resolve.condition_values import INVALID, age, column, comparisons, length
from runner.config.schema.validate_documents import report_template
from runner.config.templates.render import render
from runner.config.templates.template_types import TemplateErrors
from runner.config.yaml.nodes import Entry, ListNode, MapNode, Node, ScalarNode, Span
from runner.config.yaml.source_map import origin_of
from runner.core.suggest import quoted_word, suggest
from runner.quick_dataclass import dataclass

_ALONE = ("any", "all", "not", "sql", "in_segment", "not_in_segment")
_DID = ("did", "did_not")
_MODIFIERS = ("with", *Aggregate, "within", "older_than", "then", "then_not")
_OF_SEQUELS = ("did", "with", "within_next")
_DEEPEST = 20


@dataclass(frozen=True, slots=True)
class ConditionReader:
    """Reads the conditions of one segment: they speak of `entity`, in the SQL of `dialect`.

    `named` gives what it means to be in the segment that a value names, or not in it; None after findings.
    """

    document: Document
    entity: Entity
    dialect: str
    named: Callable[[ScalarNode, bool], InSegment | None]

    def every(self, node: Node, key: str, event: EntityEvent | None = None, depth: int = 0) -> Every | None:
        """The conditions of a list, or one without a list; None after findings."""
        parts = self._parts(node, key, event, depth)
        return None if parts is None else Every(parts)

    def _parts(self, node: Node, key: str, event: EntityEvent | None, depth: int) -> tuple[Condition, ...] | None:
        if depth > _DEEPEST:
            self._wrong(node.span, f"conditions are nested more than {_DEEPEST} deep; write it in SQL")
            return None
        items = node.items if isinstance(node, ListNode) else (node,)
        if not items:
            self._wrong(node.span, f"`{key}` has no condition in it")
            return None
        made = [self._item(item, event, depth) for item in items]
        return tuple(one for one in made if one is not None) if None not in made else None

    def _item(self, node: Node, event: EntityEvent | None, depth: int) -> Condition | None:
        if not isinstance(node, MapNode) or not node.entries:
            example = "write a property, as in `country: FR`, or `did: order`"
            self._wrong(node.span, f"a condition is a mapping; {example}")
            return None
        for word in (*_DID, *_ALONE):
            if word in node.entries:
                if event is not None and word not in ("any", "all", "not", "sql"):
                    message = f"`{word}` is about a person, and this is about what happened to {event.name}"
                    self._wrong(node.entries[word].key, f"{message}; put it beside `did`")
                    return None
                return self._happening(node, word) if word in _DID else self._alone(node, word, event, depth)
        return self._properties(node)

    def _properties(self, node: MapNode) -> Condition | None:
        made: list[PropertyComparison] = []
        before = len(self.document.found)
        for key, entry in node.entries.items():
            if key in _MODIFIERS:
                self._wrong(entry.key, f"`{key}` goes with `did` or `did_not`; a property of that name needs `sql`")
                continue
            made += self._compared(key, entry)
        if len(self.document.found) > before:
            return None
        return made[0] if len(made) == 1 else Every(tuple(made))

    def _compared(self, key: str, entry: Entry) -> tuple[PropertyComparison, ...]:
        of = column(key, entry.key, self.document)
        return (of and comparisons(of, entry.value, self.document)) or ()

    def _alone(self, node: MapNode, word: str, event: EntityEvent | None, depth: int) -> Condition | None:
        for other, entry in node.entries.items():
            if other != word:
                message = f"{quoted_word(other)} stands beside `{word}`, which is a condition of its own"
                self._wrong(entry.key, f"{message}; begin another item of the list with it")
                return None
        entry = node.entries[word]
        if word in ("in_segment", "not_in_segment"):
            return self._member(entry.value, word)
        if word == "sql":
            return self._fragment(entry.value)
        if word != "not" and not isinstance(entry.value, ListNode):
            self._wrong(entry.value.span, f"`{word}` takes a list of conditions")
            return None
        parts = self._parts(entry.value, word, event, depth + 1)
        if parts is None:
            return None
        if word == "not":
            return Opposite(parts[0] if len(parts) == 1 else Every(parts))
        return Some(parts) if word == "any" else Every(parts)

    def _fragment(self, node: Node) -> Condition | None:
        if not isinstance(node, ScalarNode) or not isinstance(node.value, str) or not node.value.strip():
            self._wrong(node.span, "`sql` takes one condition in SQL, as a text")
            return None
        try:
            sql = render(node.text, self.document.scope)
            parsed_fragment(sql, self.dialect)
        except TemplateErrors as error:
            report_template(error, origin_of(node, self.document.file), self.document)
            return None
        except NoFragment as error:
            self.document.refuse(node.span, "sql-syntax", f"the SQL of this condition {error}")
            return None
        return Fragment(sql, self.document.location(node.span))

    def _member(self, node: Node, word: str) -> Condition | None:
        if not isinstance(node, ScalarNode) or not isinstance(node.value, str):
            self._wrong(node.span, f"`{word}` takes the name of a segment")
            return None
        return self.named(node, word == "in_segment")

    # -- events ----------------------------------------------------------------------------------------------------

    def _happening(self, node: MapNode, word: str) -> Condition | None:
        before = len(self.document.found)
        self._refuse_others(node, (word, *_MODIFIERS), f"`{word}`")
        event = self._event(node.entries[word].value)
        if event is None:
            return None
        parts: list[Condition] = [*self._with(node, event), *self._ages(node, event)]
        sequels = tuple(
            sequel
            for key in ("then", "then_not")
            if (entry := node.entries.get(key)) and (sequel := self._sequel(entry, key))
        )
        measures = tuple(self._measures(node))
        if len(self.document.found) > before:
            return None
        return Happening(event, Every(tuple(parts)), word == "did", measures, sequels)

    def _refuse_others(self, node: MapNode, known: tuple[str, ...], beside: str) -> None:
        for key, entry in node.entries.items():
            if key not in known:
                advice = '; did you mean "within_next"?' if _is_next(key, known) else suggest(key, known)
                message = f"unknown modifier {quoted_word(key)} beside {beside}{advice}"
                hint = "a property of the event goes under `with`, another condition into an item of its own"
                self.document.refuse(entry.key, "unknown-modifier", message, hint)

    def _event(self, node: Node) -> EntityEvent | None:
        events = {event.name: event for event in self.entity.events}
        name = node.value if isinstance(node, ScalarNode) and isinstance(node.value, str) else None
        if name is None:
            self._wrong(node.span, "`did` takes the name of an event")
            return None
        if name not in events:
            advice = suggest(name, events, "events") or f"; declare it under `events:` of entity {self.entity.name}"
            message = f"entity {self.entity.name} has no event {quoted_word(name)}{advice}"
            self.document.refuse(node.span, "unknown-event", message)
        return events.get(name)

    def _with(self, node: MapNode, event: EntityEvent) -> Iterable[Condition]:
        inner = node.get("with")
        found = self.every(inner, "with", event, 1) if inner is not None else None
        return found.parts if found is not None else ()

    def _ages(self, node: MapNode, event: EntityEvent) -> Iterable[Condition]:
        for operator in (Operator.WITHIN, Operator.OLDER_THAN):
            entry = node.entries.get(operator)
            days = age(entry.value, operator, self.document) if entry else None
            if days is not None and entry is not None:
                yield PropertyComparison(event.at, operator, (Decimal(days),))

    def _sequel(self, entry: Entry, key: str) -> Sequel | None:
        node = entry.value
        if not isinstance(node, MapNode) or "did" not in node.entries:
            self._wrong(node.span, f"`{key}` says what follows, as in {{did: order, within_next: 2d}}")
            return None
        self._refuse_others(node, _OF_SEQUELS, f"`did` in `{key}`")
        event = self._event(node.entries["did"].value)
        if event is None:
            return None
        parts = tuple(self._with(node, event))
        limit = node.get("within_next")
        seconds = length(limit, "within_next", self.document) if limit is not None else None
        return Sequel(event, Every(parts), seconds, key == "then")

    def _measures(self, node: MapNode) -> Iterable[Measure]:
        for aggregate in Aggregate:
            entry = node.entries.get(aggregate)
            if entry is None:
                continue
            if aggregate is Aggregate.TIMES:
                of = Column("", self.document.location(entry.key))
                found = comparisons(of, entry.value, self.document) or ()
                yield from (Measure(aggregate, one) for one in found if self._is_number_of_times(one, entry.value))
            elif isinstance(entry.value, MapNode):
                for key, inner in entry.value.entries.items():
                    yield from (Measure(aggregate, one) for one in self._compared(key, inner))
            else:
                message = f"`{aggregate}` takes a property and what it is compared with"
                self._wrong(entry.value.span, f"{message}, as in {{amount: {{more_than: 200}}}}")

    def _is_number_of_times(self, times: PropertyComparison, node: Node) -> bool:
        least = 2 if times.operator is Operator.LESS_THAN else 1
        fits = times.operator in _COUNTED and all(
            isinstance(value, Decimal) and value == value.to_integral_value() and value >= least
            for value in times.values
        )
        if not fits:
            message = "`times` is compared with whole numbers from 1 on, for `did` needs one event at least"
            self._wrong(node.span, f"{message}; write `did_not` for those without any")
        return fits

    def _wrong(self, span: Span, message: str) -> None:
        self.document.refuse(span, INVALID, message)


def _is_next(key: str, known: tuple[str, ...]) -> bool:
    """Whether a limit is meant that is counted from the event before."""
    return "within_next" in known and key.startswith("within")


_COUNTED = frozenset(Operator) - {
    *(Operator.CONTAINS, Operator.STARTS_WITH, Operator.KNOWN, Operator.WITHIN, Operator.OLDER_THAN)
}
