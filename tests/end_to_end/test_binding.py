"""A state belongs to one Criteo: another address is refused, and what is gone all at once is not made again unasked."""

from __future__ import annotations

import pytest

from tests.end_to_end.shop import Shop, hashes, mail
from tests.sandbox_client import Sandbox, running
from tests.states import FORMAT_2, unpack

PRODUCTION = "https://api.criteo.com"


@pytest.fixture
def elsewhere() -> str:
    """Another address, where nothing listens: whoever called it would fail with other words."""
    return "http://127.0.0.1:9"


@pytest.fixture
def applied(shop: Shop) -> Shop:
    shop.activation("loyal")
    shop.activation("lapsed")
    shop.apply()
    return shop


@pytest.mark.parametrize(
    "command",
    [
        ("plan",),
        ("apply", "--yes"),
        ("sync",),
        ("sync", "--due"),
        ("import", "loyal", "1"),
        ("status", "--live"),
    ],
)
def test_every_command_that_calls_is_refused_at_another_address(
    applied: Shop, command: tuple[str, ...], elsewhere: str
) -> None:
    url = applied.environment["CRITEO_API_URL"]
    refused = applied.run(*command, code=1, CRITEO_API_URL=elsewhere)
    assert f"belongs to Criteo at {url}, and this command would speak to {elsewhere}" in refused.err
    assert f"set CRITEO_API_URL={url}, or use another state with HEADCOUNT_STATE" in refused.err
    assert "headcount state bind" in refused.err


@pytest.mark.parametrize(
    "command",
    [
        ("status",),
        ("history",),
        ("schedule",),
        ("why", "customer-1@example.com"),
        ("preview", "loyal"),
        ("notify",),
        ("forget", "--receipts"),
    ],
    ids=" ".join,
)
def test_a_command_that_calls_nobody_reads_the_state_and_says_whose_it_is(
    applied: Shop, command: tuple[str, ...], elsewhere: str
) -> None:
    url = applied.environment["CRITEO_API_URL"]
    applied.run(*command)
    there = applied.run(*command, CRITEO_API_URL=elsewhere)
    assert f"belongs to Criteo at {url}; this command only reads it." in there.err
    assert applied.run(*command, "--format", "json", CRITEO_API_URL=elsewhere).json


def test_a_forgotten_address_is_refused_before_anything_is_sent(applied: Shop, sandbox: Sandbox) -> None:
    sandbox.forget_calls()
    refused = applied.run("apply", "--yes", code=1, CRITEO_API_URL="")
    assert f"would speak to {PRODUCTION}" in refused.err
    assert not sandbox.calls()


def test_doctor_says_that_the_state_belongs_elsewhere(applied: Shop, elsewhere: str) -> None:
    looked = applied.run("doctor", code=1, CRITEO_API_URL=elsewhere)
    assert "belongs to Criteo at" in looked.out


def test_a_move_that_is_meant_is_a_command(applied: Shop) -> None:
    with running() as other:
        refused = applied.run("state", "bind", code=64, CRITEO_API_URL=other.url)
        assert "add --yes" in refused.err
        moved = applied.run("state", "bind", "--yes", CRITEO_API_URL=other.url)
        assert f"belongs to {other.url} from now on" in moved.out
        assert applied.run("status", "--format", "json", CRITEO_API_URL=other.url).json["activations"]
    applied.run("plan", code=1)


def test_a_plan_that_is_not_approved_binds_nothing(shop: Shop, elsewhere: str) -> None:
    shop.activation("loyal")
    shop.plan()
    assert "not begun" not in shop.run("status").out
    shop.run("history", CRITEO_API_URL=elsewhere)


