"""Retail media: the routes, the accounts, and segments as this service makes and shows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from starlette.routing import Route

from runner.sandbox.api import (
    bulk_calls,
    error_envelopes,
    list_members,
    marketing_solutions_bodies,
    oauth,
    retail_media_bodies,
)
from runner.sandbox.api.bulk_calls import BulkItem, answer
from runner.sandbox.api.endpoints import IncomingCall, Router
from runner.sandbox.api.error_envelopes import CallRefused, Family, ItemOutcome, invalid
from runner.sandbox.api.list_members import IDENTIFIER_TYPE
from runner.sandbox.api.validators import REQUIRED_FIELD
from runner.sandbox.sandbox_options import RetailMediaAccount
from runner.sandbox.world.sandbox_clock import timestamp
from runner.sandbox.world.segment_records import CONTACT_LIST, CriteoService, SegmentRecord, parsed_id
from runner.sandbox.world.world import World

SEARCH_LIMIT_MOST = 500
SEGMENT = "RetailMediaAudienceSegment"
_CHANNELS = {"CustomerId": ["Onsite"], "Email": ["Offsite"]}


def routes(world: World) -> list[Route]:
    """The routes of the service."""
    route = Router(world, CriteoService.RETAIL_MEDIA, "/retail-media")
    account = "/accounts/{account_id}"
    segments = f"{account}/audience-segments"
    contact_list = "/audience-segments/{segment_id}/contact-list"
    return [
        route("GET", "/me", oauth.me),
        route("GET", "/accounts", accounts, Family.ACCOUNTS),
        route("POST", f"{account}/retailers/search", retailers, Family.ACCOUNTS, retail_media_bodies.RETAILERS),
        route("POST", f"{segments}/create", create, shape=retail_media_bodies.CREATE),
        route("PATCH", segments, update, shape=retail_media_bodies.UPDATE),
        route("POST", f"{segments}/delete", delete, shape=marketing_solutions_bodies.IDS),
        route("POST", f"{segments}/search", search, shape=retail_media_bodies.SEARCH),
        route("GET", f"{account}{contact_list}", statistics),
        route("POST", f"{contact_list}/add-remove", amend, Family.AMENDMENT, retail_media_bodies.AMENDMENT),
        route("POST", f"{contact_list}/clear", clear, Family.AMENDMENT),
    ]


def accounts(call: IncomingCall) -> dict[str, Any]:
    """A page of the accounts that consented to the caller; none, when none did."""
    index = bulk_calls.query_number(call, "pageIndex", 0)
    size = bulk_calls.query_number(call, "pageSize", 25, least=1, most=500)
    wanted = call.query.getlist("limitToId")
    if any(parsed_id(number, CriteoService.RETAIL_MEDIA) is None for number in wanted):
        raise CallRefused(400, (invalid("limitToId", "must be the ids of accounts"),))
    found = [
        account
        for account in call.world.options.accounts
        if account.id in call.owners and (not wanted or account.id in wanted)
    ]
    pages = -(-len(found) // size)

    def link(other: int) -> str | None:
        query = {"limitToId": wanted, "pageIndex": other, "pageSize": size}
        path = call.incoming.request.url.path
        return f"{path}?{urlencode(query, doseq=True)}" if 0 <= other < pages else None

    metadata = {
        "currentPageIndex": index,
        "currentPageSize": size,
        "totalItemsAcrossAllPages": len(found),
        "totalPages": pages,
        "nextPage": link(index + 1),
        "previousPage": link(index - 1),
    }
    return answer([_shown_account(account) for account in found[index * size :][:size]]) | {"metadata": metadata}


def _shown_account(account: RetailMediaAccount) -> dict[str, Any]:
    attributes = {
        "name": account.name,
        "type": "demand",
        "subtype": "brand",
        "countries": ["US"],
        "currency": "USD",
        "timeZone": "America/New_York",
        "parentAccountLabel": account.name,
        "companyName": None,
        "onBehalfCompanyName": None,
    }
    return {"id": account.id, "type": "RetailMediaAccount", "attributes": attributes}


def retailers(call: IncomingCall) -> dict[str, Any]:
    """A page of the retailers that the account may advertise with."""
    _, account = _in_account(call)
    limit = bulk_calls.query_number(call, "limit", 5, least=1, most=10)
    offset = bulk_calls.query_number(call, "offset", 0)
    wanted = call.body["data"].get("attributes", {}).get("retailerIdFilter")
    found = [
        {
            "id": retailer.id,
            "type": "RetailerResult",
            "attributes": {"name": retailer.name, "campaignAvailabilities": []},
        }
        for retailer in account.retailers
        if wanted is None or retailer.id in wanted
    ]
    metadata = {"count": len(found), "limit": limit, "offset": offset}
    return {"metadata": metadata} | answer(found[offset : offset + limit])


def create(call: IncomingCall) -> dict[str, Any]:
    """Create segments of the account, one by one; an item that cannot be is a problem of its own."""
    call, account = _in_account(call)

    def one(call: IncomingCall, item: BulkItem, where: str, outcome: ItemOutcome) -> None:
        _create_one(call, account, item["attributes"], f"{where}/attributes", outcome)

    return bulk_calls.each(call, one)


def _create_one(
    call: IncomingCall, account: RetailMediaAccount, attributes: BulkItem, where: str, outcome: ItemOutcome
) -> None:
    key = bulk_calls.chosen_settings(call, attributes, where, outcome)
    if key is None:
        return
    settings: Mapping[str, Any] = attributes[key]
    retailer_id = attributes["retailerId"]
    if key == "contactList" and IDENTIFIER_TYPE not in settings:
        outcome.problems.append(invalid(f"{where}/contactList/{IDENTIFIER_TYPE}", "is required", REQUIRED_FIELD))
    elif retailer_id not in {retailer.id for retailer in account.retailers}:
        outcome.problems.append(error_envelopes.retailer_not_available(f"{where}/retailerId"))
    elif bulk_calls.name_is_free(call, account.id, attributes["name"], where, outcome):
        outcome.data.append(shown(bulk_calls.make(call, account.id, attributes, key, settings, retailer_id)))


def update(call: IncomingCall) -> dict[str, Any]:
    """Change segments of the account."""
    return bulk_calls.update(_in_account(call)[0], shown)


def delete(call: IncomingCall) -> dict[str, Any]:
    """Delete segments of the account."""
    return bulk_calls.delete(_in_account(call)[0], SEGMENT)


def search(call: IncomingCall) -> dict[str, Any]:
    """A page of the account's segments."""
    return bulk_calls.search(_in_account(call)[0], shown, SEARCH_LIMIT_MOST)


