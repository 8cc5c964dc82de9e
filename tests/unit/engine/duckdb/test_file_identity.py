"""A source file that is replaced while it is read: noticed, read again once, then told."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from runner.core.errors import SegmentError
from runner.engine.duckdb.file_identity import FileIdentity, SourceReplaced, identity, require_same, same
from tests.plain_duckdb import plain
from tests.unit.engine.conftest import World

Seen = Mapping[str, FileIdentity]


def other(path: Path, text: str) -> None:
    """Put another file in the place of this one, as a job does that writes beside it and renames."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.replace(path)


@pytest.fixture
def seen(tmp_path: Path) -> Seen:
    (tmp_path / "a.csv").write_text("email")
    return {str(tmp_path / name): identity(str(tmp_path / name)) for name in ("a.csv", "a.db.wal")}


def test_files_that_nobody_touches_are_the_same(seen: Seen) -> None:
    assert same(seen)
    require_same(seen)


def test_another_file_of_the_same_size_and_time_is_another_one(tmp_path: Path, seen: Seen) -> None:
    was = (tmp_path / "a.csv").stat()
    other(tmp_path / "a.csv", "EMAIL")
    os.utime(tmp_path / "a.csv", ns=(was.st_atime_ns, was.st_mtime_ns))
    assert not same(seen)
    with pytest.raises(SourceReplaced, match=r"a\.csv"):
        require_same(seen)


def test_a_file_that_was_written_to_is_another_one(tmp_path: Path, seen: Seen) -> None:
    with (tmp_path / "a.csv").open("a") as file:
        file.write(",idfa")
    assert not same(seen)


def test_a_file_that_came_is_another_one(tmp_path: Path, seen: Seen) -> None:
    (tmp_path / "a.db.wal").write_text("")
    assert not same(seen)


class TestASegment:
    """What a job writes into the source while a segment reads it."""

    @pytest.fixture
    def meanwhile(self, people: World, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """Queries for the file that takes the place of the one just read, one each time that it has been read."""
        queries: list[str] = []

        def replace_and_look(seen: Seen) -> None:
            if queries:
                plain().execute(f"copy ({queries.pop(0)}) to '{people.folder / 'new.parquet'}'")
                (people.folder / "new.parquet").replace(people.folder / "people.parquet")
            require_same(seen)

        monkeypatch.setattr("runner.engine.duckdb.instance_pool.require_same", replace_and_look)
        return queries

    def test_is_read_again_when_its_file_was_replaced(self, people: World, meanwhile: list[str]) -> None:
        meanwhile.append("select 'one@example.com' as email")
        assert people.evaluate("select email from shop.people").rows == 1

    def test_fails_plainly_when_that_happens_once_more(self, people: World, meanwhile: list[str]) -> None:
        meanwhile += ["select 'one@example.com' as email", "select 'two@example.com' as email"]
        with pytest.raises(
            SegmentError, match=r"people.parquet was replaced while it was read, and once more"
        ) as error:
            people.evaluate("select email from shop.people")
        assert error.value.finding is not None
        assert people.evaluate("select email from shop.people").rows == 1

    def test_that_comes_later_reads_the_new_file_with_its_columns(self, people: World) -> None:
        assert people.evaluate("select email from shop.people").rows == 3
        plain().execute(f"copy (select 1 as x, 'one@example.com' as email) to '{people.folder / 'new.parquet'}'")
        (people.folder / "new.parquet").replace(people.folder / "people.parquet")
        assert people.evaluate("select email from shop.people where x = 1").rows == 1
