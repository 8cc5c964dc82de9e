"""Test documents to tests of segments: what each is about, the rows that it gives, the people that it expects."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import date

from runner.config.document import Document
from runner.config.yaml.nodes import ListNode, MapNode, Node, ScalarNode, plain
from runner.core.project import Source
from runner.core.segment_test import GivenRow, GivenTable, SegmentTest, Subject
from runner.core.suggest import quoted_word, suggest
from runner.quick_dataclass import dataclass
from runner.sources.registry import is_warehouse, kind_of


@dataclass(frozen=True, slots=True)
class KnownSubjects:
    """What tests can be about, by the field that names it; `complete` is false where some of it could not be read."""

    names: Mapping[Subject, Collection[str]]
    sources: tuple[Source, ...]
    complete: bool


def build_test(document: Document, subjects: KnownSubjects) -> SegmentTest | None:
    """The test; None when the document has findings."""
    before = len(document.found)
    subject = next((one for one in Subject if document.root.get(one) is not None), None)
    today = _today(document) if document.sound("today") else None
    given = tuple(_given(document)) if document.sound("given") else ()
    if subject is not None and document.sound(subject):
        _require_known(document, subject, subjects)
    for table in given if document.sound("given") else ():
        _require_table(document, table, subjects)
    if subject is None or document.faulty or len(document.found) > before:
        return None
    expect = document.root.get("expect")
    count = document.root.get("expect_count")
    return SegmentTest(
        name=(document.root.text("name") or "").strip(),
        subject=subject,
        of=(document.root.text(subject) or "").strip(),
        location=document.location(document.value_span("name")),
        subject_place=document.location(document.value_span(subject)),
        today=today,
        given=given,
        expect=tuple(_rows(expect, document)) if expect is not None else None,
        expect_count=count.value if isinstance(count, ScalarNode) and isinstance(count.value, int) else None,
    )


def _today(document: Document) -> date | None:
    text = document.root.text("today")
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        message = f"`today` must be a date that there is, not {quoted_word(text)}"
        document.refuse(document.value_span("today"), "invalid-value", message)
        return None


def _given(document: Document) -> Iterator[GivenTable]:
    tables = document.root.map("given")
    for name, entry in tables.entries.items() if tables else ():
        yield GivenTable(name.strip(), document.location(entry.key), tuple(_rows(entry.value, document)))


def _rows(node: Node, document: Document) -> Iterator[GivenRow]:
    for item in node.items if isinstance(node, ListNode) else ():
        if isinstance(item, MapNode):
            values = {name: plain(entry.value) for name, entry in item.entries.items()}
            places = {name: document.location(entry.key) for name, entry in item.entries.items()}
            yield GivenRow(values, places, document.location(item.span))


def _require_known(document: Document, subject: Subject, subjects: KnownSubjects) -> None:
    name, known = (document.root.text(subject) or "").strip(), subjects.names.get(subject, ())
    if name and name not in known and subjects.complete:
        message = f"unknown {subject} {quoted_word(name)}{suggest(name, known)}"
        document.refuse(document.value_span(subject), f"unknown-{subject}", message)


def _require_table(document: Document, table: GivenTable, subjects: KnownSubjects) -> None:
    """A table must be one of a source's, as far as the files tell which these are."""
    if not subjects.complete or any(is_warehouse(source) for source in subjects.sources):
        return
    source, _, name = table.name.partition(".")
    declared = {one.name.lower(): one for one in subjects.sources}
    known = [f"{one.name}.{part}" for one in subjects.sources for part in kind_of(one).tables(one)]
    owner = declared.get(source.lower())
    tables = [part.lower() for part in kind_of(owner).tables(owner)] if owner else []
    if owner is not None and name and (not tables or name.lower() in tables):
        return
    span = next(entry.key for key, entry in _tables(document).entries.items() if key.strip() == table.name)
    message = f"there is no table {quoted_word(table.name)} in the declared sources{suggest(table.name, known)}"
    document.refuse(span, "unknown-given-table", message)


def _tables(document: Document) -> MapNode:
    tables = document.root.map("given")
    assert tables is not None
    return tables
