from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
import requests

from runner.core.errors import HeadcountError, UsageError
from runner.sandbox import Advertiser, App, Retailer, RetailMediaAccount, SandboxOptions
from tests.contract.sandbox.api import Api, opened, problem
from tests.contract.sandbox.retail_media import BASE, SEGMENTS, RetailMedia, new, opened_retail_media, warned

SHA256 = hashlib.sha256(b"a@example.com").hexdigest()
SHOP = Retailer("12", "Shop"), Retailer("13", "Other shop")


def _accounts(count: int) -> SandboxOptions:
    accounts = tuple(RetailMediaAccount(str(2**62 + number), f"Account {number}", SHOP) for number in range(count))
    app = App("sandbox", "sandbox", (), tuple(account.id for account in accounts[:-1]))
    return SandboxOptions(accounts=accounts, apps=(app,))


@pytest.fixture
def media(api: Api) -> RetailMedia:
    return RetailMedia(api)


class TestAccounts:
    def test_an_account_is_shown_whole(self, media: RetailMedia) -> None:
        answer = media.accounts()
        (account,) = answer["data"]
        assert (account["id"], account["type"]) == ("555", "RetailMediaAccount")
        assert account["attributes"]["name"] == "Larkspur Foods"
        assert answer["metadata"] == {
            "currentPageIndex": 0,
            "currentPageSize": 25,
            "totalItemsAcrossAllPages": 1,
            "totalPages": 1,
            "nextPage": None,
            "previousPage": None,
        }

    def test_accounts_are_paged_and_only_those_that_consented_are_shown(self) -> None:
        with opened_retail_media(_accounts(8)) as media:
            pages = [media.accounts(f"?pageIndex={index}&pageSize=3") for index in range(4)]
            assert [len(page["data"]) for page in pages] == [3, 3, 1, 0]
            assert len({account["id"] for page in pages for account in page["data"]}) == 7
            assert pages[2]["metadata"]["totalItemsAcrossAllPages"] == 7
            assert pages[2]["metadata"]["totalPages"] == 3
            assert pages[2]["metadata"]["nextPage"] is None
            follow = media.api.call("GET", pages[0]["metadata"]["nextPage"]).json()
            assert follow == pages[1]
            assert media.api.call("GET", pages[2]["metadata"]["previousPage"]).json() == pages[1]

    def test_accounts_can_be_limited_to_some(self) -> None:
        with opened_retail_media(_accounts(5)) as media:
            wanted = "&".join(f"limitToId={2**62 + number}" for number in (3, 1, 4))
            page = media.accounts(f"?{wanted}&pageSize=1")
            assert page["metadata"]["totalItemsAcrossAllPages"] == 2
            rest = media.api.call("GET", page["metadata"]["nextPage"]).json()
            assert [item["id"] for item in page["data"] + rest["data"]] == [str(2**62 + 1), str(2**62 + 3)]

    @pytest.mark.parametrize(
        ("query", "code"),
        [
            ("pageIndex=-1", "invalid-range"),
            ("pageSize=0", "invalid-range"),
            ("pageSize=501", "invalid-range"),
            ("pageSize=all", "invalid"),
            ("limitToId=acme", "invalid"),
            (f"limitToId={2**63}", "invalid"),
        ],
    )
    def test_a_page_that_cannot_be_is_refused(self, api: Api, query: str, code: str) -> None:
        assert problem(api.call("GET", f"{BASE}/accounts?{query}")) == (400, "validation", code)

    def test_an_app_that_no_account_consented_to_sees_none_and_may_do_nothing(self, media: RetailMedia) -> None:
        segment_id = media.create("a")
        media.sandbox.consent("sandbox", accounts=[])
        assert media.accounts()["data"] == []
        search = media.api.call("POST", f"{SEGMENTS}/search", {"data": {}})
        assert problem(search) == (403, "access-control", "insufficient-account-permissions")
        assert problem(media.amend(segment_id, "add", ["1"])) == (403, "validation", "audience-invalid")

    def test_a_token_is_asked_for(self, api: Api) -> None:
        answer = requests.get(f"{api.sandbox.url}{BASE}/accounts", timeout=10)
        assert problem(answer) == (401, "authorization", "authorization-token-missing")

    @pytest.mark.parametrize(
        ("account", "answer"),
        [
            ("556", (403, "access-control", "insufficient-account-permissions")),
            ("12345", (403, "access-control", "insufficient-account-permissions")),
            ("acme", (400, "validation", "invalid")),
            ("9" * 30, (400, "validation", "invalid")),
        ],
    )
    def test_an_account_of_others_is_refused_on_every_path(
        self, api: Api, account: str, answer: tuple[int, str, str]
    ) -> None:
        segments = f"{BASE}/accounts/{account}/audience-segments"
        for method, path, body in (
            ("POST", f"{segments}/create", {"data": [new("a")]}),
            ("PATCH", segments, {"data": []}),
            ("POST", f"{segments}/delete", {"data": []}),
            ("POST", f"{segments}/search", {"data": {}}),
            ("GET", f"{segments}/{2**60}/contact-list", None),
            ("POST", f"{BASE}/accounts/{account}/retailers/search", {"data": {}}),
        ):
            assert problem(api.call(method, path, body)) == answer
        assert api.sandbox.segments() == ()

    def test_retailers_are_searched_in_pages(self) -> None:
        with opened_retail_media(_accounts(2)) as media:
            path = f"{BASE}/accounts/{2**62}/retailers/search"

            def found(query: str = "", **attributes: Any) -> list[str]:
                answer = media.api.call("POST", f"{path}{query}", {"data": {"attributes": attributes}}).json()
                return [item["id"] for item in answer["data"]]

            assert found() == ["12", "13"]
            assert found("?limit=1&offset=1") == ["13"]
            assert found(retailerIdFilter=["13", "14"]) == ["13"]
            assert found(retailerIdFilter=None) == ["12", "13"]
            for query in ("?limit=0", "?limit=11", "?offset=-1"):
                assert media.api.call("POST", f"{path}{query}", {"data": {}}).status_code == 400


