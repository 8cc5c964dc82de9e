"""Members, guardrails and failures where two things happen at once."""

from __future__ import annotations

import pytest

from runner.core.errors import StateError
from runner.engine.memberships.membership_store import DuckDBMembershipStore
from runner.engine.segments.evaluator import DuckDBSegmentEvaluator
from tests.end_to_end.shop import Person, Shop, hashes, mail
from tests.end_to_end.test_ownership import by_hand
from tests.end_to_end.test_promises import BATCHED, kill_during_call
from tests.sandbox_client import Sandbox


def only(sandbox: Sandbox) -> str:
    (segment,) = sandbox.segments()
    return segment.id


def batched(shop: Shop) -> None:
    shop.write("activations/shop.yaml", (shop.folder / "activations/shop.yaml").read_text() + BATCHED)


def with_gum(shop: Shop, caller: int | None) -> None:
    text = (shop.folder / "activations/shop.yaml").read_text().split("gum_caller_id")[0]
    shop.write("activations/shop.yaml", text + (f"gum_caller_id: {caller}\n" if caller else ""))


class TestGumCallerId:
    def test_a_changed_caller_id_sends_everybody_under_the_new_one(self, shop: Shop, sandbox: Sandbox) -> None:
        """A gum id means nothing without its caller: who was sent under the old one is not there under the new one."""
        with_gum(shop, 1)
        shop.activation(mapping={"email": None, "gum_id": "email"})
        shop.apply()
        with_gum(shop, 2)
        sandbox.forget_calls()
        shop.apply()
        assert sandbox.calls("contact-list"), "Criteo holds everybody under caller 1, the state says all is well"

    def test_removed_together_with_its_mapping(self, shop: Shop, sandbox: Sandbox) -> None:
        shop.people([Person(person.email, f"gum-{n}") for n, person in enumerate(mail(1, 2))])
        with_gum(shop, 1)
        shop.activation(mapping={"email": "email", "gum_id": "idfa"})
        shop.apply()
        with_gum(shop, None)
        shop.activation(mapping={"email": "email"})
        result = shop.apply("--allow-removals", "loyal", code=None)
        assert sandbox.members(only(sandbox), "gum") == set(), result.out


