"""Destination documents to destinations, with the defaults they give their activations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from runner.config.collector import Findings
from runner.config.credentials import credentials
from runner.config.nearest import shown
from runner.config.nodes import Document, MapNode, ScalarNode
from runner.config.settings import Layer, settle
from runner.identifiers import IdentifierType
from runner.model import Destination

RETAIL_MEDIA_ONLY = frozenset({IdentifierType.CUSTOMER_ID, IdentifierType.USER_IDENTIFIER})


@dataclass(frozen=True, slots=True)
class DestinationDraft:
    """A declared destination: `destination` is None when it has findings; `defaults` may be sound all the same."""

    document: Document
    destination: Destination | None
    defaults: Layer | None


def draft_destination(document: Document, environ: Mapping[str, str], found: Findings) -> DestinationDraft:
    before = len(found)
    root = document.root
    defaults_map = root.map("defaults") if document.sound("defaults") else None
    defaults = Layer(defaults_map, document) if defaults_map is not None else None
    secrets = credentials(document, environ, found)
    account = _account(document, found)
    if defaults is not None:
        settle((defaults,), found)
        check_mapping(defaults, document, found)
    name = root.text("name")
    if len(found) > before or document.faulty or secrets is None or account is None or name is None:
        return DestinationDraft(document, None, defaults)
    destination = Destination(
        name=name,
        type=root.text("type") or "",
        account_id=account,
        credentials=secrets,
        location=document.location(document.value_span("name")),
        gum_caller_id=_number(root, "gum_caller_id"),
    )
    limits: dict[str, Any] = {
        key: number for key in ("batch_size", "rate_limit") if (number := _number(root, key)) is not None
    }
    return DestinationDraft(document, replace(destination, **limits), defaults)


def _account(document: Document, found: Findings) -> str | None:
    """The advertiser id as it is written: a bare number would lose its leading zeros."""
    node = document.root.get("advertiser_id")
    if not isinstance(node, ScalarNode) or not document.sound("advertiser_id"):
        return None
    text = str(node.value) if node.templated else node.text
    if not re.fullmatch("[0-9]+", text):
        found.add(
            document.file,
            node.span,
            "invalid-value",
            'advertiser_id must be the number of an advertiser in plain digits, such as "12345"',
        )
        return None
    return text


def _number(root: MapNode, key: str) -> int | None:
    node = root.get(key)
    return int(node.value) if isinstance(node, ScalarNode) and isinstance(node.value, int | float) else None


def check_mapping(layer: Layer, destination: Document, found: Findings) -> None:
    """Record the identifier types that a layer maps and that the destination cannot take."""
    section = layer.section("mapping")
    if section is None or not isinstance(section.node, MapNode):
        return
    name = destination.root.text("name") or ""
    for key, entry in section.node.entries.items():
        if not isinstance(entry.value, ScalarNode) or entry.value.value is None:
            continue
        if key in RETAIL_MEDIA_ONLY:
            found.add(
                layer.document.file,
                entry.key,
                "identifier-not-taken",
                f"destination {shown(name)} is marketing solutions, which takes no {key}; map another type",
                "customer_id and user_identifier are for retail media only",
            )
        elif key == IdentifierType.GUM_ID and destination.root.get("gum_caller_id") is None:
            found.add(
                layer.document.file,
                entry.key,
                "missing-gum-caller-id",
                f"gum_id needs the destination's `gum_caller_id`; write it into destination {shown(name)}",
                "Criteo's account team gives the number out",
            )
