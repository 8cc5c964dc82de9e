"""Destination documents to destinations, with the defaults they give their activations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from runner.config.document import Document
from runner.config.resolve.credentials import credentials
from runner.config.resolve.defaults import Layer, mapped, resolve_settings
from runner.config.resolve.destination_types import PRODUCTS, Product
from runner.config.yaml.nodes import MapNode, ScalarNode
from runner.core.identifiers import IdentifierType
from runner.core.project import Destination
from runner.core.suggest import quoted_word

_TYPES = frozenset(IdentifierType)


@dataclass(frozen=True, slots=True)
class DestinationDraft:
    """A declared destination: `destination` is None when it has findings; `defaults` may be sound all the same."""

    document: Document
    destination: Destination | None
    defaults: Layer | None


def draft_destination(document: Document, environ: Mapping[str, str]) -> DestinationDraft:
    before = len(document.found)
    root = document.root
    product = product_of(document)
    defaults_map = root.map("defaults") if document.sound("defaults") else None
    defaults = Layer(defaults_map, document) if defaults_map is not None else None
    secrets = credentials(document, environ)
    account = _digits(document, product.account, product.owner, product.example) if product else None
    retailer = _digits(document, "retailer_id", "a retailer", "12")
    if defaults is not None:
        resolve_settings((defaults,))
        check_mapping(defaults, document)
        check_single((defaults,), document)
    name = root.text("name")
    if len(document.found) > before or document.faulty or secrets is None or account is None or name is None:
        return DestinationDraft(document, None, defaults)
    destination = Destination(
        name=name,
        type=root.text("type") or "",
        account_id=account,
        credentials=secrets,
        location=document.location(document.value_span("name")),
        retailer_id=retailer,
        gum_caller_id=_number(root, "gum_caller_id"),
        one_type=product is not None and product.one_type,
    )
    limits: dict[str, Any] = {
        key: number for key in ("batch_size", "rate_limit") if (number := _number(root, key)) is not None
    }
    return DestinationDraft(document, replace(destination, **limits), defaults)


def product_of(document: Document) -> Product | None:
    """What the destination's type is made of; None where the type is not known."""
    return PRODUCTS.get(document.root.text("type") or "")


def _digits(document: Document, field: str, owner: str, example: str) -> str | None:
    """A number as it is written: one that YAML reads would lose its leading zeros."""
    node = document.root.get(field)
    if not isinstance(node, ScalarNode) or not document.sound(field):
        return None
    text = str(node.value) if node.templated else node.text
    if not re.fullmatch("[0-9]+", text):
        message = f'{field} must be the number of {owner} in plain digits, such as "{example}"'
        document.refuse(node.span, "invalid-value", message)
        return None
    return text


def _number(root: MapNode, key: str) -> int | None:
    node = root.get(key)
    return int(node.value) if isinstance(node, ScalarNode) and isinstance(node.value, int | float) else None


def check_mapping(layer: Layer, destination: Document) -> None:
    """Record the identifier types that a layer maps and that the destination cannot take."""
    section = layer.section("mapping")
    product = product_of(destination)
    if section is None or not isinstance(section.node, MapNode) or product is None:
        return
    name = destination.root.text("name") or ""
    for key, entry in section.node.entries.items():
        if not isinstance(entry.value, ScalarNode) or entry.value.value is None or key not in _TYPES:
            continue
        if key not in product.takes:
            layer.document.refuse(
                entry.key,
                "identifier-not-taken",
                f"destination {quoted_word(name)} is {product.title}, which takes no {key}; map another type",
                product.advice,
            )
        elif key == IdentifierType.GUM_ID and destination.root.get("gum_caller_id") is None:
            layer.document.refuse(
                entry.key,
                "missing-gum-caller-id",
                f"gum_id needs the destination's `gum_caller_id`; write it into destination {quoted_word(name)}",
                "Criteo's account team gives the number out",
            )


def check_single(layers: tuple[Layer, ...], destination: Document) -> None:
    """Record it when layers, the lowest first, together map more types than an audience of the destination holds.

    The uppermost layer is told, at the last type that it maps; when it maps none, the one below was told already.
    """
    product = product_of(destination)
    if product is None or not product.one_type:
        return
    taken = {kind: given for kind, given in mapped(layers).items() if kind in product.takes}
    own = [given for given in taken.values() if given.document is layers[-1].document]
    if len(taken) < 2 or not own:
        return
    below = [kind for kind, given in taken.items() if given.document is not layers[-1].document]
    name = quoted_word(destination.root.text("name") or "")
    message = f"destination {name} is {product.title}, where an audience holds one type of identifier"
    own[-1].document.refuse(
        own[-1].span,
        "several-identifiers",
        f"{message}; map {' or '.join(taken)}, not {'both' if len(taken) == 2 else 'all of them'}",
        f"write `{below[0]}: null` to switch the destination's default off" if below else "",
    )