class TestSegments:
    def test_a_created_contact_list_is_shown_whole(self, media: RetailMedia) -> None:
        (created,) = media.bulk("POST", "/create", new("vip \N{SNOWMAN}", "Email", description="d"))["data"]
        attributes = created["attributes"]
        assert created["type"] == "RetailMediaAudienceSegment"
        assert attributes.pop("createdAt") == attributes.pop("updatedAt")
        assert attributes == {
            "name": "vip \N{SNOWMAN}",
            "description": "d",
            "accountId": "555",
            "retailerId": "12",
            "type": "ContactList",
            "channels": ["Offsite"],
            "createdById": None,
            "contactList": {"identifierType": "Email", "isReadOnly": False, "sharingStatus": "NotShared"},
            "events": None,
        }
        assert media.search()["data"][0]["id"] == created["id"]

    def test_ids_are_too_long_for_32_bits_and_for_a_double(self, media: RetailMedia) -> None:
        first, second = media.create("a"), media.create("b")
        assert int(first) < int(second) < 2**63
        assert float(first) != int(first) or float(second) != int(second)

    def test_items_fail_one_by_one_in_warnings(self, media: RetailMedia) -> None:
        answer = media.bulk(
            "POST",
            "/create",
            new("a"),
            new("a"),
            new("  "),
            new("b", retailerId="13"),
            {"attributes": {"name": "c", "retailerId": "12"}},
            new("d", events={"lookbackDays": "Last7Days", "shopperActivity": "Buy"}),
            new("e", contactList={}),
        )
        assert [item["attributes"]["name"] for item in answer["data"]] == ["a"]
        assert warned(answer) == [
            ("name-must-be-unique", "data/1/attributes/name"),
            ("name-must-not-be-empty", "data/2/attributes/name"),
            ("retailer-not-available", "data/3/attributes/retailerId"),
            ("invalid", "data/4/attributes"),
            ("invalid", "data/5/attributes"),
            ("required-field", "data/6/attributes/contactList/identifierType"),
        ]

    def test_failed_items_can_be_told_of_in_errors_or_by_a_400(self) -> None:
        with opened_retail_media(SandboxOptions(bulk_problems="errors")) as media:
            media.create("a")
            answer = media.bulk("POST", "/create", new("a"))
            assert [error["code"] for error in answer["errors"]] == ["name-must-be-unique"]
            assert answer["warnings"] == []
        with opened_retail_media(SandboxOptions(single_item_400=True)) as media:
            media.create("a")
            one = media.api.call("POST", f"{SEGMENTS}/create", {"data": [new("a")]})
            assert problem(one) == (400, "validation", "name-must-be-unique")

    def test_a_name_is_unique_in_its_account_and_service(self) -> None:
        with opened_retail_media(_accounts(3)) as media:
            first, second = (RetailMedia(media.api, str(2**62 + number)) for number in (0, 1))
            first.create("a")
            second.create("a")
            taken = first.bulk("POST", "/create", new("a", retailerId="13"))
            assert warned(taken) == [("name-must-be-unique", "data/0/attributes/name")]

    def test_the_services_do_not_see_each_others_segments(self, api: Api, media: RetailMedia) -> None:
        theirs, ours = api.create("a"), media.create("a")
        assert [item["id"] for item in media.search()["data"]] == [ours]
        assert [item["id"] for item in api.search()["data"]] == [theirs]
        assert problem(media.amend(theirs, "add", ["1"])) == (404, "validation", "audience-invalid")
        assert problem(media.clear(theirs)) == (404, "validation", "audience-invalid")
        assert media.statistics(theirs).status_code == 404
        assert warned(media.bulk("POST", "/delete", {"id": theirs})) == [("segment-not-found", "data/0/id")]
        assert api.amend(ours, "add", ["a@example.com"]).status_code == 400
        assert {segment.name for segment in api.sandbox.segments()} == {"a"}

    def test_an_advertiser_and_an_account_may_have_the_same_number(self) -> None:
        app = App("sandbox", "sandbox", ("555",), ("555",))
        with opened(SandboxOptions(advertisers=(Advertiser("555", "Shop"),), apps=(app,))) as api:
            media = RetailMedia(api)
            theirs, ours = api.create("a", advertiser_id="555"), media.create("a")
            assert [item["id"] for item in api.search(advertiserIds=["555"])["data"]] == [theirs]
            assert [item["id"] for item in media.search()["data"]] == [ours]
            api.sandbox.consent("sandbox", accounts=[])
            assert api.amend(theirs, "add", ["a@example.com"]).status_code == 200
            assert media.amend(ours, "add", ["1"]).status_code == 403

    def test_an_update_changes_name_and_wrapped_description(self, media: RetailMedia) -> None:
        segment_id = media.create("a", description="d")

        def update(**attributes: Any) -> Any:
            (item,) = media.bulk("PATCH", "", {"id": segment_id, "attributes": attributes})["data"]
            return item["attributes"]

        assert update(name="b")["description"] == "d"
        assert update(description={"value": "e"})["description"] == "e"
        assert update(contactList={})["contactList"]["identifierType"] == "CustomerId"
        assert (update(description={"value": None})["description"], media.sandbox.segment("b").id) == (None, segment_id)

    def test_problems_of_updates_and_deletes_are_warnings(self, media: RetailMedia) -> None:
        first, second = media.create("a"), media.create("b")
        updates = [{"id": second, "attributes": {"name": name}} for name in ("a", " ")]
        changed = media.bulk("PATCH", "", *updates, {"id": "1", "attributes": {}})
        assert warned(changed) == [
            ("name-must-be-unique", "data/0/attributes/name"),
            ("name-must-not-be-empty", "data/1/attributes/name"),
            ("segment-not-found", "data/2/id"),
        ]
        mixed = media.bulk("PATCH", "", {"id": first, "attributes": {"events": {}}})
        assert warned(mixed) == [("invalid", "data/0/attributes")]
        gone = media.bulk("POST", "/delete", {"id": first}, {"id": first}, {"id": str(2**63)})
        assert gone["data"] == [{"id": first, "type": "RetailMediaAudienceSegment", "attributes": {}}]
        assert warned(gone) == [("segment-not-found", "data/1/id"), ("segment-not-found", "data/2/id")]

    def test_a_segment_of_another_account_is_not_found_under_this_one(self) -> None:
        with opened_retail_media(_accounts(3)) as media:
            first, second = (RetailMedia(media.api, str(2**62 + number)) for number in (0, 1))
            segment_id = second.create("a")
            assert first.search(audienceSegmentIds=[segment_id])["data"] == []
            assert warned(first.bulk("POST", "/delete", {"id": segment_id})) == [("segment-not-found", "data/0/id")]
            assert problem(first.statistics(segment_id)) == (403, "validation", "audience-invalid")
            assert second.statistics(segment_id).status_code == 200
            assert media.amend(segment_id, "add", ["1"]).status_code == 200

    def test_events_are_made_and_changed(self, media: RetailMedia) -> None:
        events = {"lookbackDays": "Last30Days", "shopperActivity": "View", "brandIds": ["1"], "minPrice": 3}
        made = {"attributes": {"name": "a", "retailerId": "12", "events": events}}
        (segment,) = media.bulk("POST", "/create", made)["data"]
        assert (segment["attributes"]["events"], segment["attributes"]["contactList"]) == (events, None)
        update = {"minPrice": {"value": None}, "maxPrice": {"value": 9.5}}
        changed = media.bulk("PATCH", "", {"id": segment["id"], "attributes": {"events": update}})["data"][0]
        assert changed["attributes"]["events"] == events | {"minPrice": None, "maxPrice": 9.5}
        assert problem(media.amend(segment["id"], "add", ["1"])) == (400, "validation", "invalid")

    def test_filters_of_a_search_are_joined_by_and(self) -> None:
        with opened_retail_media(_accounts(2)) as opened_media:
            media = RetailMedia(opened_media.api, str(2**62))
            first, second = media.create("a"), media.create("b", retailerId="13")

            def found(**filters: list[str]) -> list[str]:
                return [item["id"] for item in media.search("", **filters)["data"]]

            assert found() == [first, second]
            assert found(retailerIds=["13"]) == [second]
            assert found(retailerIds=["13"], audienceSegmentIds=[first]) == []
            assert found(audienceSegmentTypes=["Events"]) == []

    def test_a_page_has_up_to_500_segments(self, media: RetailMedia) -> None:
        made = [item["id"] for item in media.bulk("POST", "/create", *(new(f"s{n}") for n in range(505)))["data"]]
        first, rest = media.search("?limit=500&offset=0"), media.search("?limit=500&offset=500")
        assert first["meta"] == {"totalItems": 505, "limit": 500, "offset": 0}
        assert [item["id"] for page in (first, rest) for item in page["data"]] == made
        assert len(media.search()["data"]) == 50
        for query in ("?limit=501", "?limit=-1", "?offset=-1", "?limit=x"):
            assert media.api.call("POST", f"{SEGMENTS}/search{query}", {"data": {}}).status_code == 400


