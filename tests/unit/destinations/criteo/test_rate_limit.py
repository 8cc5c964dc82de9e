"""The pace: under the limit in every minute, close to it over time, and never against what Criteo says."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from math import floor

import pytest

from runner.destinations.criteo.clock import Clock
from runner.destinations.criteo.rate_limit import (
    LONGEST_HOLD,
    RateLimiter,
    RateLimiters,
    is_used_up,
    seconds_until_reset,
)
from tests.unit.destinations.criteo.clock import FakeClock

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def paced(limiter: RateLimiter, fake: FakeClock, calls: int, each: float = 0.0) -> list[float]:
    left = []
    for _ in range(calls):
        limiter.wait()
        left.append(fake.now)
        fake.now += each
    return left


def assert_under(limit: int, left: list[float]) -> None:
    left = sorted(left)
    assert all(later - earlier >= 60 for earlier, later in zip(left, left[limit:], strict=False))


@pytest.mark.parametrize("limit", [1, 10, 40, 250])
@pytest.mark.parametrize("each", [0.0, 0.05, 0.23])
def test_no_minute_has_more_calls_than_the_limit_and_98_percent_of_it_are_used(limit: int, each: float) -> None:
    fake = FakeClock()
    left = paced(RateLimiter(limit, fake.clock), fake, 20 * limit + 1, each)
    assert_under(limit, left)
    assert 20 * limit / (left[-1] - left[0]) >= 0.98 * limit / 60


def test_threads_share_one_pace() -> None:
    fake = FakeClock()
    limiter = RateLimiter(20, fake.clock)
    left: list[float] = []
    lock = threading.Lock()

    def work() -> None:
        for _ in range(50):
            limiter.wait()
            with lock:
                left.append(fake.now)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(left) == 400
    # A thread may be suspended between leaving and noting the time, but it never notes a time before it left.
    assert max(left) - 1000 >= (400 / 20 - 1) * 60
    assert max(left) - 1000 <= (400 / 20 - 1) * 60 / 0.98


def test_a_call_may_leave_at_once_while_the_limit_is_not_reached() -> None:
    fake = FakeClock()
    paced(RateLimiter(250, fake.clock), fake, 250)
    assert fake.slept == []


def test_connections_of_one_app_share_a_pacer_and_the_smaller_limit() -> None:
    fake = FakeClock()
    limiters = RateLimiters()
    first = limiters.of("https://api.criteo.com", "app", 250, fake.clock)
    assert limiters.of("https://api.criteo.com", "app", 10, fake.clock) is first
    assert limiters.of("https://api.criteo.com", "app", 250, fake.clock) is first
    assert_under(10, paced(first, fake, 31))
    assert fake.now - 1000 >= 180


def test_other_apps_and_other_hosts_have_a_pace_of_their_own() -> None:
    fake = FakeClock()
    limiters = RateLimiters()
    made = {
        id(limiters.of(url, app, 250, fake.clock))
        for url in ("http://127.0.0.1:1", "http://127.0.0.1:2")
        for app in "ab"
    }
    assert len(made) == 4


def test_lowering_the_limit_still_counts_the_calls_that_have_left() -> None:
    fake = FakeClock()
    limiter = RateLimiter(100, fake.clock)
    before = paced(limiter, fake, 50)
    limiter.lower(20)
    after = paced(limiter, fake, 1)
    assert after[0] - before[-1] >= 60


def test_a_hold_stops_every_call_until_it_ends() -> None:
    fake = FakeClock()
    limiter = RateLimiter(250, fake.clock)
    limiter.hold(12)
    limiter.hold(3)
    assert paced(limiter, fake, 1) == [1012.0]


def test_a_hold_that_begins_while_a_call_waits_is_obeyed_too() -> None:
    fake = FakeClock()
    holds = [100.0]

    def held_meanwhile(seconds: float) -> None:
        if holds:
            limiter.hold(holds.pop())
        fake.sleep(seconds)

    limiter = RateLimiter(1, Clock(fake.monotonic, fake.wall, held_meanwhile))
    limiter.wait()
    limiter.wait()
    assert fake.now == 1100.0


def test_an_interrupted_wait_has_counted_no_call() -> None:
    fake = FakeClock()

    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    limiter = RateLimiter(1, Clock(fake.monotonic, fake.wall, interrupted))
    limiter.wait()
    with pytest.raises(KeyboardInterrupt):
        limiter.wait()
    fake.now += 61
    limiter.wait()


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"x-ratelimit-reset": str(int(NOON.timestamp()) + 17)}, 17.0),
        ({"x-ratelimit-reset": str(int(NOON.timestamp()) - 5)}, 0.0),
        ({"x-ratelimit-reset": "99999999999"}, LONGEST_HOLD),
        ({"x-ratelimit-reset": str(int(NOON.timestamp()) + 17), "retry-after": "3"}, 17.0),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({"x-ratelimit-reset": "soon"}, None),
        ({"x-ratelimit-reset": "-1"}, None),
        ({"x-ratelimit-reset": "9" * 400}, None),
        ({"x-ratelimit-reset": "²"}, None),
        ({}, None),
    ],
)
def test_the_wait_is_until_the_reset_else_as_long_as_retry_after_says(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert seconds_until_reset(headers, NOON) == seconds


def test_only_a_remainder_of_zero_is_used_up() -> None:
    assert is_used_up({"x-ratelimit-remaining": "0"})
    assert not any(is_used_up({"x-ratelimit-remaining": text}) for text in ("1", "", "none", "-0.5"))
    assert not is_used_up({})


class CriteosLimit:
    """Criteo's side: counts arrivals in a window, sliding or fixed, and names the reset in whole seconds."""

    def __init__(self, limit: int, *, sliding: bool) -> None:
        self.limit = limit
        self.sliding = sliding
        self.arrivals: deque[float] = deque()

    def answer(self, at: float) -> tuple[int, dict[str, str]]:
        start = at - 60 if self.sliding else floor(at / 60) * 60
        while self.arrivals and self.arrivals[0] <= start:
            self.arrivals.popleft()
        refused = len(self.arrivals) >= self.limit
        if not refused:
            self.arrivals.append(at)
        reset = self.arrivals[0] + 60 if self.sliding else start + 60
        headers = {
            "x-ratelimit-remaining": str(self.limit - len(self.arrivals)),
            "x-ratelimit-reset": str(floor(reset) + 1),
        }
        return (429 if refused else 200), headers


