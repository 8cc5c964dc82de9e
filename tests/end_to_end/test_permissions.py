"""A permission is reviewed, scoped and ends; an option lets removals pass for one run, wherever its pattern fits."""

from __future__ import annotations

from typing import Any

import pytest

from tests.end_to_end.shop import Shop, hashes, mail
from tests.end_to_end.test_promises import BATCHED, kill_during_call
from tests.sandbox_client import Sandbox

REASON = "end of the spring campaign"
DAY = "2026-12-05"
BEFORE, AFTER = ("--today", "2026-12-01"), ("--today", "2026-12-06")


def allowing(shop: Shop, removals: int, until: str = DAY, reason: str = REASON) -> None:
    allow = {"removals": removals, "until": until, "reason": reason}
    shop.activation(guardrails={"max_removed": "10%", "allow": allow})


def members(sandbox: Sandbox) -> set[str]:
    (segment,) = sandbox.segments()
    return sandbox.members(segment.id, "email")


def newest(shop: Shop) -> dict[str, Any]:
    (run, *_) = shop.run("history", "--format", "json").json["runs"]
    (one,) = run["activations"]
    return one  # type: ignore[no-any-return]


@pytest.fixture
def filled(shop: Shop) -> Shop:
    shop.people(mail(*range(20)))
    allowing(shop, 12)
    shop.apply(*BEFORE)
    return shop


def test_several_runs_share_the_number_and_what_is_beyond_it_is_blocked(filled: Shop, sandbox: Sandbox) -> None:
    filled.people(mail(*range(12)))
    change = filled.plan(*BEFORE)["loyal"]
    assert change["let_pass_by"] == f"guardrails.allow (12 removals until {DAY})"
    allowance = {"removals": 12, "used": 0, "until": DAY, "ended": False, "reason": REASON}
    assert change["allowance"] == allowance
    filled.apply(*BEFORE)
    assert newest(filled)["permission"] == f"guardrails.allow (12 removals until {DAY})"
    assert newest(filled)["permission_reason"] == REASON
    assert f"let pass by guardrails.allow (12 removals until {DAY}): {REASON}" in filled.run("history").out
    filled.people(mail(*range(7)))
    (block,) = filled.plan(*BEFORE, code=4)["loyal"]["blocks"]
    assert block["message"].endswith(f"; guardrails.allow leaves 4 of 12 removals until {DAY}")
    filled.people(mail(*range(8)))
    assert filled.plan(*BEFORE)["loyal"]["allowance"] == {**allowance, "used": 8}
    filled.run("sync", *BEFORE)
    assert members(sandbox) == hashes(*range(8))
    filled.people(mail(*range(7)))
    assert filled.plan(*BEFORE, code=4)["loyal"]["allowance"]["used"] == 12


def test_removals_that_no_limit_stops_count_as_well(filled: Shop) -> None:
    filled.people(mail(*range(18)))
    filled.run("sync", *BEFORE)
    assert newest(filled)["permission"] == ""
    assert filled.plan(*BEFORE)["loyal"]["allowance"]["used"] == 2


def test_a_number_or_a_reason_that_is_changed_gives_nothing_back_another_day_does(filled: Shop) -> None:
    filled.people(mail(*range(8)))
    filled.run("sync", *BEFORE)
    allowing(filled, 20, reason="another")
    assert filled.plan(*BEFORE)["loyal"]["allowance"]["used"] == 12
    allowing(filled, 20, until="2026-12-09")
    assert filled.plan(*BEFORE)["loyal"]["allowance"]["used"] == 0


def test_it_lets_pass_on_its_last_day_and_nothing_afterwards(filled: Shop) -> None:
    filled.people(mail(*range(10)))
    assert filled.plan("--today", DAY)["loyal"]["action"] == "sync"
    change = filled.plan(*AFTER, code=4)["loyal"]
    assert change["blocks"][0]["message"].endswith(f"; guardrails.allow ended on {DAY}")
    assert "ended on" in filled.run("sync", *AFTER, code=4).err


def test_it_is_a_finding_once_its_day_is_over(filled: Shop) -> None:
    assert "is valid" in filled.run("validate", "--today", DAY).out
    told = filled.run("validate", "--no-sources", *AFTER, code=3).err
    assert "activations/loyal.yaml:1:" in told
    assert f"error[permission-ended]: the permission of loyal to remove 12 identifiers ended on {DAY}" in told
    (warning,) = filled.plan(*AFTER)["loyal"]["warnings"]
    assert warning["code"] == "permission-ended"


def test_the_reviewer_reads_number_day_and_reason_in_the_plan(filled: Shop) -> None:
    filled.people(mail(*range(10)))
    told = filled.run("plan", *BEFORE).out
    assert f"    these removals are let pass by guardrails.allow (12 removals until {DAY}): {REASON}\n" in told
    assert f"    guardrails.allow: 0 of 12 removals until {DAY} used so far\n" in told
    assert REASON in filled.run("plan", "--format", "markdown", *BEFORE).out
    assert f"12 removals until {DAY}: {REASON}" in filled.run("validate", "--resolved", "loyal", *BEFORE).out