class TestContactLists:
    def test_an_amendment_tells_directly_under_data_what_it_was(self, media: RetailMedia) -> None:
        segment_id = media.create("a", "Email")
        answer = media.amend(segment_id, "add", [SHA256, "jkl@gmail", "a@example.com"], "Email").json()
        assert answer["data"].pop("requestDate").endswith("+00:00")
        assert answer == {
            "type": "AddRemoveContactlistResult",
            "data": {
                "contactListId": int(segment_id),
                "operation": "add",
                "identifierType": "Email",
                "nbValidIdentifiers": 2,
                "nbInvalidIdentifiers": 1,
                "sampleInvalidIdentifiers": ["jkl@gmail"],
            },
            "errors": [],
            "warnings": [],
        }
        assert media.sandbox.members(segment_id, "Email") == {SHA256, "a@example.com"}

    @pytest.mark.parametrize(
        ("identifier_type", "sent", "kept"),
        [
            ("Email", SHA256.upper(), SHA256),
            ("PhoneNumber", "+14155550100", "14155550100"),
            ("PhoneNumber", SHA256, SHA256),
            ("IdentityLink", " XY1042aB ", "XY1042aB"),
            ("UserIdentifier", "123E4567-e89b-12d3-a456-426614174000", "123E4567-e89b-12d3-a456-426614174000"),
            ("CustomerId", "00421", "00421"),
        ],
    )
    def test_each_type_is_kept_in_its_wire_form(
        self, media: RetailMedia, identifier_type: str, sent: str, kept: str
    ) -> None:
        segment_id = media.create("a", identifier_type)
        media.amend(segment_id, "add", [sent], identifier_type)
        assert media.sandbox.members(segment_id, identifier_type) == {kept}
        media.amend(segment_id, "remove", [kept], identifier_type)
        assert media.sandbox.members(segment_id, identifier_type) == set()

    @pytest.mark.parametrize("operation", ["add", "remove"])
    @pytest.mark.parametrize("identifier_type", ["Email", "UserIdentifier", "IdentityLink", "PhoneNumber", "Gum"])
    def test_a_list_takes_no_type_but_the_one_it_was_made_for(
        self, media: RetailMedia, operation: str, identifier_type: str
    ) -> None:
        segment_id = media.create("a")
        media.amend(segment_id, "add", ["1"])
        answer = media.amend(segment_id, operation, [SHA256], identifier_type)
        assert problem(answer) == (400, "validation", "identifier-type-mismatch")
        assert media.sandbox.segment("a").identifiers == {"CustomerId": 1}

    def test_a_cleared_list_is_empty_and_answered_without_a_body(self, media: RetailMedia) -> None:
        segment_id = media.create("a")
        media.amend(segment_id, "add", ["1", "2"])
        answer = media.clear(segment_id)
        assert (answer.status_code, answer.content) == (204, b"")
        assert media.sandbox.segment("a").size == 0
        assert media.amend(segment_id, "add", ["1"]).status_code == 200

    def test_statistics_follow_the_membership(self, media: RetailMedia) -> None:
        segment_id = media.create("a")
        media.amend(segment_id, "add", [str(number) for number in range(100)])
        assert media.statistics(segment_id).json()["data"] == {
            "id": segment_id,
            "type": "ContactListStatistics",
            "attributes": {"numberOfIdentifiers": 100, "numberOfMatches": 68, "matchRate": 0.68},
        }

    @pytest.mark.parametrize(("segment_id", "status"), [("1", 404), (str(2**60), 404), (str(2**63), 400), ("x", 400)])
    def test_a_list_that_does_not_exist_is_refused(self, media: RetailMedia, segment_id: str, status: int) -> None:
        code = "audience-invalid" if status == 404 else "invalid"
        for answer in (media.amend(segment_id, "add", ["1"]), media.clear(segment_id), media.statistics(segment_id)):
            assert problem(answer) == (status, "validation", code)

    def test_a_list_that_is_read_only_cannot_be_amended(self, media: RetailMedia) -> None:
        fixed = media.sandbox.add_retail_media_segment("555", "fixed", read_only=True)
        assert problem(media.amend(fixed.id, "add", ["1"])) == (400, "validation", "invalid")
        assert problem(media.clear(fixed.id)) == (400, "validation", "invalid")
        (shown,) = media.search(audienceSegmentIds=[fixed.id])["data"]
        assert shown["attributes"]["contactList"]["isReadOnly"] is True

    def test_more_than_50_000_identifiers_are_refused(self, media: RetailMedia) -> None:
        segment_id = media.create("a")
        identifiers = [str(number) for number in range(50_001)]
        assert problem(media.amend(segment_id, "add", identifiers)) == (400, "validation", "too-many-identifiers")
        assert media.amend(segment_id, "add", identifiers[:-1]).status_code == 200
        assert media.sandbox.segment("a").size == 50_000


