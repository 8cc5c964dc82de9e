"""YAML without surprises: text to nodes with places.

Scalars follow the YAML 1.2 core schema (`no`, `06:30` and dates are text). Refused are duplicate keys, tags, merge
keys, keys that are no text, and aliases that make a small file large. The events of libyaml are composed here and
not by PyYAML, whose composer follows nesting and aliases as deep as a file says.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import yaml

from runner.config.yaml.finding_collector import Findings
from runner.config.yaml.nodes import Entry, ListNode, MapNode, Node, ScalarNode, Span, TextFile, Value
from runner.config.yaml.yaml_errors import explain_syntax
from runner.core.unprintable import code_point, first_unprintable, without_unprintable

try:
    from yaml import CSafeLoader as _Loader
except ImportError:  # PyYAML was built without libyaml
    from yaml import SafeLoader as _Loader  # type: ignore[assignment]

MAX_NODES = 100_000
"""The most nodes of a file, aliases counted as what they stand for."""
MAX_DEPTH = 32

_CONSTANTS: dict[str, Value] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_INTEGER = re.compile(r"[-+]?[0-9]+")
_OTHER_BASE = re.compile(r"0(?:o[0-7]+|x[0-9a-fA-F]+)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")


def core_value(text: str) -> Value:
    """A plain scalar by the YAML 1.2 core schema; what would be no finite number of sane length stays text."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if len(text) > 100 or text[0] not in "-+.0123456789":
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    if _OTHER_BASE.fullmatch(text):
        return int(text[2:], 8 if text[1] == "o" else 16)
    if _FLOAT.fullmatch(text):
        number = float(text)
        return number if math.isfinite(number) else text
    return text


class _Stop(Exception):
    """The rest of the file cannot be read; the finding is recorded."""


def parse(file: TextFile, found: Findings) -> tuple[tuple[Node, ...], bool]:
    """The documents of a file, empty ones left out, and whether the file could be read to its end."""
    composer = _Composer(file, found)
    documents: list[Node] = []
    try:
        for document in composer.documents():
            documents.append(document)  # noqa: PERF402 - what came before an error is kept
    except _Stop:
        return tuple(documents), False
    except yaml.YAMLError as error:
        span, message, hint = explain_syntax(error, file.text)
        found.add(file, span, "yaml-syntax", message, hint)
        return tuple(documents), False
    return tuple(documents), True


