"""Destination documents to destinations, with the defaults they give their activations."""

from __future__ import annotations

import re
from dataclasses import dataclass

from runner.config.document import Document
from runner.config.resolve.credentials import credentials
from runner.config.resolve.defaults import Layer, mapped, resolve_settings
from runner.config.resolve.environment import Environment
from runner.config.yaml.nodes import MapNode, ScalarNode
from runner.core.destination import Destination, DestinationField, DestinationKind
from runner.core.identifiers import IdentifierType
from runner.core.suggest import quoted_word
from runner.destinations.registry import KINDS

_TYPES = frozenset(IdentifierType)


@dataclass(frozen=True, slots=True)
class DestinationDraft:
    """A declared destination: `destination` is None when it has findings; `defaults` may be sound all the same."""

    document: Document
    destination: Destination | None
    defaults: Layer | None


def draft_destination(document: Document, environment: Environment) -> DestinationDraft:
    """The destination of a document, without one where the document has findings, and its defaults."""
    before = len(document.found)
    root = document.root
    kind = kind_of(document)
    defaults_map = root.map("defaults") if document.sound("defaults") else None
    defaults = Layer(defaults_map, document) if defaults_map is not None else None
    secrets = credentials(document, environment)
    fields = {one.name: _value(document, one) for one in kind.fields} if kind else {}
    if defaults is not None:
        resolve_settings((defaults,))
        check_mapping(defaults, document)
        check_single((defaults,), document)
    name = root.text("name")
    if len(document.found) > before or document.faulty or secrets is None or kind is None or name is None:
        return DestinationDraft(document, None, defaults)
    account = fields.pop(kind.account.name)
    if account is None:
        return DestinationDraft(document, None, defaults)
    batch_size, rate_limit = _number(root, "batch_size"), _number(root, "rate_limit")
    destination = Destination(
        name=name,
        kind=kind,
        account_id=str(account),
        credentials=secrets,
        location=document.location(document.value_span("name")),
        options={option: value for option, value in fields.items() if value is not None},
        batch_size=kind.batch_size if batch_size is None else batch_size,
        rate_limit=kind.rate_limit if rate_limit is None else rate_limit,
    )
    return DestinationDraft(document, destination, defaults)


def kind_of(document: Document) -> DestinationKind | None:
    """The kind that the document's `type` names; None where there is none of that name."""
    return KINDS.get(document.root.text("type") or "")


def _value(document: Document, field: DestinationField) -> str | int | None:
    """A field's value: digits as they are written, since a number that YAML reads would lose its leading zeros."""
    if not field.number_of:
        return _number(document.root, field.name)
    node = document.root.get(field.name)
    if not isinstance(node, ScalarNode) or not document.sound(field.name):
        return None
    text = str(node.value) if node.templated else node.text
    if not re.fullmatch("[0-9]+", text):
        message = f'{field.name} must be the number of {field.number_of} in plain digits, such as "{field.example}"'
        document.refuse(node.span, "invalid-value", message)
        return None
    return text


def _number(root: MapNode, key: str) -> int | None:
    node = root.get(key)
    return int(node.value) if isinstance(node, ScalarNode) and isinstance(node.value, int | float) else None


def check_mapping(layer: Layer, destination: Document) -> None:
    """Record the identifier types that a layer maps and that the destination cannot take."""
    section = layer.section("mapping")
    kind = kind_of(destination)
    if section is None or not isinstance(section.node, MapNode) or kind is None:
        return
    name = destination.root.text("name") or ""
    for key, entry in section.node.entries.items():
        if not isinstance(entry.value, ScalarNode) or entry.value.value is None or key not in _TYPES:
            continue
        if key not in kind.takes:
            layer.document.refuse(
                entry.key,
                "identifier-not-taken",
                f"destination {quoted_word(name)} is {kind.title}, which takes no {key}; map another type",
                kind.takes_advice,
            )
        for option in kind.options:
            if key == option.goes_with and destination.root.get(option.name) is None:
                layer.document.refuse(
                    entry.key,
                    f"missing-{option.name.replace('_', '-')}",
                    f"{key} needs the destination's `{option.name}`; write it into destination {quoted_word(name)}",
                    option.hint,
                )


def check_single(layers: tuple[Layer, ...], destination: Document) -> None:
    """Record it when layers, the lowest first, together map more types than an audience of the destination holds.

    It is reported once, at the last type that the uppermost layer maps; where that maps none, a layer below has it.
    """
    kind = kind_of(destination)
    if kind is None or not kind.one_type:
        return
    taken = {key: given for key, given in mapped(layers).items() if key in kind.takes}
    own = [given for given in taken.values() if given.document is layers[-1].document]
    if len(taken) < 2 or not own:
        return
    below = [key for key, given in taken.items() if given.document is not layers[-1].document]
    name = quoted_word(destination.root.text("name") or "")
    message = f"destination {name} is {kind.title}, where an audience holds one type of identifier"
    own[-1].document.refuse(
        own[-1].span,
        "several-identifiers",
        f"{message}; map {' or '.join(taken)}, not {'both' if len(taken) == 2 else 'all of them'}",
        f"write `{below[0]}: null` to switch the destination's default off" if below else "",
    )
