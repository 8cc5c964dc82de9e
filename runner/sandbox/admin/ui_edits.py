"""Segments as somebody sees and changes them in Criteo's UI: the part of the admin path that is about them."""

from __future__ import annotations

from typing import Any

from runner.sandbox.admin.admin_requests import Ask, Wrong
from runner.sandbox.api.list_members import IDENTIFIER_TYPE
from runner.sandbox.api.validators import fields, flag, nullable, text
from runner.sandbox.world.data_file import SegmentPut, SegmentRemoved
from runner.sandbox.world.identifier_validation import IDENTIFIER_TYPES, wire_form
from runner.sandbox.world.segment_records import CONTACT_LIST, SEGMENT_TYPES, CriteoService, SegmentRecord, changed
from runner.sandbox.world.world import World

NEW = fields(
    {"name": text},
    advertiserId=text,
    accountId=text,
    retailerId=text,
    identifierType=text,
    description=nullable(text),
    type=text,
    readOnly=flag,
)

CHANGE = fields(name=text, description=nullable(text), readOnly=flag)


def list_all(ask: Ask) -> list[dict[str, Any]]:
    """Every segment."""
    return [_shown(ask.world, segment) for segment in ask.world.segments]


def _shown(world: World, segment: SegmentRecord) -> dict[str, Any]:
    return {
        "id": str(segment.id),
        "service": segment.service,
        "advertiserId": segment.owner_id if segment.service is CriteoService.MARKETING_SOLUTIONS else None,
        "accountId": segment.owner_id if segment.service is CriteoService.RETAIL_MEDIA else None,
        "retailerId": segment.retailer_id,
        "identifierType": segment.settings.get(IDENTIFIER_TYPE),
        "name": segment.name,
        "description": segment.description,
        "type": segment.type,
        "readOnly": segment.read_only,
        "identifiers": world.memberships.counts(segment.id),
        "size": world.size(segment.id),
    }


def _segment(ask: Ask) -> SegmentRecord:
    segment = ask.world.segments.get(ask.request.path_params["id"])
    if segment is None:
        raise Wrong("there is no such segment", 404)
    return segment


def _free_name(world: World, service: CriteoService, owner_id: str, name: str, own_id: int | None) -> None:
    taken = world.segments.named(service, owner_id, name)
    if taken is not None and taken.id != own_id:
        raise Wrong("another segment of the owner has this name", 409)


def add(ask: Ask) -> dict[str, Any]:
    """Somebody makes a segment."""
    service, owner_id = _owner(ask)
    segment_type = ask.body.get("type", CONTACT_LIST)
    if segment_type not in SEGMENT_TYPES[service]:
        raise Wrong(f"type must be one of {', '.join(SEGMENT_TYPES[service])}")
    _free_name(ask.world, service, owner_id, ask.body["name"], None)
    now = ask.world.clock.now()
    segment = SegmentRecord(
        id=ask.world.segments.free_id(service),
        owner_id=owner_id,
        name=ask.body["name"],
        description=ask.body.get("description"),
        type=segment_type,
        created_at=now,
        updated_at=now,
        settings=_settings(ask, service, segment_type),
        read_only=ask.body.get("readOnly", False),
        service=service,
        retailer_id=ask.body.get("retailerId"),
    )
    ask.world.make(SegmentPut(segment))
    return _shown(ask.world, segment)


def _owner(ask: Ask) -> tuple[CriteoService, str]:
    """The service that the new segment is for, and its advertiser or account."""
    options, body = ask.world.options, ask.body
    if ("advertiserId" in body) == ("accountId" in body) or ("accountId" in body) != ("retailerId" in body):
        raise Wrong("a segment has either an advertiserId, or an accountId and a retailerId")
    if "advertiserId" in body:
        if body["advertiserId"] not in {advertiser.id for advertiser in options.advertisers}:
            raise Wrong("there is no such advertiser", 404)
        return CriteoService.MARKETING_SOLUTIONS, body["advertiserId"]
    account = next((account for account in options.accounts if account.id == body["accountId"]), None)
    if account is None or body["retailerId"] not in {retailer.id for retailer in account.retailers}:
        raise Wrong("there is no such account, or it has no such retailer", 404)
    return CriteoService.RETAIL_MEDIA, account.id


def _settings(ask: Ask, service: CriteoService, segment_type: str) -> dict[str, Any]:
    typed = service is CriteoService.RETAIL_MEDIA and segment_type == CONTACT_LIST
    if not typed and IDENTIFIER_TYPE not in ask.body:
        return {}
    known = IDENTIFIER_TYPES[service] if typed else ()
    if ask.body.get(IDENTIFIER_TYPE) not in known:
        raise Wrong("a contact list of retail media, and no other segment, has an identifierType of retail media")
    return {IDENTIFIER_TYPE: ask.body[IDENTIFIER_TYPE]}


def change(ask: Ask) -> dict[str, Any]:
    """Somebody renames, describes or locks a segment."""
    segment = _segment(ask)
    if "name" in ask.body:
        _free_name(ask.world, segment.service, segment.owner_id, ask.body["name"], segment.id)
    names = {"name": "name", "description": "description", "readOnly": "read_only"}
    segment = changed(segment, ask.world.clock.now(), **{names[key]: value for key, value in ask.body.items()})
    ask.world.make(SegmentPut(segment))
    return _shown(ask.world, segment)


def delete(ask: Ask) -> None:
    """Somebody deletes a segment."""
    ask.world.make(SegmentRemoved(_segment(ask).id))


def list_members(ask: Ask) -> list[str]:
    """The members of one identifier type, as sorted wire forms."""
    segment = _segment(ask)
    identifier_type = ask.request.query_params.get("type", "")
    known = IDENTIFIER_TYPES[segment.service]
    if identifier_type not in known:
        raise Wrong(f"type must be one of {', '.join(known)}")
    members = ask.world.memberships.members((segment.id, identifier_type))
    if members is None:
        raise Wrong("this sandbox only counts members", 409)
    return sorted(wire_form(identifier_type, member) for member in members)