class _Composer:
    """Builds nodes from parser events."""

    def __init__(self, file: TextFile, found: Findings) -> None:
        self._file = file
        self._found = found
        self._loader: Any = _Loader(file.text)
        self._anchors: dict[str, tuple[Node, int]] = {}
        self._open_anchors: set[str] = set()
        self._nodes = 0

    def documents(self) -> Iterator[Node]:
        while not isinstance(event := self._loader.get_event(), yaml.StreamEndEvent):
            if isinstance(event, yaml.DocumentStartEvent):
                self._anchors.clear()
                node = self._node(self._loader.get_event(), 0)
                if not (isinstance(node, ScalarNode) and node.text == "" and not node.style):
                    yield node

    def _node(self, event: Any, depth: int) -> Node:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        if depth > MAX_DEPTH:
            self._stop(
                event, "yaml-too-deep", f"this is nested more than {MAX_DEPTH} levels deep; no document needs that"
            )
        if event.tag is not None:
            self._tag(event)
        self._count(1, event)
        before = self._nodes
        anchor = event.anchor
        if anchor is not None:
            self._open_anchors.add(anchor)
        if isinstance(event, yaml.ScalarEvent):
            node: Node = self._scalar(event)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = self._list(event, depth)
        else:
            node = self._map(event, depth)
        if anchor is not None:
            self._open_anchors.discard(anchor)
            self._anchors[anchor] = (node, self._nodes - before + 1)
        return node

    def _scalar(self, event: Any) -> ScalarNode:
        text = event.value
        plain = event.style is None or event.style == ""
        odd = first_unprintable(text) if event.style == '"' else None
        if odd is not None:
            what = f"the text holds the character {code_point(text, odd)}; remove its escape"
            self._add(event, "control-character", what)
            text = without_unprintable(text)
        value = core_value(text) if plain and event.tag is None else text
        end = event.end_mark
        end_line = end.line + 1 if end.column or end.line == event.start_mark.line else end.line
        return ScalarNode(value, text, self._span(event), "" if plain else event.style, end_line)

    def _list(self, start: Any, depth: int) -> ListNode:
        items = []
        while not isinstance(event := self._loader.get_event(), yaml.SequenceEndEvent):
            items.append(self._node(event, depth + 1))
        return ListNode(tuple(items), self._span(start))

    def _map(self, start: Any, depth: int) -> MapNode | ScalarNode:
        if self._file.text.startswith("{{", start.start_mark.index):
            return self._unquoted_template(start)
        entries: dict[str, Entry] = {}
        while not isinstance(event := self._loader.get_event(), yaml.MappingEndEvent):
            key = self._key(event, depth)
            value = self._node(self._loader.get_event(), depth + 1)
            if key is None:
                continue
            span = self._span(event)
            if key in entries:
                first = entries[key].key
                self._found.add(
                    self._file,
                    span,
                    "yaml-duplicate-key",
                    f'"{key}" is here twice; keep one of them',
                    f"the first is in line {first.line}",
                )
            else:
                entries[key] = Entry(span, value)
        end: Any = event.end_mark
        end_line = end.line + 1 if end.column else max(end.line, start.start_mark.line + 1)
        return MapNode(entries, self._span(start), end_line)

    def _key(self, event: Any, depth: int) -> str | None:
        """The key's text; None after a finding when it cannot be a key."""
        if isinstance(event, yaml.ScalarEvent) and not event.style and event.value == "<<":
            self._add(event, "yaml-merge-key", "merge keys are not supported; write the settings out")
            return None
        if isinstance(event, yaml.ScalarEvent) and event.tag is None and event.anchor is None and not event.style:
            self._count(1, event)
            if isinstance(core_value(event.value), str):
                return str(event.value)  # nearly every key
        node = self._node(event, depth + 1)
        if isinstance(node, ScalarNode) and isinstance(node.value, str):
            return node.value
        if isinstance(node, ScalarNode):
            self._add(event, "yaml-key", f'a key must be text; write "{node.text}" in quotes')
        else:
            self._add(event, "yaml-key", "a key must be text, not a list or a mapping")
        return None

    def _unquoted_template(self, start: Any) -> ScalarNode:
        """What YAML takes for a mapping in a mapping, and what is read on as if it were in quotes."""
        event, level = start, 1
        while level:
            event = self._loader.get_event()
            level += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if level > MAX_DEPTH:
                self._stop(start, "yaml-too-deep", f"this is nested more than {MAX_DEPTH} levels deep")
        begin, end = start.start_mark, event.end_mark
        length = end.index - begin.index if end.line == begin.line else 2
        span = Span(begin.line + 1, begin.column + 1, length)
        message = 'a value that starts with "{{" must be in quotes: write "{{ ... }}"'
        self._found.add(self._file, span, "unquoted-template", message)
        text = self._file.text[begin.index : end.index]
        return ScalarNode(text, text, span, "", end.line + 1)

    def _alias(self, event: Any) -> Node:
        if event.anchor in self._open_anchors:
            self._stop(event, "yaml-alias", f'"*{event.anchor}" stands inside of what it stands for; write it out')
        if event.anchor not in self._anchors:
            self._stop(event, "yaml-alias", f'there is no "&{event.anchor}" above; an alias needs one')
        node, size = self._anchors[event.anchor]
        self._count(size, event)
        return node

    def _tag(self, event: Any) -> None:
        tag = event.tag.replace("tag:yaml.org,2002:", "!!")
        self._add(event, "yaml-tag", f'tags such as "{tag}" are not supported; remove it, or quote the text')

    def _count(self, nodes: int, event: Any) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            self._stop(event, "yaml-too-many-values", f"the file comes to more than {MAX_NODES:,} values; split it")

    def _stop(self, event: Any, code: str, message: str) -> None:
        self._add(event, code, message)
        raise _Stop

    def _add(self, event: Any, code: str, message: str) -> None:
        self._found.add(self._file, self._span(event), code, message)

    def _span(self, event: Any) -> Span:
        start, end = event.start_mark, event.end_mark
        length = end.index - start.index if end.line == start.line else 1
        return Span(start.line + 1, start.column + 1, max(1, length))
