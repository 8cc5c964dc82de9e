"""One call: what is tried again, for how long, and what is told when it does not heal."""

from __future__ import annotations

import logging
import random
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
import requests

from runner import __version__
from runner.core.destination import DestinationClient
from runner.core.errors import AnswerLost, DestinationError, LockLost
from runner.core.identifiers import IdentifierType, Operation
from runner.destinations.criteo.clock import Clock
from runner.destinations.criteo.retries import Retries
from tests.unit.destinations.criteo.clock import START, FakeClock
from tests.unit.destinations.criteo.conftest import Connector
from tests.unit.destinations.criteo.far_away import FAR_AWAY, FarAway, refusing
from tests.unit.destinations.criteo.server import FakeCriteo, Reply, problem

ME = Reply(body={"data": [{"id": "12345", "attributes": {"advertiserName": "Shop"}}], "errors": [], "warnings": []})
HTML = b"<html><body>502 Bad Gateway nginx jane.doe@example.com</body></html>"
CANARY = "9f" * 32

HEALING = [
    pytest.param(Reply(429, {}), id="429 without a body"),
    pytest.param(Reply(500, {"errors": [problem("internal-error")]}), id="500"),
    pytest.param(Reply(502, HTML), id="502 with HTML"),
    pytest.param(Reply(503), id="503 without a body"),
    pytest.param(Reply(504, b'{"errors":null}'), id="504 with nulls"),
    pytest.param(Reply(408), id="408"),
    pytest.param(Reply(fault="drop"), id="dropped connection"),
    pytest.param(Reply(body={"data": ["x" * 100]}, fault="truncate"), id="truncated body"),
    pytest.param(Reply(200), id="200 without a body"),
    pytest.param(Reply(200, HTML), id="200 with HTML"),
    pytest.param(Reply(200, b'{"data": ['), id="200 with half a JSON"),
    pytest.param(Reply(200, b"[]"), id="200 with a list"),
    pytest.param(Reply(200, b"null"), id="200 with null"),
    pytest.param(Reply(200, b"\xff\xfe\x00"), id="200 with garbage"),
    pytest.param(Reply(200, b"nogzip", {"Content-Encoding": "gzip"}), id="200 with broken gzip"),
]


@pytest.mark.parametrize("reply", HEALING)
def test_what_can_heal_is_tried_again(
    criteo: FakeCriteo, connection: DestinationClient, clock: FakeClock, reply: Reply
) -> None:
    criteo.will(reply, reply, ME)
    assert [account.id for account in connection.accounts()] == ["12345"]
    assert len(criteo.received) == 3
    assert len(clock.slept) >= 2


@pytest.mark.parametrize("status", [301, 302, 400, 403, 404, 405, 409, 410, 413, 415, 422])
@pytest.mark.parametrize("body", [None, HTML, {"errors": [problem("some-code", "Some title")]}, {"errors": None}])
def test_what_cannot_heal_fails_at_once(
    criteo: FakeCriteo, connection: DestinationClient, clock: FakeClock, status: int, body: Any
) -> None:
    criteo.will(Reply(status, body, {"Location": "http://127.0.0.1:9/elsewhere"}))
    with pytest.raises(DestinationError) as caught:
        connection.accounts()
    assert caught.value.status == status
    assert f"HTTP {status}" in caught.value.message
    assert len(criteo.received) == 1
    assert clock.slept == []
    assert "example.com" not in caught.value.message


def test_an_error_has_criteos_code_title_and_trace_id(criteo: FakeCriteo, connection: DestinationClient) -> None:
    criteo.will(Reply(400, {"errors": [problem("required-field", "The field is required")]}))
    with pytest.raises(DestinationError) as caught:
        connection.accounts()
    error = caught.value
    assert (error.code, error.title) == ("required-field", "The field is required")
    assert error.trace_id == "56ed4096-f96a-4944-8881-05468efe0ec9"
    assert error.message == (
        "Criteo refused listing the ad accounts: required-field: The field is required "
        "(HTTP 400, trace 56ed4096-f96a-4944-8881-05468efe0ec9)"
    )


@pytest.mark.parametrize(
    ("status", "words"),
    [(403, "must consent"), (404, "CRITEO_API_URL"), (410, "CRITEO_API_VERSION"), (413, "batch_size")],
)
def test_an_error_says_what_to_do(criteo: FakeCriteo, connection: DestinationClient, status: int, words: str) -> None:
    criteo.will(Reply(status))
    with pytest.raises(DestinationError) as caught:
        connection.accounts()
    assert words in caught.value.hint


