"""A project whose only memory is a bucket."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.end_to_end.shop import hashes, mail
from tests.object_store import running_store


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
    assert "loyal" in shop_there.run("status").out
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
