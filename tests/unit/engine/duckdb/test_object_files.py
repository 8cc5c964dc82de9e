"""What a locked instance may do with objects: read those that it was locked for."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import duckdb
import pytest

from runner.core.errors import SegmentError
from runner.core.findings import Location
from runner.engine.duckdb.instance_pool import InstancePool, Wanted
from runner.engine.duckdb.session import Limits, open_session
from runner.object_stores.addresses import means
from runner.object_stores.interface import RemoteObject, StoreFault, Why
from runner.object_stores.reach import objects, reach_by
from runner.sources.files import FilesSource

HERE = Location("sources.yaml", 1, 1)


class Store:
    """Objects in memory."""

    def __init__(self) -> None:
        self.contents = {"s3://lake/people.csv": b"email\nanna\n", "s3://lake/secret.csv": b"secret\n1\n"}
        self.reads: list[str] = []

    def listed(self, pattern: str) -> tuple[RemoteObject, ...]:
        return tuple(self.known(url) for url in sorted(self.contents) if means(pattern, url))

    def known(self, url: str) -> RemoteObject:
        if url not in self.contents:
            raise StoreFault(Why.NOT_DECLARED, url)
        return RemoteObject(url, len(self.contents[url]), self.contents[url].hex())

    def read(self, url: str, at: int, size: int) -> bytes:
        self.reads.append(url)
        return self.contents[url][at : at + size]

    def failure(self) -> StoreFault | None:
        return None


@pytest.fixture
def store() -> Iterator[Store]:
    before, made = objects(), Store()
    reach_by(made)
    yield made
    reach_by(before)


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[InstancePool]:
    made = InstancePool(tmp_path, partial(open_session, Limits("200MB", 1, 60.0)))
    yield made
    made.close()


def people(pattern: str = "s3://lake/p*.csv") -> Wanted:
    return ((FilesSource("lake", "files", HERE, {"people": (pattern,)}), frozenset({"people"})),)


def test_an_object_of_a_declared_table_is_read(store: Store, pool: InstancePool) -> None:
    with pool.lend(people(), float("inf")) as instance:
        assert instance.connection.execute("select email from lake.people").fetchall() == [("anna",)]
        assert instance.connection.execute("select current_setting('threads')").fetchall() == [(1,)]


@pytest.mark.parametrize(
    "sql",
    [
        "select * from read_csv('s3://lake/secret.csv')",
        "select * from read_text('s3://lake/*.csv')",
        "select * from 'gs://lake/secret.csv'",
        "copy (select 1) to 's3://lake/people.csv'",
        "copy (select 1) to 's3://lake/new.csv'",
    ],
)
def test_no_other_object_is_read_and_none_is_written(store: Store, pool: InstancePool, sql: str) -> None:
    with pytest.raises(duckdb.Error), pool.lend(people(), float("inf")) as instance:
        instance.connection.execute(sql).fetchall()
    assert set(store.reads) <= {"s3://lake/people.csv"}
    assert store.contents["s3://lake/people.csv"] == b"email\nanna\n"


def test_an_idle_instance_is_used_again_only_while_the_listing_is_the_same(store: Store, pool: InstancePool) -> None:
    def lent() -> tuple[int, list[tuple[str]]]:
        with pool.lend(people(), float("inf")) as instance:
            found = instance.connection.execute("select email from lake.people order by all").fetchall()
            return id(instance), found

    first, _ = lent()
    assert lent()[0] == first
    store.contents["s3://lake/people2.csv"] = b"email\nbert\n"
    assert lent()[1] == [("anna",), ("bert",)]
    store.contents["s3://lake/people2.csv"] = b"email\ncarl\n"
    assert lent()[1] == [("anna",), ("carl",)]
    del store.contents["s3://lake/people.csv"]
    assert lent()[1] == [("carl",)]


def test_where_nothing_is_listed_any_more_the_table_says_so(store: Store, pool: InstancePool) -> None:
    with pool.lend(people(), float("inf")):
        pass
    store.contents.clear()
    with pytest.raises(SegmentError, match="no object matches"):
        pool.lend(people(), float("inf")).__enter__()