def test_an_outage_ends_in_an_error_after_the_allowed_tries(
    criteo: FakeCriteo, open_connection: Connector, clock: FakeClock
) -> None:
    criteo.will(*[Reply(503, {"errors": [problem("internal-error", "Down")]})] * 4, ME)
    with pytest.raises(DestinationError, match="internal-error: Down") as caught:
        open_connection({"retries": Retries(tries=4)}).accounts()
    assert (type(caught.value), caught.value.status) == (DestinationError, 503)
    assert len(criteo.received) == 4


def test_no_try_begins_after_the_allowed_time(criteo: FakeCriteo, open_connection: Connector, clock: FakeClock) -> None:
    criteo.will(*[Reply(429, {}, {"Retry-After": "40"})] * 50)
    with pytest.raises(DestinationError):
        open_connection({"retries": Retries(tries=50, seconds=100)}).accounts()
    assert len(criteo.received) == 3
    assert clock.now - 1000 <= 100


def test_pauses_double_up_to_the_longest_with_jitter() -> None:
    random.seed(4)
    retries = Retries(first=1.0, longest=8.0)
    for failures, whole in enumerate((1, 2, 4, 8, 8, 8), start=1):
        pauses = [retries.pause(failures) for _ in range(200)]
        assert whole / 2 <= min(pauses) < max(pauses) <= whole
        assert len(set(pauses)) > 100


def test_a_throttled_call_is_made_again_when_criteo_says(
    criteo: FakeCriteo, connection: DestinationClient, clock: FakeClock
) -> None:
    date = format_datetime(START, usegmt=True)
    reset = str(int(START.timestamp()) + 42)
    criteo.will(Reply(429, {}, {"Date": date, "X-RateLimit-Reset": reset, "X-RateLimit-Remaining": "0"}), ME)
    connection.accounts()
    assert clock.now == pytest.approx(1042, abs=0.5)


def test_a_reset_is_read_by_criteos_clock_and_not_by_a_wrong_one_of_the_machine(
    criteo: FakeCriteo, connection: DestinationClient, clock: FakeClock
) -> None:
    criteos = START + timedelta(hours=3)
    reset = str(int(criteos.timestamp()) + 20)
    criteo.will(Reply(429, {}, {"Date": format_datetime(criteos, usegmt=True), "x-ratelimit-reset": reset}), ME)
    connection.accounts()
    assert clock.now == pytest.approx(1020, abs=0.5)


def test_the_last_allowed_call_of_a_minute_makes_the_next_one_wait(
    criteo: FakeCriteo, connection: DestinationClient, clock: FakeClock
) -> None:
    headers = {"Date": format_datetime(START, usegmt=True), "x-ratelimit-remaining": "0"}
    headers["x-ratelimit-reset"] = str(int(START.timestamp()) + 25)
    criteo.will(Reply(200, ME.body, headers), ME)
    connection.accounts()
    assert clock.now == 1000
    connection.accounts()
    assert clock.now == pytest.approx(1025, abs=0.5)


def test_calls_wait_for_the_pace_of_the_app(criteo: FakeCriteo, open_connection: Connector, clock: FakeClock) -> None:
    connection = open_connection(rate_limit=3)
    criteo.will(*[ME] * 3)
    connection.accounts()
    connection.accounts()
    assert clock.slept == []
    connection.accounts()
    assert clock.now >= 1060


def test_a_refused_connection_to_this_machine_is_told_at_once(open_connection: Connector, clock: FakeClock) -> None:
    with refusing() as url:
        connection = open_connection(environ={"CRITEO_API_URL": url})
        with pytest.raises(DestinationError, match="the connection was refused"):
            connection.accounts()
    assert clock.slept == []


def test_a_refused_connection_to_another_machine_is_tried_again_and_then_told(
    open_connection: Connector, clock: FakeClock
) -> None:
    with refusing() as url:
        far = FarAway(url)
        connection = open_connection({"session": far.session}, environ={"CRITEO_API_URL": FAR_AWAY})
        with pytest.raises(DestinationError, match="the connection was refused"):
            connection.accounts()
    assert len(clock.slept) == 6


@pytest.mark.parametrize(
    "reply",
    [
        Reply(500),
        Reply(503, HTML),
        Reply(fault="drop"),
        Reply(200),
        Reply(200, HTML),
        Reply(200, {"data": ["x" * 100]}, fault="truncate"),
        Reply(408),
    ],
)
def test_a_create_that_may_have_taken_effect_is_not_repeated(
    criteo: FakeCriteo, connection: DestinationClient, reply: Reply
) -> None:
    criteo.will(reply)
    with pytest.raises(AnswerLost, match="whether it took effect is not known"):
        connection.create("Loyal", "", ())
    assert len(criteo.received) == 1


def test_a_create_that_was_throttled_is_repeated(criteo: FakeCriteo, connection: DestinationClient) -> None:
    criteo.will(Reply(429), Reply(429), Reply(200, {"data": [{"id": "7", "attributes": {"name": "Loyal"}}]}))
    assert connection.create("Loyal", "", ()).id == "7"


