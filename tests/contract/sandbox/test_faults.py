from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests

from runner.core.errors import HeadcountError, UsageError
from runner.sandbox import SandboxOptions
from tests.contract.sandbox.api import SEGMENTS, Api, opened, problem
from tests.sandbox_client import running

MEMBER = "0" * 64


@pytest.fixture
def segment_id(api: Api) -> Iterator[str]:
    yield api.create("a")
    assert api.sandbox.waiting_faults() == 0


def _members(api: Api, segment_id: str) -> set[str]:
    return api.sandbox.members(segment_id, "email")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 502, 503, 504])
def test_an_error_answer_comes_instead_of_the_effect(api: Api, segment_id: str, status: int) -> None:
    api.sandbox.fault(str(status), "contact-list")
    assert problem(api.amend(segment_id, "add", [MEMBER]))[0] == status
    assert _members(api, segment_id) == set()
    assert api.amend(segment_id, "add", [MEMBER]).status_code == 200


def test_a_429_says_when_to_come_back(api: Api, segment_id: str) -> None:
    api.sandbox.fault("429", "contact-list", seconds=30)
    answer = api.amend(segment_id, "add", [MEMBER])
    assert answer.headers["x-ratelimit-remaining"] == "0"
    assert int(answer.headers["x-ratelimit-reset"]) > 0


def test_a_gateways_page_is_html(api: Api, segment_id: str) -> None:
    api.sandbox.fault("html", "contact-list")
    answer = api.amend(segment_id, "add", [MEMBER])
    assert (answer.status_code, answer.headers["content-type"]) == (502, "text/html; charset=utf-8")
    assert _members(api, segment_id) == set()


def test_an_empty_answer_comes_after_the_effect(api: Api, segment_id: str) -> None:
    api.sandbox.fault("empty", "contact-list")
    answer = api.amend(segment_id, "add", [MEMBER])
    assert (answer.status_code, answer.content) == (200, b"")
    assert _members(api, segment_id) == {MEMBER}


@pytest.mark.parametrize("where", ["errors", "warnings"])
def test_an_item_can_be_rejected_inside_a_200(api: Api, segment_id: str, where: str) -> None:
    api.sandbox.fault("reject", "contact-list", where=where)
    url = f"{api.sandbox.url}{SEGMENTS}/{segment_id}/contact-list"
    answer = api.session.delete(url)
    assert answer.status_code == 200
    assert [problem["code"] for problem in answer.json()[where]] == ["item-rejected"]


@pytest.mark.parametrize(("fault", "kept"), [("drop-before", set()), ("drop-after", {MEMBER})])
def test_a_dropped_connection_brings_no_answer(api: Api, segment_id: str, fault: str, kept: set[str]) -> None:
    api.sandbox.fault(fault, "contact-list")
    with pytest.raises(requests.ConnectionError, match="without response"):
        api.amend(segment_id, "add", [MEMBER])
    assert _members(api, segment_id) == kept
    assert api.sandbox.calls("contact-list")[-1].status is None
    assert api.amend(segment_id, "add", [MEMBER]).status_code == 200


def test_a_late_call_brings_no_answer_and_takes_effect_afterwards(api: Api, segment_id: str) -> None:
    api.sandbox.fault("late", "contact-list", seconds=0.5)
    with pytest.raises(requests.ConnectionError, match="without response"):
        api.amend(segment_id, "add", [MEMBER])
    assert _members(api, segment_id) == set()
    deadline = time.monotonic() + 10
    while not _members(api, segment_id) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert _members(api, segment_id) == {MEMBER}


def test_a_dropped_connection_is_closed_without_a_byte(api: Api, segment_id: str) -> None:
    api.sandbox.fault("drop-after", "contact-list")
    with socket.create_connection(("127.0.0.1", api.sandbox.port), timeout=10) as connection:
        head = f"DELETE {SEGMENTS}/{segment_id}/contact-list HTTP/1.1\r\nHost: localhost\r\n"
        connection.sendall(f"{head}Authorization: {api.session.headers['Authorization']!s}\r\n\r\n".encode())
        assert connection.recv(1) == b""


def test_a_large_body_can_be_dropped_as_well(api: Api, segment_id: str) -> None:
    api.sandbox.fault("drop-after", "contact-list")
    with pytest.raises(requests.ConnectionError):
        api.amend(segment_id, "add", [f"{number:064x}" for number in range(50_000)])
    assert api.size(segment_id) == 50_000


def test_a_truncated_answer_breaks_off(api: Api, segment_id: str) -> None:
    api.sandbox.fault("truncate", "contact-list")
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        api.amend(segment_id, "add", [MEMBER])
    assert _members(api, segment_id) == {MEMBER}


def test_a_slow_answer_lets_the_client_give_up_after_the_effect(api: Api, segment_id: str) -> None:
    api.sandbox.fault("slow", "contact-list", seconds=60)
    body = {
        "data": {"type": "x", "attributes": {"operation": "add", "identifierType": "email", "identifiers": [MEMBER]}}
    }
    url = f"{api.sandbox.url}{SEGMENTS}/{segment_id}/contact-list"
    with pytest.raises(requests.ReadTimeout):
        api.session.patch(url, json=body, timeout=0.2)
    assert _members(api, segment_id) == {MEMBER}


def test_a_call_that_hangs_has_no_effect_and_no_answer(api: Api, segment_id: str) -> None:
    api.amend(segment_id, "add", [MEMBER])
    api.sandbox.fault("hang", "contact-list")
    with pytest.raises(requests.ReadTimeout):
        api.session.delete(f"{api.sandbox.url}{SEGMENTS}/{segment_id}/contact-list", timeout=0.2)
    assert _members(api, segment_id) == {MEMBER}
    assert api.sandbox.calls("contact-list")[-1].status is None


