"""Calls on many segments at once, as far as the services agree on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from runner.sandbox.api import error_envelopes
from runner.sandbox.api.endpoints import IncomingCall
from runner.sandbox.api.error_envelopes import CallRefused, ItemOutcome, invalid
from runner.sandbox.api.validators import INT32
from runner.sandbox.world.data_file import SegmentPut, SegmentRemoved
from runner.sandbox.world.segment_records import SETTINGS, SegmentRecord, changed

SEARCH_LIMIT = 50

BulkItem = Mapping[str, Any]
Shown = Callable[[SegmentRecord], dict[str, Any]]
"""A segment as the answers of its service show it."""


def answer(data: Any) -> dict[str, Any]:
    """The answer where nothing went wrong."""
    return {"data": data, "errors": [], "warnings": []}


def each(call: IncomingCall, one: Callable[[IncomingCall, BulkItem, str, ItemOutcome], None]) -> dict[str, Any]:
    """Each item on its own: those that fail are missing from `data` and reported next to it."""
    require_consent(call)
    outcome = ItemOutcome()
    items = call.body["data"]
    for index, item in enumerate(items):
        one(call, item, f"data/{index}", outcome)
    if outcome.problems and len(items) == 1 and call.world.options.single_item_400:
        raise CallRefused(400, outcome.problems)
    return call.partial_success(outcome)


def chosen_settings(call: IncomingCall, attributes: BulkItem, where: str, outcome: ItemOutcome) -> str | None:
    """The one settings object of a segment to be made; None, and a problem, where there is not exactly one."""
    known = SETTINGS[call.service]
    keys = [key for key in known if key in attributes]
    if len(keys) == 1:
        return keys[0]
    outcome.problems.append(invalid(where, f"must have exactly one of {', '.join(known)}"))
    return None


def name_is_free(
    call: IncomingCall, owner_id: str, name: str, where: str, outcome: ItemOutcome, *, own_id: int | None = None
) -> bool:
    """Whether a segment of the owner may have that name; where not, that is a problem."""
    taken = call.world.segments.named(call.service, owner_id, name)
    if not name.strip():
        outcome.problems.append(error_envelopes.name_empty(f"{where}/name"))
    elif taken is not None and taken.id != own_id:
        outcome.problems.append(error_envelopes.name_taken(f"{where}/name"))
    else:
        return True
    return False


def make(
    call: IncomingCall,
    owner_id: str,
    attributes: BulkItem,
    key: str,
    settings: BulkItem,
    retailer_id: str | None = None,
) -> SegmentRecord:
    """Make a segment of the type that the settings object `key` stands for."""
    segment = SegmentRecord(
        id=call.world.segments.free_id(call.service),
        owner_id=owner_id,
        name=attributes["name"],
        description=attributes.get("description"),
        type=SETTINGS[call.service][key],
        created_at=call.now,
        updated_at=call.now,
        settings=settings,
        service=call.service,
        retailer_id=retailer_id,
    )
    call.world.make(SegmentPut(segment))
    return segment


def update(call: IncomingCall, shown: Shown) -> dict[str, Any]:
    """Change names, descriptions and settings, one segment after the other."""

    def one(call: IncomingCall, item: BulkItem, where: str, outcome: ItemOutcome) -> None:
        segment = _updated(call, item, where, outcome)
        if segment is not None:
            call.world.make(SegmentPut(segment))
            outcome.data.append(shown(segment))

    return each(call, one)


def _updated(call: IncomingCall, item: BulkItem, where: str, outcome: ItemOutcome) -> SegmentRecord | None:
    attributes = item["attributes"]
    segment = visible(call, item["id"], where, outcome)
    if segment is None:
        return None
    where = f"{where}/attributes"
    values: dict[str, Any] = {}
    if "name" in attributes:
        if not name_is_free(call, segment.owner_id, attributes["name"], where, outcome, own_id=segment.id):
            return None
        values["name"] = attributes["name"]
    if attributes.get("description") is not None:
        values["description"] = attributes["description"].get("value")
    settings = {key: made for key, made in SETTINGS[call.service].items() if key in attributes}
    if list(settings.values()) not in ([], [segment.type]):
        outcome.problems.append(invalid(where, f"the segment is of type {segment.type}, which never changes"))
        return None
    for key in settings:
        values["settings"] = {**segment.settings, **_unwrapped(attributes[key])}
    return changed(segment, call.now, **values)


def delete(call: IncomingCall, resource_type: str) -> dict[str, Any]:
    """Delete segments with their members."""

    def one(call: IncomingCall, item: BulkItem, where: str, outcome: ItemOutcome) -> None:
        segment = visible(call, item["id"], where, outcome)
        if segment is not None:
            call.world.make(SegmentRemoved(segment.id))
            outcome.data.append({"id": str(segment.id), "type": resource_type, "attributes": {}})

    return each(call, one)


def search(call: IncomingCall, shown: Shown, most: int) -> dict[str, Any]:
    """A page of at most `most` of the segments that all filters let pass, in the order of their ids."""
    limit = query_number(call, "limit", SEARCH_LIMIT, 0, most)
    offset = query_number(call, "offset", 0)
    require_consent(call)
    filters = call.body["data"].get("attributes", {})
    found = call.world.segments.search(
        call.service,
        set(filters.get("advertiserIds", call.owners)) & set(call.owners),
        ids=filters.get("audienceSegmentIds"),
        types=filters.get("audienceSegmentTypes"),
        retailers=filters.get("retailerIds"),
    )
    page = [shown(segment) for segment in found[offset : offset + limit]]
    return {"meta": {"totalItems": len(found), "limit": limit, "offset": offset}} | answer(page)


def require_consent(call: IncomingCall) -> None:
    """Refuse the call when nobody consented to the caller."""
    if not call.owners:
        raise CallRefused(403, (error_envelopes.NOT_CONSENTED,))


def visible(call: IncomingCall, segment_id: str, where: str, outcome: ItemOutcome) -> SegmentRecord | None:
    """The segment, where it exists and its owner consented to the caller; None, and a problem, where not."""
    segment = call.world.segments.find(call.service, segment_id)
    if segment is not None and segment.owner_id in call.owners:
        return segment
    outcome.problems.append(error_envelopes.segment_not_found(f"{where}/id"))
    return None


def query_number(call: IncomingCall, name: str, default: int, least: int = 0, most: int = INT32 - 1) -> int:
    """A whole number of the query. Raises CallRefused when it is none, or out of range."""
    text = call.query.get(name)
    if text is None:
        return default
    try:
        number = int(text)
    except ValueError:
        raise CallRefused(400, (invalid(name, "must be a whole number"),)) from None
    if not least <= number <= most:
        raise CallRefused(400, (invalid(name, f"must be from {least} to {most}", "invalid-range"),))
    return number


def _unwrapped(settings: BulkItem) -> dict[str, Any]:
    """Settings of an update without the wrappers that tell null from absent."""
    return {key: value.get("value") if isinstance(value, dict) else value for key, value in settings.items()}
