from __future__ import annotations

import json
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests

from runner.core.errors import HeadcountError
from tests.contract.sandbox.api import SEGMENTS, Api, problem
from tests.sandbox_client import Sandbox

MEMBER = "0" * 64


def test_the_call_log_tells_what_was_called_and_what_it_carried(api: Api, sandbox: Sandbox) -> None:
    segment_id = api.create("a")
    api.amend(segment_id, "add", [MEMBER, "wrong"])
    token, create, amend = sandbox.calls(identifiers=True)
    assert (token.method, token.path, token.status, token.client_id) == ("POST", "/oauth2/token", 200, "sandbox")
    assert (create.path, create.operation) == (f"{SEGMENTS}/create", None)
    assert (amend.method, amend.segment_id, amend.operation) == ("PATCH", segment_id, "add")
    assert (amend.identifier_type, amend.count, amend.identifiers) == ("email", 2, (MEMBER, "wrong"))
    assert sandbox.calls("contact-list", method="PATCH")[0].identifiers is None
    assert sandbox.calls(method="DELETE") == ()
    sandbox.forget_calls()
    assert sandbox.calls() == ()


def test_identifiers_are_only_kept_on_request(api: Api, sandbox: Sandbox) -> None:
    sandbox.keep_identifiers(False)
    with pytest.raises(HeadcountError, match="not kept"):
        sandbox.calls(identifiers=True)
    segment_id = api.create("a")
    api.amend(segment_id, "add", [MEMBER])
    sandbox.keep_identifiers()
    api.amend(segment_id, "add", [MEMBER])
    assert [call.identifiers for call in sandbox.calls("contact-list", identifiers=True)] == [(), (MEMBER,)]


def test_calls_that_lead_nowhere_are_in_the_log_and_those_to_the_admin_path_are_not(api: Api) -> None:
    api.call("GET", "/2020-01/nothing")
    api.sandbox.segments()
    assert [(call.path, call.status) for call in api.sandbox.calls()][1:] == [("/2020-01/nothing", 410)]


def test_somebody_renames_and_deletes_a_segment_in_the_ui(api: Api, sandbox: Sandbox) -> None:
    segment_id = api.create("a", description="d")
    sandbox.change_segment(segment_id, name="b", description="other")
    attributes = api.search()["data"][0]["attributes"]
    assert (attributes["name"], attributes["description"]) == ("b", "other")
    api.create("a")
    with pytest.raises(HeadcountError, match="has this name"):
        sandbox.change_segment(segment_id, name="a")
    sandbox.delete_segment(segment_id)
    assert problem(api.amend(segment_id, "add", [MEMBER]))[0] == 404
    with pytest.raises(HeadcountError, match="no such segment"):
        sandbox.delete_segment(segment_id)


def test_somebody_makes_a_segment_in_the_ui(api: Api, sandbox: Sandbox) -> None:
    made = sandbox.add_segment("67890", "by hand", description="d")
    assert api.amend(made.id, "add", [MEMBER]).status_code == 200
    assert sandbox.segments("67890")[0].identifiers == {"email": 1}
    assert sandbox.segments("12345") == ()
    with pytest.raises(HeadcountError, match="has this name"):
        sandbox.add_segment("67890", "by hand")
    with pytest.raises(HeadcountError, match="no such advertiser"):
        sandbox.add_segment("1", "elsewhere")


def test_a_segment_is_found_by_its_name(api: Api, sandbox: Sandbox) -> None:
    segment_id = api.create("a")
    assert sandbox.segment("a").id == segment_id
    with pytest.raises(LookupError):
        sandbox.segment("b")


def test_a_reset_forgets_everything(api: Api, sandbox: Sandbox) -> None:
    api.create("a")
    sandbox.fault("500", times=None)
    sandbox.rates({"503": 1.0})
    sandbox.consent("sandbox", [])
    sandbox.reset()
    assert (sandbox.segments(), sandbox.calls(), sandbox.waiting_faults()) == ((), (), 0)
    assert problem(api.call("GET", "/2026-07/advertisers/me"))[2] == "authorization-token-invalid"
    api.log_in()
    assert len(api.call("GET", "/2026-07/advertisers/me").json()["data"]) == 2


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/segments/270157/members?type=Email", None),
        ("GET", "/segments/270157/members", None),
        ("POST", "/faults", {"fault": "500", "times": 0}),
        ("POST", "/faults", {"fault": "500", "skip": -1}),
        ("POST", "/faults", {"fault": "500", "time": 1}),
        ("POST", "/faults", {"fault": "reject", "where": "nowhere"}),
        ("POST", "/faults", {}),
        ("PUT", "/rates", {"rates": {"drop": 0.5}}),
        ("PUT", "/rates", {"rates": {"500": "often"}}),
        ("PUT", "/rates", {"rates": []}),
        ("POST", "/clock", {"advance": "1h"}),
        ("POST", "/clock", []),
        ("PUT", "/consent", {"clientId": "sandbox"}),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence(api: Api, method: str, path: str, body: Any) -> None:
    api.create("a")
    answer = requests.request(method, f"{api.sandbox.url}/__sandbox__{path}", json=body, timeout=10)
    assert answer.status_code == 400
    assert isinstance(answer.json()["error"], str)


def test_a_broken_body_is_refused(sandbox: Sandbox) -> None:
    answer = requests.post(f"{sandbox.url}/__sandbox__/faults", data="{", timeout=10)
    assert (answer.status_code, json.loads(answer.content)) == (400, {"error": "the body is not JSON"})
    assert requests.get(f"{sandbox.url}/__sandbox__/nothing", timeout=10).status_code == 404
    with pytest.raises(HeadcountError, match="no such client id"):
        sandbox.consent("nobody", [])


BROWSER = [
    {"Origin": "https://evil.example", "Content-Type": "text/plain"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
]


@pytest.mark.parametrize("headers", BROWSER)
def test_a_page_of_another_website_does_not_reach_the_clock(sandbox: Sandbox, headers: dict[str, str]) -> None:
    before = requests.get(f"{sandbox.url}/__sandbox__/segments", timeout=10).headers["date"]
    refused = requests.post(f"{sandbox.url}/__sandbox__/clock", data='{"advance": 864000}', headers=headers, timeout=10)
    assert refused.status_code == 403
    after = requests.get(f"{sandbox.url}/__sandbox__/segments", timeout=10).headers["date"]
    assert parsedate_to_datetime(after) - parsedate_to_datetime(before) < timedelta(days=1)


def test_a_name_that_somebody_makes_lead_here_is_not_answered(sandbox: Sandbox) -> None:
    for path in ("/__sandbox__/segments", "/2026-07/advertisers/me"):
        refused = requests.get(sandbox.url + path, headers={"Host": "evil.example"}, timeout=10)
        assert refused.status_code == 421
        assert "evil" not in refused.text


def test_a_body_that_is_too_large_is_refused_and_not_kept(sandbox: Sandbox) -> None:
    refused = requests.post(f"{sandbox.url}/__sandbox__/clock", data=b" " * 1_000_001, timeout=10)
    assert (refused.status_code, refused.json()) == (413, {"error": "the body is larger than 1,000,000 bytes"})


def test_a_body_that_nests_without_end_is_not_json(sandbox: Sandbox) -> None:
    refused = requests.post(f"{sandbox.url}/__sandbox__/clock", data=b"[" * 100_000, timeout=10)
    assert (refused.status_code, refused.json()) == (400, {"error": "the body is not JSON"})