def test_a_slow_answer_is_a_good_answer(api: Api, segment_id: str) -> None:
    api.sandbox.fault("slow", "contact-list", seconds=0.05)
    assert api.amend(segment_id, "add", [MEMBER]).json()["data"]["attributes"]["nbValidIdentifiers"] == 1


def test_an_endless_answer_does_not_run_into_a_read_timeout(api: Api, segment_id: str) -> None:
    api.sandbox.fault("endless", "contact-list")
    url = f"{api.sandbox.url}{SEGMENTS}/{segment_id}/contact-list"
    with api.session.delete(url, timeout=5, stream=True) as answer:
        received = answer.iter_content(1)
        assert b"".join(next(received) for _ in range(12)) == b'{"data":' + b" " * 4


def test_a_call_that_hangs_is_dropped_when_the_sandbox_stops() -> None:
    ends: list[Exception] = []

    def call(url: str) -> None:
        try:
            requests.get(f"{url}/2026-07/advertisers/me", timeout=30)
        except requests.RequestException as error:
            ends.append(error)

    with running() as sandbox:
        sandbox.fault("hang", "advertisers")
        caller = threading.Thread(target=call, args=(sandbox.url,))
        caller.start()
        while not sandbox.calls("advertisers"):
            pass
    caller.join()
    assert [type(error) for error in ends] == [requests.ConnectionError]


def test_endless_and_slow_answers_do_not_keep_the_sandbox_from_stopping() -> None:
    with opened() as api:
        api.create("a")
        api.sandbox.fault("slow", "advertisers", seconds=3600)
        with pytest.raises(requests.ReadTimeout):
            api.session.get(f"{api.sandbox.url}/2026-07/advertisers/me", timeout=0.2)
        api.sandbox.fault("endless", "advertisers")
        answer = api.session.get(f"{api.sandbox.url}/2026-07/advertisers/me", timeout=5, stream=True)
        assert next(answer.iter_content(1)) == b"{"
    answer.close()


def test_the_token_endpoint_can_fail_too(api: Api) -> None:
    api.sandbox.fault("503", "oauth2/token")
    assert api.token(grant_type="client_credentials", **api.credentials).status_code == 503


def test_a_rule_picks_its_calls_by_method_path_operation_and_type(api: Api, segment_id: str) -> None:
    api.sandbox.fault("500", "contact-list", method="PATCH", operation="remove", identifier_type="madid", times=1)
    assert api.clear(segment_id).status_code == 200
    assert api.amend(segment_id, "add", [MEMBER], "madid").status_code == 200
    assert api.amend(segment_id, "remove", [MEMBER], "email").status_code == 200
    assert api.amend(segment_id, "remove", [MEMBER], "madid").status_code == 500
    assert api.amend(segment_id, "remove", [MEMBER], "madid").status_code == 200


def test_a_rule_skips_and_counts(api: Api, segment_id: str) -> None:
    api.sandbox.fault("500", "statistics", skip=1, times=2)
    api.sandbox.fault("503", "statistics")
    path = f"{SEGMENTS}/{segment_id}/contact-list/statistics"
    assert [api.call("GET", path).status_code for _ in range(5)] == [503, 500, 500, 200, 200]


def test_a_rule_without_a_number_of_times_stays(api: Api) -> None:
    api.sandbox.fault("500", "advertisers", times=None)
    path = "/2026-07/advertisers/me"
    assert {api.call("GET", path).status_code for _ in range(4)} == {500}
    api.sandbox.clear_faults()
    assert api.call("GET", path).status_code == 200


def test_the_admin_path_is_never_hit(api: Api) -> None:
    api.sandbox.fault("500", times=None)
    assert api.sandbox.segments() == ()
    api.sandbox.clear_faults()


def test_the_call_log_names_the_fault(api: Api, segment_id: str) -> None:
    api.sandbox.fault("503", "contact-list")
    api.amend(segment_id, "add", [MEMBER])
    api.amend(segment_id, "add", [MEMBER])
    assert [(call.status, call.fault) for call in api.sandbox.calls("contact-list")] == [(503, "503"), (200, None)]


@contextmanager
def _strangers(options: SandboxOptions) -> Iterator[tuple[str, requests.Session]]:
    with running(options) as sandbox, requests.Session() as session:
        yield sandbox.url, session


def test_the_same_seed_brings_the_same_faults() -> None:
    def statuses(seed: int) -> list[int]:
        options = SandboxOptions(faults={"429": 0.3, "500": 0.2}, fault_seed=seed, rate_limit=0)
        with _strangers(options) as (url, session):
            return [session.get(f"{url}/2026-07/advertisers/me").status_code for _ in range(40)]

    first = statuses(1)
    assert set(first) == {401, 429, 500}
    assert statuses(1) == first
    assert statuses(2) != first


def test_rates_can_be_set_while_it_runs(api: Api) -> None:
    api.sandbox.rates({"503": 1.0})
    assert api.call("GET", "/2026-07/advertisers/me").status_code == 503
    api.sandbox.rates({})
    assert api.call("GET", "/2026-07/advertisers/me").status_code == 200


def test_a_fault_that_does_not_exist_is_refused_with_the_names(api: Api) -> None:
    with pytest.raises(HeadcountError, match="drop-after"):
        api.sandbox.fault("drop")
    with pytest.raises(UsageError, match="no fault"):
        SandboxOptions(faults={"200": 0.1})
    with pytest.raises(UsageError, match="between 0 and 1"):
        SandboxOptions(faults={"500": 1.1})
    with pytest.raises(UsageError, match="together"):
        SandboxOptions(faults={"500": 0.6, "503": 0.6})
