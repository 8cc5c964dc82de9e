"""`sync --due` and `schedule`: what a scheduler outside makes of the schedules in the files."""

from __future__ import annotations

import os
import signal
from datetime import UTC, datetime, timedelta

import pytest

from tests.end_to_end.shop import Shop, hashes, mail
from tests.end_to_end.test_promises import wait_until
from tests.sandbox_client import Sandbox

NOW = datetime.now(UTC)


def at(**passed: float) -> str:
    """An `--at` so much later than now."""
    return (NOW + timedelta(**passed)).isoformat(timespec="seconds")


def due(shop: Shop, *arguments: str, code: int | None = 0, **passed: float) -> dict[str, str]:
    """What `sync --due` did at that time: outcome by activation."""
    found = shop.run("sync", "--due", "--at", at(**passed), "--format", "json", *arguments, code=code).json
    return {run["activation"]: run["outcome"] for run in found["activations"]}


@pytest.fixture
def scheduled(shop: Shop) -> Shop:
    shop.activation("hourly", schedule={"every": "1h"})
    shop.activation("daily", schedule={"cron": (NOW + timedelta(hours=12)).strftime("0 %H * * *")})
    shop.activation("by-hand", schedule="manual")
    shop.apply()
    return shop


def test_only_what_is_due_is_looked_at(scheduled: Shop, sandbox: Sandbox) -> None:
    scheduled.people(mail(1, 2))
    assert due(scheduled, "--allow-removals", "hourly", hours=2) == {"hourly": "done"}
    members = {segment.name: sandbox.members(segment.id, "email") for segment in sandbox.segments()}
    assert members == {"Hourly": hashes(1, 2), "Daily": hashes(1, 2, 3), "By-Hand": hashes(1, 2, 3)}


def test_nothing_due_makes_no_call_and_says_what_comes(scheduled: Shop, sandbox: Sandbox) -> None:
    sandbox.forget_calls()
    out = scheduled.run("sync", "--due").out
    assert sandbox.calls() == ()
    assert "2 activations not due; next is hourly, " in out


def test_missed_slots_are_made_up_for_once(scheduled: Shop) -> None:
    assert due(scheduled, days=3) == {"hourly": "unchanged", "daily": "unchanged"}
    assert due(scheduled, days=3, minutes=1) == {}
    assert due(scheduled, days=3, hours=1, minutes=2) == {"hourly": "unchanged"}


def test_what_failed_or_was_blocked_stays_due(scheduled: Shop, sandbox: Sandbox) -> None:
    sandbox.fault("403", path="audience-segments/search", times=None)
    assert due(scheduled, code=1, hours=2) == {"hourly": "failed"}
    sandbox.clear_faults()
    scheduled.people([])
    assert due(scheduled, code=4, hours=2) == {"hourly": "blocked"}
    assert due(scheduled, "--allow-removals", "hourly", hours=2, minutes=1) == {"hourly": "done"}
    assert due(scheduled, hours=2, minutes=2) == {}


def test_what_was_never_applied_is_named_and_makes_no_call(shop: Shop, sandbox: Sandbox) -> None:
    shop.activation(schedule={"every": "1h"})
    result = shop.run("sync", "--due", code=7)
    assert "loyal  skipped  not applied yet" in result.out
    assert sandbox.calls() == ()


def test_today_is_the_day_of_the_time_that_is_given(scheduled: Shop) -> None:
    shown = scheduled.run("sync", "--due", "--at", "2031-02-03T00:30", "--format", "json").json
    assert shown["plan"]["today"] == "2031-02-03"


@pytest.mark.parametrize("time", ["noon", "2026-13-01", ""])
def test_a_time_that_is_none_is_wrong_usage(scheduled: Shop, time: str) -> None:
    code = 0 if not time else 64
    err = scheduled.run("sync", "--due", "--at", time, code=code).err
    assert ("2026-11-24T06:00" in err) == bool(time)


def test_a_rebuild_waits_for_no_schedule(scheduled: Shop) -> None:
    assert "--rebuild" in scheduled.run("sync", "--due", "--rebuild", "hourly", code=64).err


def test_the_runs_to_come_are_listed_in_order(scheduled: Shop) -> None:
    runs = scheduled.run("schedule", "--format", "json", "--limit", "14").json["runs"]
    assert [run["at"] for run in runs] == sorted(run["at"] for run in runs)
    assert {run["activation"] for run in runs} == {"hourly", "daily"}
    text = scheduled.run("schedule", "--select", "hourly", "--limit", "2", "--at", at(days=1)).out
    assert text.splitlines()[0].split()[-4:] == ["now", "hourly", "every", "1h"]
    assert "by-hand" not in text