def test_a_create_throttled_for_ever_has_certainly_not_taken_effect(
    criteo: FakeCriteo, connection: DestinationClient
) -> None:
    criteo.will(*[Reply(429)] * 7)
    with pytest.raises(DestinationError) as caught:
        connection.create("Loyal", "", ())
    assert not isinstance(caught.value, AnswerLost)
    assert "rate_limit" in caught.value.hint


def test_a_create_whose_connection_was_refused_is_repeated(
    criteo: FakeCriteo, open_connection: Connector, clock: FakeClock
) -> None:
    far = FarAway(criteo.url)

    def moved_back(seconds: float) -> None:
        far.url = criteo.url
        FakeClock.sleep(clock, seconds)

    transport = {"session": far.session, "clock": Clock(clock.monotonic, clock.wall, moved_back)}
    connection = open_connection(transport, environ={"CRITEO_API_URL": FAR_AWAY})
    criteo.will(ME)
    connection.accounts()
    with refusing() as far.url:
        criteo.will(Reply(200, {"data": [{"id": "7", "attributes": {"name": "Loyal"}}]}))
        assert connection.create("Loyal", "", ()).id == "7"
    assert clock.slept, "it was not refused"


def test_a_create_goes_out_on_a_fresh_connection(criteo: FakeCriteo, connection: DestinationClient) -> None:
    criteo.will(ME, ME)
    connection.accounts()
    connection.accounts()
    assert len(criteo.sockets) == 1
    criteo.will(Reply(200, {"data": [{"id": "7", "attributes": {"name": "Loyal"}}]}))
    connection.create("Loyal", "", ())
    assert len(criteo.sockets) == 2


def test_ctrl_c_while_waiting_is_not_held_up(criteo: FakeCriteo, open_connection: Connector, clock: FakeClock) -> None:
    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    criteo.will(Reply(503), ME)
    with pytest.raises(KeyboardInterrupt):
        open_connection({"clock": Clock(clock.monotonic, clock.wall, interrupted)}).accounts()
    assert len(criteo.received) == 1


def test_criteos_clock_is_told_by_its_last_answer_and_goes_on_between(
    criteo: FakeCriteo, connection: DestinationClient, clock: FakeClock
) -> None:
    assert connection.now() == START
    there = datetime(2026, 11, 24, 9, 30, 5, tzinfo=UTC)
    criteo.will(Reply(200, ME.body, {"Date": format_datetime(there, usegmt=True)}))
    connection.accounts()
    assert connection.now() == there
    clock.now += 7.5
    assert connection.now() == there + timedelta(seconds=7.5)


@pytest.mark.parametrize("date", ["", "yesterday", "Tue, 24 Nov 99999 09:30:05 GMT", "Tue, 99 Nov 2026 09:30:05 GMT"])
def test_a_date_that_is_none_is_ignored(criteo: FakeCriteo, connection: DestinationClient, date: str) -> None:
    criteo.will(Reply(200, ME.body, {"Date": date}))
    connection.accounts()
    assert connection.now() == START


def test_it_says_who_it_is_and_what_it_wants(criteo: FakeCriteo, connection: DestinationClient) -> None:
    criteo.will(ME, Reply(200, {"data": {}, "errors": [], "warnings": []}))
    connection.accounts()
    connection.send("7", Operation.ADD, IdentifierType.EMAIL, [CANARY])
    listed, sent = criteo.received
    assert listed.headers["User-Agent"] == f"headcount/{__version__}"
    assert listed.headers["Accept"] == "application/json"
    assert "Content-Type" not in listed.headers
    assert sent.headers["Content-Type"] == "application/json"
    assert sent.headers["Content-Length"] == str(len(sent.body))
    assert "Transfer-Encoding" not in sent.headers


def test_another_version_of_the_api_is_called_where_the_environment_says_so(
    criteo: FakeCriteo, open_connection: Connector
) -> None:
    criteo.will(ME)
    open_connection(environ={"CRITEO_API_VERSION": "2027-01"}).accounts()
    assert criteo.calls == ["GET /2027-01/advertisers/me"]