def test_what_is_not_ordinary_is_said_on_standard_error(applied: Shop, sandbox: Sandbox) -> None:
    line = f"Using Criteo at {sandbox.url}.\n"
    for command in (("plan",), ("apply", "--yes"), ("sync",), ("accounts",), ("doctor",), ("status", "--live")):
        shown = applied.run(*command, code=None)
        assert shown.err.count(line) == 1, command
        assert line not in shown.out
    assert line not in applied.run("status").err
    elsewhere = applied.run("plan", code=None, HEADCOUNT_STATE="other-state")
    assert f"Using Criteo at {sandbox.url} and the state at other-state." in elsewhere.err


class TestAllAreGoneAtOnce:
    @pytest.fixture
    def gone(self, applied: Shop, sandbox: Sandbox) -> Shop:
        for segment in sandbox.segments():
            sandbox.delete_segment(segment.id)
        return applied

    def test_nothing_is_made_again_unasked(self, gone: Shop, sandbox: Sandbox) -> None:
        changes = gone.plan(code=4)
        assert {change["action"] for change in changes.values()} == {"blocked"}
        shown = gone.run("plan", code=4).out
        assert "all 2 audiences that the state knows in account 12345 are gone in Criteo at once" in shown
        assert "let it pass once with --allow-recreate 12345" in shown
        gone.apply(code=4)
        gone.apply("--select", "loyal", code=4)
        gone.run("sync", code=None)
        assert sandbox.segments() == ()

    def test_a_person_can_let_them_be_made_again(self, gone: Shop, sandbox: Sandbox) -> None:
        gone.run("plan", "--allow-recreate", "12345", "--out", "plan.json")
        gone.run("apply", "plan.json", "--yes")
        assert {segment.name for segment in sandbox.segments()} == {"Loyal", "Lapsed"}
        assert gone.plan()["loyal"]["action"] == "unchanged"

    def test_another_account_is_not_meant(self, gone: Shop) -> None:
        gone.plan("--allow-recreate", "67890", code=4)


def test_one_of_several_that_is_gone_is_made_again_as_before(applied: Shop, sandbox: Sandbox) -> None:
    sandbox.delete_segment(sandbox.segment("Loyal").id)
    assert applied.plan()["loyal"]["action"] == "re-create"


class TestAStateOfFormat2:
    @pytest.fixture
    def old(self, shop: Shop) -> Shop:
        """A project and state of commit 174721f, and a Criteo that holds what its runs had sent."""
        shop.environment["HEADCOUNT_STATE"] = "elsewhere"
        unpack(FORMAT_2, shop.folder)
        (shop.folder / "state").rename(shop.folder / ".headcount")
        shop.activation("once")
        shop.people(mail(*range(1, 7)))
        shop.apply()
        shop.remove("activations/once.yaml")
        shop.people(mail(*range(3, 12)))
        shop.run("sync")
        del shop.environment["HEADCOUNT_STATE"]
        return shop

    def test_a_sync_with_the_same_files_ends_well_and_nothing_is_changed_by_the_upgrade(
        self, old: Shop, sandbox: Sandbox
    ) -> None:
        actions = {name: change["action"] for name, change in old.plan().items()}
        assert actions == {"loyal": "unchanged", "dated": "unchanged", "large": "sync", "once": "orphaned"}
        old.run("sync", code=0)
        assert sandbox.members(sandbox.segment("Large").id, "email") == hashes(*range(3, 12))
        assert {change["action"] for change in old.plan().values()} == {"unchanged", "orphaned"}
        assert old.apply().code == 0

    def test_it_is_bound_by_its_first_run(self, old: Shop, elsewhere: str) -> None:
        assert "belongs to" not in old.run("history", CRITEO_API_URL=elsewhere).err
        old.run("sync")
        assert "belongs to Criteo at" in old.run("history", CRITEO_API_URL=elsewhere).err

    def test_a_first_run_that_finds_none_of_its_audiences_does_not_bind_it(self, old: Shop) -> None:
        with running() as wrong:
            old.run("sync", code=None, CRITEO_API_URL=wrong.url)
            old.run("apply", "--yes", code=4, CRITEO_API_URL=wrong.url)
            assert wrong.segments() == ()
        old.run("sync")
