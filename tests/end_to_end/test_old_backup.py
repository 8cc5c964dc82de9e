"""A state that was restored from an old backup is noticed, and nothing is sent by it until that is dealt with."""

from __future__ import annotations

import shutil

import pytest

from tests.end_to_end.shop import Shop, hashes, mail
from tests.end_to_end.test_promises import wait_until
from tests.sandbox_client import Sandbox


@pytest.fixture
def restored(shop: Shop) -> Shop:
    """A backup from before a run that added three people is put back."""
    shop.activation("loyal", guardrails={"max_removed": None})
    shop.activation("lapsed", guardrails={"max_removed": None})
    shop.apply()
    shutil.copytree(shop.folder / ".headcount", shop.folder / "backup")
    shop.people(mail(1, 2, 3, 4, 5, 6))
    shop.run("sync")
    shutil.rmtree(shop.folder / ".headcount")
    (shop.folder / "backup").rename(shop.folder / ".headcount")
    shop.people(mail(1, 2, 3))
    return shop


@pytest.mark.parametrize("command", [("plan",), ("apply", "--yes"), ("sync",), ("sync", "--due")])
def test_it_is_told_and_nothing_is_sent(restored: Shop, sandbox: Sandbox, command: tuple[str, ...]) -> None:
    sandbox.forget_calls()
    refused = restored.run(*command, code=1)
    assert (
        "is an older one, from a backup perhaps: run 2 was seen here, and the newest that it knows is 1" in refused.err
    )
    assert "headcount sync --rebuild lapsed --rebuild loyal" in refused.err
    assert not sandbox.calls()
    assert not (restored.folder / ".headcount" / "state.db-wal").exists(), "the state was not closed"


def test_doctor_does_not_call_it_healthy(restored: Shop) -> None:
    shown = restored.run("doctor", code=1).out
    assert "is an older one, from a backup perhaps" in shown


def test_status_shows_what_the_state_says_and_tells_that_it_is_an_older_one(restored: Shop) -> None:
    shown = restored.run("status", "--all", code=1)
    assert "loyal" in shown.out
    assert "is an older one, from a backup perhaps" in shown.err


def test_a_rebuild_of_every_audience_makes_it_good(restored: Shop, sandbox: Sandbox) -> None:
    restored.run("sync", "--rebuild", "loyal", "--rebuild", "lapsed")
    for segment in sandbox.segments():
        assert sandbox.members(segment.id, "email") == hashes(1, 2, 3)
    restored.run("plan")
    restored.run("sync")


def test_a_rebuild_of_some_does_not(restored: Shop) -> None:
    restored.run("sync", "--rebuild", "loyal")
    restored.run("sync", code=1)


def test_a_person_can_take_it_as_it_is(restored: Shop) -> None:
    restored.run("state", "accept")
    restored.run("sync")
    restored.run("plan")


def test_another_state_in_its_place_is_not_an_older_one(restored: Shop, sandbox: Sandbox) -> None:
    (restored.folder / ".headcount").rename(restored.folder / "aside")
    for segment in sandbox.segments():
        sandbox.delete_segment(segment.id)
    restored.apply()
    restored.run("sync")
    restored.plan()


def test_a_cache_that_cannot_be_written_hinders_nothing(shop: Shop) -> None:
    shop.activation("loyal")
    shop.write("file", "")
    shop.environment["XDG_CACHE_HOME"] = str(shop.folder / "file")
    shop.apply()
    shop.run("sync")


def test_a_run_that_was_killed_while_it_sent_is_seen_as_well(shop: Shop, sandbox: Sandbox) -> None:
    shop.activation("loyal", guardrails={"max_removed": None})
    shop.apply()
    shutil.copytree(shop.folder / ".headcount", shop.folder / "backup")
    shop.people(mail(1, 2, 3, 4, 5, 6))
    sandbox.forget_calls()
    sandbox.fault("slow", path="contact-list", times=None, seconds=60)
    with shop.start("sync") as process:
        wait_until(lambda: any(call.path.endswith("/contact-list") for call in sandbox.calls()))
        process.kill()
        process.communicate()
    shutil.rmtree(shop.folder / ".headcount")
    (shop.folder / "backup").rename(shop.folder / ".headcount")
    assert "is an older one, from a backup perhaps" in shop.run("plan", code=1).err


