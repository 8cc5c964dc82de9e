"""A project whose only memory is a bucket."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from uuid import uuid4

import pytest
from jsonschema import Draft7Validator

from tests.end_to_end.shop import hashes, mail, minutes_pass
from tests.end_to_end.test_promises import amendments, leave_unanswered, wait_until
from tests.object_store import running_store

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def store():
    with running_store() as running:
        yield running


@pytest.fixture
def location(store, shop):
    """A bucket that the shop's environment can use."""
    name = f"b{uuid4().hex}"
    shop.environment.update(store.environment(), HEADCOUNT_CACHE=str(shop.folder / "cache-one"))
    return store.make_bucket(name)


@pytest.fixture
def shop_there(shop, location):
    """The shop, its state in the bucket as its Project document says."""
    shop.write("activations/project.yaml", f"kind: Project\nstate: {location}\n")
    shop.activation()
    return shop


def on(machine, shop):
    """The environment of another machine."""
    return {"HEADCOUNT_CACHE": str(shop.folder / f"cache-{machine}")}


def test_one_machine_applies_and_another_finds_nothing_to_do(shop_there, store):
    shop_there.apply()
    assert not (shop_there.folder / ".headcount").exists()
    shop_there.run("plan", "--detailed-exitcode", code=0, **on("two", shop_there))
    shop_there.people(mail(1, 2, 3, 4))
    applied = shop_there.run("apply", "--yes", **on("two", shop_there))
    assert "+1" in applied.out
    assert "loyal" in shop_there.run("status", "--all").out
    assert shop_there.run("history", "--format", "json").json["runs"][0]["activations"][0]["added"] == 1


def test_the_environment_wins_over_the_project(shop_there):
    shop_there.run("apply", "--yes", HEADCOUNT_STATE=str(shop_there.folder / "elsewhere"))
    assert (shop_there.folder / "elsewhere" / "state.db").exists()


def test_validate_never_touches_the_state(shop_there, store):
    store.calls.clear()
    shop_there.run("validate")
    assert store.calls == []


def test_a_folder_of_the_project_is_relative_to_the_file_that_names_it(shop):
    shop.activation()
    shop.write("activations/team/project.yaml", "kind: Project\nstate: ../../kept/here\n")
    shop.apply()
    assert (shop.folder / "kept" / "here" / "state.db").exists()


def test_a_place_that_can_be_none_is_a_finding(shop):
    shop.activation()
    shop.write("activations/project.yaml", "kind: Project\nstate: ftp://host/x\n")
    for command in ("validate", "history"):
        result = shop.run(command, code=3)
        assert "project.yaml:2:8" in result.err + result.out
        assert "s3://bucket/prefix" in result.err + result.out


def test_a_store_that_cannot_be_used_is_an_error_and_not_a_project_never_applied(shop_there, store):
    shop_there.apply()
    result = shop_there.run("plan", code=1, AWS_ENDPOINT_URL="http://127.0.0.1:9", **on("two", shop_there))
    assert "cannot be reached" in result.err
    assert "secret-of-the-object-store" not in result.err


def test_with_a_key_no_wire_form_is_in_the_bucket(shop_there, store, location):
    key = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
    shop_there.run("apply", "--yes", HEADCOUNT_STATE_KEY=key)
    contents = store.objects(location.split("/")[2]).values()
    assert contents
    wire = [bytes.fromhex(one) for one in hashes(1, 2, 3)]
    assert not any(form in content for form in wire for content in contents)
    result = shop_there.run("status", code=1, **on("two", shop_there))
    assert "is encrypted" in result.err


BATCHED = "batch_size: 2\nrate_limit: 60000\n"


@pytest.fixture
def batched(shop_there):
    """Ten people in batches of two."""
    text = (shop_there.folder / "activations/shop.yaml").read_text()
    shop_there.write("activations/shop.yaml", text + BATCHED)
    shop_there.people(mail(*range(10)))
    return shop_there


def of_the_audience(sandbox):
    (segment,) = sandbox.segments()
    return sandbox.members(segment.id, "email")


@pytest.mark.parametrize("effect", [False, True])
def test_a_machine_that_is_killed_is_unlocked_and_another_finishes(batched, sandbox, effect, monkeypatch):
    leave_unanswered(sandbox, "contact-list", skip=2, effect=effect)
    with batched.start("apply", "--yes") as process:
        wait_until(lambda: amendments(sandbox) >= 3)
        refused = batched.run("apply", "--yes", code=5, **on("two", batched))
        assert f"process {process.pid} on host" in refused.err
        assert f"process {process.pid}" in batched.run("state", "list", **on("two", batched)).out
        batched.run("plan", **on("two", batched))
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    sandbox.clear_faults()
    assert "there is no terminal to ask" in batched.run("state", "unlock", code=64, **on("two", batched)).err
    unlocked = batched.run("state", "unlock", "--yes", **on("two", batched))
    assert f"process {process.pid}" in unlocked.out
    assert "No run holds" in batched.run("state", "unlock", "--yes").out
    batched.people(mail(*range(1, 9)))
    batched.run("apply", "--yes", "--allow-removals", "loyal", **on("two", batched))
    assert of_the_audience(sandbox) == hashes(*range(1, 9))
    batched.run("plan", "--detailed-exitcode", code=2, **on("three", batched))  # what was in flight may still come
    minutes_pass(monkeypatch, 6)
    batched.run("apply", "--yes", **on("two", batched))
    batched.run("plan", "--detailed-exitcode", code=0, **on("three", batched))


