"""What never breaks: killed, cut off, throttled, locked or corrupted, one clean run later Criteo is as declared."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from runner.core.membership import ComparedMembership, Evaluation, MembershipFiles
from runner.engine.memberships.membership_store import DuckDBMembershipStore
from tests.end_to_end.shop import Shop, hashes, mail
from tests.sandbox_client import Sandbox

BATCHED = "batch_size: 2\nrate_limit: 60000\n"


@pytest.fixture
def batched(shop: Shop) -> Shop:
    """Ten people in batches of two."""
    shop.write("activations/shop.yaml", (shop.folder / "activations/shop.yaml").read_text() + BATCHED)
    shop.people(mail(*range(10)))
    shop.activation(guardrails={"max_removed": None})
    return shop


def only(sandbox: Sandbox) -> str:
    (segment,) = sandbox.segments()
    return segment.id


def amendments(sandbox: Sandbox) -> int:
    return len(sandbox.calls("contact-list"))


def wait_until(condition: object, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def leave_unanswered(sandbox: Sandbox, path: str, *, skip: int = 0, effect: bool) -> None:
    """From the call after `skip` on, no call gets an answer, whether it takes effect or not."""
    sandbox.fault("slow" if effect else "drop-before", path=path, skip=skip, times=None, seconds=60)


def kill_during_call(shop: Shop, sandbox: Sandbox, nth: int, *, effect: bool) -> None:
    """Start apply and kill it with SIGKILL while its nth amendment has no answer yet."""
    sandbox.forget_calls()
    leave_unanswered(sandbox, "contact-list", skip=nth - 1, effect=effect)
    with shop.start("apply", "--yes") as process:
        wait_until(lambda: amendments(sandbox) >= nth)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    sandbox.clear_faults()


class TestNothingIsLost:
    @pytest.mark.parametrize("effect", [False, True])
    @pytest.mark.parametrize("nth", [1, 3])
    def test_a_kill_while_sending_is_healed_by_the_next_run(
        self, batched: Shop, sandbox: Sandbox, nth: int, effect: bool
    ) -> None:
        kill_during_call(batched, sandbox, nth, effect=effect)
        (status,) = batched.run("status", "--format", "json").json["activations"]
        assert status["unfinished"] == {"batches": 5, "taken": nth - 1, "in_flight": 1}
        batched.people(mail(*range(5, 12)))
        batched.apply()
        assert sandbox.members(only(sandbox), "email") == hashes(*range(5, 12))

    def test_whoever_is_in_doubt_is_removed_when_they_left_meanwhile(self, batched: Shop, sandbox: Sandbox) -> None:
        kill_during_call(batched, sandbox, 1, effect=True)
        (in_doubt,) = [set(call.identifiers) for call in sandbox.calls("contact-list", identifiers=True)]
        assert sandbox.members(only(sandbox), "email") == in_doubt
        batched.people(mail(20))
        batched.apply("--allow-removals", "loyal")
        assert sandbox.members(only(sandbox), "email") == hashes(20)

    def test_doubt_outlives_a_second_kill(self, batched: Shop, sandbox: Sandbox) -> None:
        kill_during_call(batched, sandbox, 2, effect=True)
        batched.people(mail(*range(20, 30)))
        kill_during_call(batched, sandbox, 1, effect=False)
        batched.apply("--allow-removals", "loyal")
        assert sandbox.members(only(sandbox), "email") == hashes(*range(20, 30))

    def test_plan_shows_the_settled_view_without_writing_it(self, batched: Shop, sandbox: Sandbox) -> None:
        kill_during_call(batched, sandbox, 3, effect=True)
        before = {path: path.read_bytes() for path in batched.state_files() if path.suffix == ".parquet"}
        change = batched.plan()["loyal"]
        assert change["members"][0] == {
            "identifier_type": "email", "before": 6, "after": 10, "added": 6, "removed": 0, "unknown": 2,
        }  # fmt: skip
        assert before == {path: path.read_bytes() for path in batched.state_files() if path.suffix == ".parquet"}

    @pytest.mark.parametrize("fault", ["drop-before", "drop-after", "500", "503", "html", "empty", "truncate", "429"])
    def test_one_bad_answer_does_not_matter(self, batched: Shop, sandbox: Sandbox, fault: str) -> None:
        sandbox.fault(fault, path="contact-list", times=1, skip=1)
        batched.apply()
        assert sandbox.members(only(sandbox), "email") == hashes(*range(10))

    def test_a_token_that_expires_half_way_is_renewed(self, batched: Shop, sandbox: Sandbox) -> None:
        sandbox.fault("slow", path="contact-list", times=2, seconds=0.3)
        with batched.start("apply", "--yes") as process:
            wait_until(lambda: amendments(sandbox) >= 1)
            sandbox.expire_tokens()
            process.communicate()
        assert process.returncode == 0
        assert [call.status for call in sandbox.calls() if call.status == 401]
        assert sandbox.members(only(sandbox), "email") == hashes(*range(10))


class TestAnAudienceIsCreatedOnce:
    @pytest.mark.parametrize("fault", ["drop-after", "truncate", "empty"])
    def test_when_the_answer_is_lost(self, shop: Shop, sandbox: Sandbox, fault: str) -> None:
        shop.activation()
        sandbox.fault(fault, path="audience-segments/create", times=1)
        shop.apply()
        assert sandbox.members(only(sandbox), "email") == hashes(1, 2, 3)

    def test_when_the_call_never_arrived(self, shop: Shop, sandbox: Sandbox) -> None:
        shop.activation()
        sandbox.fault("drop-before", path="audience-segments/create", times=1)
        shop.apply()
        assert sandbox.members(only(sandbox), "email") == hashes(1, 2, 3)

    def test_when_the_run_is_killed_waiting_for_the_answer(self, shop: Shop, sandbox: Sandbox) -> None:
        shop.activation()
        sandbox.fault("slow", path="audience-segments/create", times=None, seconds=60)
        with shop.start("apply", "--yes") as process:
            wait_until(lambda: any(call.path.endswith("/create") for call in sandbox.calls()))
            os.kill(process.pid, signal.SIGKILL)
            process.communicate()
        sandbox.clear_faults()
        assert len(sandbox.segments()) == 1
        assert shop.plan()["loyal"]["action"] == "sync"
        shop.apply()
        assert sandbox.members(only(sandbox), "email") == hashes(1, 2, 3)


class TestReading:
    def test_a_plan_that_is_overtaken_by_an_apply_compares_with_what_that_left(
        self, batched: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        batched.apply()
        compare = DuckDBMembershipStore.compare

        def overtaken(
            store: DuckDBMembershipStore, evaluation: Evaluation, held: MembershipFiles
        ) -> ComparedMembership:
            monkeypatch.setattr(DuckDBMembershipStore, "compare", compare)
            batched.people(mail(*range(11)))
            with batched.start("apply", "--yes") as process:
                process.communicate()
            batched.people(mail(*range(10)))
            assert held.members is not None
            assert not held.members.exists()
            return store.compare(evaluation, held)

        monkeypatch.setattr(DuckDBMembershipStore, "compare", overtaken)
        (members,) = batched.plan()["loyal"]["members"]
        assert (members["added"], members["removed"]) == (0, 1)


class TestInterrupts:
    def test_the_batch_in_flight_is_finished_and_the_run_can_be_resumed(self, batched: Shop, sandbox: Sandbox) -> None:
        sandbox.fault("slow", path="contact-list", times=None, seconds=0.5)
        with batched.start("apply", "--yes") as process:
            wait_until(lambda: amendments(sandbox) >= 2)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=30)
        assert process.returncode == 130
        assert "finishing the batch in flight" in err
        assert "interrupted" in out
        sandbox.clear_faults()
        (status,) = batched.run("status", "--format", "json").json["activations"]
        assert status["unfinished"]["in_flight"] == 0
        batched.apply()
        assert sandbox.members(only(sandbox), "email") == hashes(*range(10))

    def test_audiences_are_filled_side_by_side_and_two_ctrl_c_stop_all_of_them(
        self, batched: Shop, sandbox: Sandbox
    ) -> None:
        """One audience waits for an answer that does not come; the others are filled meanwhile."""
        for name in ("second", "third"):
            batched.activation(name, guardrails={"max_removed": None})
        sandbox.fault("slow", path="contact-list", times=1, seconds=60)
        with batched.start("apply", "--yes") as process:
            wait_until(lambda: [segment.size for segment in sandbox.segments()].count(10) == 2)
            process.send_signal(signal.SIGINT)
            assert process.stderr is not None
            while "press Ctrl-C again" not in process.stderr.readline():
                pass
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=15)
        assert process.returncode == 130
        sandbox.clear_faults()
        batched.apply()
        assert [sandbox.members(segment.id, "email") for segment in sandbox.segments()] == [hashes(*range(10))] * 3

    def test_nobody_waits_for_the_next_try(self, batched: Shop, sandbox: Sandbox) -> None:
        sandbox.fault("429", path="contact-list", times=None, seconds=300)
        with batched.start("apply", "--yes") as process:
            wait_until(lambda: amendments(sandbox) >= 1)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)
        assert process.returncode == 130
        sandbox.clear_faults()
        sandbox.advance(300)
        batched.apply()
        assert sandbox.members(only(sandbox), "email") == hashes(*range(10))

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    @pytest.mark.parametrize("command", [["plan"], ["apply", "--yes"], ["sync"]])
    def test_before_anything_is_sent_a_run_ends_at_once_and_says_so(
        self, shop: Shop, sandbox: Sandbox, command: list[str], number: signal.Signals
    ) -> None:
        shop.activation()
        sandbox.fault("slow", path="advertisers/me", times=None, seconds=20)
        with shop.start(*command) as process:
            wait_until(lambda: any("advertisers/me" in call.path for call in sandbox.calls()))
            process.send_signal(number)
            out, err = process.communicate(timeout=15)
        assert (process.returncode, out) == (130, "")
        assert err.splitlines()[-1] == "Interrupted: nothing was sent."
        sandbox.clear_faults()
        shop.apply()

    def test_a_second_ctrl_c_stops_at_once_and_loses_nothing(self, batched: Shop, sandbox: Sandbox) -> None:
        sandbox.fault("slow", path="contact-list", times=None, seconds=20)
        with batched.start("apply", "--yes") as process:
            wait_until(lambda: amendments(sandbox) >= 1)
            process.send_signal(signal.SIGINT)
            assert process.stderr is not None
            while "press Ctrl-C again" not in process.stderr.readline():
                pass
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=15)
        assert process.returncode == 130
        assert "stopped at once; what may have been sent is recorded" in err
        sandbox.clear_faults()
        batched.apply()
        assert sandbox.members(only(sandbox), "email") == hashes(*range(10))

    def test_sigterm_does_the_same(self, batched: Shop, sandbox: Sandbox) -> None:
        sandbox.fault("slow", path="contact-list", times=None, seconds=0.5)
        with batched.start("apply", "--yes") as process:
            wait_until(lambda: amendments(sandbox) >= 1)
            process.terminate()
            process.communicate(timeout=30)
        assert process.returncode == 130


class TestNothingRunsTwiceAtOnce:
    def test_a_second_apply_fails_at_once_and_says_who_holds_the_state(self, batched: Shop, sandbox: Sandbox) -> None:
        sandbox.fault("slow", path="contact-list", times=None, seconds=60)
        with batched.start("apply", "--yes") as process:
            wait_until(lambda: amendments(sandbox) >= 1)
            second = batched.run("apply", "--yes", code=5)
            assert str(process.pid) in second.err
            assert "headcount apply" in second.err
            batched.plan()
            batched.run("status")
            process.kill()
            process.communicate()
        sandbox.clear_faults()
        batched.apply()
        assert sandbox.members(only(sandbox), "email") == hashes(*range(10))


class TestTheStateIsNeverTakenForEmpty:
    def applied(self, shop: Shop) -> Path:
        shop.activation()
        shop.apply()
        return shop.folder / ".headcount"

    @pytest.mark.parametrize("content", [b"", b"SQLite format 3\0 and then nothing of it"])
    def test_a_damaged_database_is_refused(self, shop: Shop, sandbox: Sandbox, content: bytes) -> None:
        state = self.applied(shop)
        (state / "state.db").write_bytes(content)
        calls = amendments(sandbox)
        assert "state.db" in shop.run("plan", code=1).err
        assert "state.db" in shop.apply(code=1).err
        assert amendments(sandbox) == calls

    def test_a_damaged_membership_fails_its_activation_and_can_be_rebuilt(self, shop: Shop, sandbox: Sandbox) -> None:
        state = self.applied(shop)
        (members,) = (state / "members" / "loyal").glob("*.parquet")
        members.write_bytes(members.read_bytes()[:-1])
        change = shop.plan(code=1)["loyal"]
        assert change["action"] == "failed"
        assert members.name in change["error"]
        assert "headcount sync --rebuild loyal" in change["hint"]
        shop.run("sync", "--rebuild", "loyal")
        assert sandbox.members(only(sandbox), "email") == hashes(1, 2, 3)
        assert shop.plan()["loyal"]["action"] == "unchanged"


def test_an_audience_is_created_once_though_criteos_clock_was_set_back(shop: Shop, sandbox: Sandbox) -> None:
    """What dates the answers and what dates the audiences need not agree."""
    shop.activation()
    sandbox.fault("drop-before", path="audience-segments/create", times=None)
    shop.apply(code=1)
    sandbox.clear_faults()
    sandbox.advance(-60)
    sandbox.add_segment("12345", "Loyal")
    assert shop.plan()["loyal"]["action"] == "sync"
    shop.apply()
    assert sandbox.members(only(sandbox), "email") == hashes(1, 2, 3)


def test_calls_stay_under_the_limit_and_none_is_refused(batched: Shop, sandbox: Sandbox) -> None:
    batched.apply()
    assert [call.status for call in sandbox.calls() if call.status == 429] == []


def test_an_item_that_criteo_rejects_inside_a_200_fails(shop: Shop, sandbox: Sandbox) -> None:
    shop.activation()
    sandbox.fault("reject", path="contact-list", times=1)
    result = shop.apply(code=1)
    assert "x loyal  failed" in result.out
    shop.apply()
    assert sandbox.members(only(sandbox), "email") == hashes(1, 2, 3)
