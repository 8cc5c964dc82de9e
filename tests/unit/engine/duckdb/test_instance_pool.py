"""Locked instances are shared by segments that read the same tables, and by no others."""

from __future__ import annotations

import threading
from pathlib import Path

import duckdb
import pytest

from runner.core.errors import SegmentError
from runner.engine.duckdb import instance_pool
from runner.engine.duckdb.instance_pool import MAX_IDLE
from runner.engine.embedded import EmbeddedEngine
from runner.engine.segments import segment_runner
from runner.engine.segments.segment_runner import SegmentRunner
from tests.plain_duckdb import plain
from tests.unit.engine.conftest import World


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[duckdb.DuckDBPyConnection]:
    """Every instance that is opened for segments from now on."""
    found: list[duckdb.DuckDBPyConnection] = []
    real = instance_pool.lock

    def remembered(connection, *arguments):
        found.append(connection)
        real(connection, *arguments)

    monkeypatch.setattr(instance_pool, "lock", remembered)
    return found


def test_segments_over_the_same_tables_share_one(people: World, opened: list[object]) -> None:
    for number in range(3):
        assert people.evaluate(f"select email from shop.people where n > {number}").rows == 3 - number
    assert len(opened) == 1


def test_for_one_segment_one_instance_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that took its SQL apart is the one that it runs in; another segment's SQL is taken apart by another."""
    calls, real = [], segment_runner.open_session

    def counted(*arguments):
        calls.append(arguments)
        return real(*arguments)

    monkeypatch.setattr(segment_runner, "open_session", counted)
    engine = EmbeddedEngine(tmp_path / "scratch", memory_limit="251MB", queries=SegmentRunner)  # no other test's limit
    world = World(tmp_path, engine)
    world.table("people", "select * from (values ('a@x.example', 1), ('b@x.example', 2)) as t(email, n)")
    assert world.evaluate("select email from shop.people").rows == 2
    assert len(calls) == 1
    assert world.evaluate("select email from shop.people where n = 1").rows == 1
    assert len(calls) == 2
    engine.close()


def test_a_table_is_out_of_reach_of_a_segment_that_does_not_name_it(people: World) -> None:
    """Even where the static check would let it through: the instance has no such table."""
    people.table("secrets", "select 'x@y.example' as email")
    people.evaluate("select email from shop.secrets")
    people.evaluate("select email from shop.people")
    shared = [one.connection for one in people.engine.queries.instances.idle]
    listed = [one.execute("select table_name from information_schema.tables").fetchall() for one in shared]
    assert sorted(listed) == [[("people",)], [("secrets",)]]


def test_the_view_of_one_segment_is_gone_for_the_next(people: World) -> None:
    people.evaluate("select email from shop.people")
    assert people.check("select c0 as email from segment")[0].code == "sql-unknown-table"


def test_what_one_segment_yielded_is_out_of_reach_of_the_next(people: World) -> None:
    found = people.evaluate("select email from shop.people")
    for one in people.engine.queries.instances.idle:
        assert list(one.out.iterdir()) == []
        with pytest.raises(duckdb.Error):
            one.connection.execute(f"select * from read_parquet('{found.path}')").fetchall()


def test_one_in_which_a_segment_failed_is_not_used_again(people: World, opened: list[object]) -> None:
    with pytest.raises(SegmentError):
        people.evaluate("select error(email) as email from shop.people")
    assert people.evaluate("select email from shop.people").rows == 3
    assert len(opened) == 2


def test_a_source_that_was_declared_otherwise_gets_another_one(people: World) -> None:
    people.evaluate("select email from shop.people")
    people.table("people", "select 'one@example.com' as email", suffix="csv")
    assert people.evaluate("select email from shop.people").rows == 1


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_file_that_came_since_is_read_by_the_next_segment(world: World, suffix: str) -> None:
    """A suppression is evaluated last, so that it names whoever withdrew while segments ran."""
    rows = "select 'p' || i || '@example.com' as email from range({}) t(i)"
    world.table("people-1", rows.format(2), suffix)
    world.tables = {"people": (str(world.folder / f"people-*.{suffix}"),)}
    assert world.evaluate("select email from shop.people").rows == 2
    plain().execute(f"copy ({rows.format(3)}) to '{world.folder}/people-2.{suffix}'")
    assert world.evaluate("select email from shop.people").rows == 5


def test_a_link_that_leads_elsewhere_since_is_followed_for_the_next_segment(world: World) -> None:
    """So does who writes a new folder beside the old one publish all of its files at once."""
    rows = "select 'p' || i || '@example.com' as email from range({}) t(i)"
    for number in (1, 2):
        (world.folder / f"v{number}").mkdir()
        plain().execute(f"copy ({rows.format(number)}) to '{world.folder}/v{number}/people.csv'")
        with duckdb.connect(str(world.folder / f"v{number}" / "crm.duckdb")) as connection:
            connection.execute(f"create table people as {rows.format(number)}")
    current, after = world.folder / "current", world.folder / "after"
    current.symlink_to("v1")
    after.symlink_to("v2")
    world.tables = {"people": (str(current / "people.csv"),)}
    world.databases = {"crm": str(current / "crm.duckdb")}
    asked = ("select email from shop.people", "select email from crm.people")
    assert [world.evaluate(one).rows for one in asked] == [1, 1]
    after.replace(current)
    assert [world.evaluate(one).rows for one in asked] == [2, 2]


def test_few_are_kept(people: World) -> None:
    for number in range(MAX_IDLE + 3):
        people.table(f"t{number}", "select 'one@example.com' as email")
        people.evaluate(f"select email from shop.t{number}")
    assert len(people.engine.queries.instances.idle) == MAX_IDLE


def test_where_the_system_gives_no_thread_one_is_closed_all_the_same(
    people: World, opened: list[duckdb.DuckDBPyConnection], monkeypatch: pytest.MonkeyPatch
) -> None:
    start = threading.Thread.start

    def refused(thread: threading.Thread) -> None:
        if thread.name == "closing":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refused)
    for number in range(MAX_IDLE + 2):
        people.table(f"t{number}", "select 'one@example.com' as email")
        assert people.evaluate(f"select email from shop.t{number}").rows == 1
    with pytest.raises(duckdb.ConnectionException):
        opened[0].execute("select 1")


def test_two_threads_have_one_each(people: World) -> None:
    results: list[int] = []

    def work(number: int) -> None:
        sql = f"select email from shop.people where n <= {number}"
        results.extend(people.evaluate(sql).rows for _ in range(5))

    threads = [threading.Thread(target=work, args=(number,)) for number in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [1] * 5 + [2] * 5 + [3] * 5
