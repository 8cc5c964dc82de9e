"""What segment SQL may use is enforced by the system: an activation that breaks the limits fails alone."""

from __future__ import annotations

import pytest

from tests.end_to_end.shop import CANARY, Shop, hashes, mail
from tests.end_to_end.test_members import only
from tests.sandbox_client import Sandbox


@pytest.mark.slow
@pytest.mark.usefixtures("segments_run_apart")
def test_one_that_breaks_a_limit_fails_and_the_others_go_on(shop: Shop, sandbox: Sandbox) -> None:
    shop.people(mail(1, 2, 3))
    shop.activation("a-memory", sql="select repeat(repeat('x', 100000), 30000) as email")
    deep = ".".join(["a"] * 50_000)
    shop.activation("b-time", sql=f"select {deep} as email from shop.people")
    shop.activation("c-good")

    result = shop.run("apply", "--yes", code=1, HEADCOUNT_MEMORY_LIMIT="300MB", HEADCOUNT_TIME_LIMIT="4")

    assert "the segment needs more than 300MB of memory" in result.out
    assert "the segment was stopped at its time limit of 4 seconds" in result.out
    assert "1 done" in result.out
    assert sandbox.members(only(sandbox), "email") == hashes(1, 2, 3)
    assert CANARY not in result.out + result.err


@pytest.mark.usefixtures("segments_run_apart")
def test_a_limit_that_cannot_be_read_says_so(shop: Shop) -> None:
    shop.people(mail(1))
    shop.activation()

    result = shop.run("plan", code=1, HEADCOUNT_MEMORY_LIMIT="plenty")

    assert "HEADCOUNT_MEMORY_LIMIT=plenty is not an amount of memory" in result.out


@pytest.mark.parametrize("limit", ["nan", "inf", "1e400", "5000000000", "0", "-1", "10m"])
def test_a_time_limit_that_is_none_says_so(shop: Shop, limit: str) -> None:
    shop.people(mail(1))
    shop.activation()
    said = shop.run("plan", code=64, HEADCOUNT_TIME_LIMIT=limit).err
    assert f"HEADCOUNT_TIME_LIMIT={limit} is no time limit" in said
    assert "write a number of seconds, such as 600; 86,400 (a day) is the most" in said


def test_no_limit_of_memory_is_none(shop: Shop) -> None:
    shop.people(mail(1))
    shop.activation()
    assert "-1 is not an amount of memory" in shop.run("plan", code=64, HEADCOUNT_MEMORY_LIMIT="-1").err


def test_a_folder_for_temporary_files_that_is_not_there_is_not_replaced_by_another(shop: Shop) -> None:
    shop.people(mail(1))
    shop.activation()
    said = shop.run("plan", code=1, TMPDIR=str(shop.folder / "not-mounted")).err
    assert "not-mounted cannot be used: it is no folder that this user may write to" in said