def _amendment(**attributes: Any) -> dict[str, Any]:
    attributes = {"operation": "add", "identifierType": "CustomerId", "identifiers": []} | attributes
    return {"data": {"attributes": {key: value for key, value in attributes.items() if value is not ...}}}


LIST = f"{BASE}/audience-segments/568708742535270157/contact-list/add-remove"

MALFORMED = [
    ("POST", f"{SEGMENTS}/create", {"data": {}}, "data"),
    ("POST", f"{SEGMENTS}/create", {"data": [{"attributes": {"name": "x"}}]}, "data/0/attributes/retailerId"),
    ("POST", f"{SEGMENTS}/create", {"data": [new("x", retailerId=12)]}, "data/0/attributes/retailerId"),
    ("POST", f"{SEGMENTS}/create", {"data": [new("x", advertiserId="1")]}, "data/0/attributes/advertiserId"),
    ("POST", f"{SEGMENTS}/create", {"data": [new("x", "email")]}, "data/0/attributes/contactList/identifierType"),
    ("POST", f"{SEGMENTS}/create", {"data": [new("x", "Gum")]}, "data/0/attributes/contactList/identifierType"),
    (
        "POST",
        f"{SEGMENTS}/create",
        {"data": [{"attributes": {"name": "x", "retailerId": "12", "events": {"lookbackDays": "Last7Days"}}}]},
        "data/0/attributes/events/shopperActivity",
    ),
    (
        "PATCH",
        SEGMENTS,
        {"data": [{"id": "1", "attributes": {"contactList": {"identifierType": "Email"}}}]},
        "data/0/attributes/contactList/identifierType",
    ),
    ("PATCH", SEGMENTS, {"data": [{"id": "1", "attributes": {"description": "x"}}]}, "data/0/attributes/description"),
    ("POST", f"{SEGMENTS}/delete", {"data": [{"id": 1}]}, "data/0/id"),
    ("POST", f"{SEGMENTS}/search", {"data": {"attributes": {"advertiserIds": []}}}, "data/attributes/advertiserIds"),
    (
        "POST",
        f"{SEGMENTS}/search",
        {"data": {"attributes": {"audienceSegmentTypes": ["InMarket"]}}},
        "data/attributes/audienceSegmentTypes/0",
    ),
    ("POST", LIST, _amendment(operation="Add"), "data/attributes/operation"),
    ("POST", LIST, _amendment(identifierType="customerid"), "data/attributes/identifierType"),
    ("POST", LIST, _amendment(identifierType=...), "data/attributes/identifierType"),
    ("POST", LIST, _amendment(identifiers=[1]), "data/attributes/identifiers/0"),
    ("POST", LIST, _amendment(gumCallerId=7), "data/attributes/gumCallerId"),
]


