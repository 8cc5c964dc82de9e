from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from runner.sandbox import App, SandboxOptions
from tests.contract.sandbox.api import SEGMENTS, Api, opened, problem


def _bulk(api: Api, method: str, path: str, *items: dict[str, Any]) -> Any:
    answer = api.call(method, f"{SEGMENTS}{path}", {"data": list(items)})
    assert answer.status_code == 200
    return answer.json()


def _new(name: str, advertiser_id: str = "12345", **more: Any) -> dict[str, Any]:
    return {"attributes": {"advertiserId": advertiser_id, "name": name, "contactList": {}} | more}


def _codes(answer: Any) -> list[tuple[str, str]]:
    return [(error["code"], next(iter(error["source"].values()))) for error in answer["errors"]]


def test_a_created_contact_list_is_shown_whole(api: Api) -> None:
    answer = _bulk(api, "POST", "/create", _new("vip \N{SNOWMAN}", description="d"))
    (created,) = answer["data"]
    attributes = created["attributes"]
    assert created["id"].isdigit()
    assert attributes.pop("createdAt") == attributes.pop("updatedAt")
    assert attributes == {
        "advertiserId": "12345",
        "name": "vip \N{SNOWMAN}",
        "description": "d",
        "type": "ContactList",
        "contactList": {"isReadOnly": False},
    }
    assert api.search()["data"] == answer["data"] or api.search()["data"][0]["id"] == created["id"]


def test_items_fail_one_by_one_inside_a_200(api: Api) -> None:
    answer = _bulk(
        api,
        "POST",
        "/create",
        _new("a"),
        _new("a"),
        _new("  "),
        _new("b", advertiser_id="999"),
        {"attributes": {"advertiserId": "12345", "name": "c"}},
        {
            "attributes": {
                "advertiserId": "12345",
                "name": "d",
                "contactList": {},
                "prospecting": {"usersType": "Prospects"},
            }
        },
        _new("a", advertiser_id="67890"),
    )
    assert [item["attributes"]["advertiserId"] for item in answer["data"]] == ["12345", "67890"]
    assert _codes(answer) == [
        ("name-must-be-unique", "data/1/attributes/name"),
        ("name-must-not-be-empty", "data/2/attributes/name"),
        ("insufficient-advertiser-permissions", "data/3/attributes/advertiserId"),
        ("invalid", "data/4/attributes"),
        ("invalid", "data/5/attributes"),
    ]


def test_a_single_failing_item_can_be_answered_with_400() -> None:
    with opened(SandboxOptions(single_item_400=True)) as api:
        api.create("a")
        one = api.call("POST", f"{SEGMENTS}/create", {"data": [_new("a")]})
        assert problem(one) == (400, "validation", "name-must-be-unique")
        assert _codes(_bulk(api, "POST", "/create", _new("a"), _new("b"))) == [
            ("name-must-be-unique", "data/0/attributes/name")
        ]


def test_failing_items_can_be_put_among_the_warnings() -> None:
    with opened(SandboxOptions(bulk_problems="warnings")) as api:
        answer = _bulk(api, "POST", "/delete", {"id": "1"})
        assert (answer["data"], answer["errors"]) == ([], [])
        assert answer["warnings"][0]["code"] == "segment-not-found"


def test_an_update_changes_what_it_names_and_nothing_else(api: Api) -> None:
    segment_id = api.create("a", description="d")

    def update(**attributes: Any) -> Any:
        return _bulk(api, "PATCH", "", {"id": segment_id, "attributes": attributes})["data"][0]["attributes"]

    assert (update(name="b")["name"], update()["description"]) == ("b", "d")
    assert update(description={"value": "new"})["description"] == "new"
    assert update(description=None)["description"] == "new"
    assert update(description={"value": None})["description"] is None
    assert update(description={"value": "x"})["name"] == "b"
    assert update(description={})["description"] is None


def test_an_update_moves_the_time_of_the_last_change(api: Api) -> None:
    segment_id = api.create("a")
    api.sandbox.advance(60)
    attributes = _bulk(api, "PATCH", "", {"id": segment_id, "attributes": {"name": "b"}})["data"][0]["attributes"]
    created, updated = (datetime.fromisoformat(attributes[key]) for key in ("createdAt", "updatedAt"))
    assert (updated - created).total_seconds() >= 60