def test_what_a_rebuild_has_to_leave_alone_is_refilled_by_the_next_apply(restored: Shop, sandbox: Sandbox) -> None:
    restored.activation("loyal", name="Most loyal", guardrails={"max_removed": None})
    asked = restored.run("sync", "--rebuild", "loyal", "--rebuild", "lapsed", code=7)
    assert "its definition is not the applied one" in asked.out
    restored.apply()
    for segment in sandbox.segments():
        assert sandbox.members(segment.id, "email") == hashes(1, 2, 3)


def test_the_first_run_of_a_machine_is_missed_in_a_backup_from_just_before_it(shop: Shop) -> None:
    shop.activation("loyal")
    shop.run("apply", "--yes", XDG_CACHE_HOME=str(shop.folder / "another-machine"))
    shutil.copytree(shop.folder / ".headcount", shop.folder / "backup")
    shop.people(mail(1, 2, 3, 4))
    shop.run("sync")
    shutil.rmtree(shop.folder / ".headcount")
    (shop.folder / "backup").rename(shop.folder / ".headcount")
    assert "is an older one, from a backup perhaps" in shop.run("plan", code=1).err


def test_a_backup_is_older_although_its_newest_run_was_made_by_another_machine(shop: Shop) -> None:
    shop.activation("loyal")
    shop.apply()
    shop.run("sync", XDG_CACHE_HOME=str(shop.folder / "another-machine"))
    shutil.copytree(shop.folder / ".headcount", shop.folder / "backup")
    shop.people(mail(1, 2, 3, 4))
    shop.run("sync", XDG_CACHE_HOME=str(shop.folder / "another-machine"))
    shop.run("status")
    shop.run("sync")
    shutil.rmtree(shop.folder / ".headcount")
    (shop.folder / "backup").rename(shop.folder / ".headcount")
    assert "is an older one, from a backup perhaps" in shop.run("plan", code=1).err


# -- on a machine that never saw the newer state -----------------------------------------------------------------------


@pytest.fixture
def elsewhere(shop: Shop) -> Shop:
    """A backup from before two applies, put back on another machine: one audience was made, another renamed."""
    shop.activation("loyal", guardrails={"max_removed": None})
    shop.activation("lapsed", guardrails={"max_removed": None})
    shop.apply()
    shutil.copytree(shop.folder / ".headcount", shop.folder / "backup")
    shop.activation("fresh")
    shop.activation("loyal", name="Most loyal", guardrails={"max_removed": None})
    shop.people(mail(1, 2, 3, 4, 5, 6))
    shop.apply()
    shop.people(mail(4, 5, 6))
    shop.run("sync")
    shutil.rmtree(shop.folder / ".headcount")
    (shop.folder / "backup").rename(shop.folder / ".headcount")
    shop.people(mail(1, 2, 3))
    shop.environment["XDG_CACHE_HOME"] = str(shop.folder / "another-machine")
    return shop


@pytest.mark.parametrize(
    ("command", "code"), [(("plan",), 1), (("apply", "--yes"), 1), (("sync",), 7), (("doctor",), 0)]
)
def test_what_the_audiences_speak_for_is_told(elsewhere: Shop, command: tuple[str, ...], code: int) -> None:
    shown = elsewhere.run(*command, code=code)
    said = shown.out + shown.err
    assert "the state may be an older one: run 1, " in said
    assert 'called "Fresh" as fresh is, was made after it' in said
    assert 'is called "Most loyal" already, as only the files say now' in said
    assert "`headcount import --all`" in said


def test_what_it_says_makes_it_good(elsewhere: Shop, sandbox: Sandbox) -> None:
    elsewhere.run("import", "--all", "--yes")
    elsewhere.run("sync", "--rebuild", "loyal", "--rebuild", "lapsed", code=7)
    elsewhere.apply()
    elsewhere.run("sync", "--rebuild", "loyal")
    for segment in sandbox.segments():
        assert sandbox.members(segment.id, "email") == hashes(1, 2, 3)
    assert "older one" not in elsewhere.run("plan").err


def test_a_name_changed_by_a_run_that_was_cut_off_is_no_sign(shop: Shop, sandbox: Sandbox) -> None:
    shop.activation()
    shop.apply()
    shop.activation(name="Most loyal")
    sandbox.fault("drop-after", method="PATCH")
    shop.run("apply", "--yes", code=None, HEADCOUNT_RETRY_SECONDS="0")
    assert "older one" not in shop.run("plan", code=None).err


def test_a_state_that_was_lost_is_told_from_a_new_one(shop: Shop) -> None:
    shop.activation("loyal")
    shop.activation("lapsed")
    shop.apply()
    shutil.rmtree(shop.folder / ".headcount")
    told = "2 audiences have the names of activations, and the state knows none of them"
    assert told in shop.run("plan", code=1).err