def test_a_netrc_file_does_not_replace_the_token(
    criteo: FakeCriteo, open_connection: Connector, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Trusting(requests.Session):
        """Looks into ~/.netrc whatever it is told, as it does for a host that is not this machine."""

        trust_env = property(lambda self: True, lambda self, value: None)

    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\ndefault login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    criteo.will(ME)
    open_connection({"session": Trusting}).accounts()
    assert "Authorization" not in criteo.token_requests[0].headers
    assert criteo.received[0].headers["Authorization"] == "Bearer token-1"


def test_a_proxy_is_not_asked_for_this_machine(
    criteo: FakeCriteo, connection: DestinationClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    criteo.will(ME)
    assert connection.accounts()


def test_a_cookie_is_not_sent_back(criteo: FakeCriteo, connection: DestinationClient) -> None:
    criteo.will(Reply(200, ME.body, {"Set-Cookie": "sticky=1; Path=/"}), ME)
    connection.accounts()
    connection.accounts()
    assert "Cookie" not in criteo.received[1].headers


def test_the_log_has_method_path_status_time_and_trace_id_and_no_more(
    criteo: FakeCriteo, connection: DestinationClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "headcount.criteo")
    refused = {"errors": [problem("invalid", f"Bad {CANARY}")], "sampleInvalidIdentifiers": [CANARY]}
    criteo.will(Reply(fault="drop"), Reply(400, refused))
    with pytest.raises(DestinationError):
        connection.send("7", Operation.ADD, IdentifierType.EMAIL, [CANARY])
    path = "/2026-07/marketing-solutions/audience-segments/7/contact-list"
    assert [record.getMessage() for record in caplog.records if record.name == "headcount.criteo"] == [
        "POST /oauth2/token 200 0 ms -",
        f"PATCH {path} the connection was lost 0 ms -",
        f"PATCH {path} 400 0 ms 56ed4096-f96a-4944-8881-05468efe0ec9",
    ]
    assert CANARY not in caplog.text
    assert "token-1" not in caplog.text


@pytest.mark.parametrize(
    "reply", [*HEALING, pytest.param(Reply(400, HTML), id="400"), pytest.param(Reply(403), id="403")]
)
def test_no_identifier_is_in_what_is_told(criteo: FakeCriteo, open_connection: Connector, reply: Reply) -> None:
    criteo.will(*[reply] * 2)
    connection = open_connection({"retries": Retries(tries=2)})
    with pytest.raises(DestinationError) as caught:
        connection.send("7", Operation.REMOVE, IdentifierType.EMAIL, [CANARY])
    told = [caught.value, caught.value.__cause__]
    assert CANARY not in repr(told) + caught.value.message + caught.value.hint
    assert "example.com" not in repr(told) + caught.value.message + caught.value.hint
    assert caught.value.__cause__ is None


def test_fifty_thousand_identifiers_go_out_in_one_call(criteo: FakeCriteo, connection: DestinationClient) -> None:
    identifiers = [f"{number:064x}" for number in range(50_000)]
    criteo.will(Reply(503), Reply(200, {"data": {"attributes": {"nbValidIdentifiers": 50_000}}, "errors": []}))
    assert connection.send("7", Operation.ADD, IdentifierType.EMAIL, identifiers).valid == 50_000
    assert [request.json["data"]["attributes"]["identifiers"] == identifiers for request in criteo.received] == [
        True
    ] * 2


def test_whoever_may_not_send_is_stopped_right_before_each_call_and_nothing_leaves(
    criteo: FakeCriteo, open_connection: Connector
) -> None:
    def permit() -> None:
        if len(criteo.received) == 1:
            raise LockLost("another run holds the state")

    criteo.will(ME, ME)
    connection = open_connection({"permit": permit})
    connection.accounts()
    with pytest.raises(LockLost):
        connection.accounts()
    with pytest.raises(LockLost):
        connection.create("Loyal", "", (IdentifierType.EMAIL,))
    assert len(criteo.received) == 1


def test_before_each_further_attempt_it_is_said_whether_the_one_before_may_have_an_effect(
    criteo: FakeCriteo, connection: DestinationClient
) -> None:
    told: list[bool] = []
    criteo.will(Reply(503), Reply(429), Reply(fault="drop"), Reply(200, {"data": {"id": "7"}}))
    connection.clear("7", told.append)
    assert told == [True, False, True]


def test_what_is_raised_before_a_further_attempt_ends_the_call(
    criteo: FakeCriteo, connection: DestinationClient
) -> None:
    def lost(_: bool) -> None:
        raise LockLost("another run took over the state")

    criteo.will(Reply(503), Reply(200, {"data": {"id": "7"}}))
    with pytest.raises(LockLost):
        connection.clear("7", lost)
    assert len(criteo.received) == 1


@pytest.mark.parametrize(
    ("reply", "untouched"),
    [
        (Reply(403, {"errors": [problem("some-code", "Some title")]}), True),
        (Reply(429, {"errors": [problem("too-many-requests")]}), True),
        (Reply(403, HTML), False),
        (Reply(500, {"errors": [problem("internal-error")]}), False),
        (Reply(fault="drop"), False),
    ],
)
def test_a_refusal_in_criteos_own_words_certainly_had_no_effect(
    criteo: FakeCriteo, connection: DestinationClient, reply: Reply, untouched: bool
) -> None:
    criteo.will(*(reply for _ in range(10)))
    with pytest.raises(DestinationError) as refused:
        connection.clear("7")
    assert refused.value.untouched is untouched
