"""One YAML document of the project: as it is parsed, and as it is worked with."""

from __future__ import annotations

from collections.abc import Mapping

from runner.config.templates.render import Scope
from runner.config.yaml.finding_collector import Findings
from runner.config.yaml.nodes import MapNode, Span, TextFile
from runner.core.findings import Location
from runner.quick_dataclass import dataclass, field


@dataclass(frozen=True, slots=True)
class Each:
    """An entry of a `for_each`: what `each` means in the document made for it, what messages call it, and the key's
    place.
    """

    values: Mapping[str, object]
    label: str
    span: Span


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """A document of a kind, as it stands in its file. `each` is the entry that one of a family is made for."""

    file: TextFile
    kind: str
    root: MapNode
    each: Each | None = field(default=None, kw_only=True)

    @property
    def entry(self) -> str:
        """What messages call the entry that the document is made for; empty where it is of no family."""
        return self.each.label if self.each is not None else ""

    def location(self, span: Span | None = None) -> Location:
        """A place in the document's file; by default where the document starts."""
        span = span or self.root.span
        return Location(self.file.name, span.line, span.column)

    def value_span(self, key: str) -> Span:
        """Where the value of a top-level key stands; where the document starts when there is none."""
        entry = self.root.entries.get(key)
        return entry.value.span if entry else self.root.span


@dataclass(frozen=True, slots=True)
class Document(ParsedDocument):
    """A document whose templates are filled in and whose values are checked.

    `scope` is what its templates may use, `found` where what is wrong with it goes; `faulty` are the top-level fields
    that have findings already.
    """

    scope: Scope
    found: Findings = field(compare=False, repr=False)
    faulty: frozenset[str] = frozenset()

    def sound(self, *keys: str) -> bool:
        """Whether these fields can be worked with: none of them has a finding."""
        return not self.faulty.intersection(keys)

    def refuse(self, span: Span, code: str, message: str, hint: str = "") -> None:
        """Record what is wrong at a place of the document."""
        self.found.add(self.file, span, code, message, hint)