@pytest.mark.parametrize(("method", "path", "body", "where"), MALFORMED)
def test_a_malformed_request_is_answered_with_400_and_the_place(
    media: RetailMedia, method: str, path: str, body: Any, where: str
) -> None:
    media.create("list")
    answer = media.api.call(method, path, body)
    assert answer.status_code == 400
    assert where in [next(iter(error["source"].values())) for error in answer.json()["errors"]]
    assert len(media.sandbox.segments()) == 1


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PATCH", "/audience-segments/1/contact-list"),
        ("DELETE", "/audience-segments/1/contact-list"),
        ("GET", "/accounts/555/audience-segments/1/contact-list/statistics"),
        ("POST", "/accounts/555/audience-segments/1/contact-list/add-remove"),
        ("POST", "/audience-segments/create"),
        ("POST", "/accounts/555/audience-segments/compute-sizes"),
    ],
)
def test_paths_of_the_other_service_are_not_there(api: Api, method: str, path: str) -> None:
    assert api.session.request(method, f"{api.sandbox.url}{BASE}{path}", json={}).status_code == 404


@pytest.mark.parametrize("version", ["2026-01", "2026-07", "2027-01"])
def test_the_living_versions_answer_alike(api: Api, version: str) -> None:
    assert api.call("GET", f"/{version}/retail-media/accounts").status_code == 200
    assert problem(api.call("GET", "/2025-10/retail-media/accounts"))[0] == 410


