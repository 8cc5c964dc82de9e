"""Marketing solutions: the routes, the advertisers, and segments as this service makes and shows them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from starlette.routing import Route

from runner.sandbox.api import bulk_calls, error_envelopes, list_members, marketing_solutions_bodies, oauth
from runner.sandbox.api.bulk_calls import BulkItem, answer
from runner.sandbox.api.endpoints import IncomingCall, Router
from runner.sandbox.api.error_envelopes import CallRefused, Family, ItemOutcome, invalid
from runner.sandbox.world.sandbox_clock import timestamp
from runner.sandbox.world.segment_records import CONTACT_LIST, SETTINGS, CriteoService, SegmentRecord
from runner.sandbox.world.world import World

SEARCH_LIMIT_MOST = 100
SEGMENT = "AudienceSegment"


def routes(world: World) -> list[Route]:
    """The routes of the service, and the list of advertisers next to it."""
    route = Router(world, CriteoService.MARKETING_SOLUTIONS)
    segments = "/marketing-solutions/audience-segments"
    contact_list = f"{segments}/{{segment_id}}/contact-list"
    return [
        route("GET", "/advertisers/me", advertisers, Family.PORTFOLIO),
        route("GET", "/marketing-solutions/me", oauth.me),
        route("POST", f"{segments}/create", create, shape=marketing_solutions_bodies.CREATE),
        route("PATCH", segments, update, shape=marketing_solutions_bodies.UPDATE),
        route("POST", f"{segments}/delete", delete, shape=marketing_solutions_bodies.IDS),
        route("POST", f"{segments}/search", search, shape=marketing_solutions_bodies.SEARCH),
        route("POST", f"{segments}/compute-sizes", compute_sizes, shape=marketing_solutions_bodies.IDS),
        route("POST", f"{segments}/estimate-size", estimate_size, shape=marketing_solutions_bodies.ESTIMATE),
        route("PATCH", contact_list, amend, Family.AMENDMENT, marketing_solutions_bodies.AMENDMENT),
        route("DELETE", contact_list, clear, Family.AMENDMENT),
        route("GET", f"{contact_list}/statistics", list_members.statistics),
    ]


def advertisers(call: IncomingCall) -> dict[str, Any]:
    """The advertisers that consented to the caller; none, when none did."""
    return answer(
        [
            {"type": "advertiser", "id": advertiser.id, "attributes": {"advertiserName": advertiser.name}}
            for advertiser in call.world.options.advertisers
            if advertiser.id in call.owners
        ]
    )


def create(call: IncomingCall) -> dict[str, Any]:
    """Create segments, one by one; an item that cannot be is a problem of its own."""
    return bulk_calls.each(call, _create_one)


def _create_one(call: IncomingCall, item: BulkItem, where: str, outcome: ItemOutcome) -> None:
    attributes, where = item["attributes"], f"{where}/attributes"
    owner = attributes["advertiserId"]
    key = bulk_calls.chosen_settings(call, attributes, where, outcome)
    if key is None:
        return
    if owner not in call.owners:
        outcome.problems.append(error_envelopes.no_permission(f"{where}/advertiserId"))
    elif bulk_calls.name_is_free(call, owner, attributes["name"], where, outcome):
        outcome.data.append(shown(bulk_calls.make(call, owner, attributes, key, attributes[key])))


def update(call: IncomingCall) -> dict[str, Any]:
    """Change segments."""
    return bulk_calls.update(call, shown)


def delete(call: IncomingCall) -> dict[str, Any]:
    """Delete segments."""
    return bulk_calls.delete(call, SEGMENT)


def search(call: IncomingCall) -> dict[str, Any]:
    """A page of segments, of all advertisers or of some."""
    return bulk_calls.search(call, shown, SEARCH_LIMIT_MOST)


def compute_sizes(call: IncomingCall) -> dict[str, Any]:
    """The sizes of segments: of a contact list the matches, of any other a made-up number."""
    return bulk_calls.each(call, _size_one)


def _size_one(call: IncomingCall, item: BulkItem, where: str, outcome: ItemOutcome) -> None:
    segment = bulk_calls.visible(call, item["id"], where, outcome)
    if segment is None:
        return
    if segment.type == CONTACT_LIST:
        size = int(call.world.shown_size(segment.id) * call.world.options.match_rate)
    else:
        size = _made_up(segment.settings)
    outcome.data.append({"id": str(segment.id), "type": "AudienceSegmentSize", "attributes": {"size": size}})


def estimate_size(call: IncomingCall) -> dict[str, Any]:
    """The size that an in-market or a location segment would have: a made-up number."""
    attributes = call.body["data"]["attributes"]
    if attributes["advertiserId"] not in call.owners:
        raise CallRefused(403, (error_envelopes.no_permission("data/attributes/advertiserId"),))
    settings = [key for key in ("inMarket", "location") if key in attributes]
    if len(settings) != 1:
        raise CallRefused(400, (invalid("data/attributes", "must have exactly one of inMarket, location"),))
    size = _made_up(attributes[settings[0]])
    return answer({"type": "AudienceSegmentSizeEstimation", "attributes": {"size": size}})


def amend(call: IncomingCall) -> dict[str, Any]:
    """Add identifiers to a contact list, or remove them."""
    _check_caller_id(call.body["data"]["attributes"])
    return answer({"type": "ContactlistAmendment", "attributes": list_members.amend(call)})


def _check_caller_id(attributes: Mapping[str, Any]) -> None:
    where, identifier_type = "data/attributes/gumCallerId", attributes["identifierType"]
    if identifier_type == "gum" and "gumCallerId" not in attributes:
        raise CallRefused(400, (invalid(where, "is required with identifiers of type gum", "required-field"),))
    if identifier_type != "gum" and "gumCallerId" in attributes:
        raise CallRefused(400, (invalid(where, "only goes with identifiers of type gum"),))


def clear(call: IncomingCall) -> dict[str, Any]:
    """Remove everybody and keep the segment."""
    return answer({"id": str(list_members.clear(call).id), "type": "AudienceContactlist"})


def shown(segment: SegmentRecord) -> dict[str, Any]:
    """A segment as answers show it."""
    settings = dict(segment.settings)
    if segment.type == CONTACT_LIST:
        settings["isReadOnly"] = segment.read_only
    known = SETTINGS[CriteoService.MARKETING_SOLUTIONS]
    key = next((key for key, made in known.items() if made == segment.type), "behavioral")
    return {
        "id": str(segment.id),
        "type": SEGMENT,
        "attributes": {
            "advertiserId": segment.owner_id,
            "name": segment.name,
            "description": segment.description,
            "type": segment.type,
            "createdAt": timestamp(segment.created_at),
            "updatedAt": timestamp(segment.updated_at),
            key: settings,
        },
    }


def _made_up(settings: Mapping[str, Any]) -> int:
    """A size that is always the same for the same settings."""
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).digest()
    return 10_000 + int.from_bytes(digest[:4], "big") % 1_000_000
