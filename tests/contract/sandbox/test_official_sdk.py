"""Criteo's official SDK, which nobody here has written, drives every operation over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import criteo_api_marketingsolutions_v2026_07 as criteo
import pytest
from criteo_api_marketingsolutions_v2026_07 import models
from criteo_api_marketingsolutions_v2026_07.api.advertiser_api import AdvertiserApi
from criteo_api_marketingsolutions_v2026_07.api.audience_api import AudienceApi
from criteo_api_marketingsolutions_v2026_07.api.gateway_api import GatewayApi
from criteo_api_marketingsolutions_v2026_07.exceptions import (
    ApiException,
    ForbiddenException,
    NotFoundException,
    ServiceException,
    UnauthorizedException,
)

from tests.sandbox_client import Sandbox

ID = {"email": "0" * 64, "madid": "123e4567-e89b-12d3-a456-426614174000"}


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[Any]:
    client = criteo.ApiClientBuilder.WithClientCredentials("sandbox", "sandbox", sandbox.url)
    yield client
    client.rest_client.pool_manager.clear()
    client.close()


@pytest.fixture
def audiences(client: Any) -> Any:
    return AudienceApi(client)


def _created(audiences: Any, *names: str, **attributes: Any) -> Any:
    attributes = {"contact_list": {}} | attributes
    resources = [
        models.AudienceSegmentCreateEntityV1Resource(
            type="AudienceSegment",
            attributes=models.AudienceSegmentCreateEntityV1(advertiser_id="12345", name=name, **attributes),
        )
        for name in names
    ]
    return audiences.create_audience_segments(models.AudienceSegmentBulkCreateInputV1(data=resources))


def _amended(audiences: Any, segment_id: str, operation: str, identifiers: list[str], **more: Any) -> Any:
    attributes = models.ContactlistAmendmentAttributes(operation=operation, identifiers=identifiers, **more)
    amendment = models.ContactlistAmendment(type="ContactlistAmendment", attributes=attributes)
    request = models.ContactlistAmendmentRequest(data=amendment)
    return audiences.update_contact_list_by_audience_segment(segment_id, request)


def _searched(audiences: Any, limit: int = 50, offset: int = 0, **filters: Any) -> Any:
    entity = models.AudienceSegmentSearchEntityV1Resource(
        type="AudienceSegment", attributes=models.AudienceSegmentSearchEntityV1(**filters)
    )
    return audiences.search_audience_segments(
        models.AudienceSegmentSearchInputV1(data=entity), limit=limit, offset=offset
    )


def _size(audiences: Any, segment_id: str) -> int:
    answer = audiences.get_audience_segment_contact_list_statistics(segment_id)
    size: int = answer.data.attributes.number_of_identifiers
    return size


def test_it_learns_who_it_is_and_which_advertisers_it_may_use(client: Any) -> None:
    assert GatewayApi(client).get_current_application().data.attributes.name == "sandbox"
    assert [item.id for item in AdvertiserApi(client).list_advertisers().data] == ["12345", "67890"]


def test_it_creates_searches_updates_and_deletes_segments(audiences: Any) -> None:
    answer = _created(audiences, "a", "b", "a", description="d")
    assert [item.attributes.name for item in answer.data] == ["a", "b"]
    assert [error.code for error in answer.errors] == ["name-must-be-unique"]
    first, second = answer.data
    assert first.attributes.type == "ContactList"
    assert first.attributes.created_at.tzinfo is not None

    page = _searched(audiences, limit=1, offset=1, advertiser_ids=["12345"], audience_segment_types=["ContactList"])
    assert (page.meta.total_items, [item.id for item in page.data]) == (2, [second.id])

    update = models.AudienceSegmentUpdateEntityV1Resource(
        id=first.id,
        type="AudienceSegment",
        attributes=models.AudienceSegmentUpdateEntityV1(name="c", description=models.NillableString(value=None)),
    )
    (changed,) = audiences.update_audience_segments(models.AudienceSegmentBulkUpdateInputV1(data=[update])).data
    assert (changed.attributes.name, changed.attributes.description) == ("c", None)

    unwanted = [
        models.AudienceSegmentDeleteEntityV1Resource(id=segment_id, type="AudienceSegment", attributes={})
        for segment_id in (first.id, "1")
    ]
    answer = audiences.delete_audience_segments(models.AudienceSegmentBulkDeleteInputV1(data=unwanted))
    assert ([item.id for item in answer.data], [error.code for error in answer.errors]) == (
        [first.id],
        ["segment-not-found"],
    )
    assert [item.id for item in _searched(audiences).data] == [second.id]


def test_it_fills_counts_and_empties_a_contact_list(audiences: Any, sandbox: Sandbox) -> None:
    segment_id = _created(audiences, "a").data[0].id
    added = _amended(audiences, segment_id, "add", [ID["email"], "jkl@gmail"], identifier_type="email")
    attributes = added.data.attributes
    assert (attributes.nb_valid_identifiers, attributes.nb_invalid_identifiers) == (1, 1)
    assert attributes.sample_invalid_identifiers == ["jkl@gmail"]
    assert attributes.contact_list_id == int(segment_id)
    assert attributes.request_date.tzinfo is not None
    _amended(audiences, segment_id, "add", [ID["madid"]], identifier_type="madid")
    _amended(audiences, segment_id, "add", ["g"], identifier_type="gum", gum_caller_id=7)
    assert _size(audiences, segment_id) == 3
    _amended(audiences, segment_id, "remove", [ID["email"]], identifier_type="email")
    assert sandbox.members(segment_id, "email") == set()
    assert audiences.delete_contact_list_by_audience_segment(segment_id).data.id == segment_id
    assert _size(audiences, segment_id) == 0


def test_it_sends_50_000_identifiers_in_one_call(audiences: Any, sandbox: Sandbox) -> None:
    segment_id = _created(audiences, "a").data[0].id
    identifiers = [f"{number:064x}" for number in range(50_000)]
    added = _amended(audiences, segment_id, "add", identifiers, identifier_type="email")
    assert added.data.attributes.nb_valid_identifiers == 50_000
    assert sandbox.members(segment_id, "email") == set(identifiers)


def test_it_computes_and_estimates_sizes(audiences: Any) -> None:
    segment_id = _created(audiences, "a").data[0].id
    resource = models.AudienceSegmentComputeSizeEntityV1Resource(id=segment_id, type="AudienceSegment", attributes={})
    answer = audiences.compute_audience_segments_sizes(models.AudienceSegmentComputeSizesInputV1(data=[resource]))
    assert [(item.id, item.attributes.size) for item in answer.data] == [(segment_id, 0)]
    entity = models.AudienceSegmentSizeEstimationEntityV1(
        advertiser_id="12345", in_market=models.InMarketSizeEstimationV1(country="FR")
    )
    wanted = models.AudienceSegmentSizeEstimationEntityV1Resource(type="AudienceSegment", attributes=entity)
    answer = audiences.estimate_audience_segments_sizes(models.AudienceSegmentEstimateSizeInputV1(data=wanted))
    assert answer.data.attributes.size > 0


def test_it_reads_segments_of_every_type(audiences: Any, sandbox: Sandbox) -> None:
    sandbox.add_segment("12345", "made by Criteo", segment_type="Retargeting")
    _created(audiences, "in market", contact_list={}, description="d")
    found = _searched(audiences).data
    assert [item.attributes.type for item in found] == ["Retargeting", "ContactList"]


@pytest.mark.parametrize(
    ("spoil", "error", "status"),
    [
        (lambda sandbox: sandbox.expire_tokens(), UnauthorizedException, 401),
        (lambda sandbox: sandbox.revoke_tokens(), UnauthorizedException, 401),
        (lambda sandbox: sandbox.consent("sandbox", []), ForbiddenException, 403),
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
        _amended(audiences, "1", "add", [ID["email"]], identifier_type="email")


def test_it_is_refused_wrong_credentials(sandbox: Sandbox) -> None:
    client = criteo.ApiClientBuilder.WithClientCredentials("sandbox", "wrong", sandbox.url)
    with pytest.raises(UnauthorizedException, match="invalid_client"):
        AdvertiserApi(client).list_advertisers()
    client.rest_client.pool_manager.clear()
