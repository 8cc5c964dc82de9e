"""One exchange: what kind of failure it was, and that it ends."""

from __future__ import annotations

import itertools
import ssl
from collections.abc import Iterator

import pytest
import requests
import urllib3

from runner.destinations.criteo.clock import Clock
from runner.destinations.criteo.http import Failure, Http, HttpRequest, _failure
from tests.unit.destinations.criteo.server import FakeCriteo, Reply

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