def test_a_saved_plan_is_stale_once_the_permission_is_another_one(filled: Shop) -> None:
    filled.people(mail(*range(10)))
    filled.run("plan", "--out", "plan.json", *BEFORE)
    allowing(filled, 13)
    told = filled.run("apply", "plan.json", "--yes", *BEFORE, code=6)
    assert "guardrails.allow" in told.err + told.out


def test_an_audience_that_is_cleared_needs_a_person(filled: Shop) -> None:
    filled.people(mail(*range(10)))
    told = filled.run("sync", "--rebuild", "loyal", *BEFORE, code=4)
    assert "guardrails.allow says nothing of an audience that is cleared or made again" in told.out


def test_a_killed_run_loses_nothing_of_what_it_removed_and_its_end_is_let_pass(shop: Shop, sandbox: Sandbox) -> None:
    shop.write("activations/shop.yaml", (shop.folder / "activations/shop.yaml").read_text() + BATCHED)
    shop.people(mail(*range(10)))
    allowing(shop, 8, until="9999-12-31")
    shop.apply()
    shop.people(mail(8, 9))
    kill_during_call(shop, sandbox, 2, effect=True)
    assert shop.plan()["loyal"]["allowance"]["used"] == 2
    shop.apply()
    assert members(sandbox) == hashes(8, 9)
    assert shop.plan()["loyal"]["allowance"]["used"] == 8
    shop.apply()  # once more, for the call that was lost may yet have undone what came after it
    shop.people(mail(9))
    assert shop.plan(code=4)["loyal"]["action"] == "blocked"


@pytest.mark.parametrize(
    ("allow", "message"),
    [
        ({"removals": 9, "until": "2026-02-30", "reason": "x"}, "there is no day 2026-02-30"),
        ({"removals": 9, "until": "{{ today }}", "reason": "x"}, "guardrails.allow.until is a template; write it out"),
        ({"removals": "{{ var('n') }}", "until": DAY, "reason": "x"}, "guardrails.allow.removals is a template"),
        ({"removals": "50%", "until": DAY, "reason": "x"}, "must be a whole number of identifiers, 1 or more"),
        ({"removals": 9, "until": "tomorrow", "reason": "x"}, "must be a day such as 2026-12-05"),
        ({"removals": 9, "until": DAY}, "guardrails.allow needs `reason`"),
        ({"removals": 9, "until": DAY, "reason": "x", "untl": DAY}, 'unknown field "untl" in guardrails.allow'),
    ],
)
def test_what_is_wrong_with_a_permission_is_a_finding(shop: Shop, allow: dict[str, object], message: str) -> None:
    shop.write("activations/project.yaml", "kind: Project\nvars: {n: 9}\n")
    shop.activation(guardrails={"allow": allow})
    assert message in shop.run("validate", "--no-sources", code=3).err


def test_the_defaults_of_a_destination_hold_no_permission(shop: Shop) -> None:
    allow = f"{{removals: 9, until: {DAY}, reason: x}}"
    text = (shop.folder / "activations/shop.yaml").read_text()
    shop.write("activations/shop.yaml", f"{text}  guardrails: {{allow: {allow}}}\n")
    shop.activation()
    assert 'unknown guardrail "allow" in defaults.guardrails' in shop.run("validate", "--no-sources", code=3).err


class TestPatterns:
    """--allow-removals takes what --select takes."""

    @pytest.fixture
    def losing(self, shop: Shop) -> Shop:
        for name in ("coupons", "lapsed", "loyal"):
            shop.activation(name, tags=["weekly"] if name == "lapsed" else [])
        shop.apply()
        shop.people([])
        return shop

    @pytest.mark.parametrize(
        ("pattern", "allowed"),
        [("*", {"coupons", "lapsed", "loyal"}), ("l*", {"lapsed", "loyal"}), ("tag:weekly", {"lapsed"})],
    )
    def test_a_pattern_allows_what_it_means(self, losing: Shop, pattern: str, allowed: set[str]) -> None:
        changes = losing.plan("--allow-removals", pattern, code=None)
        assert {change["id"] for change in changes.values() if change["action"] == "sync"} == allowed
        assert {change["id"] for change in changes.values() if change["let_pass_by"]} == allowed

    def test_the_plan_and_the_history_say_what_was_allowed_by_which_pattern(self, losing: Shop) -> None:
        told = losing.run("plan", "--allow-removals", "*").out
        assert told.count("    these removals are let pass by --allow-removals '*'\n") == 3
        losing.apply("--allow-removals", "*", "--select", "loyal")
        assert newest(losing)["permission"] == "--allow-removals '*'"

    def test_a_saved_plan_remembers_the_pattern(self, losing: Shop) -> None:
        losing.run("plan", "--out", "plan.json", "--allow-removals", "l*", code=4)
        told = losing.run("apply", "plan.json", "--yes", code=4).out
        assert "1 blocked (coupons)" in told
        assert "2 done" in told

    def test_a_pattern_that_means_nothing_is_an_error(self, losing: Shop) -> None:
        for command in ("plan", "sync"):
            told = losing.run(command, "--allow-removals", "x*", code=64).err
            assert '--allow-removals "x*" matches no activation' in told
