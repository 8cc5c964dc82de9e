"""Criteo's official SDK for retail media drives every operation over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import criteo_api_retailmedia_v2026_07 as criteo
import pytest
from criteo_api_retailmedia_v2026_07 import models
from criteo_api_retailmedia_v2026_07.api.accounts_api import AccountsApi
from criteo_api_retailmedia_v2026_07.api.audience_api import AudienceApi
from criteo_api_retailmedia_v2026_07.api.campaign_api import CampaignApi
from criteo_api_retailmedia_v2026_07.api.gateway_api import GatewayApi
from criteo_api_retailmedia_v2026_07.exceptions import (
    ApiException,
    ForbiddenException,
    NotFoundException,
    ServiceException,
    UnauthorizedException,
)

from tests.sandbox_client import Sandbox

SEGMENT = "RetailMediaAudienceSegment"


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[Any]:
    client = criteo.ApiClientBuilder.WithClientCredentials("sandbox", "sandbox", sandbox.url)
    yield client
    client.rest_client.pool_manager.clear()
    client.close()


@pytest.fixture
def audiences(client: Any) -> Any:
    return AudienceApi(client)


def _created(audiences: Any, *names: str, identifier_type: str = "CustomerId", **attributes: Any) -> Any:
    resources = [
        models.RmAudienceSegmentCreateEntityV1Resource(
            type=SEGMENT,
            attributes=models.RmAudienceSegmentCreateEntityV1(
                name=name,
                retailer_id="12",
                contact_list=models.RmContactListCreateV1(identifier_type=identifier_type),
                **attributes,
            ),
        )
        for name in names
    ]
    return audiences.bulk_create_audience_segments("555", models.RmAudienceSegmentBulkCreateInputV1(data=resources))


def _amended(audiences: Any, segment_id: str, operation: str, identifiers: list[str], kind: str = "CustomerId") -> Any:
    attributes = models.RetailMediaContactlistAmendmentAttributes(
        operation=operation, identifiers=identifiers, identifier_type=kind
    )
    amendment = models.RetailMediaContactlistAmendment(type="AddRemoveContactlist", attributes=attributes)
    request = models.RetailMediaContactlistAmendmentRequest(data=amendment)
    return audiences.add_remove_contact_list_by_audience_segment(segment_id, request)


def _searched(audiences: Any, limit: int = 500, offset: int = 0, **filters: Any) -> Any:
    entity = models.RmAudienceSegmentSearchEntityV1Resource(
        type=SEGMENT, attributes=models.RmAudienceSegmentSearchEntityV1(**filters)
    )
    body = models.RmAudienceSegmentSearchInputV1(data=entity)
    return audiences.search_audience_segments("555", body, limit=limit, offset=offset)


def _size(audiences: Any, segment_id: str) -> int:
    answer = audiences.get_audience_segment_contact_list_statistics("555", segment_id)
    size: int = answer.data.attributes.number_of_identifiers
    return size


def test_it_learns_who_it_is_and_which_accounts_it_may_use(client: Any) -> None:
    assert GatewayApi(client).get_current_application().data.attributes.criteo_service == "RetailMedia"
    page = AccountsApi(client).get_accounts(page_index=0, page_size=25, limit_to_id=["555", "556"])
    assert [(item.id, item.attributes.type) for item in page.data] == [("555", "demand")]
    assert (page.metadata.total_items_across_all_pages, page.metadata.total_pages) == (1, 1)


def test_it_finds_the_retailers_of_an_account(client: Any) -> None:
    request = models.ValueResourceInputOfRetailerSearchRequestV2(
        data=models.ValueResourceOfRetailerSearchRequestV2(
            type="RetailerSearchRequest", attributes=models.RetailerSearchRequestV2(retailer_id_filter=["12", "13"])
        )
    )
    answer = _retailers_api(client).search_account_retailers("555", request)
    assert [item.id for item in answer.data] == ["12"]
    assert answer.metadata.count == 1


def _retailers_api(client: Any) -> Any:
    return CampaignApi(client)


def test_it_creates_searches_updates_and_deletes_segments(audiences: Any) -> None:
    answer = _created(audiences, "a", "b", "a", description="d")
    assert [item.attributes.name for item in answer.data] == ["a", "b"]
    assert answer.errors == []
    assert [warning.code for warning in answer.warnings] == ["name-must-be-unique"]
    first, second = answer.data
    assert first.attributes.type == "ContactList"
    assert first.attributes.contact_list.identifier_type == "CustomerId"
    assert (first.attributes.account_id, first.attributes.retailer_id) == ("555", "12")
    assert first.attributes.created_at.tzinfo is not None
    assert int(first.id) > 2**53

    page = _searched(audiences, limit=1, offset=1, retailer_ids=["12"], audience_segment_types=["ContactList"])
    assert (page.meta.total_items, [item.id for item in page.data]) == (2, [second.id])
    assert [item.id for item in _searched(audiences, audience_segment_ids=[first.id]).data] == [first.id]

    update = models.RmAudienceSegmentUpdateEntityV1Resource(
        id=first.id,
        type=SEGMENT,
        attributes=models.RmAudienceSegmentUpdateEntityV1(name="c", description=models.NillableString(value=None)),
    )
    body = models.RmAudienceSegmentBulkUpdateInputV1(data=[update])
    (changed,) = audiences.bulk_update_audience_segments("555", body).data
    assert (changed.attributes.name, changed.attributes.description) == ("c", None)

    unwanted = [
        models.RmAudienceSegmentDeleteEntityV1Resource(id=segment_id, type=SEGMENT, attributes={})
        for segment_id in (first.id, "1")
    ]
    body = models.RmAudienceSegmentBulkDeleteInputV1(data=unwanted)
    answer = audiences.bulk_delete_audience_segments("555", body)
    assert [item.id for item in answer.data] == [first.id]
    assert [warning.code for warning in answer.warnings] == ["segment-not-found"]
    assert [item.id for item in _searched(audiences).data] == [second.id]


def test_it_fills_counts_and_empties_a_contact_list(audiences: Any, sandbox: Sandbox) -> None:
    segment_id = _created(audiences, "a").data[0].id
    added = _amended(audiences, segment_id, "add", ["8436881", "8436882", ""])
    assert (added.data.nb_valid_identifiers, added.data.nb_invalid_identifiers) == (2, 1)
    assert added.data.contact_list_id == int(segment_id)
    assert added.type == "AddRemoveContactlistResult"
    _amended(audiences, segment_id, "remove", ["8436881"])
    assert sandbox.members(segment_id, "CustomerId") == {"8436882"}
    assert _size(audiences, segment_id) == 1
    assert audiences.clear_contact_list_by_audience_segment(segment_id) is None
    assert _size(audiences, segment_id) == 0


def test_it_sends_50_000_identifiers_in_one_call(audiences: Any, sandbox: Sandbox) -> None:
    segment_id = _created(audiences, "a", identifier_type="Email").data[0].id
    identifiers = [f"{number:064x}" for number in range(50_000)]
    added = _amended(audiences, segment_id, "add", identifiers, "Email")
    assert added.data.nb_valid_identifiers == 50_000
    assert sandbox.members(segment_id, "Email") == set(identifiers)


def test_it_reads_segments_of_every_type(audiences: Any, sandbox: Sandbox) -> None:
    sandbox.add_retail_media_segment("555", "viewers", segment_type="Events")
    events = models.RmEventsCreateV1(lookback_days="Last30Days", shopper_activity="Buy", min_price=1.5)
    resource = models.RmAudienceSegmentCreateEntityV1Resource(
        type=SEGMENT, attributes=models.RmAudienceSegmentCreateEntityV1(name="buyers", retailer_id="12", events=events)
    )
    body = models.RmAudienceSegmentBulkCreateInputV1(data=[resource])
    (made,) = audiences.bulk_create_audience_segments("555", body).data
    assert made.attributes.events.lookback_days == "Last30Days"
    _created(audiences, "list")
    assert [item.attributes.type for item in _searched(audiences).data] == ["Events", "Events", "ContactList"]


@pytest.mark.parametrize(
    ("spoil", "error", "status"),
    [
        (lambda sandbox: sandbox.expire_tokens(), UnauthorizedException, 401),
        (lambda sandbox: sandbox.revoke_tokens(), UnauthorizedException, 401),
        (lambda sandbox: sandbox.consent("sandbox", accounts=[]), ForbiddenException, 403),
        (lambda sandbox: sandbox.fault("429", "search"), ApiException, 429),
        (lambda sandbox: sandbox.fault("500", "search"), ServiceException, 500),
        (lambda sandbox: sandbox.fault("html", "search"), ServiceException, 502),
    ],
)
def test_it_understands_refusals(
    audiences: Any, sandbox: Sandbox, spoil: Callable[[Sandbox], None], error: type[Exception], status: int
) -> None:
    _searched(audiences)
    spoil(sandbox)
    with pytest.raises(error) as raised:
        _searched(audiences)
    assert raised.value.status == status  # type: ignore[attr-defined]


def test_it_understands_a_list_that_is_not_there(audiences: Any) -> None:
    with pytest.raises(NotFoundException, match="audience-invalid"):
        _amended(audiences, "568708742535471104", "add", ["1"])