def latencies() -> Iterator[float]:
    while True:
        yield from (0.02, 0.05, 0.02, 0.31, 0.02, 0.08)


@pytest.mark.parametrize("sliding", [True, False])
@pytest.mark.parametrize("limit", [10, 250])
def test_criteo_never_has_to_refuse_a_call_and_98_percent_of_its_limit_are_used(limit: int, sliding: bool) -> None:
    fake = FakeClock()
    fake.now = 1200.0
    limiter, theirs, latency = RateLimiter(limit, fake.clock), CriteosLimit(limit, sliding=sliding), latencies()
    begun = fake.now
    for _ in range(30 * limit):
        limiter.wait()
        fake.now += next(latency)
        status, headers = theirs.answer(fake.now)
        told = datetime.fromtimestamp(floor(fake.now), UTC)
        fake.now += 0.01
        assert status == 200
        assert not limiter.heed(status, headers, told)
    assert 30 * limit / (fake.now - begun) >= 0.98 * limit / 60


def test_a_reset_that_criteo_names_is_waited_for_even_under_the_own_limit() -> None:
    fake = FakeClock()
    limiter = RateLimiter(250, fake.clock)
    headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOON.timestamp()) + 30)}
    pause = seconds_until_reset(headers, NOON)
    assert pause is not None
    limiter.wait()
    limiter.hold(pause)
    assert paced(limiter, fake, 1) == [1030.0]
