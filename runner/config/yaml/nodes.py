"""What a YAML document holds, with the place of every key and value.

A node is immutable. Rendering a template makes a new node in the same place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from runner.quick_dataclass import dataclass

Value = str | int | float | bool | None

_BREAK = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True)  # no slots: the lines are kept
class TextFile:
    """A file that was read: `name` as the user would name it, `path` absolute."""

    name: str
    path: Path
    text: str

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The lines, without what ends them; the text is split once, however many places in it are asked for."""
        return tuple(_BREAK.split(self.text))

    def line(self, number: int) -> str:
        """The line of that number, counted from 1; empty where the file has no such line."""
        return self.lines[number - 1] if 0 < number <= len(self.lines) else ""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of one line: line and column from 1, and how many characters of that line are meant."""

    line: int
    column: int
    length: int = 1


@dataclass(frozen=True, slots=True)
class ScalarNode:
    """One value. `text` is what was written, before it was taken for a number or a boolean.

    `style` is YAML's: empty for plain, a quote, `|` or `>`. `end_line` is the last line of the value. `templated` is
    set once the value has come out of a template.
    """

    value: Value
    text: str
    span: Span
    style: str = ""
    end_line: int = 0
    templated: bool = False


@dataclass(frozen=True, slots=True)
class ListNode:
    """A list, and where it was written."""

    items: tuple[Node, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Entry:
    """A key's place and the value under it."""

    key: Span
    value: Node


@dataclass(frozen=True, slots=True)
class MapNode:
    """Keys to values, in the order of the file. `end_line` is the last line that belongs to it."""

    entries: Mapping[str, Entry]
    span: Span
    end_line: int = 0

    def get(self, key: str) -> Node | None:
        entry = self.entries.get(key)
        return entry.value if entry else None

    def text(self, key: str) -> str | None:
        """The string under a key; None where there is no such key or no string."""
        node = self.get(key)
        return node.value if isinstance(node, ScalarNode) and isinstance(node.value, str) else None

    def map(self, key: str) -> MapNode | None:
        """The mapping under a key; None where there is no such key or no mapping."""
        node = self.get(key)
        return node if isinstance(node, MapNode) else None


Node = ScalarNode | ListNode | MapNode
Steps = tuple[str | int, ...]
"""The way to a node: keys and list positions from the root."""


def plain(node: Node) -> Any:
    """The node as dicts, lists and scalars."""
    if isinstance(node, ScalarNode):
        return node.value
    if isinstance(node, MapNode):
        return {key: plain(entry.value) for key, entry in node.entries.items()}
    return [plain(item) for item in node.items]


def at(root: Node, path: Steps) -> tuple[Span, Node]:
    """The place of the last key on the path (of the value, for a list item) and the value there."""
    span, node = root.span, root
    for step in path:
        if isinstance(node, MapNode) and isinstance(step, str):
            entry = node.entries[step]
            span, node = entry.key, entry.value
        elif isinstance(node, ListNode) and isinstance(step, int):
            node = node.items[step]
            span = node.span
        else:
            break
    return span, node


def scalars(node: Node) -> Iterator[ScalarNode]:
    """Every value below a node."""
    if isinstance(node, ScalarNode):
        yield node
    elif isinstance(node, MapNode):
        for entry in node.entries.values():
            yield from scalars(entry.value)
    else:
        for item in node.items:
            yield from scalars(item)
