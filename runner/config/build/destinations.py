"""Destination documents to destinations, with the defaults they give their activations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from runner.config.yaml.finding_collector import Findings
from runner.config.build.credentials import credentials
from runner.core.suggest import quoted_word
from runner.config.yaml.nodes import Document, MapNode, ScalarNode
from runner.config.build.destination_types import PRODUCTS, Product
from runner.config.build.defaults import Layer, mapped, resolve_settings
from runner.core.identifiers import IdentifierType
from runner.core.project import Destination

_TYPES = frozenset(IdentifierType)


@dataclass(frozen=True, slots=True)
class DestinationDraft:
    """A declared destination: `destination` is None when it has findings; `defaults` may be sound all the same."""

    document: Document
    destination: Destination | None
    defaults: Layer | None


def draft_destination(document: Document, environ: Mapping[str, str], found: Findings) -> DestinationDraft:
    before = len(found)
    root = document.root
    product = product_of(document)
    defaults_map = root.map("defaults") if document.sound("defaults") else None
    defaults = Layer(defaults_map, document) if defaults_map is not None else None
    secrets = credentials(document, environ, found)
    account = _digits(document, product.account, product.owner, product.example, found) if product else None
    retailer = _digits(document, "retailer_id", "a retailer", "12", found)
    if defaults is not None:
        resolve_settings((defaults,), found)
        check_mapping(defaults, document, found)
        check_single((defaults,), document, found)
    name = root.text("name")
    if len(found) > before or document.faulty or secrets is None or account is None or name is None:
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


def _digits(document: Document, field: str, owner: str, example: str, found: Findings) -> str | None:
    """A number as it is written: one that YAML reads would lose its leading zeros."""
    node = document.root.get(field)
    if not isinstance(node, ScalarNode) or not document.sound(field):
        return None
    text = str(node.value) if node.templated else node.text
    if not re.fullmatch("[0-9]+", text):
        message = f'{field} must be the number of {owner} in plain digits, such as "{example}"'
        found.add(document.file, node.span, "invalid-value", message)
        return None
    return text


def _number(root: MapNode, key: str) -> int | None:
    node = root.get(key)
    return int(node.value) if isinstance(node, ScalarNode) and isinstance(node.value, int | float) else None


def check_mapping(layer: Layer, destination: Document, found: Findings) -> None:
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
            found.add(
                layer.document.file,
                entry.key,
                "identifier-not-taken",
                f"destination {quoted_word(name)} is {product.title}, which takes no {key}; map another type",
                product.advice,
            )
        elif key == IdentifierType.GUM_ID and destination.root.get("gum_caller_id") is None:
            found.add(
                layer.document.file,
                entry.key,
                "missing-gum-caller-id",
                f"gum_id needs the destination's `gum_caller_id`; write it into destination {quoted_word(name)}",
                "Criteo's account team gives the number out",
            )


def check_single(layers: tuple[Layer, ...], destination: Document, found: Findings) -> None:
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
    found.add(
        own[-1].document.file,
        own[-1].span,
        "several-identifiers",
        f"{message}; map {' or '.join(taken)}, not {'both' if len(taken) == 2 else 'all of them'}",
        f"write `{below[0]}: null` to switch the destination's default off" if below else "",
    )
