"""`for_each`: one document written, and one made for each entry of a list.

Whatever the kind, a family is expanded before anything in its documents is filled in, so that whatever comes later sees
documents as if each had been written by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from runner.config.document import Document, Each, ParsedDocument
from runner.config.schema.json_schemas import schema
from runner.config.schema.validate_documents import checked_field
from runner.config.templates.render import Scope
from runner.config.yaml.finding_collector import Findings
from runner.config.yaml.nodes import plain
from runner.core.suggest import quoted_word, suggest
from runner.quick_dataclass import dataclass, replace

FOR_EACH = "for_each"
MOST_MADE = 10_000
"""Documents that all families of a project may come to: as many as templates are sized for."""
_NAMED = 3
"""Values of an entry that its name in messages is made of."""
_LONG = 60

Lists = Mapping[str, Sequence[Any]]
"""The Project's lists by name: of plain values, or of mappings."""


@dataclass(slots=True)
class Families:
    """Expands the families of one project. `lists` are the Project's; None where they have findings."""

    lists: Lists | None
    left: int = MOST_MADE

    def expanded(self, parsed: ParsedDocument, scope: Scope, found: Findings) -> tuple[ParsedDocument, ...]:
        """A document for each entry of `for_each`; the document itself where it has none. Nothing after findings."""
        if FOR_EACH not in parsed.root.entries or FOR_EACH not in schema(parsed.kind)["properties"]:
            return (parsed,)
        document = checked_field(parsed, FOR_EACH, scope, found)
        entries = self._entries(document) if document.sound(FOR_EACH) else []
        if len(entries) > self.left:
            message = f"with this one, the families of the project come to more than {MOST_MADE:,} documents"
            document.refuse(parsed.value_span(FOR_EACH), "too-many-entries", message, "make the list shorter")
            return ()
        self.left -= len(entries)
        rest = {key: entry for key, entry in parsed.root.entries.items() if key != FOR_EACH}
        span = parsed.root.entries[FOR_EACH].key
        one = replace(parsed, root=replace(parsed.root, entries=rest))
        return tuple(replace(one, each=Each(values, label, span)) for values, label in labelled(entries))

    def _entries(self, document: Document) -> Sequence[Mapping[str, Any]]:
        node = document.root.entries[FOR_EACH].value
        written = plain(node)
        names = [written] if isinstance(written, str) else []
        if isinstance(written, dict):
            names = [name for name in written.values() if isinstance(name, str)]
        if names and self.lists is None:
            return ()
        unknown = [name for name in names if name not in (self.lists or {})]
        if unknown:
            advice = suggest(unknown[0], self.lists or {}) or "; declare it under `lists:` of the Project document"
            document.refuse(node.span, "unknown-list", f"unknown list {quoted_word(unknown[0])}{advice}")
            return ()
        entries = entries_of(written, self.lists or {})
        if isinstance(entries, str):
            document.refuse(node.span, "wrong-list", entries)
            return ()
        return entries


def entries_of(written: Any, lists: Lists) -> Sequence[Mapping[str, Any]] | str:
    """The entries that the value of a `for_each` of the right shape means, or what is wrong about the list it names."""
    if isinstance(written, dict):
        ((key, values),) = written.items()
        named = lists.get(values, ()) if isinstance(values, str) else values
        if any(isinstance(value, dict) for value in named):
            return f"list {quoted_word(str(values))} holds mappings, which have keys; write `for_each: {values}`"
        return [{key: value} for value in named]
    entries = lists.get(written, ()) if isinstance(written, str) else written
    if not all(isinstance(entry, dict) for entry in entries):
        name = str(written)
        return f"list {quoted_word(name)} holds plain values; give them a key, as in `for_each: {{country: {name}}}`"
    return list(entries)


def labelled(entries: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Each entry with what it is called in messages, no two alike."""
    seen: set[str] = set()
    for number, entry in enumerate(entries, start=1):
        scalars = [(key, value) for key, value in entry.items() if not isinstance(value, dict | list)]
        label = ", ".join(f"{key}: {_shown(value)}" for key, value in scalars[:_NAMED]) or f"entry {number}"
        label = f"{label} (entry {number})" if label in seen else label
        seen.add(label)
        yield entry, label


def _shown(value: Any) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return quoted_word(text, _LONG)[1:-1]
