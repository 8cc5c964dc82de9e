"""The access token: fetched once, kept while it is good, replaced when Criteo no longer takes it."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from runner.core.destination import Credentials, DestinationClient, MissingSecret, Secret
from runner.core.errors import AudienceGone, DestinationError
from runner.core.findings import Location
from runner.destinations.criteo.auth import TokenCache
from tests.unit.destinations.criteo.clock import FakeClock
from tests.unit.destinations.criteo.conftest import Connector
from tests.unit.destinations.criteo.server import FakeCriteo, Reply, problem

ME = Reply(body={"data": [], "errors": [], "warnings": []})
EXPIRED = Reply(401, {"errors": [problem("authorization-token-expired", "The authorization token has expired")]})
INVALID = Reply(401, {"errors": [problem("authorization-token-invalid", "The authorization header is invalid")]})


def bearers(criteo: FakeCriteo) -> list[str]:
    return [request.headers["Authorization"] for request in criteo.received]


def test_the_credentials_travel_percent_encoded_in_a_form(criteo: FakeCriteo, open_connection: Connector) -> None:
    criteo.will(ME)
    open_connection(credentials=Credentials(Secret("app"), Secret("a+b/c=&d"))).accounts()
    (request,) = criteo.token_requests
    assert request.method == "POST"
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert "Authorization" not in request.headers
    assert b"a%2Bb%2Fc%3D%26d" in request.body
    assert request.form == {"grant_type": "client_credentials", "client_id": "app", "client_secret": "a+b/c=&d"}


def test_a_token_is_kept_until_a_minute_before_it_expires(
    criteo: FakeCriteo, connection: DestinationClient, clock: FakeClock
) -> None:
    criteo.will(ME, ME, ME)
    connection.accounts()
    clock.now += 839
    connection.accounts()
    clock.now += 2
    connection.accounts()
    assert bearers(criteo) == ["Bearer token-1", "Bearer token-1", "Bearer token-2"]


def test_a_token_that_lives_shortly_is_used_for_half_its_life(
    criteo: FakeCriteo, connection: DestinationClient, clock: FakeClock
) -> None:
    criteo.token_life = 30
    criteo.will(ME, ME, ME)
    connection.accounts()
    clock.now += 14
    connection.accounts()
    clock.now += 2
    connection.accounts()
    assert bearers(criteo) == ["Bearer token-1", "Bearer token-1", "Bearer token-2"]


@pytest.mark.parametrize("life", [None, "900", -1, 0, True, 1e300])
def test_a_token_without_a_sensible_life_is_taken_to_live_a_quarter_of_an_hour(life: Any) -> None:
    fake = FakeClock()
    given = iter(("one", "two"))
    tokens = TokenCache(lambda: {"access_token": next(given), "expires_in": life}, fake.clock)
    assert tokens.current() == "one"
    fake.now += 839
    assert tokens.current() == "one"
    fake.now += 2
    assert tokens.current() == "two"


@pytest.mark.parametrize("refusal", [EXPIRED, INVALID, Reply(401)])
def test_a_token_that_criteo_no_longer_takes_is_replaced_once_and_the_call_made_again(
    criteo: FakeCriteo, connection: DestinationClient, refusal: Reply
) -> None:
    criteo.will(refusal, ME)
    assert connection.accounts() == ()
    assert bearers(criteo) == ["Bearer token-1", "Bearer token-2"]


def test_a_second_refusal_of_a_token_is_final(
    criteo: FakeCriteo, connection: DestinationClient, clock: FakeClock
) -> None:
    criteo.will(EXPIRED, INVALID)
    with pytest.raises(DestinationError) as caught:
        connection.accounts()
    assert (caught.value.status, caught.value.code) == (401, "authorization-token-invalid")
    assert "app is active" in caught.value.hint
    assert len(criteo.received) == 2
    assert clock.slept == []


def test_a_token_is_replaced_once_a_call_though_other_failures_come_between(
    criteo: FakeCriteo, connection: DestinationClient
) -> None:
    criteo.will(EXPIRED, Reply(503), EXPIRED, ME)
    with pytest.raises(DestinationError, match="authorization-token-expired"):
        connection.accounts()
    assert len(criteo.token_requests) == 2


def test_a_create_whose_token_was_refused_had_no_effect_and_is_made_again(
    criteo: FakeCriteo, connection: DestinationClient
) -> None:
    made = {"id": "7", "attributes": {"name": "Loyal"}}
    criteo.will(EXPIRED, Reply(body={"data": [made]}))
    assert connection.create("Loyal", "", ()).id == "7"


def test_threads_whose_token_was_refused_together_fetch_one_new_token() -> None:
    fake = FakeClock()
    fetched = []
    together = threading.Barrier(8)

    def fetch() -> dict[str, Any]:
        fetched.append(1)
        return {"access_token": f"token-{len(fetched)}", "expires_in": 900}

    tokens = TokenCache(fetch, fake.clock)
    got: list[str] = []

    def work() -> None:
        token = tokens.current()
        together.wait()
        got.append(tokens.renew(token))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == ["token-2"] * 8
    assert len(fetched) == 2


@pytest.mark.parametrize("status", [400, 401])
def test_wrong_credentials_fail_at_once_in_criteos_words(
    criteo: FakeCriteo, connection: DestinationClient, clock: FakeClock, status: int
) -> None:
    said = {"error": "invalid_client", "error_description": "The client authentication failed"}
    criteo.token_replies.append(Reply(status, said))
    with pytest.raises(DestinationError, match="invalid_client: The client authentication failed") as caught:
        connection.accounts()
    assert "CRITEO_CLIENT_SECRET" in caught.value.hint
    assert len(criteo.token_requests) == 1
    assert criteo.received == []
    assert clock.slept == []


@pytest.mark.parametrize(
    "reply",
    [
        Reply(503, b"<html>down</html>"),
        Reply(429, {}),
        Reply(fault="drop"),
        Reply(body=b"not json"),
        Reply(body={"token_type": "Bearer"}),
        Reply(body={"access_token": "two words"}),
        Reply(body={"access_token": "line\r\nbreak"}),
    ],
)
def test_a_token_request_that_may_heal_is_made_again(
    criteo: FakeCriteo, connection: DestinationClient, reply: Reply
) -> None:
    criteo.token_replies.append(reply)
    criteo.will(ME)
    assert connection.accounts() == ()
    assert len(criteo.token_requests) == 2


def test_a_lost_token_answer_leaves_no_doubt_about_a_create(criteo: FakeCriteo, connection: DestinationClient) -> None:
    criteo.token_replies.extend([Reply(503)] * 7)
    with pytest.raises(DestinationError) as caught:
        connection.create("Loyal", "", ())
    assert type(caught.value) is DestinationError
    assert criteo.received == []


def test_missing_credentials_are_named_with_the_place_that_wants_them_before_any_call(
    criteo: FakeCriteo, open_connection: Connector
) -> None:
    missing = MissingSecret("SHOP_SECRET", Location("activations/shop.yaml", 9, 18))
    with pytest.raises(DestinationError, match="SHOP_SECRET is not set") as caught:
        open_connection(credentials=Credentials(Secret("app"), missing))
    assert "activations/shop.yaml:9:18" in caught.value.hint
    assert criteo.token_requests == []


def test_the_secret_is_in_no_error(criteo: FakeCriteo, open_connection: Connector) -> None:
    secret = "correct+horse/battery="
    criteo.token_replies.append(Reply(401, {"error": "invalid_client"}))
    with pytest.raises(DestinationError) as caught:
        open_connection(credentials=Credentials(Secret("app"), Secret(secret))).accounts()
    error: BaseException | None = caught.value
    while error is not None:
        assert "horse" not in repr(error)
        error = error.__cause__


def test_an_audience_that_is_gone_is_no_reason_for_a_new_token(
    criteo: FakeCriteo, connection: DestinationClient
) -> None:
    criteo.will(Reply(403, {"errors": [problem("audience-invalid")]}))
    with pytest.raises(AudienceGone):
        connection.clear("7")
    assert len(criteo.token_requests) == 1
