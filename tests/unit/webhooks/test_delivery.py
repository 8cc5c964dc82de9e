"""What is posted, and that no receiver costs more than its time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from time import monotonic
from typing import Any

import pytest

from runner.core.destination import Secret
from runner.core.receivers import NoticeCondition, Receiver, ReceiverFormat
from runner.webhooks.bodies import MOST, MOST_LINES, body_of
from runner.webhooks.delivery import post_all
from runner.webhooks.webhook_addresses import address_of
from tests.builders import HERE
from tests.webhook import webhook


def receiver(name: str, url: str, shape: ReceiverFormat = ReceiverFormat.JSON) -> Receiver:
    return Receiver(name, Secret(url), shape, frozenset(NoticeCondition), True, None, HERE)


def notice(number: int = 1, **fields: Any) -> Mapping[str, Any]:
    return {"id": str(number), "status": "began", "message": f"notice {number}", "hint": "look", **fields}


def test_a_receiver_that_hangs_keeps_no_other_waiting_and_no_run_longer_than_it_may() -> None:
    with webhook() as good, webhook() as bad:
        bad.hangs = True
        to = {name: receiver(name, hook.url) for name, hook in (("good", good), ("bad", bad))}
        began = monotonic()
        work = {name: (one, address_of(one, lambda _: True), [notice()]) for name, one in to.items()}
        posted = post_all(work, total=0.5)
        assert monotonic() - began < 3.0  # without the limit, four seconds
    assert (posted["good"].taken, posted["good"].problem) == (1, "")
    assert posted["bad"].taken == 0
    assert posted["bad"].problem


def test_of_very_many_notices_each_message_has_a_part() -> None:
    with webhook() as hook:
        one = receiver("a", hook.url)
        posted = post_all({"a": (one, address_of(one, lambda _: True), [notice(n) for n in range(MOST + 1)])})
        assert posted["a"].taken == MOST + 1
        assert [len(body["notices"]) for body in hook.posted] == [MOST, 1]


def test_of_very_many_notices_a_person_reads_some_and_how_many_more_there_are() -> None:
    text = json.loads(body_of([notice(n) for n in range(MOST_LINES + 7)], ReceiverFormat.SLACK))["text"]
    assert text.count("notice") == MOST_LINES
    assert text.endswith("and 7 more: `headcount status` shows them")


def test_no_name_in_a_message_of_slack_is_a_link_or_calls_anybody() -> None:
    sly = notice(message="<!channel> & <https://evil.example|ok>", owner="<@U1>", job="https://ci.example/1|x>")
    text = json.loads(body_of([sly], ReceiverFormat.SLACK))["text"]
    assert "<!" not in text
    assert "<@" not in text
    assert text.count("<") == 1
    assert "<https://ci.example/1/x&gt;|the job>" in text


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("https://hooks.example.com/x", ""),
        ("http://127.0.0.1:1/x", ""),
        ("http://[::1]:1/x", ""),
        ("http://hooks.example.com/x", "its address begins with http://"),
        ("http://localhost.example.com/x", "its address begins with http://"),
        ("ftp://hooks.example.com/x", "does not hold an https address"),
        ("postgres://user:s3cr3t@db/x", "does not hold an https address"),
        ("https://:443/x", "does not hold an https address"),
        ("https://a b/x", "does not hold an https address"),
        ("https://[/x", "does not hold an address"),
        ("https://other.example.org/x", "does not list its host"),
    ],
)
def test_a_notice_goes_to_an_https_address_of_a_host_that_is_listed(url: str, problem: str) -> None:
    found = address_of(receiver("a", url), lambda host: not host.endswith(".org"))
    assert problem in found.problem
    assert bool(found.problem) == bool(problem)
    assert "s3cr3t" not in repr(found) + found.problem
    assert "/x" not in repr(found)