def test_nothing_is_to_come_where_all_is_run_by_hand(shop: Shop) -> None:
    shop.activation(schedule="manual")
    assert "run by hand" in shop.run("schedule").out


def test_what_only_an_apply_can_bring_up_to_date_is_never_due(scheduled: Shop) -> None:
    scheduled.activation("new", schedule={"every": "1h"})
    scheduled.activation("daily", schedule={"every": "1h"}, sql="select email from shop.people where kind = 'all'")
    found = scheduled.run("schedule", "--format", "json", "--at", at(days=2), "--limit", "3").json
    assert {run["activation"] for run in found["runs"]} == {"hourly"}
    assert found["awaiting_apply"] == ["daily", "new"]
    assert scheduled.run("schedule").out.endswith("\nNot before `headcount apply`: daily, new.\n")
    rows = {row["activation"]: row for row in scheduled.run("status", "--format", "json").json["activations"]}
    assert {one for one, row in rows.items() if row["next_due"]} == {"hourly"}
    assert scheduled.run("status", "--details").out.count("next due  not before `headcount apply`") == 2
    scheduled.apply()
    assert scheduled.run("schedule", "--format", "json", "--limit", "3").json["awaiting_apply"] == []


class TestFreshness:
    @pytest.fixture
    def fresh(self, shop: Shop) -> Shop:
        text = (shop.folder / "activations/shop.yaml").read_text()
        shop.write("activations/shop.yaml", text.replace("defaults:\n", "defaults:\n  freshness: 26h\n"))
        shop.activation("daily")
        shop.activation("weekly", freshness="8d")
        shop.activation("whenever", freshness=None)
        return shop

    def stale(self, shop: Shop, code: int = 0, **passed: float) -> list[str]:
        arguments = ("status", "--fail-stale", "--format", "json", "--at", at(**passed))
        return [row["activation"] for row in shop.run(*arguments, code=code).json["activations"] if row["stale"]]

    def test_says_when_the_last_good_run_is_too_long_ago(self, fresh: Shop) -> None:
        fresh.apply()
        assert self.stale(fresh, hours=25) == []
        assert self.stale(fresh, hours=27, code=1) == ["daily"]
        assert self.stale(fresh, days=9, code=1) == ["daily", "weekly"]
        result = fresh.run("status", "--fail-stale", "--at", at(hours=27), code=1)
        assert result.out.startswith("! daily  stale: the last good run was ")
        assert "(1 d ago), 26h is allowed\n    -> `headcount sync --select daily` brings" in result.out
        assert result.err == "Stale: daily.\n"
        fresh.run("status", "--at", at(hours=27))

    def test_what_was_never_applied_is_not_stale(self, fresh: Shop) -> None:
        assert self.stale(fresh, days=90) == []

    def test_a_run_that_went_wrong_makes_nothing_fresh(self, fresh: Shop) -> None:
        fresh.apply()
        fresh.people([])
        fresh.run("sync", "--at", at(hours=20), code=4)
        assert self.stale(fresh, hours=27, code=1) == ["daily"]


def test_what_a_run_left_half_done_between_two_slots_is_due_at_once(scheduled: Shop, sandbox: Sandbox) -> None:
    scheduled.people(mail(2, 3, 4))
    sandbox.fault("reject", path="contact-list", times=None)
    scheduled.run("sync", "--select", "daily", "--allow-removals", "daily", code=1)
    sandbox.clear_faults()
    (status,) = scheduled.run("status", "--select", "daily", "--format", "json").json["activations"]
    assert datetime.fromisoformat(status["next_due"]) <= datetime.now(UTC)
    assert due(scheduled, "--allow-removals", "daily") == {"daily": "done"}
    assert due(scheduled) == {}
    members = {segment.name: sandbox.members(segment.id, "email") for segment in sandbox.segments()}
    assert members["Daily"] == hashes(2, 3, 4)


def test_what_a_killed_run_left_is_due_at_once(scheduled: Shop, sandbox: Sandbox) -> None:
    scheduled.people(mail(1, 2, 3, 4))
    sandbox.forget_calls()
    sandbox.fault("slow", path="contact-list", times=None, seconds=60)
    with scheduled.start("sync", "--select", "daily") as process:
        wait_until(lambda: any(call.path.endswith("/contact-list") for call in sandbox.calls()))
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    sandbox.clear_faults()
    assert due(scheduled) == {"daily": "done"}
