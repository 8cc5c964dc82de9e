"""People are erased from a state in a bucket: from its objects at once, and from the cache of this machine."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from runner.engine.memberships import compaction
from tests.end_to_end.shop import Shop, hashes, mail, sha
from tests.object_store import ObjectStore, running_store
from tests.sandbox_client import Sandbox

ROOT = Path(__file__).parents[2]
LAST = {"at": "StateStore.complete_receipt", "when": "before", "nth": 1, "deed": "kill"}
ONE, TWO = mail(1)[0].email, mail(2)[0].email


@pytest.fixture(scope="module")
def store() -> Iterator[ObjectStore]:
    with running_store() as running:
        yield running


def traces(shop: Shop, store: ObjectStore, bucket: str, email: str) -> list[str]:
    """The objects, and the files of this machine's cache, in which somebody's hash is."""
    needles = (bytes.fromhex(sha(email)), sha(email).encode())
    found = [name for name, content in store.objects(bucket).items() if any(one in content for one in needles)]
    files = (path for path in (shop.folder / "cache").rglob("*") if path.is_file())
    return found + [str(path) for path in files if any(one in path.read_bytes() for one in needles)]


@pytest.fixture
def bucket(shop: Shop, store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of the bucket in which the shop keeps its state, with a file of changes beside the whole one."""
    monkeypatch.setattr(compaction, "WHOLE_BELOW", 0)
    monkeypatch.setattr(compaction, "LEAST_TIMES", 0.4)
    name = f"b{uuid4().hex}"
    shop.environment.update(
        store.environment(), HEADCOUNT_CACHE=str(shop.folder / "cache"), HEADCOUNT_STATE=store.make_bucket(name)
    )
    return name


def with_people(shop: Shop) -> None:
    """Number 1 was in the audience and has left, number 2 is in it, and both are in the file of whom to erase."""
    shop.people(mail(*range(1, 40)))
    shop.activation()
    shop.apply()
    shop.people(mail(*range(2, 40)))
    shop.run("sync")
    shop.people(mail(*range(3, 40)))
    shop.write("erase.txt", f"{ONE}\n{TWO}\n")


@pytest.mark.slow
def test_objects_and_cached_files_of_them_are_gone_at_once(
    shop: Shop, sandbox: Sandbox, store: ObjectStore, bucket: str
) -> None:
    with_people(shop)
    assert traces(shop, store, bucket, ONE)

    done = shop.run("forget", "erase.txt", "--yes")

    assert sandbox.members(sandbox.segment("Loyal").id, "email") == hashes(*range(3, 40))
    assert traces(shop, store, bucket, ONE) == []
    assert traces(shop, store, bucket, TWO) == []
    assert "older version" not in done.out  # this bucket keeps none
    assert "In none of 1 audience." in shop.run("why", TWO).out
    [receipt] = shop.run("forget", "--receipts", "--format", "json").json["receipts"]
    assert receipt["older_versions"]["known"] == "none are kept"
    assert sha(ONE) not in json.dumps(receipt)
    assert "Nothing to do" in shop.run("plan").out


def removed(command: str, store: ObjectStore, bucket: str) -> None:
    """Do what a command of the output does."""
    words = dict(re.findall(r"--([\w-]+) (\S+)", command))
    assert words["bucket"] == bucket
    assert words["endpoint-url"].startswith("http://127.0.0.1:")
    store.delete_version(bucket, words["key"], words["version-id"])


@pytest.mark.slow
@pytest.mark.parametrize("died", [False, True])
def test_older_versions_that_hold_them_are_named_with_what_removes_each(
    shop: Shop, store: ObjectStore, bucket: str, *, died: bool
) -> None:
    store.keep_versions(bucket)
    with_people(shop)
    again = []
    if died:
        environment = {"CHAOS": json.dumps({"points": [LAST], "log": str(shop.folder / "log")}), **shop.environment}
        command = [sys.executable, "-m", "tests.chaos.victim", "forget", "erase.txt", "--yes"]
        killed = subprocess.run(command, cwd=shop.folder, env={**environment, "PYTHONPATH": str(ROOT)}, check=False)
        assert killed.returncode == -9
        shop.run("state", "unlock", "--yes")
        assert "x receipt 1  not finished" in shop.run("status").out
        again = ["--finishes", "1"]

    done = shop.run("forget", "erase.txt", "--yes", *again, code=1)

    assert traces(shop, store, bucket, ONE) == []
    assert store.versions_with(bucket, bytes.fromhex(sha(ONE)))
    assert "older versions in the bucket still hold them" in done.out
    assert "Erased, but older versions in the bucket may hold them" in done.out
    assert "receipt" in shop.run("status").out
    commands = re.findall(r"aws s3api delete-object .*", done.out)
    receipt = shop.run("forget", "--receipts", "--format", "json").json["receipts"][-1]
    assert receipt["fate"] == "erased, but older versions of files may hold them"
    assert len(receipt["older_versions"]["versions"]) == len(commands) > 2
    for command in commands:
        removed(command, store, bucket)

    ended = shop.run("forget", "erase.txt", "--yes", "--finishes", str(receipt["number"]))

    assert "No older version in the bucket holds them." in ended.out
    assert store.versions_with(bucket, bytes.fromhex(sha(ONE))) == []
    assert store.versions_with(bucket, bytes.fromhex(sha(TWO))) == []
    assert "receipt" not in shop.run("status").out


@pytest.mark.slow
def test_where_they_cannot_be_listed_a_person_says_that_they_are_gone(
    shop: Shop, store: ObjectStore, bucket: str
) -> None:
    store.keep_versions(bucket)
    with_people(shop)
    with store.denying_lists():
        done = shop.run("forget", "erase.txt", "--yes", code=1)
        assert "could not be listed: the store answered AccessDenied" in done.out
        assert f"  s3://{bucket}/project/members/\n" in done.out
        assert "not for someone" not in done.out + done.err
        ended = shop.run("forget", "erase.txt", "--yes", "--versions-removed", "--finishes", "1")
    assert "removed by hand, as was said" in ended.out
    receipt = shop.run("forget", "--receipts", "--format", "json").json["receipts"][-1]
    assert (receipt["fate"], receipt["older_versions"]["known"]) == ("erased", "removed by hand")
    # What is seen is not overruled by what is said.
    assert "still hold them" in shop.run("forget", "erase.txt", "--yes", "--versions-removed", code=1).out
