"""Destination documents to destinations, with the defaults they give their activations."""

from __future__ import annotations

import re

from runner.config.document import Document
from runner.config.resolve.credentials import credentials
from runner.config.resolve.defaults import Layer, resolve_settings
from runner.config.resolve.environment import Environment
from runner.config.resolve.taken_identifiers import kind_of
from runner.config.yaml.nodes import MapNode, ScalarNode
from runner.core.destination import Destination, DestinationField
from runner.quick_dataclass import dataclass


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