def test_names_stay_unique_through_updates_and_become_free_again(api: Api) -> None:
    first, second = api.create("a"), api.create("b")
    taken = _bulk(api, "PATCH", "", {"id": second, "attributes": {"name": "a"}})
    assert (taken["data"], _codes(taken)) == ([], [("name-must-be-unique", "data/0/attributes/name")])
    assert _bulk(api, "PATCH", "", {"id": first, "attributes": {"name": "a"}})["errors"] == []
    assert _codes(_bulk(api, "PATCH", "", {"id": first, "attributes": {"name": ""}}))[0][0] == "name-must-not-be-empty"
    swapped = _bulk(
        api,
        "PATCH",
        "",
        {"id": first, "attributes": {"name": "aside"}},
        {"id": second, "attributes": {"name": "a"}},
        {"id": first, "attributes": {"name": "b"}},
    )
    assert [item["attributes"]["name"] for item in swapped["data"]] == ["aside", "a", "b"]
    _bulk(api, "POST", "/delete", {"id": second})
    assert api.create("a") not in (first, second)


def test_a_refused_update_changes_nothing_at_all(api: Api) -> None:
    api.create("a")
    segment_id = api.create("b", description="d")
    _bulk(api, "PATCH", "", {"id": segment_id, "attributes": {"name": "a", "description": {"value": "x"}}})
    assert api.sandbox.segment("b").description == "d"


def test_deleted_segments_are_gone_with_their_members(api: Api) -> None:
    segment_id = api.create("a")
    api.amend(segment_id, "add", ["a@example.com"])
    answer = _bulk(
        api, "POST", "/delete", {"id": segment_id, "type": "AudienceSegment", "attributes": {}}, {"id": segment_id}
    )
    assert answer["data"] == [{"id": segment_id, "type": "AudienceSegment", "attributes": {}}]
    assert _codes(answer) == [("segment-not-found", "data/1/id")]
    assert api.search()["data"] == []
    assert problem(api.amend(segment_id, "add", ["a@example.com"])) == (404, "validation", "audience-invalid")


@pytest.mark.parametrize("unknown", ["1", "0", "-1", "x", "", "99999999999999999999", "9" * 5000])
def test_an_unknown_segment_is_a_problem_of_its_item(api: Api, unknown: str) -> None:
    for method, path, item in (
        ("POST", "/delete", {"id": unknown}),
        ("PATCH", "", {"id": unknown, "attributes": {"name": "x"}}),
        ("POST", "/compute-sizes", {"id": unknown}),
    ):
        assert _codes(_bulk(api, method, path, item)) == [("segment-not-found", "data/0/id")]


def test_an_empty_bulk_call_is_answered_with_nothing(api: Api) -> None:
    assert _bulk(api, "POST", "/create") == {"data": [], "errors": [], "warnings": []}


def test_filters_of_a_search_are_joined_by_and(api: Api) -> None:
    first, second = api.create("a"), api.create("b", advertiser_id="67890")
    location = {"location": {"pointsOfInterest": [], "radiusInKm": 3}}
    third = _bulk(api, "POST", "/create", {"attributes": {"advertiserId": "12345", "name": "c"} | location})["data"][0]

    def found(**filters: list[str]) -> list[str]:
        return [item["id"] for item in api.search(**filters)["data"]]

    assert found() == [first, second, third["id"]]
    assert found(advertiserIds=["12345"]) == [first, third["id"]]
    assert found(advertiserIds=["12345"], audienceSegmentTypes=["ContactList"]) == [first]
    assert found(audienceSegmentTypes=["ContactList", "Location"], audienceSegmentIds=[second]) == [second]
    assert found(audienceSegmentIds=["1", first]) == [first]
    assert found(advertiserIds=[]) == []
    assert found(advertiserIds=["999"]) == []


