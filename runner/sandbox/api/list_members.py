"""Who is in a segment of type contact list, as far as the services agree on it."""

from __future__ import annotations

from typing import Any

from runner.sandbox.api import error_envelopes
from runner.sandbox.api.bulk_calls import answer
from runner.sandbox.api.endpoints import IncomingCall
from runner.sandbox.api.error_envelopes import CallRefused, invalid
from runner.sandbox.world.data_file import Amended, Cleared
from runner.sandbox.world.identifier_validation import read
from runner.sandbox.world.sandbox_clock import request_date
from runner.sandbox.world.segment_records import CONTACT_LIST, SegmentRecord, parsed_id

IDENTIFIER_TYPE = "identifierType"


def amend(call: IncomingCall) -> dict[str, Any]:
    """Add or remove identifiers: the well-formed ones take effect, the others are counted.

    Returns what the answer says. A list that was made for one identifier type takes no other.
    """
    attributes = call.body["data"]["attributes"]
    operation, identifier_type = attributes["operation"], attributes[IDENTIFIER_TYPE]
    identifiers = attributes["identifiers"]
    call.world.calls.note_amendment(call.record, operation, identifier_type, identifiers)
    most = call.world.options.max_identifiers
    if len(identifiers) > most:
        detail = f"must not have more than {most:,} items"
        raise CallRefused(400, (invalid("data/attributes/identifiers", detail, "too-many-identifiers"),))
    segment = _amendable(call)
    fixed_type = segment.settings.get(IDENTIFIER_TYPE, identifier_type)
    if identifier_type != fixed_type:
        detail = f"must be {fixed_type}, which the contact list was created with"
        raise CallRefused(400, (invalid("data/attributes/identifierType", detail, "identifier-type-mismatch"),))
    reading = read(identifier_type, identifiers)
    call.world.make(Amended(segment.id, identifier_type, operation, reading.members))
    return {
        "contactListId": segment.id,
        "operation": operation,
        "requestDate": request_date(call.now),
        "identifierType": identifier_type,
        "nbValidIdentifiers": reading.valid,
        "nbInvalidIdentifiers": reading.invalid,
        "sampleInvalidIdentifiers": list(reading.samples),
    }


def clear(call: IncomingCall) -> SegmentRecord:
    """Remove everybody and keep the segment."""
    segment = _amendable(call)
    call.world.make(Cleared(segment.id))
    return segment


def statistics(call: IncomingCall) -> dict[str, Any]:
    """How many identifiers the list has, over all types; matches are a fixed share of them."""
    segment = _contact_list(call)
    size = call.world.shown_size(segment.id)
    matches = int(size * call.world.options.match_rate)
    return answer(
        {
            "id": str(segment.id),
            "type": "ContactListStatistics",
            "attributes": {
                "numberOfIdentifiers": size,
                "numberOfMatches": matches,
                "matchRate": matches / size if size else None,
            },
        }
    )


def _contact_list(call: IncomingCall) -> SegmentRecord:
    """The contact list of the path; 404 where there is none, 403 where it is not for the caller."""
    text = call.segment_id
    if parsed_id(text, call.service) is None:
        raise CallRefused(400, (invalid("audience-segment-id", "must be the id of a segment"),))
    segment = call.world.segments.find(call.service, text)
    if segment is None:
        raise CallRefused(404, (error_envelopes.audience_invalid(text),))
    if segment.owner_id not in call.owners:
        raise CallRefused(403, (error_envelopes.audience_invalid(text),))
    if segment.type != CONTACT_LIST:
        raise CallRefused(400, (invalid("audience-segment-id", "is not the id of a contact list"),))
    return segment


def _amendable(call: IncomingCall) -> SegmentRecord:
    segment = _contact_list(call)
    if segment.read_only:
        raise CallRefused(400, (invalid("audience-segment-id", "is the id of a contact list that is read-only"),))
    return segment
