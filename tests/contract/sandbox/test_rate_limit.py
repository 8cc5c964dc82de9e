from __future__ import annotations

import pytest
import requests

from runner.sandbox import App, SandboxOptions
from tests.contract.sandbox.api import Api, opened, problem

ME = "/2026-07/marketing-solutions/me"


def _headers(answer: requests.Response) -> tuple[int, int, int]:
    limit, remaining, reset = (int(answer.headers[f"x-ratelimit-{name}"]) for name in ("limit", "remaining", "reset"))
    return limit, remaining, reset


def test_every_answer_tells_what_is_left(api: Api) -> None:
    first, second = _headers(api.call("GET", ME)), _headers(api.call("GET", "/2026-07/advertisers/me"))
    assert (first[:2], second[:2]) == ((250, 249), (250, 248))
    assert first[2] == second[2]


def test_calls_over_the_limit_are_refused_until_the_window_ends() -> None:
    with opened(SandboxOptions(rate_limit=3)) as api:
        answers = [api.call("GET", ME) for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
        assert problem(answers[-1]) == (429, "quota", "too-many-requests")
        assert _headers(answers[-1])[:2] == (3, 0)
        assert "retry-after" not in answers[-1].headers
        api.sandbox.advance(50)
        assert api.call("GET", ME).status_code == 429
        api.sandbox.advance(10)
        assert _headers(api.call("GET", ME))[:2] == (3, 2)
        assert [api.call("GET", ME).status_code for _ in range(3)] == [200, 200, 429]


def test_the_reset_is_a_moment_at_which_a_call_is_let_in() -> None:
    with opened(SandboxOptions(rate_limit=1)) as api:
        opened_at = _headers(api.call("GET", ME))[2] - 60
        refused = _headers(api.call("GET", ME))
        assert refused[2] - 60 == opened_at
        api.sandbox.advance(61)
        assert api.call("GET", ME).status_code == 200


def test_refused_calls_count_and_calls_without_a_token_do_not() -> None:
    with opened(SandboxOptions(rate_limit=2)) as api:
        for _ in range(5):
            assert api.call("GET", ME, headers={"Authorization": "Bearer wrong"}).status_code == 401
            api.log_in()
        search = "/2026-07/marketing-solutions/audience-segments/search"
        assert api.call("POST", search, {}).status_code == 400
        assert _headers(api.call("GET", ME))[:2] == (2, 0)


def test_each_client_has_a_window_of_its_own() -> None:
    apps = (App("one", "s", ("12345",)), App("two", "s", ("12345",)))
    with opened(SandboxOptions(apps=apps, rate_limit=1), client_id="one", client_secret="s") as one:
        two = Api(one.sandbox, "two", "s")
        assert [api.call("GET", ME).status_code for api in (one, two, one, two)] == [200, 200, 429, 429]
        two.session.close()


def test_a_token_renewed_is_no_new_window() -> None:
    with opened(SandboxOptions(rate_limit=1)) as api:
        api.call("GET", ME)
        api.log_in()
        assert api.call("GET", ME).status_code == 429


def test_the_limit_can_be_switched_off() -> None:
    with opened(SandboxOptions(rate_limit=0)) as api:
        answers = [api.call("GET", ME) for _ in range(5)]
        assert {answer.status_code for answer in answers} == {200}
        assert not [name for name in answers[0].headers if name.lower().startswith("x-ratelimit")]


def test_retry_after_can_be_switched_on() -> None:
    with opened(SandboxOptions(rate_limit=1, retry_after=True)) as api:
        api.call("GET", ME)
        assert 1 <= int(api.call("GET", ME).headers["retry-after"]) <= 61


def test_a_call_over_the_limit_takes_no_effect() -> None:
    with opened(SandboxOptions(rate_limit=1)) as api:
        segment_id = api.create("a")
        assert api.amend(segment_id, "add", ["a@example.com"]).status_code == 429
        assert api.sandbox.segment("a").size == pytest.approx(0)