def statistics(call: IncomingCall) -> dict[str, Any]:
    """How many identifiers a list of the account has."""
    return list_members.statistics(_in_account(call)[0])


def amend(call: IncomingCall) -> dict[str, Any]:
    """Add identifiers to a contact list, or remove them; what came of it stands directly under `data`."""
    return {"type": "AddRemoveContactlistResult"} | answer(list_members.amend(call))


def clear(call: IncomingCall) -> None:
    """Remove everybody and keep the segment; the answer says nothing about it."""
    list_members.clear(call)


def shown(segment: SegmentRecord) -> dict[str, Any]:
    """A segment as answers show it."""
    settings = dict(segment.settings)
    if segment.type == CONTACT_LIST:
        settings |= {"isReadOnly": segment.read_only, "sharingStatus": "NotShared"}
    return {
        "id": str(segment.id),
        "type": SEGMENT,
        "attributes": {
            "name": segment.name,
            "description": segment.description,
            "accountId": segment.owner_id,
            "retailerId": segment.retailer_id,
            "type": segment.type,
            "channels": _CHANNELS.get(settings.get(IDENTIFIER_TYPE, ""), ["Unknown"]),
            "createdAt": timestamp(segment.created_at),
            "updatedAt": timestamp(segment.updated_at),
            "createdById": None,
            "contactList": settings if segment.type == CONTACT_LIST else None,
            "events": None if segment.type == CONTACT_LIST else settings,
        },
    }


def _in_account(call: IncomingCall) -> tuple[IncomingCall, RetailMediaAccount]:
    """The account of the path, and the call as one about that account alone. Raises CallRefused when it is not for
    the caller."""
    if parsed_id(call.account_id, CriteoService.RETAIL_MEDIA) is None:
        raise CallRefused(400, (invalid("account-id", "must be the id of an account"),))
    account = next((account for account in call.world.options.accounts if account.id == call.account_id), None)
    if account is None or account.id not in call.owners:
        raise CallRefused(403, (error_envelopes.no_account_permission("account-id"),))
    return replace(call, owners=(account.id,)), account
