"""Marketing solutions: the routes, the caller's identity, and the bulk calls on segments."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from starlette.routing import Route

from runner.sandbox import bodies, contact_lists, problems
from runner.sandbox.clock import timestamp
from runner.sandbox.endpoints import Call, Handler, api_endpoint
from runner.sandbox.journal import SegmentPut, SegmentRemoved
from runner.sandbox.problems import Family, Outcome, Refused, invalid
from runner.sandbox.segments import CONTACT_LIST, SETTINGS, Segment, changed, parsed_id
from runner.sandbox.shapes import Shape
from runner.sandbox.world import World

SEARCH_LIMIT = 50
SEARCH_LIMIT_MOST = 100


def routes(world: World) -> list[Route]:
    """The routes of the service, and the list of advertisers that lies beside it."""

    def route(
        method: str, path: str, handler: Handler, family: Family = Family.BULK, shape: Shape | None = None
    ) -> Route:
        return Route(f"/{{version}}{path}", api_endpoint(world, handler, family, shape), methods=[method])

    segments = "/marketing-solutions/audience-segments"
    contact_list = f"{segments}/{{segment_id}}/contact-list"
    return [
        route("GET", "/advertisers/me", advertisers, Family.PORTFOLIO),
        route("GET", "/marketing-solutions/me", me),
        route("POST", f"{segments}/create", create, shape=bodies.CREATE),
        route("PATCH", segments, update, shape=bodies.UPDATE),
        route("POST", f"{segments}/delete", delete, shape=bodies.IDS),
        route("POST", f"{segments}/search", search, shape=bodies.SEARCH),
        route("POST", f"{segments}/compute-sizes", compute_sizes, shape=bodies.IDS),
        route("POST", f"{segments}/estimate-size", estimate_size, shape=bodies.ESTIMATE),
        route("PATCH", contact_list, contact_lists.amend, Family.AMENDMENT, bodies.AMENDMENT),
        route("DELETE", contact_list, contact_lists.clear, Family.AMENDMENT),
        route("GET", f"{contact_list}/statistics", contact_lists.statistics),
    ]


def advertisers(call: Call) -> dict[str, Any]:
    """The advertisers that consented to the caller; none, when none did."""
    return _answer(
        [
            {"type": "advertiser", "id": advertiser.id, "attributes": {"advertiserName": advertiser.name}}
            for advertiser in call.world.options.advertisers
            if advertiser.id in call.advertisers
        ]
    )


def me(call: Call) -> dict[str, Any]:
    """The app behind the token."""
    return _answer(
        {
            "type": "Application",
            "attributes": {
                "applicationId": 1 + list(call.world.apps).index(call.client_id),
                "organizationId": 1,
                "name": call.client_id,
                "description": "An app of the sandbox",
                "criteoService": "MarketingSolutions",
            },
        }
    )


def create(call: Call) -> dict[str, Any]:
    """Create segments, one by one; an item that cannot be is a problem of its own."""
    _require_consent(call)
    return _bulk(call, _create_one)


def _create_one(call: Call, item: Mapping[str, Any], where: str, outcome: Outcome) -> None:
    attributes = item["attributes"]
    where = f"{where}/attributes"
    settings = [key for key in SETTINGS if key in attributes]
    owner, name = attributes["advertiserId"], attributes["name"]
    if len(settings) != 1:
        outcome.problems.append(invalid(where, f"must have exactly one of {', '.join(SETTINGS)}"))
    elif owner not in call.advertisers:
        outcome.problems.append(problems.no_permission(f"{where}/advertiserId"))
    elif not name.strip():
        outcome.problems.append(problems.name_empty(f"{where}/name"))
    elif call.world.segments.named(owner, name) is not None:
        outcome.problems.append(problems.name_taken(f"{where}/name"))
    else:
        segment = Segment(
            id=call.world.segments.next_id,
            advertiser_id=owner,
            name=name,
            description=attributes.get("description"),
            type=SETTINGS[settings[0]],
            created_at=call.now,
            updated_at=call.now,
            settings=attributes[settings[0]],
        )
        call.world.make(SegmentPut(segment))
        outcome.data.append(shown(segment))


def update(call: Call) -> dict[str, Any]:
    """Change names and descriptions, one segment after the other."""
    _require_consent(call)
    return _bulk(call, _update_one)


def _update_one(call: Call, item: Mapping[str, Any], where: str, outcome: Outcome) -> None:
    attributes = item["attributes"]
    segment = _visible(call, item["id"])
    if segment is None:
        outcome.problems.append(problems.segment_not_found(f"{where}/id"))
        return
    where = f"{where}/attributes"
    values: dict[str, Any] = {}
    if "name" in attributes:
        taken = call.world.segments.named(segment.advertiser_id, attributes["name"])
        if not attributes["name"].strip():
            outcome.problems.append(problems.name_empty(f"{where}/name"))
            return
        if taken is not None and taken.id != segment.id:
            outcome.problems.append(problems.name_taken(f"{where}/name"))
            return
        values["name"] = attributes["name"]
    if attributes.get("description") is not None:
        values["description"] = attributes["description"].get("value")
    settings = [key for key in SETTINGS if key in attributes]
    if [SETTINGS[key] for key in settings] not in ([], [segment.type]):
        outcome.problems.append(invalid(where, f"the segment is of type {segment.type}, which never changes"))
        return
    if settings:
        values["settings"] = {**segment.settings, **_unwrapped(attributes[settings[0]])}
    segment = changed(segment, call.now, **values)
    call.world.make(SegmentPut(segment))
    outcome.data.append(shown(segment))


def delete(call: Call) -> dict[str, Any]:
    """Delete segments with their members."""
    _require_consent(call)
    return _bulk(call, _delete_one)


def _delete_one(call: Call, item: Mapping[str, Any], where: str, outcome: Outcome) -> None:
    segment = _visible(call, item["id"])
    if segment is None:
        outcome.problems.append(problems.segment_not_found(f"{where}/id"))
        return
    call.world.make(SegmentRemoved(segment.id))
    outcome.data.append({"id": str(segment.id), "type": "AudienceSegment", "attributes": {}})


def search(call: Call) -> dict[str, Any]:
    """A page of the segments that all filters let pass, in the order of their ids."""
    limit = _page_number(call.query, "limit", SEARCH_LIMIT, SEARCH_LIMIT_MOST)
    offset = _page_number(call.query, "offset", 0, None)
    _require_consent(call)
    filters = call.body["data"].get("attributes", {})
    wanted = set(filters.get("advertiserIds", call.advertisers))
    found = call.world.segments.search(
        wanted & set(call.advertisers), filters.get("audienceSegmentIds"), filters.get("audienceSegmentTypes")
    )
    page = [shown(segment) for segment in found[offset : offset + limit]]
    return {"meta": {"totalItems": len(found), "limit": limit, "offset": offset}} | _answer(page)


def compute_sizes(call: Call) -> dict[str, Any]:
    """The sizes of segments: of a contact list the matches, of any other a made-up number."""
    _require_consent(call)
    return _bulk(call, _size_one)


def _size_one(call: Call, item: Mapping[str, Any], where: str, outcome: Outcome) -> None:
    segment = _visible(call, item["id"])
    if segment is None:
        outcome.problems.append(problems.segment_not_found(f"{where}/id"))
        return
    if segment.type == CONTACT_LIST:
        size = int(call.world.shown_size(segment.id) * call.world.options.match_rate)
    else:
        size = _made_up(segment.settings)
    outcome.data.append({"id": str(segment.id), "type": "AudienceSegmentSize", "attributes": {"size": size}})


def estimate_size(call: Call) -> dict[str, Any]:
    """The size that an in-market or a location segment would have: a made-up number."""
    attributes = call.body["data"]["attributes"]
    if attributes["advertiserId"] not in call.advertisers:
        raise Refused(403, (problems.no_permission("data/attributes/advertiserId"),))
    settings = [key for key in ("inMarket", "location") if key in attributes]
    if len(settings) != 1:
        raise Refused(400, (invalid("data/attributes", "must have exactly one of inMarket, location"),))
    size = _made_up(attributes[settings[0]])
    return _answer({"type": "AudienceSegmentSizeEstimation", "attributes": {"size": size}})


def shown(segment: Segment) -> dict[str, Any]:
    """A segment as answers show it."""
    settings = dict(segment.settings)
    if segment.type == CONTACT_LIST:
        settings["isReadOnly"] = segment.read_only
    key = next((key for key, made in SETTINGS.items() if made == segment.type), "behavioral")
    return {
        "id": str(segment.id),
        "type": "AudienceSegment",
        "attributes": {
            "advertiserId": segment.advertiser_id,
            "name": segment.name,
            "description": segment.description,
            "type": segment.type,
            "createdAt": timestamp(segment.created_at),
            "updatedAt": timestamp(segment.updated_at),
            key: settings,
        },
    }


def _answer(data: Any) -> dict[str, Any]:
    return {"data": data, "errors": [], "warnings": []}


def _bulk(call: Call, one: Callable[[Call, Mapping[str, Any], str, Outcome], None]) -> dict[str, Any]:
    """Each item on its own: those that fail are missing from `data` and are told of in `errors`."""
    outcome = Outcome()
    items = call.body["data"]
    for index, item in enumerate(items):
        one(call, item, f"data/{index}", outcome)
    if outcome.problems and len(items) == 1 and call.world.options.single_item_400:
        raise Refused(400, outcome.problems)
    return call.partial_success(outcome)


def _require_consent(call: Call) -> None:
    if not call.advertisers:
        raise Refused(403, (problems.NOT_CONSENTED,))


def _visible(call: Call, segment_id: str) -> Segment | None:
    """The segment, where it exists and its advertiser consented to the caller."""
    number = parsed_id(segment_id)
    segment = None if number is None else call.world.segments.get(number)
    return segment if segment is not None and segment.advertiser_id in call.advertisers else None


def _page_number(query: Mapping[str, str], name: str, default: int, most: int | None) -> int:
    text = query.get(name)
    if text is None:
        return default
    try:
        number = int(text)
    except ValueError:
        raise Refused(400, (invalid(name, "must be a whole number"),)) from None
    if number < 0 or (most is not None and number > most):
        raise Refused(400, (invalid(name, f"must be from 0 to {most or 'any'}", "invalid-range"),))
    return number


def _unwrapped(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of an update without the wrappers that tell null from absent."""
    return {key: value.get("value") if isinstance(value, dict) else value for key, value in settings.items()}


def _made_up(settings: Mapping[str, Any]) -> int:
    """A size that is always the same for the same settings."""
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).digest()
    return 10_000 + int.from_bytes(digest[:4], "big") % 1_000_000
