"""Suppression documents to suppressions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from runner.config.document import Document
from runner.config.resolve.defaults import Given, Layer, limit_of, mapped, resolve_settings
from runner.config.resolve.destinations import DestinationDraft
from runner.config.resolve.people import People
from runner.config.yaml.nodes import ListNode, MapNode, ScalarNode, Span
from runner.core.identifiers import IdentifierType
from runner.core.project import Activation, Limit, Schedule, Setting, Suppression, SuppressionLimits
from runner.core.records import AccountRef
from runner.core.suggest import quoted_word, suggest

HOURLY = Schedule(every=3_600)
"""How often a suppression is looked at where nothing is said of it."""


def build_suppressions(
    documents: Iterable[Document],
    destinations: Mapping[str, DestinationDraft],
    people: People,
    activations: Iterable[Activation],
) -> tuple[Suppression, ...]:
    """The suppressions that have no findings, also none about the activations that they are for."""
    built = [(one, made) for one in documents if (made := build_suppression(one, destinations, people))]
    check_types(built, activations)
    return tuple(made for _, made in built)


def build_suppression(
    document: Document,
    destinations: Mapping[str, DestinationDraft],
    people: People,
) -> Suppression | None:
    """The suppression; None after findings."""
    before = len(document.found)
    draft = people.draft(document.root, document, "name")
    accounts = _accounts(document, destinations, complete=people.complete) if document.sound("destinations") else None
    layers = (*([draft.mapping] if draft.mapping is not None else []), Layer(document.root, document))
    settled = resolve_settings(layers) if document.sound("mapping", "schedule", "guardrails") else None
    if settled is not None and not settled.mapping:
        message = "no identifier is mapped, so nobody could be kept out; write `mapping: {email: email}`"
        document.refuse(_mapping_span(document), "no-identifier", message)
    limits = _limits(document) if document.sound("guardrails") else None
    if len(document.found) > before or document.faulty or draft.segment is None or settled is None or limits is None:
        return None
    schedule = settled.schedule if document.root.get("schedule") is not None else HOURLY
    return Suppression(
        name=draft.name or "",
        reason=(document.root.text("reason") or "").strip(),
        segment=draft.segment,
        mapping=settled.mapping,
        accounts=accounts,
        schedule=schedule,
        limits=limits,
        location=document.location(document.value_span("name")),
        settings=tuple(
            Setting(f"mapping.{kind}", str(given.value), given.location) for kind, given in mapped(layers).items()
        ),
    )


def _accounts(
    document: Document, destinations: Mapping[str, DestinationDraft], *, complete: bool
) -> tuple[AccountRef, ...] | None:
    """The accounts of the destinations that are named, None where it is for all. With `complete`, one that is not there
    is declared nowhere."""
    listed = document.root.get("destinations")
    if not isinstance(listed, ListNode):
        return None
    accounts: set[AccountRef] = set()
    for item in listed.items:
        name = str(item.value).strip() if isinstance(item, ScalarNode) else ""
        draft = destinations.get(name)
        if draft is None and complete:
            advice = suggest(name, destinations) or "; declare it with `kind: Destination`"
            message = f"unknown destination {quoted_word(name)}{advice}"
            document.refuse(item.span, "unknown-destination", message)
        elif draft is not None and draft.destination is not None:
            accounts.add(draft.destination.account)
    return tuple(sorted(accounts))


def _limits(document: Document) -> SuppressionLimits | None:
    """Its limits; None after a finding."""
    section = document.root.get("guardrails")
    entries = section.entries if isinstance(section, MapNode) else {}
    found: dict[str, Limit | None] = {}
    for key, entry in entries.items():
        limit = limit_of(key, Given(entry.value, entry.key, document))
        if limit is not None and limit.value < 0:
            return None
        found[key] = limit
    usual = SuppressionLimits()
    return SuppressionLimits(
        max_removed=found.get("max_removed", usual.max_removed),
        max_added=found.get("max_added"),
        max_lost=found.get("max_lost", usual.max_lost),
        max_removed_declared="max_removed" in found,
        max_lost_declared="max_lost" in found,
    )


def check_types(pairs: Iterable[tuple[Document, Suppression]], activations: Iterable[Activation]) -> None:
    """Refuse a suppression that maps no type of an activation it is for: nobody would be kept out of that audience."""
    active = tuple(activations)
    for document, suppression in pairs:
        blind = next(
            (
                one
                for one in active
                if suppression.concerns(one.account) and not suppression.mapping.keys() & one.mapping.keys()
            ),
            None,
        )
        if blind is not None:
            types = _words(blind.mapping)
            document.refuse(
                _mapping_span(document),
                "suppression-without-type",
                f"activation {quoted_word(blind.id)} sends {types}, which this suppression does not map: nobody would "
                f"be kept out of it; map {types} too",
                "or leave its destination out of `destinations`",
            )


def _words(types: Iterable[IdentifierType]) -> str:
    return " and ".join(str(kind) for kind in types)


def _mapping_span(document: Document) -> Span:
    entry = document.root.entries.get("mapping")
    return entry.key if entry else document.value_span("name")
