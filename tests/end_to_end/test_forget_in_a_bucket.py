"""People are erased from a state in a bucket: from its objects at once, and from the cache of this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from uuid import uuid4

import pytest

from runner.engine.memberships import compaction
from tests.end_to_end.shop import Shop, hashes, mail, sha
from tests.object_store import ObjectStore, running_store
from tests.sandbox_client import Sandbox

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


@pytest.mark.slow
def test_objects_and_cached_files_of_them_are_gone_at_once(
    shop: Shop, sandbox: Sandbox, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "WHOLE_BELOW", 0)  # so that there are a whole file and one of changes
    monkeypatch.setattr(compaction, "LEAST_TIMES", 0.4)
    bucket = f"b{uuid4().hex}"
    shop.environment.update(
        store.environment(), HEADCOUNT_CACHE=str(shop.folder / "cache"), HEADCOUNT_STATE=store.make_bucket(bucket)
    )
    shop.people(mail(*range(1, 40)))
    shop.activation()
    shop.apply()
    shop.people(mail(*range(2, 40)))
    shop.run("sync")  # number 1 left, as a file of changes says, and is in the older one
    assert traces(shop, store, bucket, ONE)
    shop.people(mail(*range(3, 40)))
    shop.write("erase.txt", f"{ONE}\n{TWO}\n")

    done = shop.run("forget", "erase.txt", "--yes")

    assert sandbox.members(sandbox.segment("Loyal").id, "email") == hashes(*range(3, 40))
    assert traces(shop, store, bucket, ONE) == []
    assert traces(shop, store, bucket, TWO) == []
    assert "Where the bucket keeps older versions" in done.out
    assert f"  s3://{bucket}/project/members/\n" in done.out
    assert "In none of 1 audience." in shop.run("why", TWO).out
    [receipt] = shop.run("forget", "--receipts", "--format", "json").json["receipts"]
    assert f"s3://{bucket}/project/members/" in receipt["places"]
    assert sha(ONE) not in json.dumps(receipt)
    assert "Nothing to do" in shop.run("plan").out
