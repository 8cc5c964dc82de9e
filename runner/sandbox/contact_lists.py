"""Marketing solutions: who is in a segment of type contact list."""

from __future__ import annotations

from typing import Any

from runner.sandbox import problems
from runner.sandbox.clock import request_date
from runner.sandbox.endpoints import Call
from runner.sandbox.identifiers import read
from runner.sandbox.journal import Amended, Cleared
from runner.sandbox.problems import Refused, invalid
from runner.sandbox.segments import CONTACT_LIST, Segment, parsed_id


def amend(call: Call) -> dict[str, Any]:
    """Add or remove identifiers: the well-formed ones take effect, the others are counted."""
    attributes = call.body["data"]["attributes"]
    operation, identifier_type = attributes["operation"], attributes["identifierType"]
    identifiers = attributes["identifiers"]
    call.world.calls.note_amendment(call.record, operation, identifier_type, identifiers)
    most = call.world.options.max_identifiers
    if len(identifiers) > most:
        detail = f"must not have more than {most:,} items"
        raise Refused(400, (invalid("data/attributes/identifiers", detail, "too-many-identifiers"),))
    _check_caller_id(identifier_type, attributes)
    segment = _amendable(call)
    reading = read(identifier_type, identifiers)
    call.world.make(Amended(segment.id, identifier_type, operation, reading.members))
    return {
        "data": {
            "type": "ContactlistAmendment",
            "attributes": {
                "contactListId": segment.id,
                "operation": operation,
                "requestDate": request_date(call.now),
                "identifierType": identifier_type,
                "nbValidIdentifiers": reading.valid,
                "nbInvalidIdentifiers": reading.invalid,
                "sampleInvalidIdentifiers": list(reading.samples),
            },
        },
        "errors": [],
        "warnings": [],
    }


def clear(call: Call) -> dict[str, Any]:
    """Remove everybody and keep the segment."""
    segment = _amendable(call)
    call.world.make(Cleared(segment.id))
    return {"data": {"id": str(segment.id), "type": "AudienceContactlist"}, "errors": [], "warnings": []}


def statistics(call: Call) -> dict[str, Any]:
    """How many identifiers the list has, over all types; matches are a fixed share of them."""
    segment = _contact_list(call)
    size = call.world.shown_size(segment.id)
    matches = int(size * call.world.options.match_rate)
    return {
        "data": {
            "id": str(segment.id),
            "type": "ContactListStatistics",
            "attributes": {
                "numberOfIdentifiers": size,
                "numberOfMatches": matches,
                "matchRate": matches / size if size else None,
            },
        },
        "errors": [],
        "warnings": [],
    }


def _check_caller_id(identifier_type: str, attributes: dict[str, Any]) -> None:
    where = "data/attributes/gumCallerId"
    if identifier_type == "gum" and "gumCallerId" not in attributes:
        raise Refused(400, (invalid(where, "is required with identifiers of type gum", "required-field"),))
    if identifier_type != "gum" and "gumCallerId" in attributes:
        raise Refused(400, (invalid(where, "only goes with identifiers of type gum"),))


def _contact_list(call: Call) -> Segment:
    """The contact list of the path; 404 where there is none, 403 where it is not for the caller."""
    text = call.segment_id
    number = parsed_id(text)
    if number is None:
        raise Refused(400, (invalid("audience-segment-id", "must be the id of a segment"),))
    segment = call.world.segments.get(number)
    if segment is None:
        raise Refused(404, (problems.audience_invalid(text),))
    if segment.advertiser_id not in call.advertisers:
        raise Refused(403, (problems.audience_invalid(text),))
    if segment.type != CONTACT_LIST:
        raise Refused(400, (invalid("audience-segment-id", "is not the id of a contact list"),))
    return segment


def _amendable(call: Call) -> Segment:
    segment = _contact_list(call)
    if segment.read_only:
        raise Refused(400, (invalid("audience-segment-id", "is the id of a contact list that is read-only"),))
    return segment