@pytest.mark.slow
class TestGreatMemberships:
    """What is done with great memberships, with few people: compared in two ways, and only changes are written."""

    @pytest.fixture(autouse=True, params=["while the segment runs", "in portions"])
    def great(self, monkeypatch: pytest.MonkeyPatch, shop: Shop, request: pytest.FixtureRequest) -> None:
        if request.param == "in portions":
            monkeypatch.setattr("runner.engine.memberships.differences.PORTION", 20)
        else:
            monkeypatch.setattr("runner.engine.joined_pass.JOIN_FROM", 0)
        monkeypatch.setattr("runner.engine.memberships.compaction.WHOLE_BELOW", 0)
        monkeypatch.setattr("runner.engine.memberships.compaction.LEAST_TIMES", 1)
        batched(shop)
        shop.activation(guardrails={"max_removed": None, "max_added": None})

    def test_the_audience_follows_the_segment_over_many_changes(self, shop: Shop, sandbox: Sandbox) -> None:
        kept = set[int]()
        for first in (0, 1, 3, 2, 0, 30, 31, 0, 60):
            wanted = range(first, first + 60)
            shop.people(mail(*wanted))
            shop.apply()
            assert sandbox.members(only(sandbox), "email") == hashes(*wanted)
            assert not shop.plan()["loyal"]["members"][0]["added"]
            (members,) = shop.run("status", "--format", "json").json["activations"]
            assert members["members"] == {"email": 60}
            kept.add(len(list((shop.folder / ".headcount/members/loyal").iterdir())))
        assert kept == {1, 2}, "there were to be memberships with changes and without"

    def test_what_a_killed_run_left_is_finished(self, shop: Shop, sandbox: Sandbox) -> None:
        shop.people(mail(*range(60)))
        shop.apply()
        shop.people(mail(*range(2, 62)))
        shop.apply()
        shop.people(mail(*range(4, 64)))
        kill_during_call(shop, sandbox, 1, effect=True)
        shop.people(mail(*range(1, 61)))
        assert shop.plan()["loyal"]["members"][0]["unknown"]
        shop.apply()
        assert sandbox.members(only(sandbox), "email") == hashes(*range(1, 61))

    @pytest.mark.parametrize("which", [0, 1])
    def test_a_damaged_file_of_either_is_named_and_a_rebuild_mends_it(
        self, shop: Shop, sandbox: Sandbox, which: int
    ) -> None:
        shop.people(mail(*range(60)))
        shop.apply()
        shop.people(mail(*range(1, 61)))
        shop.apply()
        path = sorted((shop.folder / ".headcount/members/loyal").iterdir())[which]
        path.write_bytes(path.read_bytes()[:-9])
        result = shop.run("plan", code=1)
        assert f"{path} is damaged" in result.out
        shop.run("sync", "--rebuild", "loyal")
        assert sandbox.members(only(sandbox), "email") == hashes(*range(1, 61))

    def test_damage_is_mended_by_apply_where_another_definition_waits_for_it(
        self, shop: Shop, sandbox: Sandbox
    ) -> None:
        shop.people(mail(*range(60)))
        shop.apply()
        (path,) = (shop.folder / ".headcount/members/loyal").iterdir()
        path.write_bytes(path.read_bytes()[:-9])
        shop.activation(description="Another one")
        shop.apply(code=1)
        result = shop.run("sync", "--rebuild", "loyal", code=7)
        assert "its definition is not the applied one: run `headcount apply`, which clears and refills" in result.out
        assert "Run: 1 skipped." in result.out
        shop.apply()
        assert sandbox.members(only(sandbox), "email") == hashes(*range(60))
        assert shop.plan()["loyal"]["action"] == "unchanged"

    def test_a_rebuild_that_waits_for_apply_leaves_what_is_whole_as_it_is(self, shop: Shop, sandbox: Sandbox) -> None:
        shop.people(mail(*range(60)))
        shop.apply()
        shop.activation(description="Another one")
        assert "Run: 1 skipped." in shop.run("sync", "--rebuild", "loyal", code=7).out
        change = shop.plan()["loyal"]
        assert (change["action"], change["members"][0]["before"]) == ("update", 60)


class TestGuardrails:
    def test_an_interrupted_first_fill_is_not_blocked_by_max_added(self, shop: Shop, sandbox: Sandbox) -> None:
        batched(shop)
        shop.people(mail(*range(10)))
        shop.activation(guardrails={"max_added": "50%"})
        kill_during_call(shop, sandbox, 2, effect=True)
        result = shop.apply(code=None)
        assert sandbox.members(only(sandbox), "email") == hashes(*range(10)), result.out

    def test_a_rebuild_is_no_way_round_max_added(self, shop: Shop, sandbox: Sandbox) -> None:
        shop.activation(guardrails={"max_added": 10})
        shop.apply()
        shop.people(mail(*range(1000)))
        shop.run("sync", code=4)
        result = shop.run("sync", "--rebuild", "loyal", code=None)
        assert result.code == 4, f"{len(sandbox.members(only(sandbox), 'email'))} members sent\n{result.out}"

    def test_a_rebuild_is_no_way_round_max_removed(self, shop: Shop, sandbox: Sandbox) -> None:
        """What is removed is known exactly (the membership is there), yet only the sizes are compared."""
        shop.people(mail(*range(1000)))
        shop.activation()
        shop.apply()
        shop.people(mail(*range(5000, 6000)))
        shop.run("sync", code=4)
        result = shop.run("sync", "--rebuild", "loyal", code=None)
        assert result.code == 4, f"all 1,000 were replaced\n{result.out}"

    def test_a_rebuild_with_unfinished_work_still_knows_what_it_held(self, shop: Shop, sandbox: Sandbox) -> None:
        batched(shop)
        shop.people(mail(*range(10)))
        shop.activation(guardrails={"max_removed": "30%"})
        shop.apply()
        shop.people(mail(*range(12)))
        kill_during_call(shop, sandbox, 1, effect=True)
        shop.people(mail(0))
        sandbox.fault("reject", path="statistics", times=None)
        shop.run("sync", "--rebuild", "loyal", code=None)
        (row,) = shop.run("status", "--format", "json").json["activations"]
        assert row["members"], "what the audience held is forgotten before anything was cleared"


