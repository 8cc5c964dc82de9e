"""JSON shapes that Criteo's services share: resources in, resources and counts out.

Answers are read leniently (ids as numbers, missing or null attributes, unknown keys), requests are written exactly.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from runner.core.destination import Accepted
from runner.core.errors import DestinationError
from runner.core.identifiers import IdentifierType, WireForms
from runner.destinations.criteo.error_envelope import Envelope
from runner.quick_dataclass import dataclass

_NOTHING: Mapping[str, Any] = MappingProxyType({})


def encoded(data: object) -> bytes:
    """A request body around `data`."""
    return json.dumps({"data": data}, separators=(",", ":")).encode("ascii")


def resource(type: str, attributes: Mapping[str, Any], id: str | None = None) -> dict[str, Any]:  # noqa: A002
    """One resource of a request."""
    return {**({} if id is None else {"id": id}), "type": type, "attributes": attributes}


def amendment_body(type: str, attributes: Mapping[str, Any], identifiers: Sequence[str]) -> bytes:  # noqa: A002
    """The body that amends a contact list by these identifiers."""
    lines = identifiers.text.encode() if isinstance(identifiers, WireForms) else b""
    if not lines or lines.translate(None, _PLAIN):
        return encoded(resource(type, {**attributes, "identifiers": list(identifiers)}))
    around = encoded(resource(type, {**attributes, "identifiers": [_HERE]}))
    return around.replace(_HERE.encode(), lines.replace(b"\n", b'","'), 1)


_PLAIN = b"\n" + bytes(byte for byte in range(0x20, 0x7F) if byte not in b'"\\')
"""What needs no escape in JSON, and the ends of lines. Taking it out takes an eighth of what an expression does that
looks for anything else."""

_HERE = "the identifiers"


def replaced(text: str) -> dict[str, str | None]:
    """A text that may be unset, as updates want it; the empty text unsets."""
    return {"value": text or None}


@dataclass(frozen=True, slots=True)
class Item:
    """One resource of an answer; `id` is empty where the answer has none."""

    id: str
    attributes: Mapping[str, Any]

    def text(self, key: str) -> str:
        """The attribute, empty where it is null, absent or no text."""
        value = self.attributes.get(key)
        return value if isinstance(value, str) else ""

    def time(self, key: str) -> datetime | None:
        """The attribute as an aware time in UTC, None where it is none."""
        try:
            value = datetime.fromisoformat(self.text(key))
            return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        except (ValueError, OverflowError):
            return None

    def count(self, key: str) -> int | None:
        """The attribute as a number of things, None where it is none."""
        value = self.attributes.get(key)
        return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def items(envelope: Envelope) -> tuple[Item, ...]:
    """The resources of a list answer."""
    return tuple(_items(envelope.data if isinstance(envelope.data, list) else ()))


def item(envelope: Envelope) -> Item | None:
    """The resource of an answer about one thing. Retail media puts its attributes next to the id."""
    if not isinstance(envelope.data, dict):
        return None
    attributes = envelope.data.get("attributes", envelope.data)
    return Item(_id(envelope.data), attributes if isinstance(attributes, dict) else _NOTHING)


def total(envelope: Envelope) -> int | None:
    """How many items a search has found in all, None where the answer does not say."""
    meta = envelope.meta if isinstance(envelope.meta, dict) else _NOTHING
    stated = Item("", meta)
    found = stated.count("totalItems")
    return stated.count("totalItemsAcrossAllPages") if found is None else found


def wire_type(kind: IdentifierType, words: Mapping[IdentifierType, str], service: str) -> str:
    """What a service calls a type of identifier. Raises DestinationError when it does not take the type."""
    if kind not in words:
        raise DestinationError(f"Criteo {service} takes no {kind}", f"map one of {', '.join(words)}")
    return words[kind]


def taken(amendment: Item, sent: int) -> Accepted:
    """What an amendment of a contact list came to; an answer without counts says that all were well-formed."""
    valid, invalid = amendment.count("nbValidIdentifiers"), amendment.count("nbInvalidIdentifiers")
    if invalid is None:
        invalid = 0 if valid is None else max(0, sent - valid)
    return Accepted(sent - min(sent, invalid) if valid is None else valid, invalid)


def _items(entries: Iterable[object]) -> Iterable[Item]:
    for entry in entries:
        if isinstance(entry, dict):
            attributes = entry.get("attributes")
            yield Item(_id(entry), attributes if isinstance(attributes, dict) else _NOTHING)


def _id(entry: Mapping[str, Any]) -> str:
    value = entry.get("id")
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
