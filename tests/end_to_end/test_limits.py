"""What segment SQL may use is enforced by the system: an activation that breaks the limits fails alone."""

from __future__ import annotations

import pytest

from tests.end_to_end.shop import CANARY, Shop, hashes, mail
from tests.end_to_end.test_members import only
from tests.sandbox_client import Sandbox


@pytest.mark.usefixtures("segments_run_apart")
def test_one_that_breaks_a_limit_fails_and_the_others_go_on(shop: Shop, sandbox: Sandbox) -> None:
    shop.people(mail(1, 2, 3))
    shop.activation("a-memory", sql="select repeat(repeat('x', 100000), 30000) as email")
    deep = ".".join(["a"] * 50_000)
    shop.activation("b-time", sql=f"select {deep} as email from shop.people")
    shop.activation("c-good")

    result = shop.run("apply", "--yes", code=1, HEADCOUNT_MEMORY_LIMIT="300MB", HEADCOUNT_TIME_LIMIT="1")

    assert "the segment needs more than 300MB of memory" in result.out
    assert "the segment was stopped at its time limit of 1 seconds" in result.out
    assert "c-good  done" in result.out
    assert sandbox.members(only(sandbox), "email") == hashes(1, 2, 3)
    assert CANARY not in result.out + result.err


@pytest.mark.usefixtures("segments_run_apart")
def test_a_limit_that_cannot_be_read_says_so(shop: Shop) -> None:
    shop.people(mail(1))
    shop.activation()

    result = shop.run("plan", code=1, HEADCOUNT_MEMORY_LIMIT="plenty")

    assert "HEADCOUNT_MEMORY_LIMIT=plenty is not an amount of memory" in result.out