class TestFaultsAndLog:
    def test_calls_are_logged_with_what_they_carried(self, media: RetailMedia) -> None:
        segment_id = media.create("a")
        media.amend(segment_id, "add", ["1", "2"])
        (call,) = media.sandbox.calls("add-remove", identifiers=True)
        assert (call.segment_id, call.operation, call.identifier_type, call.count) == (
            segment_id,
            "add",
            "CustomerId",
            2,
        )
        assert call.identifiers == ("1", "2")

    def test_a_rule_picks_its_calls_by_operation_and_type(self, media: RetailMedia) -> None:
        segment_id = media.create("a")
        media.sandbox.fault("503", "contact-list", operation="remove", identifier_type="CustomerId")
        assert media.amend(segment_id, "add", ["1"]).status_code == 200
        assert media.amend(segment_id, "remove", ["1"]).status_code == 503
        assert media.sandbox.members(segment_id, "CustomerId") == {"1"}

    def test_a_rejected_item_is_told_of_in_warnings_unless_said_otherwise(self, media: RetailMedia) -> None:
        media.sandbox.fault("reject", "create", times=1)
        media.sandbox.fault("reject", "create", where="errors")
        answers = [media.bulk("POST", "/create", new("a")) for _ in range(2)]
        assert [len(answer["warnings"]) for answer in answers] == [1, 0]
        assert [len(answer["errors"]) for answer in answers] == [0, 1]
        assert media.sandbox.segments() == ()

    @pytest.mark.parametrize("fault", ["drop-after", "truncate"])
    def test_a_clear_can_take_effect_without_an_answer(self, media: RetailMedia, fault: str) -> None:
        segment_id = media.create("a")
        media.amend(segment_id, "add", ["1"])
        media.sandbox.fault(fault, "clear")
        with pytest.raises(requests.ConnectionError):
            media.clear(segment_id)
        assert media.sandbox.segment("a").size == 0

    def test_a_slow_clear_is_a_good_clear(self, media: RetailMedia) -> None:
        segment_id = media.create("a")
        media.sandbox.fault("slow", "clear", seconds=0.05)
        assert media.clear(segment_id).status_code == 204
        assert media.clear(segment_id).status_code == 204

    def test_both_services_use_up_one_limit(self) -> None:
        with opened(SandboxOptions(rate_limit=2)) as api:
            paths = (f"{BASE}/me", "/2026-07/marketing-solutions/me", f"{BASE}/accounts")
            assert [api.call("GET", path).status_code for path in paths] == [200, 200, 429]


