from __future__ import annotations

import pytest
import requests

from runner.sandbox import SandboxOptions
from tests.contract.sandbox.api import SEGMENTS, Api, opened, problem
from tests.sandbox_client import Sandbox

ME = "/2026-07/marketing-solutions/me"


def test_a_token_is_given_for_the_default_credentials(api: Api) -> None:
    answer = api.token(grant_type="client_credentials", client_id="sandbox", client_secret="sandbox")
    assert answer.status_code == 200
    body = answer.json()
    assert body.pop("access_token")
    assert body == {"token_type": "Bearer", "refresh_token": None, "expires_in": 900}


def test_several_tokens_are_valid_at_once(api: Api) -> None:
    first = api.session.headers["Authorization"]
    api.log_in()
    assert api.session.headers["Authorization"] != first
    for token in (first, api.session.headers["Authorization"]):
        assert api.call("GET", ME, headers={"Authorization": token}).status_code == 200


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({"client_id": "sandbox", "client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "nobody", "client_secret": "sandbox"}, 401, "invalid_client"),
        ({"client_id": "sandbox"}, 400, "invalid_request"),
        ({"client_id": "sandbox", "client_secret": ""}, 400, "invalid_request"),
        ({"client_id": "sandbox", "client_secret": "sandbox", "grant_type": ""}, 400, "invalid_request"),
        (
            {"client_id": "sandbox", "client_secret": "sandbox", "grant_type": "authorization_code", "code": "x"},
            400,
            "unsupported_grant_type",
        ),
    ],
)
def test_a_token_is_refused_in_the_words_of_the_rfc(api: Api, form: dict[str, str], status: int, error: str) -> None:
    answer = api.token(**({"grant_type": "client_credentials"} | form))
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert set(answer.json()) == {"error", "error_description"}


def test_a_token_is_asked_for_with_a_form(sandbox: Sandbox) -> None:
    body = {"grant_type": "client_credentials", "client_id": "sandbox", "client_secret": "sandbox"}
    answer = requests.post(f"{sandbox.url}/oauth2/token", json=body, timeout=10)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    for form in (b"\xff", b"nothing"):
        answer = requests.post(f"{sandbox.url}/oauth2/token", data=form, headers=headers, timeout=10)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    answer = requests.get(f"{sandbox.url}/oauth2/token", timeout=10)
    assert answer.status_code == 405


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, "authorization-token-missing"),
        ("Bearer wrong", "authorization-token-invalid"),
        ("Bearer ", "authorization-token-invalid"),
        ("Basic c2FuZGJveDpzYW5kYm94", "authorization-token-invalid"),
    ],
)
def test_a_call_without_a_good_token_is_refused(api: Api, header: str | None, code: str) -> None:
    for method, path in (("GET", ME), ("POST", f"{SEGMENTS}/search"), ("DELETE", f"{SEGMENTS}/1/contact-list")):
        answer = api.call(method, path, headers={"Authorization": header})
        assert problem(answer) == (401, "authorization", code)
        assert answer.json()["errors"][0]["traceId"]
        assert answer.json()["errors"][0]["instance"] == path


def test_a_token_expires_after_its_life() -> None:
    with opened(SandboxOptions(token_life=1000)) as api:
        api.sandbox.advance(940)
        assert api.call("GET", ME).status_code == 200
        api.sandbox.advance(60)
        assert problem(api.call("GET", ME)) == (401, "authorization", "authorization-token-expired")
        api.log_in()
        assert api.call("GET", ME).status_code == 200


def test_tokens_can_be_expired_and_revoked_by_hand(api: Api) -> None:
    api.sandbox.expire_tokens()
    assert problem(api.call("GET", ME))[2] == "authorization-token-expired"
    api.log_in()
    api.sandbox.revoke_tokens()
    assert problem(api.call("GET", ME))[2] == "authorization-token-invalid"


def test_the_portfolio_uses_underscores_in_the_types_of_its_errors(api: Api) -> None:
    api.sandbox.fault("403", "advertisers/me")
    assert problem(api.call("GET", "/2026-07/advertisers/me"))[1] == "access_control"


def test_advertisers_are_those_that_consented(api: Api) -> None:
    answer = api.call("GET", "/2026-07/advertisers/me").json()
    assert [(item["id"], item["type"]) for item in answer["data"]] == [("12345", "advertiser"), ("67890", "advertiser")]
    assert all(item["attributes"]["advertiserName"] for item in answer["data"])
    api.sandbox.consent("sandbox", ["67890"])
    answer = api.call("GET", "/2026-07/advertisers/me").json()
    assert [item["id"] for item in answer["data"]] == ["67890"]


def test_me_names_the_app(api: Api) -> None:
    attributes = api.call("GET", ME).json()["data"]["attributes"]
    assert (attributes["name"], attributes["criteoService"]) == ("sandbox", "MarketingSolutions")


def test_without_any_consent_calls_are_forbidden_and_not_unauthorised(api: Api) -> None:
    segment_id = api.create("a")
    api.sandbox.consent("sandbox", [])
    create = {"data": [{"attributes": {"advertiserId": "12345", "name": "b", "contactList": {}}}]}
    forbidden = (403, "access-control", "insufficient-advertiser-permissions")
    assert problem(api.call("POST", f"{SEGMENTS}/create", create)) == forbidden
    assert problem(api.call("POST", f"{SEGMENTS}/search", {"data": {"attributes": {}}})) == forbidden
    assert problem(api.amend(segment_id, "add", ["a@example.com"])) == (403, "validation", "audience-invalid")
    assert api.call("GET", "/2026-07/advertisers/me").json()["data"] == []