def test_a_search_is_paged(api: Api) -> None:
    made = [item["id"] for item in _bulk(api, "POST", "/create", *(_new(f"s{n}") for n in range(105)))["data"]]
    first, rest = api.search("?limit=100&offset=0"), api.search("?limit=100&offset=100")
    assert first["meta"] == {"totalItems": 105, "limit": 100, "offset": 0}
    assert [item["id"] for page in (first, rest) for item in page["data"]] == made
    assert len(api.search()["data"]) == 50
    assert api.search("?offset=200")["data"] == []


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("?limit=101", "invalid-range"),
        ("?limit=-1", "invalid-range"),
        ("?offset=-1", "invalid-range"),
        ("?limit=many", "invalid"),
        ("?limit=", "invalid"),
    ],
)
def test_a_page_that_cannot_be_is_refused(api: Api, query: str, code: str) -> None:
    answer = api.call("POST", f"{SEGMENTS}/search{query}", {"data": {}})
    assert problem(answer) == (400, "validation", code)


def test_what_belongs_to_others_is_out_of_sight() -> None:
    apps = (App("one", "s1", ("12345",)), App("two", "s2", ("67890",)))
    with opened(SandboxOptions(apps=apps), client_id="one", client_secret="s1") as one:
        two = Api(one.sandbox, "two", "s2")
        segment_id = two.create("theirs", advertiser_id="67890")
        assert one.search()["data"] == one.search(advertiserIds=["67890"])["data"] == []
        assert _codes(_bulk(one, "POST", "/delete", {"id": segment_id})) == [("segment-not-found", "data/0/id")]
        assert problem(one.amend(segment_id, "add", ["a@example.com"])) == (403, "validation", "audience-invalid")
        assert problem(one.clear(segment_id)) == (403, "validation", "audience-invalid")
        assert two.amend(segment_id, "add", ["a@example.com"]).status_code == 200
        two.session.close()


def test_every_type_of_segment_can_be_made_and_changed(api: Api) -> None:
    kinds: dict[str, dict[str, Any]] = {
        "inMarket": {"country": "FR", "buyingPower": ["High"], "gender": "Female"},
        "prospecting": {"usersType": "Prospects", "daysSinceLastVisitMin": 3},
        "location": {"radiusInKm": 5, "pointsOfInterest": [{"name": "here", "latitude": 1.5, "longitude": 2}]},
        "retargeting": {"visitorsType": "All", "daysSinceLastVisitMin": 1, "daysSinceLastVisitMax": 9},
        "lookalike": {"seedSegmentId": "1", "targetSize": 1000},
    }
    items = [{"attributes": {"advertiserId": "12345", "name": key, key: value}} for key, value in kinds.items()]
    created = _bulk(api, "POST", "/create", *items)["data"]
    assert [item["attributes"][key] for item, key in zip(created, kinds, strict=True)] == list(kinds.values())
    update = {"id": created[1]["id"], "attributes": {"prospecting": {"daysSinceLastVisitMin": {"value": None}}}}
    changed = _bulk(api, "PATCH", "", update)["data"][0]["attributes"]["prospecting"]
    assert changed == {"usersType": "Prospects", "daysSinceLastVisitMin": None}
    mixed = {"id": created[0]["id"], "attributes": {"prospecting": {}}}
    assert _codes(_bulk(api, "PATCH", "", mixed)) == [("invalid", "data/0/attributes")]


def test_sizes_are_computed_and_estimated(api: Api) -> None:
    segment_id = api.create("a")
    api.amend(segment_id, "add", [f"{number:064x}" for number in range(100)])
    (size,) = _bulk(api, "POST", "/compute-sizes", {"id": segment_id})["data"]
    assert size == {"id": segment_id, "type": "AudienceSegmentSize", "attributes": {"size": 68}}

    def estimate(**attributes: Any) -> Any:
        body = {"data": {"attributes": {"advertiserId": "12345"} | attributes}}
        return api.call("POST", f"{SEGMENTS}/estimate-size", body)

    in_france = estimate(inMarket={"country": "FR"}).json()["data"]["attributes"]["size"]
    assert in_france == estimate(inMarket={"country": "FR"}).json()["data"]["attributes"]["size"]
    assert in_france != estimate(inMarket={"country": "DE"}).json()["data"]["attributes"]["size"]
    assert problem(estimate()) == (400, "validation", "invalid")
    assert problem(estimate(advertiserId="999", inMarket={"country": "FR"}))[0] == 403
