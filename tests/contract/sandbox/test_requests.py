"""What is refused before anything is done."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from runner.sandbox import SandboxOptions
from tests.contract.sandbox.api import SEGMENTS, Api, opened, problem


def _create(**attributes: Any) -> dict[str, Any]:
    return {"data": [{"attributes": {"advertiserId": "12345", "name": "a", "contactList": {}} | attributes}]}


def _amendment(**attributes: Any) -> dict[str, Any]:
    attributes = {"operation": "add", "identifierType": "email", "identifiers": []} | attributes
    attributes = {key: value for key, value in attributes.items() if value is not ...}
    return {"data": {"type": "ContactlistAmendment", "attributes": attributes}}


CREATE, UPDATE, DELETE, SEARCH = f"{SEGMENTS}/create", SEGMENTS, f"{SEGMENTS}/delete", f"{SEGMENTS}/search"
LIST = f"{SEGMENTS}/270157/contact-list"

MALFORMED = [
    pytest.param("POST", CREATE, [], "", "invalid", id="a list where an object belongs"),
    pytest.param("POST", CREATE, {}, "data", "required-field", id="no data"),
    pytest.param("POST", CREATE, {"data": {}}, "data", "invalid", id="data of a bulk call is no array"),
    pytest.param("POST", CREATE, {"data": [None]}, "data/0", "invalid", id="an item is null"),
    pytest.param(
        "POST", CREATE, {"data": [{}]}, "data/0/attributes", "required-field", id="an item without attributes"
    ),
    pytest.param(
        "POST",
        CREATE,
        {"data": [{"attributes": {"advertiserId": "12345", "contactList": {}}}]},
        "data/0/attributes/name",
        "required-field",
        id="a create without a name",
    ),
    pytest.param("POST", CREATE, _create(name=None), "data/0/attributes/name", "invalid", id="a name that is null"),
    pytest.param(
        "POST", CREATE, _create(advertiserId=12345), "data/0/attributes/advertiserId", "invalid", id="an id as a number"
    ),
    pytest.param(
        "POST",
        CREATE,
        _create(description={"value": "x"}),
        "data/0/attributes/description",
        "invalid",
        id="a create wraps the description",
    ),
    pytest.param(
        "POST",
        CREATE,
        _create(contactList={"identifierType": "Email"}),
        "data/0/attributes/contactList/identifierType",
        "unknown-field",
        id="an identifier type as in retail media",
    ),
    pytest.param(
        "PATCH",
        UPDATE,
        {"data": [{"id": "1", "attributes": {"description": "x"}}]},
        "data/0/attributes/description",
        "invalid",
        id="an update does not wrap the description",
    ),
    pytest.param(
        "PATCH",
        UPDATE,
        {"data": [{"id": "1", "attributes": {"advertiserId": "12345"}}]},
        "data/0/attributes/advertiserId",
        "unknown-field",
        id="an update moves a segment",
    ),
    pytest.param(
        "PATCH", UPDATE, {"data": [{"attributes": {}}]}, "data/0/id", "required-field", id="an update without an id"
    ),
    pytest.param("POST", DELETE, {"data": [{"id": 1}]}, "data/0/id", "invalid", id="a delete with a number"),
    pytest.param("POST", SEARCH, {}, "data", "required-field", id="a search without data"),
    pytest.param(
        "POST",
        SEARCH,
        {"data": {"attributes": {"audienceSegmentTypes": ["contactList"]}}},
        "data/attributes/audienceSegmentTypes/0",
        "invalid",
        id="a type with a small letter",
    ),
    pytest.param(
        "POST",
        SEARCH,
        {"data": {"attributes": {"names": ["a"]}}},
        "data/attributes/names",
        "unknown-field",
        id="a filter that does not exist",
    ),
    pytest.param("PATCH", LIST, {"data": {"attributes": {}}}, "data/type", "required-field", id="no type"),
    pytest.param(
        "PATCH", LIST, _amendment(operation="Add"), "data/attributes/operation", "invalid", id="a capital operation"
    ),
    pytest.param(
        "PATCH", LIST, _amendment(operation=...), "data/attributes/operation", "required-field", id="no operation"
    ),
    pytest.param(
        "PATCH",
        LIST,
        _amendment(identifierType="customerid"),
        "data/attributes/identifierType",
        "invalid",
        id="an identifier type of old",
    ),
    pytest.param(
        "PATCH",
        LIST,
        _amendment(identifierType=["email"]),
        "data/attributes/identifierType",
        "invalid",
        id="an identifier type in an array",
    ),
    pytest.param(
        "PATCH",
        LIST,
        _amendment(identifierType=...),
        "data/attributes/identifierType",
        "required-field",
        id="no identifier type",
    ),
    pytest.param(
        "PATCH", LIST, _amendment(identifiers=...), "data/attributes/identifiers", "required-field", id="no identifiers"
    ),
    pytest.param(
        "PATCH",
        LIST,
        _amendment(identifiers=["a@example.com", 7]),
        "data/attributes/identifiers/1",
        "invalid",
        id="a number among the identifiers",
    ),
    pytest.param(
        "PATCH",
        LIST,
        _amendment(identifiers="a@example.com"),
        "data/attributes/identifiers",
        "invalid",
        id="identifiers as one string",
    ),
    pytest.param(
        "PATCH",
        LIST,
        _amendment(identifierType="gum"),
        "data/attributes/gumCallerId",
        "required-field",
        id="gum without a caller id",
    ),
    pytest.param(
        "PATCH",
        LIST,
        _amendment(gumCallerId=7),
        "data/attributes/gumCallerId",
        "invalid",
        id="a caller id without gum",
    ),
]


@pytest.mark.parametrize(("method", "path", "body", "where", "code"), MALFORMED)
def test_a_malformed_request_is_answered_with_400_and_the_place(
    api: Api, method: str, path: str, body: Any, where: str, code: str
) -> None:
    api.create("list")
    answer = api.call(method, path, body)
    errors = answer.json()["errors"]
    assert answer.status_code == 400
    found = [(next(iter(error.get("source", {"": ""}).values())), error["code"], error["type"]) for error in errors]
    assert (where, code, "validation") in found
    assert api.sandbox.segment("list").size == 0
    assert len(api.sandbox.segments()) == 1


def test_every_violation_is_told_at_once(api: Api) -> None:
    body = {"data": [{"attributes": {"name": 1}}, {"nonsense": 1}]}
    answer = api.call("POST", CREATE, body)
    places = {next(iter(error["source"].values())) for error in answer.json()["errors"]}
    assert places == {
        "data/0/attributes/advertiserId",
        "data/0/attributes/name",
        "data/1/attributes",
        "data/1/nonsense",
    }


def test_no_error_quotes_an_identifier(api: Api) -> None:
    segment_id = api.create("list")
    answer = api.amend(segment_id, "add", ["canary@example.com", None])  # type: ignore[list-item]
    assert answer.status_code == 400
    assert "canary" not in answer.text


def test_unknown_fields_can_be_let_pass_as_criteo_does() -> None:
    with opened(SandboxOptions(strict_fields=False)) as api:
        segment_id = api.create("list", nonsense=1)
        assert api.amend(segment_id, "add", ["a@example.com"], internalIdentifiers=False).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{'data': []}",
        b'{"data": NaN}',
        b'\xff{"data": []}',
        b'{"data": "\\ud800"}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_json_is_refused(api: Api, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    answer = api.session.post(f"{api.sandbox.url}{SEARCH}", data=body, headers=headers)
    assert problem(answer) == (400, "validation", "invalid")
    assert answer.json()["errors"][0]["title"] == "The request body is not valid JSON"


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_a_body_of_another_content_type_is_refused(api: Api, content_type: str | None) -> None:
    answer = api.session.post(
        f"{api.sandbox.url}{SEARCH}", data=b'{"data": {}}', headers={"Content-Type": content_type}
    )
    assert answer.status_code == 415


def test_a_compressed_body_is_refused(api: Api) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    assert api.session.post(f"{api.sandbox.url}{SEARCH}", data=b"xx", headers=headers).status_code == 415


def test_a_charset_beside_the_content_type_is_fine(api: Api) -> None:
    headers = {"Content-Type": "application/json; charset=utf-8"}
    answer = api.session.post(f"{api.sandbox.url}{SEARCH}", data=b'{"data": {}}', headers=headers)
    assert answer.status_code == 200


def test_a_body_over_the_limit_is_refused_without_a_body_of_its_own() -> None:
    with opened(SandboxOptions(max_body=100_000)) as api:
        segment_id = api.create("list")
        answer = api.amend(segment_id, "add", ["a@example.com"] * 10_000)
        assert (answer.status_code, answer.content) == (413, b"")
        assert api.sandbox.segment("list").size == 0
        assert api.amend(segment_id, "add", ["a@example.com"]).status_code == 200


def test_a_body_in_chunks_counts_as_well() -> None:
    with opened(SandboxOptions(max_body=1_000)) as api:
        chunks = (b" " * 500 for _ in range(3))
        headers = {"Content-Type": "application/json"}
        assert api.session.post(f"{api.sandbox.url}{SEARCH}", data=chunks, headers=headers).status_code == 413


def test_more_than_50_000_identifiers_are_refused_and_exactly_50_000_are_not(api: Api) -> None:
    segment_id = api.create("list")
    identifiers = [f"{number:064x}" for number in range(50_001)]
    assert problem(api.amend(segment_id, "add", identifiers)) == (400, "validation", "too-many-identifiers")
    assert api.sandbox.segment("list").size == 0
    assert api.amend(segment_id, "add", identifiers[:-1]).status_code == 200
    assert api.sandbox.segment("list").size == 50_000


@pytest.mark.parametrize("version", ["2026-01", "2026-07", "2027-01"])
def test_the_living_versions_answer_alike(api: Api, version: str) -> None:
    answer = api.call("POST", f"/{version}/marketing-solutions/audience-segments/search", {"data": {}})
    assert (answer.status_code, answer.json()["meta"]["totalItems"]) == (200, 0)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/2025-10/marketing-solutions/audience-segments/search", 410),
        ("/2021-10/audiences", 410),
        ("/2027-07/marketing-solutions/audience-segments/search", 404),
        ("/latest/marketing-solutions/audience-segments/search", 404),
        ("/2026-07/marketing-solutions/audience-segments/search/", 404),
        ("/2026-07/marketing-solutions/segments", 404),
        ("/2026-07/audiences/1/contactlist", 404),
        ("/", 404),
    ],
)
def test_versions_and_paths_that_do_not_exist_are_told_apart(api: Api, path: str, status: int) -> None:
    assert problem(api.call("POST", path, {"data": {}}))[0] == status


def test_a_known_path_with_another_method_is_not_allowed(api: Api) -> None:
    assert problem(api.call("PUT", SEGMENTS, {"data": []}))[0] == 405


def test_every_answer_carries_the_date_of_the_sandboxs_clock(api: Api) -> None:
    before = requests.get(f"{api.sandbox.url}/nowhere", timeout=10).headers["Date"]
    api.sandbox.advance(86_400)
    try:
        assert requests.get(f"{api.sandbox.url}/nowhere", timeout=10).headers["Date"][:16] != before[:16]
    finally:
        api.sandbox.advance(-86_400)
