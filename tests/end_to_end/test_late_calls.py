"""Calls that take effect after their run has died, or has tried again, and after the next run has ended."""

from __future__ import annotations

import os
import signal

import pytest

from tests.end_to_end.shop import Shop, hashes, mail, minutes_pass
from tests.end_to_end.test_promises import amendments, batched, only, wait_until  # noqa: F401 - a fixture
from tests.sandbox_client import Sandbox


@pytest.mark.slow
def test_what_a_dead_run_sent_comes_after_the_next_run_and_is_undone_five_minutes_later(
    batched: Shop,  # noqa: F811
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sandbox.fault("late", path="contact-list", skip=1, times=1, seconds=3)
    sandbox.fault("slow", path="contact-list", skip=2, times=None, seconds=60)
    with batched.start("apply", "--yes") as process:
        wait_until(lambda: amendments(sandbox) >= 2)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    sandbox.clear_faults()
    batched.people(mail(*range(20, 25)))
    batched.apply("--allow-removals", "loyal")
    assert sandbox.members(only(sandbox), "email") == hashes(*range(20, 25))
    assert "in doubt" in batched.run("status").out
    wait_until(lambda: len(sandbox.members(only(sandbox), "email")) == 7)
    minutes_pass(monkeypatch, 6)
    batched.apply("--allow-removals", "loyal")
    assert sandbox.members(only(sandbox), "email") == hashes(*range(20, 25))
    batched.run("plan", "--detailed-exitcode", code=0)


def test_a_call_that_was_tried_again_comes_after_the_next_run_and_is_undone_as_well(
    batched: Shop,  # noqa: F811
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sandbox.fault("late", path="contact-list", times=1, seconds=3)
    batched.apply()
    batched.run("plan", "--detailed-exitcode", code=0)
    batched.people(mail(*range(20, 25)))
    batched.apply("--allow-removals", "loyal")
    assert sandbox.members(only(sandbox), "email") == hashes(*range(20, 25))
    wait_until(lambda: len(sandbox.members(only(sandbox), "email")) == 7)
    minutes_pass(monkeypatch, 6)
    batched.apply("--allow-removals", "loyal")
    assert sandbox.members(only(sandbox), "email") == hashes(*range(20, 25))
    batched.run("plan", "--detailed-exitcode", code=0)


@pytest.mark.slow
def test_a_clear_that_comes_after_the_audience_was_filled_is_made_good(
    batched: Shop,  # noqa: F811
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    batched.apply()
    sandbox.fault("late", path="contact-list", times=1, seconds=3)
    batched.run("sync", "--rebuild", "loyal")
    assert sandbox.members(only(sandbox), "email") == hashes(*range(10))
    wait_until(lambda: not sandbox.members(only(sandbox), "email"))
    minutes_pass(monkeypatch, 6)
    batched.run("sync")
    assert sandbox.members(only(sandbox), "email") == hashes(*range(10))
    batched.run("plan", "--detailed-exitcode", code=0)


def test_an_audience_is_not_cleared_while_what_was_sent_before_may_still_come(
    batched: Shop,  # noqa: F811
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sandbox.fault("drop-after", path="contact-list", times=1)
    batched.apply()
    refused = batched.run("sync", "--rebuild", "loyal", code=1).out
    assert "not cleared yet" in refused
    assert "run again in 5 minutes" in refused
    assert sandbox.members(only(sandbox), "email") == hashes(*range(10))
    minutes_pass(monkeypatch, 6)
    batched.run("sync", "--rebuild", "loyal")
    assert sandbox.members(only(sandbox), "email") == hashes(*range(10))


def test_a_batch_that_criteo_refused_is_not_in_doubt(
    batched: Shop,  # noqa: F811
    sandbox: Sandbox,
) -> None:
    sandbox.fault("403", path="contact-list", skip=1, times=None)
    batched.apply(code=1)
    sandbox.clear_faults()
    assert "unfinished: 1 of 5 batches taken, 0 in flight" in batched.run("status").out
    batched.people([])
    sandbox.forget_calls()
    batched.apply("--allow-removals", "loyal")
    (call,) = sandbox.calls("contact-list")
    assert (call.operation, call.count) == ("remove", 2)