def test_a_run_whose_state_was_taken_away_sends_nothing_more(batched, sandbox):
    sandbox.fault("slow", path="contact-list", skip=1, times=1, seconds=2)
    with batched.start("apply", "--yes") as process:
        wait_until(lambda: amendments(sandbox) >= 2)
        batched.run("state", "unlock", "--yes", **on("two", batched))
        _, told = process.communicate()
    assert process.returncode == 1
    assert "was ended" in told
    assert "Traceback" not in told
    assert amendments(sandbox) == 2
    batched.run("apply", "--yes", **on("two", batched))
    assert of_the_audience(sandbox) == hashes(*range(10))


@pytest.mark.slow
@pytest.mark.parametrize(("fault", "times"), [("429", 1), ("503", 4)])
def test_a_run_whose_state_was_taken_away_while_it_waited_to_try_again_does_not(batched, sandbox, fault, times):
    sandbox.fault(fault, path="contact-list", skip=1, times=times, seconds=3)
    with batched.start("apply", "--yes") as process:
        wait_until(lambda: amendments(sandbox) >= 1 + times)
        batched.run("state", "unlock", "--yes", **on("two", batched))
        before = amendments(sandbox)
        batched.people(mail(*range(5)))
        batched.run("apply", "--yes", "--allow-removals", "loyal", **on("two", batched))
        others = amendments(sandbox) - before
        _, told = process.communicate()
    assert process.returncode == 1
    assert "the lease of this run was ended" in told or "another run" in told
    assert others > 0
    assert amendments(sandbox) == before + others
    assert of_the_audience(sandbox) == hashes(*range(5))


def test_two_ctrl_c_give_the_state_back(batched, sandbox):
    sandbox.fault("slow", path="contact-list", times=None, seconds=20)
    with batched.start("apply", "--yes") as process:
        wait_until(lambda: amendments(sandbox) >= 1)
        process.send_signal(signal.SIGINT)
        while "press Ctrl-C again" not in process.stderr.readline():
            pass
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=15)
    sandbox.clear_faults()
    assert process.returncode == 130
    batched.run("apply", "--yes", **on("two", batched))


def test_a_second_ctrl_c_while_the_state_is_given_back_waits_for_that(batched, sandbox, store):
    sandbox.fault("slow", path="advertisers/me", times=None, seconds=20)
    stopped: list[int] = []

    def press_again(method: str, name: str) -> str:
        if stopped == [1] and name.endswith("control.json"):
            stopped.append(2)
            process.send_signal(signal.SIGINT)
            time.sleep(0.3)
        return ""

    with batched.start("apply", "--yes") as process, store.failing(press_again):
        wait_until(lambda: sandbox.calls("advertisers/me"))
        stopped.append(1)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=15)
    sandbox.clear_faults()
    assert (process.returncode, stopped) == (130, [1, 2])
    batched.run("apply", "--yes", **on("two", batched))


def test_a_project_moves_to_a_bucket_and_back(shop, store, location):
    shop.activation()
    shop.apply()
    assert f"now at {location}" in shop.run("state", "move", location).out
    told = shop.run("plan", code=1)
    assert f"it was moved to {location}" in told.err
    shop.environment["HEADCOUNT_STATE"] = location
    shop.run("plan", "--detailed-exitcode", code=0)
    shop.people(mail(1, 2, 3, 4))
    shop.apply()
    shop.run("state", "move", ".headcount")
    del shop.environment["HEADCOUNT_STATE"]
    shop.run("plan", "--detailed-exitcode", code=0)
    assert f"it was moved to {shop.folder / '.headcount'}" in shop.run("plan", code=1, HEADCOUNT_STATE=location).err


def test_the_state_is_listed_copied_and_put_back(shop_there, location):
    shop_there.apply()
    listed = shop_there.run("state", "list", "--format", "json").json
    Draft7Validator(json.loads((ROOT / "schemas/state.schema.json").read_text())).validate(listed)
    assert (listed["location"], listed["holder"]) == (location, None)
    assert listed["audiences"][0]["members"] == {"email": 3}
    assert [file["role"] for file in listed["audiences"][0]["files"]] == ["members"]
    text = shop_there.run("state", "list").out
    assert f"{location}: 1 audience" in text
    shop_there.run("state", "pull", "copy")
    assert "is there already" in shop_there.run("state", "pull", "copy", code=64).err
    shop_there.people(mail(1, 2, 3, 4))
    shop_there.apply()
    assert "changed since" in shop_there.run("state", "push", "copy", code=1).err
    kept = shop_there.run("state", "push", "copy", "--force").out
    assert "is kept in" in kept
    assert shop_there.run("state", "list", "--format", "json").json["audiences"][0]["members"] == {"email": 3}


def test_the_lock_of_a_folder_is_not_taken_away(shop, sandbox):
    shop.activation()
    assert "No run holds" in shop.run("state", "unlock", "--yes").out
    sandbox.fault("slow", path="contact-list", times=None, seconds=60)
    with shop.start("apply", "--yes") as process:
        wait_until(lambda: amendments(sandbox) >= 1)
        assert f"process {process.pid}" in shop.run("state", "unlock", "--yes", code=1).err
        assert f"process {process.pid}" in shop.run("state", "list").out
        process.kill()
        process.communicate()
