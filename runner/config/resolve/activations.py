"""Activation documents to activations: references resolved, settings merged, words filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping

from runner.config.document import Document
from runner.config.resolve.defaults import Layer, ResolvedSettings, one_line, resolve_settings
from runner.config.resolve.destinations import DestinationDraft
from runner.config.resolve.holdouts import build_holdout
from runner.config.resolve.people import People
from runner.config.resolve.segments import SegmentDraft
from runner.config.resolve.taken_identifiers import left_out
from runner.config.schema.validate_documents import rendered
from runner.config.templates.render import SegmentWords
from runner.config.yaml.nodes import MapNode, ScalarNode, Span
from runner.core.destination import Destination
from runner.core.findings import Location
from runner.core.holdout import Holdout
from runner.core.project import Activation, Setting
from runner.core.suggest import quoted_word, suggest
from runner.quick_dataclass import dataclass, replace

LATER = frozenset({("name",), ("description",)})
"""What may speak of the segment, and so is filled in once the segment is known."""
_LIKE_SQL = re.compile(r"\s*(?:select|with|from)\s", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Declared:
    """What activations can refer to, and `defaults`, the layers of settings that are below those of destinations.

    `complete` is false when a file could not be read: what is missing may be declared there. `defaults` are None where
    they have findings.
    """

    destinations: Mapping[str, DestinationDraft]
    segments: Mapping[str, SegmentDraft]
    people: People
    complete: bool
    defaults: tuple[Layer, ...] | None = ()


@dataclass(frozen=True, slots=True)
class _Words:
    """A name or description, with the place it came from."""

    text: str
    location: Location
    span: Span
    document: Document


def build_activation(document: Document, declared: Declared) -> Activation | None:
    """The activation; None when it, its segment or its destination has findings."""
    before = len(document.found)
    draft = _destination(document, declared) if document.sound("destination") else None
    segment = _segment(document, declared) if document.sound("segment") else None
    name = _name(document, segment) if segment is not None else None
    description = _description(document, segment) if segment is not None else None
    holdout = build_holdout(document, _key(segment))
    settled = _settled(document, draft, declared.defaults, segment.mapping if segment is not None else None)
    if len(document.found) > before or document.faulty or settled is None or name is None:
        return None
    if draft is None or draft.destination is None or segment is None or segment.segment is None:
        return None
    return Activation(
        id=document.root.text("id") or "",
        segment=segment.segment if segment.name else replace(segment.segment, name=name.text),
        destination=draft.destination,
        name=name.text,
        description=description.text if description else "",
        mapping=settled.mapping,
        schedule=settled.schedule,
        freshness=settled.freshness,
        guardrails=settled.guardrails,
        protect=settled.protect,
        location=document.location(document.value_span("id")),
        settings=(
            *_entry_setting(document),
            Setting("name", name.text, name.location),
            Setting("description", one_line(description.text), description.location)
            if description
            else Setting("description", "", None),
            _destination_setting(document, draft.destination),
            Setting("segment", segment.name or name.text, document.location(document.value_span("segment"))),
            *_source_setting(segment),
            *_holdout_setting(document, holdout),
            *settled.settings,
        ),
        tags=settled.tags,
        owner=settled.owner,
        entry=document.entry,
        holdout=holdout,
    )


# -- references ----------------------------------------------------------------------------------------------------


def _destination(document: Document, declared: Declared) -> DestinationDraft | None:
    name = document.root.text("destination")
    if name is None:
        return _only_destination(document, declared)
    draft = declared.destinations.get(name)
    if draft is None and declared.complete:
        advice = suggest(name, declared.destinations) or "; declare it with `kind: Destination`"
        message = f"unknown destination {quoted_word(name)}{advice}"
        document.refuse(document.value_span("destination"), "unknown-destination", message)
    return draft


def _only_destination(document: Document, declared: Declared) -> DestinationDraft | None:
    if len(declared.destinations) == 1:
        return next(iter(declared.destinations.values()))
    if declared.complete:
        names = ", ".join(quoted_word(name) for name in sorted(declared.destinations))
        message = (
            f"the activation needs a `destination`, for there are several; write one of {names}"
            if names
            else "the activation has no destination to go to; declare one with `kind: Destination`"
        )
        document.refuse(_first_key(document), "missing-destination", message)
    return None


def _first_key(document: Document) -> Span:
    entry = document.root.entries.get("id") or document.root.entries["kind"]
    return entry.key


def _segment(document: Document, declared: Declared) -> SegmentDraft | None:
    node = document.root.get("segment")
    span = document.value_span("segment")
    if isinstance(node, MapNode):
        return declared.people.draft(node, document, "segment")
    if not isinstance(node, ScalarNode) or not isinstance(node.value, str):
        return None
    draft = declared.segments.get(node.value.strip())
    if draft is None and declared.complete:
        advice = suggest(node.value, declared.segments) or "; declare it with `kind: Segment`"
        if _LIKE_SQL.match(node.value):
            advice = "; a query goes under it: write `segment: {sql: ...}`"
        document.refuse(span, "unknown-segment", f"unknown segment {quoted_word(node.value)}{advice}")
    return draft


# -- name and description --------------------------------------------------------------------------------------------


def _name(document: Document, segment: SegmentDraft) -> _Words | None:
    words = _own("name", document, segment)
    if words is None and document.root.get("name") is None and segment.name and segment.name_span:
        span = segment.name_span
        words = _Words(segment.name, segment.document.location(span), span, segment.document)
    if words is None:
        if document.root.get("name") is None:
            message = "the audience has no name; write `name`, or a `name` in the segment"
            document.refuse(document.value_span("segment"), "missing-name", message)
        return None
    if not words.text or "\n" in words.text:
        message = "the audience's name must be one line of text" + ("" if words.text else ", not empty")
        words.document.refuse(words.span, "invalid-value", message)
        return None
    return words


def _description(document: Document, segment: SegmentDraft) -> _Words | None:
    if document.root.get("description") is not None:
        return _own("description", document, segment)
    if segment.description_span is None:
        return None
    span = segment.description_span
    return _Words(segment.description, segment.document.location(span), span, segment.document)


def _own(key: str, document: Document, segment: SegmentDraft) -> _Words | None:
    """The activation's own name or description, which may speak of the segment's."""
    node = document.root.get(key)
    if not isinstance(node, ScalarNode) or not document.sound(key):
        return None
    text: str | None = ""
    if isinstance(node.value, str):
        words = SegmentWords(segment.name or "", segment.description)
        text = rendered(node, document, replace(document.scope, segment=words))
    if text is None:
        return None
    return _Words(text.strip(), document.location(node.span), node.span, document)


# -- settings ----------------------------------------------------------------------------------------------------------


def _settled(
    document: Document, draft: DestinationDraft | None, below: tuple[Layer, ...] | None, entity: Layer | None
) -> ResolvedSettings | None:
    own = Layer(_sound_fields(document), document)
    if draft is None:
        return resolve_settings((own,))
    layers = (*(below or ()), *(layer for layer in (draft.defaults, entity) if layer is not None), own)
    omitted = left_out(layers, draft.document)
    settled = resolve_settings(layers, omitted)
    known = below is not None and document.sound("mapping") and draft.document.sound("defaults")
    if settled is not None and not settled.mapping and known:
        _no_identifier(document, omitted)
    return settled


def _sound_fields(document: Document) -> MapNode:
    entries = {key: entry for key, entry in document.root.entries.items() if document.sound(key)}
    return replace(document.root, entries=entries)


def _entry_setting(document: Document) -> tuple[Setting, ...]:
    """Which one of a family the activation is."""
    each = document.each
    return (Setting("for_each", each.label, document.location(each.span)),) if each is not None else ()


def _destination_setting(document: Document, destination: Destination) -> Setting:
    written = document.root.get("destination") is not None
    location = document.location(document.value_span("destination")) if written else destination.location
    return Setting("destination", destination.name, location)


def _source_setting(segment: SegmentDraft) -> tuple[Setting, ...]:
    """The warehouse that runs the segment, where one does."""
    if segment.segment is None or not segment.segment.source:
        return ()
    place = segment.segment.location if segment.source_span is None else segment.document.location(segment.source_span)
    return (Setting("source", segment.segment.source, place),)


def _key(segment: SegmentDraft | None) -> str | None:
    """The key of the segment's entity, empty where it has none; None for a segment that has findings."""
    if segment is None or segment.segment is None:
        return None
    return segment.statement.entity.key.name if segment.statement is not None else ""


def _holdout_setting(document: Document, holdout: Holdout | None) -> tuple[Setting, ...]:
    place = document.root.entries.get("holdout")
    return (Setting("holdout", one_line(str(holdout)), document.location(place.key)),) if holdout and place else ()


def _no_identifier(document: Document, omitted: Mapping[str, str]) -> None:
    entry = document.root.entries.get("mapping")
    default = "the destination's `defaults` may hold a mapping for all of its activations"
    not_sent = "; ".join(f"{kind} is mapped by default, and left out: {reason}" for kind, reason in omitted.items())
    document.refuse(
        entry.key if entry else _first_key(document),
        "no-identifier",
        "no identifier is mapped, so nobody could be sent; write `mapping: {email: email}`",
        not_sent or default,
    )
