"""Files that several segments of a run read: parsed once, kept as noise, and made again for files that changed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

import duckdb
import pytest

from runner.core.errors import SegmentError
from runner.core.membership import Evaluation
from runner.core.project import SqlText
from runner.engine.duckdb.parsed_files import PARSING, ParsedFiles
from runner.engine.duckdb.session import Limits, open_session
from runner.sources.duckdb_file import DuckDBFileSource
from runner.sources.files import FilesSource
from tests.plain_duckdb import plain
from tests.unit.engine.conftest import SOURCES_FILE, World, activation

EMAILS = "select email from shop.people where n < {}"
CANARY = "canary-7f3a@example.com"


def rows(number: int) -> str:
    return f"select 'p' || i || '@example.com' as email, i as n from range({number}) t(i)"


def copies(world: World) -> list[Path]:
    return sorted((world.folder / "scratch").rglob("parsed-*"))


def evaluated_all(world: World, *texts: str) -> list[Evaluation]:
    """The segments of these texts as one run evaluates them."""
    segments = [activation(text) for text in texts]
    world.engine.evaluator.expect(segments, world.sources)
    return [world.engine.evaluator.evaluate(segment, world.sources) for segment in segments]


def emails(evaluation: Evaluation) -> list[bytes]:
    """The wire forms in the order in which they were written."""
    return [row[0] for row in plain().execute(f"select email from '{evaluation.path}'").fetchall()]


def replaced_unnoticed(path: Path, text: str) -> None:
    """Give a file other content of the same length, so that nothing tells it from what it was."""
    before = path.stat()
    with path.open("r+b") as file:
        file.write(text.encode())
    assert path.stat().st_size == before.st_size
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("suffix", ["csv", "json", "csv.gz", "tsv", "ndjson", "csv.zst"])
def test_a_text_file_that_two_segments_read_gives_each_the_same_rows_as_ever(world: World, suffix: str) -> None:
    world.table("people", rows(50), suffix)
    alone = [world.evaluate(EMAILS.format(number)) for number in (3, 50)]

    together = evaluated_all(world, EMAILS.format(3), EMAILS.format(50))

    assert [emails(one) for one in together] == [emails(one) for one in alone]
    assert len(copies(world)) == 1


def test_a_text_file_is_parsed_once_for_all_segments_that_read_it(world: World) -> None:
    path = world.table("people", rows(9), "csv")
    segments = [activation(EMAILS.format(number)) for number in (9, 8, 7)]
    world.engine.evaluator.expect(segments, world.sources)
    first = world.engine.evaluator.evaluate(segments[0], world.sources)

    replaced_unnoticed(path, path.read_text().replace("p1@", "pX@"))

    second = world.engine.evaluator.evaluate(segments[1], world.sources)
    assert emails(second) == emails(first)[:8]


def test_segments_that_also_read_other_tables_share_the_copy(world: World) -> None:
    world.table("people", rows(5), "csv")
    world.table("others", rows(3), "json")

    joined = "select people.email from shop.people semi join shop.others using (n)"
    found = evaluated_all(world, EMAILS.format(5), joined, "select email from shop.others")

    assert [one.people for one in found] == [5, 3, 3]
    assert len(copies(world)) == 2


def test_a_file_that_one_segment_reads_is_not_copied_nor_is_parquet(world: World) -> None:
    world.table("people", rows(5), "csv")
    world.table("members", rows(5))

    evaluated_all(world, EMAILS.format(5), "select email from shop.members", "select email from shop.members")

    assert copies(world) == []


MANY = 20
"""Segments that make a copy of a Parquet table of two columns worth while."""


def test_parquet_that_many_segments_read_gives_each_the_same_rows_as_ever(world: World) -> None:
    world.table("people", rows(5_000))
    alone = [world.evaluate(EMAILS.format(number)) for number in (3, 5_000)]

    together = evaluated_all(world, *[EMAILS.format(number) for number in (3, 5_000)] * (MANY // 2))

    assert [emails(one) for one in together[:2]] == [emails(one) for one in alone]
    assert len(copies(world)) == 1


def test_parquet_of_many_columns_is_copied_for_more_segments_only(world: World) -> None:
    world.table("people", "select *, 1 as further from (" + rows(5) + ")")

    evaluated_all(world, *[EMAILS.format(9)] * MANY)

    assert copies(world) == []


def test_great_parquet_is_read_as_it_is(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.sources.file_view.GREATEST_COPIED", 1)
    world.table("people", rows(5))

    evaluated_all(world, *[EMAILS.format(9)] * MANY)

    assert copies(world) == []


def test_a_value_of_copied_parquet_that_the_sql_casts_in_vain_is_reported_at_its_row(world: World) -> None:
    ages = "case i when 2 then 'old' else '7' end"
    world.table("people", f"select 'p@example.com' as email, {ages} as age from range(5) t(i)")
    segments = [activation("select email from shop.people where age::int > 3")] * MANY
    world.engine.evaluator.expect(segments, world.sources)

    with pytest.raises(SegmentError) as caught:
        world.engine.evaluator.evaluate(segments[0], world.sources)

    assert caught.value.finding is not None
    assert (Path(caught.value.finding.location.file).name, "row 3" in str(caught.value)) == ("people.parquet", True)
    assert len(copies(world)) == 1


def test_a_file_that_changes_between_two_segments_is_parsed_again(world: World) -> None:
    world.table("people", rows(5), "csv")
    segments = [activation(EMAILS.format(9))] * 2
    world.engine.evaluator.expect(segments, world.sources)
    first = world.engine.evaluator.evaluate(segments[0], world.sources)

    world.table("people", rows(7), "csv")

    assert first.people == 5
    assert world.engine.evaluator.evaluate(segments[1], world.sources).people == 7
    assert len(copies(world)) == 1


def test_who_finds_a_copy_finds_noise(world: World) -> None:
    (world.folder / "people.csv").write_text("email,n\n" + f"{CANARY},1\n" * 5_000)
    world.tables["people"] = (str(world.folder / "people.csv"),)

    evaluated_all(world, EMAILS.format(9), EMAILS.format(9))

    [copy] = copies(world)
    kept = [path for path in (world.folder / "scratch").rglob("*") if path.is_file()]
    assert copy.stat().st_size > 0
    assert copy.stat().st_mode & 0o077 == 0 or copy.parent.stat().st_mode & 0o077 == 0
    assert not any(word in path.read_bytes() for path in kept for word in (b"canary", b"7f3a@", b"email,n"))


def test_a_segment_cannot_name_a_copy(world: World) -> None:
    world.table("people", rows(5), "csv")
    evaluated_all(world, EMAILS.format(9), EMAILS.format(9))

    for text in ("select email from parsed_0.main.rows", "select email from shop.people, parsed_0.rows"):
        with pytest.raises(SegmentError):
            world.evaluate(text)


def test_a_bad_cell_is_reported_at_its_line_where_its_column_is_read(world: World) -> None:
    lines = [f"p{number}@example.com,{number}" for number in range(30_000)]
    lines[29_000] = "p29000@example.com,many"
    (world.folder / "people.csv").write_text("\n".join(["email,n", *lines, ""]))
    world.tables["people"] = (str(world.folder / "people.csv"),)
    segments = [activation(SqlText(EMAILS.format(9), "a.yaml", 5, 4)), activation("select email from shop.people")]
    world.engine.evaluator.expect(segments, world.sources)

    with pytest.raises(SegmentError) as caught:
        world.engine.evaluator.evaluate(segments[0], world.sources)

    assert caught.value.finding is not None
    assert caught.value.finding.location.line == 29_002
    assert caught.value.finding.location.file.endswith("people.csv")
    assert world.engine.evaluator.evaluate(segments[1], world.sources).people == 30_000
    assert copies(world) == []


def test_a_value_that_the_sql_casts_in_vain_is_reported_at_its_line(world: World) -> None:
    (world.folder / "people.csv").write_text("email,age\na@example.com,12\nb@example.com,old\nc@example.com,7\n")
    world.tables["people"] = (str(world.folder / "people.csv"),)
    cast = "select email from shop.people where age::int > 3"
    segments = [activation(cast), activation(cast)]
    world.engine.evaluator.expect(segments, world.sources)

    for segment in segments:
        with pytest.raises(SegmentError) as caught:
            world.engine.evaluator.evaluate(segment, world.sources)
        assert caught.value.finding is not None
        assert (Path(caught.value.finding.location.file).name, caught.value.finding.location.line) == ("people.csv", 3)
    assert len(copies(world)) == 1


@pytest.mark.parametrize("said", ["No space left on device", "something else"])
def test_of_a_copy_that_cannot_be_written_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    def fails(connection: duckdb.DuckDBPyConnection, sql: str, **_: object) -> NoReturn:
        connection.execute(f"create table {PARSING}.main.half as select 1")
        raise duckdb.IOException(said)

    monkeypatch.setattr("runner.engine.duckdb.cancellable.run", fails)
    folder = tmp_path / "copies"
    folder.mkdir()
    with open_session(Limits("200MB", 1, 60), tmp_path / "spill") as connection:
        parsed = ParsedFiles(folder)
        if said == "something else":  # then the files are read as they are
            assert parsed.attach(connection, "read_csv('x.csv')", {}, float("inf")) is None
        else:
            with pytest.raises(duckdb.IOException):
                parsed.attach(connection, "read_csv('x.csv')", {}, float("inf"))

    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("name", ["parsed_0", "parsing", "parsing_now"])
def test_a_source_may_be_called_as_a_copy_might_be(world: World, name: str) -> None:
    world.table("people", rows(3), "csv")
    path = world.folder / "rows.csv"
    plain().execute(f"copy ({rows(4)}) to '{path}'")
    source = FilesSource(name, "files", SOURCES_FILE, {"rows": (str(path),)}, {"rows": SOURCES_FILE})
    database = world.folder / "staff.duckdb"
    with duckdb.connect(str(database)) as connection:
        connection.execute(f"create table rows as {rows(4)}")
    file = DuckDBFileSource(name, "duckdb", SOURCES_FILE, str(database), SOURCES_FILE)
    segment = activation(f"select email from {name}.rows where n in (select n from shop.people)")

    for first, second in (("source", "shop"), ("shop", "source")):
        for of_that_name in (source, file):
            known = {"source": of_that_name, "shop": world.sources[0]}
            sources = (known[first], known[second])
            world.engine.evaluator.expect([segment, segment], sources)
            assert world.engine.evaluator.evaluate(segment, sources).people == 3


def test_one_segment_may_read_two_tables_of_the_same_file(world: World) -> None:
    path = world.table("people", rows(3), "csv")
    world.tables["friends"] = (str(path),)
    both = "select people.email from shop.people, shop.friends where people.n < friends.n"

    together = evaluated_all(world, both, both)

    assert [one.rows for one in together] == [3, 3]
    assert len(copies(world)) == 1