class TestByHand:
    def test_somebody_makes_changes_and_deletes_a_segment(self, media: RetailMedia) -> None:
        segment = media.sandbox.add_retail_media_segment("555", "a", identifier_type="Email", description="d")
        assert (segment.service, segment.account_id, segment.retailer_id) == ("retail-media", "555", "12")
        assert (segment.advertiser_id, segment.identifier_type) == (None, "Email")
        media.sandbox.change_segment(segment.id, name="b")
        assert media.search()["data"][0]["attributes"]["name"] == "b"
        assert [view.id for view in media.sandbox.segments(account_id="555")] == [segment.id]
        assert media.sandbox.segments("12345") == media.sandbox.segments(account_id="556") == ()
        media.sandbox.delete_segment(segment.id)
        assert media.search()["data"] == []

    @pytest.mark.parametrize(
        "body",
        [
            {"name": "a"},
            {"name": "a", "advertiserId": "12345", "accountId": "555", "retailerId": "12"},
            {"name": "a", "advertiserId": "12345", "retailerId": "12"},
            {"name": "a", "advertiserId": "12345", "identifierType": "Email"},
            {"name": "a", "accountId": "555", "identifierType": "Email"},
            {"name": "a", "accountId": "555", "retailerId": "12"},
            {"name": "a", "accountId": "555", "retailerId": "12", "identifierType": "email"},
            {"name": "a", "accountId": "555", "retailerId": "12", "type": "Events", "identifierType": "Email"},
            {"name": "a", "accountId": "555", "retailerId": "12", "type": "Location"},
        ],
    )
    def test_a_segment_that_cannot_be_is_not_made(self, api: Api, body: dict[str, str]) -> None:
        answer = requests.post(f"{api.sandbox.url}/__sandbox__/segments", json=body, timeout=10)
        assert answer.status_code == 400
        assert api.sandbox.segments() == ()

    def test_what_does_not_exist_is_refused(self, media: RetailMedia) -> None:
        with pytest.raises(HeadcountError, match="no such account"):
            media.sandbox.add_retail_media_segment("556", "a")
        with pytest.raises(HeadcountError, match="no such retailer"):
            media.sandbox.add_retail_media_segment("555", "a", retailer_id="13")
        segment_id = media.create("a")
        with pytest.raises(HeadcountError, match="CustomerId"):
            media.sandbox.members(segment_id, "email")
        with pytest.raises(UsageError, match="accounts that are not defined: 999"):
            SandboxOptions(apps=(App("a", "b", (), ("999",)),))

    def test_consent_of_accounts_leaves_that_of_advertisers_alone(self, api: Api) -> None:
        api.sandbox.consent("sandbox", accounts=[])
        assert len(api.call("GET", "/2026-07/advertisers/me").json()["data"]) == 2
        api.sandbox.consent("sandbox", ["12345"], accounts=["555"])
        assert len(api.call("GET", "/2026-07/advertisers/me").json()["data"]) == 1
        assert len(RetailMedia(api).accounts()["data"]) == 1


def test_a_restarted_sandbox_still_knows_both_kinds_of_audience(tmp_path: Path) -> None:
    options = SandboxOptions(data_file=tmp_path / "sandbox.data")
    with opened_retail_media(options) as media:
        kept, deleted, theirs = media.create("a", "Email"), media.create("b"), media.api.create("a")
        media.amend(kept, "add", [SHA256, "a@example.com"], "Email")
        media.bulk("POST", "/delete", {"id": deleted})
        before = media.sandbox.segments(), media.search(), media.api.search()
    with opened_retail_media(options) as media:
        assert (media.sandbox.segments(), media.search(), media.api.search()) == before
        assert media.sandbox.members(kept, "Email") == {SHA256, "a@example.com"}
        assert media.create("new") not in (kept, deleted)
        assert media.api.create("new") != theirs
        assert problem(media.amend(kept, "add", ["1"]))[2] == "identifier-type-mismatch"