class TestRebuild:
    def test_wrong_usage_changes_nothing(self, shop: Shop, sandbox: Sandbox) -> None:
        shop.activation()
        shop.apply()
        shop.run("sync", "--rebuild", "loyal", "--rebuild", "typo", code=64)
        sandbox.forget_calls()
        shop.run("sync")
        assert [call.method for call in sandbox.calls("contact-list")] == [], "the next plain sync cleared it"

    def test_wrong_selection_changes_nothing(self, shop: Shop, sandbox: Sandbox) -> None:
        shop.activation()
        shop.apply()
        shop.run("sync", "--rebuild", "loyal", "--select", "typo", code=64)
        assert shop.plan()["loyal"]["action"] == "unchanged"


class TestOneFailureStopsNoOther:
    def test_a_delta_that_cannot_be_settled(
        self, shop: Shop, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """E.g. the disk is full while the first is settled, and has room again later."""
        batched(shop)
        shop.people(mail(*range(10)))
        shop.activation("a")
        kill_during_call(shop, sandbox, 2, effect=True)
        shop.activation("b")
        settle = DuckDBMembershipStore.settle
        calls = []

        def full_once(self, held, path):
            calls.append(path)
            if len(calls) == 1:
                raise StateError(f"{path} cannot be written: No space left on device")
            return settle(self, held, path)

        monkeypatch.setattr(DuckDBMembershipStore, "settle", full_once)
        result = shop.apply(code=None)
        assert "1 done" in result.out, f"exit {result.code}\n{result.out}\n{result.err}"

    @pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("a bug"), MemoryError()])
    @pytest.mark.parametrize("method", ["evaluate", "compare", "write_outbox", "batches", "settle"])
    def test_an_unexpected_error_of_one_activation(
        self, shop: Shop, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, method: str, error: Exception
    ) -> None:
        shop.activation("a")
        shop.activation("b")
        owner = DuckDBSegmentEvaluator if method == "evaluate" else DuckDBMembershipStore
        real = getattr(owner, method)
        calls = []

        def broken_once(self, *arguments, **named):
            calls.append(1)
            if len(calls) == 1:
                raise error
            return real(self, *arguments, **named)

        monkeypatch.setattr(owner, method, broken_once)
        result = shop.apply(code=None)
        assert "1 done" in result.out, f"exit {result.code}\n{result.out}\n{result.err}"


def test_a_refill_that_was_cut_off_after_its_clear_goes_on(shop: Shop, sandbox: Sandbox) -> None:
    """An absolute max_added, which is not judged for a refill, must not stop the rest of it."""
    shop.write("activations/shop.yaml", (shop.folder / "activations/shop.yaml").read_text() + BATCHED)
    segment = by_hand(sandbox, "Loyal", *range(10))
    shop.people(mail(*range(10)))
    shop.activation(guardrails={"max_added": 5})
    shop.run("import", "loyal", segment)
    kill_during_call(shop, sandbox, 3, effect=True)  # 1 statistics, 2 clear, 3 the first batch
    result = shop.apply(code=None)
    assert sandbox.members(segment, "email") == hashes(*range(10)), result.out


def test_sync_does_not_ship_a_source_that_points_elsewhere(shop: Shop, sandbox: Sandbox) -> None:
    shop.activation()
    shop.apply()
    shop.write("data/others.csv", "email,idfa,kind\nsomebody@else.example,,all\n")
    text = (shop.folder / "activations/shop.yaml").read_text()
    shop.write("activations/shop.yaml", text.replace("people.csv", "others.csv"))
    assert "? loyal  skipped" in shop.run("sync", "--allow-removals", "loyal", code=7).out
    assert sandbox.members(only(sandbox), "email") == hashes(1, 2, 3)
    assert shop.plan("--allow-removals", "loyal")["loyal"]["reasons"] == ["SQL changed"]
