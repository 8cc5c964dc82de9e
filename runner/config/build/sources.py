"""Source documents to sources."""

from __future__ import annotations

import glob
import os
import re

from runner.config.yaml.finding_collector import Findings
from runner.core.suggest import quoted_word
from runner.config.yaml.nodes import Document, ListNode, MapNode, Node, ScalarNode, Span
from runner.core.findings import Location
from runner.core.project import RESERVED_SOURCE_NAMES, Source

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


def build_source(document: Document, found: Findings) -> Source | None:
    """The source; None when the document has findings."""
    before = len(found)
    name = document.root.text("name") if document.sound("name") else None
    if name is not None and name.lower() in RESERVED_SOURCE_NAMES:
        message = f"{quoted_word(name)} has a meaning of its own in SQL; call the source something else, such as shop"
        found.add(document.file, document.value_span("name"), "reserved-name", message)
    tables = document.root.map("tables") if document.sound("tables") else None
    patterns = _tables(tables, document, found) if tables is not None else {}
    path = document.root.get("path") if document.sound("path") else None
    database = _absolute(path, document, found, is_glob=False) if path is not None else None
    if len(found) > before or document.faulty or name is None:
        return None
    entries = tables.entries if tables is not None else {}
    locations = {table: document.location(entry.key) for table, entry in entries.items()}
    if database is not None and path is not None:
        locations = {"": document.location(path.span)}
    return Source(
        name=name,
        type=document.root.text("type") or "",
        location=_location(document),
        tables=patterns,
        table_locations=locations,
        path=database,
    )


def _location(document: Document) -> Location:
    return document.location(document.value_span("name"))


def _tables(tables: MapNode, document: Document, found: Findings) -> dict[str, tuple[str, ...]]:
    patterns: dict[str, tuple[str, ...]] = {}
    first: dict[str, tuple[str, Span]] = {}
    for table, entry in tables.entries.items():
        earlier = first.setdefault(table.lower(), (table, entry.key))
        if earlier[0] != table:
            message = f"{quoted_word(table)} and {quoted_word(earlier[0])} are one name in SQL; rename one of them"
            found.add(document.file, entry.key, "duplicate-name", message)
        resolved = [_absolute(item, document, found, is_glob=True) for item in _items(entry.value)]
        patterns[table] = tuple(path for path in resolved if path is not None)
    return patterns


def _items(node: Node) -> tuple[Node, ...]:
    return node.items if isinstance(node, ListNode) else (node,)


def _absolute(node: Node, document: Document, found: Findings, *, is_glob: bool) -> str | None:
    """The path as an absolute one; it is relative to the YAML file. None after a finding."""
    if not isinstance(node, ScalarNode) or not isinstance(node.value, str):
        return None
    if _URL.match(node.value):
        message = "a source reads local files; fetch the data first, and write the path of the copy"
        found.add(document.file, node.span, "not-a-local-path", message)
        return None
    folder = str(document.file.path.parent)
    return os.path.normpath(os.path.join(glob.escape(folder) if is_glob else folder, node.value))  # noqa: PTH118
