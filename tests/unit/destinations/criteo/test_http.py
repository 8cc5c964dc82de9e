"""One exchange: what kind of failure it was, and that it ends."""

from __future__ import annotations

import gc
import itertools
import socket
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
import requests
import urllib3

from runner.core.errors import DestinationError
from runner.destinations.criteo.api_client import Transport
from runner.destinations.criteo.clock import Clock
from runner.destinations.criteo.connect import connect
from runner.destinations.criteo.http import Failure, Http, HttpRequest, _failure
from runner.destinations.criteo.rate_limit import RateLimiters
from runner.sandbox import SandboxOptions
from tests.builders import SANDBOX, destination
from tests.sandbox_client import running
from tests.unit.destinations.criteo.server import FakeCriteo, Received, Reply

GET = HttpRequest("GET", "/2026-07/advertisers/me")
LONG = {"Content-Length": "100000000"}


@pytest.fixture
def http(criteo: FakeCriteo) -> Iterator[Http]:
    """A clock tick is a second: every look at the clock takes one."""
    seconds = itertools.count()
    made = Http(criteo.url, loopback=True, clock=Clock(monotonic=lambda: float(next(seconds))))
    yield made
    made.close()


@pytest.mark.parametrize("headers", [LONG, {"Content-Length": "100000000", "Content-Type": "text/html"}])
def test_an_answer_that_does_not_end_is_given_up(criteo: FakeCriteo, http: Http, headers: dict[str, str]) -> None:
    criteo.will(Reply(200, {}, headers, fault="drip"))
    with pytest.raises(Failure, match="longer than 120 seconds") as caught:
        http.exchange(GET)
    assert not caught.value.untouched


def test_an_answer_that_is_far_too_large_is_given_up(
    criteo: FakeCriteo, http: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.destinations.criteo.http.LARGEST_ANSWER", 1000)
    criteo.will(Reply(200, b"x" * 1001))
    with pytest.raises(Failure, match="did not end"):
        http.exchange(GET)


def test_a_silent_server_is_given_up(criteo: FakeCriteo, http: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.destinations.criteo.http.READ_TIMEOUT", 0.05)
    monkeypatch.setattr(criteo, "take", lambda request: criteo.ended.wait(5) and Reply())
    with pytest.raises(Failure, match="no answer within") as caught:
        http.exchange(GET)
    criteo.ended.set()
    assert not caught.value.untouched


def test_a_chunked_answer_is_read_whole(criteo: FakeCriteo, http: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    chunked = Reply(200, b"3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n", {"Transfer-Encoding": "chunked"})
    criteo.will(chunked)
    monkeypatch.setattr("http.client.HTTPResponse.length", None, raising=False)
    assert http.exchange(GET).body == b"abcdefg"


def test_a_chunked_answer_that_breaks_off_is_lost(criteo: FakeCriteo, http: Http) -> None:
    broken = Reply(200, b"3\r\nabc\r\n400\r\ndefg" + b"x" * 18, {"Transfer-Encoding": "chunked"}, fault="truncate")
    criteo.will(broken)
    with pytest.raises(Failure, match="the connection was lost"):
        http.exchange(GET)


def open_sockets(url: str) -> int:
    """Sockets of this process that are connected to there."""
    there = ("127.0.0.1", int(url.rpartition(":")[2]))
    found = 0
    for one in gc.get_objects():
        if type(one) is socket.socket and one.fileno() >= 0:
            with suppress(OSError):
                found += one.getpeername() == there
    return found


@pytest.fixture
def no_collector() -> Iterator[None]:
    """The garbage collector closes what is forgotten, some time or other; here it never does."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector")
def test_a_connection_in_use_when_another_call_reconnects_is_closed_when_its_own_call_ends(
    criteo: FakeCriteo, http: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrived, go_on = threading.Event(), threading.Event()

    def slow(request: Received) -> Reply:
        if request.path == "/slow":
            arrived.set()
            go_on.wait(10)
        return Reply(200, {})

    monkeypatch.setattr(criteo, "take", slow)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(http.exchange, HttpRequest("GET", "/slow"))
        assert arrived.wait(10)
        http.exchange(GET)
        http.reconnect()
        assert open_sockets(criteo.url) > 0
        go_on.set()
        assert answer.result().status == 200
    assert open_sockets(criteo.url) == 0


@pytest.mark.usefixtures("no_collector")
def test_idle_connections_are_closed_at_once_when_they_are_given_up(criteo: FakeCriteo, http: Http) -> None:
    for _ in range(3):
        criteo.will(Reply(200, {}), Reply(fault="drop"), Reply(200, {}))
        http.exchange(GET)
        with pytest.raises(Failure):
            http.exchange(GET)
        http.exchange(GET)
        assert open_sockets(criteo.url) == 1
        http.reconnect()
        assert open_sockets(criteo.url) == 0


@pytest.mark.usefixtures("no_collector")
def test_no_socket_is_left_after_hundreds_of_faults_of_calls_side_by_side() -> None:
    def call(number: int) -> None:
        with suppress(DestinationError):
            client.accounts()

    rates = {"503": 0.1, "drop-before": 0.1, "drop-after": 0.05, "truncate": 0.05}
    with running(SandboxOptions(rate_limit=0, token_life=3600)) as sandbox:
        for _ in range(6):
            transport = Transport(Clock(sleep=lambda seconds: None), limiters=RateLimiters())
            client = connect(
                destination(credentials=SANDBOX), environ={"CRITEO_API_URL": sandbox.url}, transport=transport
            )
            client.accounts()
            sandbox.rates(rates)
            with ThreadPoolExecutor(8) as pool:
                list(pool.map(call, range(60)))
            sandbox.rates({})
            client.close()
            assert open_sockets(sandbox.url) == 0


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "what", "untouched", "hopeless"),
    [
        (requests.ConnectTimeout(), "no connection within", True, False),
        (requests.ReadTimeout(), "the connection was lost", False, False),
        (requests.exceptions.ChunkedEncodingError(), "the connection was lost", False, False),
        (requests.exceptions.SSLError(ssl.SSLCertVerificationError("x")), "certificate", True, True),
        (requests.exceptions.SSLError(ssl.SSLEOFError("x")), "the connection was lost", False, False),
        (requests.exceptions.InvalidURL("x"), "address", True, True),
        (ConnectionResetError(), "the connection was lost", False, False),
        (ConnectionRefusedError(), "refused", True, False),
        (TimeoutError(), "no answer within", False, False),
        (caused(requests.ConnectionError(), TimeoutError()), "no answer within", False, False),
        (
            requests.ConnectionError(urllib3.exceptions.ProtocolError("Connection aborted.", ConnectionResetError())),
            "the connection was lost",
            False,
            False,
        ),
    ],
    ids=repr,
)
def test_failures_are_told_apart(error: Exception, what: str, untouched: bool, hopeless: bool) -> None:
    failure = _failure(error, loopback=False)
    assert what in failure.what
    assert (failure.untouched, failure.hopeless) == (untouched, hopeless)
