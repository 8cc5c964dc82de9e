from __future__ import annotations

import gzip
import os
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from runner.core.errors import SegmentError
from runner.core.findings import Location
from runner.core.identifiers import IdentifierType
from runner.sources.files import FilesSource
from tests.unit.engine.conftest import SOURCES_FILE, World, activation

PEOPLE = "select 'person' || i || '@example.com' as email, i as n from range(3) t(i)"


@pytest.mark.parametrize(
    "suffix", ["parquet", "csv", "json", "csv.gz", "json.gz", "tsv", "ndjson", "csv.zst", "PARQUET"]
)
def test_files_of_every_format_are_read(world: World, suffix: str) -> None:
    world.table("people", PEOPLE, suffix)

    assert world.evaluate("select email from shop.people where n < 2").people == 2


def test_globs_lists_and_folders_are_one_table(world: World) -> None:
    (world.folder / "day=1").mkdir()
    (world.folder / "day=1" / "a.csv").write_text("email,n\na@example.com,1\n")
    (world.folder / "b.csv").write_text("n,email\n2,b@example.com\n")
    (world.folder / "c.csv").write_text("email,n\nc@example.com,3\n")
    world.tables["people"] = (f"{world.folder}/**/a.csv", f"{world.folder}/[bc].csv", f"{world.folder}/b.csv")

    assert world.evaluate("select email from shop.people where n in (1, 2, 3)").people == 3


def test_a_file_whose_name_looks_like_a_glob_is_a_file(world: World) -> None:
    path = world.folder / "people [2026].csv"
    path.write_text("email\na@example.com\n")
    world.tables["people"] = (str(path),)

    assert world.evaluate("select email from shop.people").people == 1


def test_phone_numbers_of_a_csv_file_keep_their_leading_marks(world: World) -> None:
    (world.folder / "p.csv").write_text("phone\n0612345678\n+33612345678\n")
    world.tables["people"] = (str(world.folder / "p.csv"),)

    found = world.evaluate("select phone from shop.people", {IdentifierType.PHONE_NUMBER: "phone"})

    assert (found.people, [part.count for part in found.rejected]) == (1, [1])


def test_quotes_in_paths_and_names_do_no_harm(world: World) -> None:
    folder = world.folder / "it's"
    folder.mkdir()
    (folder / "x.csv").write_text("email\na@example.com\n")
    world.tables['odd "name"'] = (str(folder / "x.csv"),)

    assert world.evaluate('select email from shop."odd ""name"""').people == 1


def test_a_duckdb_file_is_read_with_its_schemas_and_views_and_not_written(world: World) -> None:
    path = world.folder / "wh.duckdb"
    duckdb.connect(str(path)).execute(
        f"create table people as {PEOPLE}; create schema s; create table s.everyone as from people; "
        "create view s.some as from s.everyone where n < 1"
    ).close()
    world.databases["wh"] = str(path)
    before = path.read_bytes()

    counts = [world.evaluate(f"select email from wh.{name}").people for name in ("people", "main.people", "s.some")]

    assert counts == [3, 3, 1]
    assert path.read_bytes() == before
    [finding] = world.check("select email from wh.peeple")
    assert finding.message == 'there is no table "wh.peeple"; did you mean "wh.people"?'


def test_a_view_of_a_duckdb_file_cannot_reach_beyond_the_sources(world: World) -> None:
    path, other = world.folder / "wh.duckdb", world.table("other", PEOPLE)
    duckdb.connect(str(path)).execute(f"create view spy as select * from read_parquet('{other}')").close()
    world.databases["wh"] = str(path)

    [finding] = world.check("select email from wh.spy")

    assert finding.code == "sql-view-reaches-out"


def test_a_duckdb_file_that_another_process_writes_says_so(world: World) -> None:
    path = world.folder / "wh.duckdb"
    path.write_bytes(b"not a database, but long enough to be looked at" * 400)
    world.databases["wh"] = str(path)

    [finding] = world.check("select email from wh.people")

    assert finding.location == SOURCES_FILE
    assert "cannot be opened as a DuckDB file" in finding.message


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("x.txt", b"email\n", "is not known by its name"),
        ("nothing.csv", None, "there is no file"),
        ("*.csv", None, "no file matches"),
    ],
)
def test_a_source_that_cannot_be_read_is_named_at_its_table(
    people: World, name: str, content: bytes | None, said: str
) -> None:
    if content is not None:
        (people.folder / name).write_bytes(content)
    people.tables["broken"] = (str(people.folder / name),)

    [finding] = people.check("select email from shop.broken")

    assert finding.code == "source-unreadable"
    assert finding.location == Location("sources.yaml", 11, 3)
    assert finding.message.startswith("source shop.broken: ")
    assert said in finding.message
    assert name in finding.message
    assert "secret@" not in str(finding)
    with pytest.raises(SegmentError) as caught:
        people.evaluate("select email from shop.broken")
    assert caught.value.finding == finding


@pytest.mark.parametrize(
    ("name", "content", "line", "said"),
    [
        ("x.parquet", b"secret@example.com", 1, "it is no Parquet file"),
        ("x.parquet", b"PAR1secret@example.com", 1, "it is cut off: the end of a Parquet file is missing"),
        ("x.parquet", b"", 1, "it is empty"),
        ("x.csv", b"email\nsecret@example.com\xff\xfe\x00\n", 2, "this line is not UTF-8"),
        ("x.csv.gz", b"email\nsecret@example.com\n", 1, "it is cut off, or no gzip file, though its name ends in .gz"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_itself(
    people: World, name: str, content: bytes, line: int, said: str
) -> None:
    (people.folder / name).write_bytes(content)
    people.tables["broken"] = (str(people.folder / name),)

    [finding] = people.check("select email from shop.broken")

    assert finding.code == "data-file"
    assert finding.location == Location(str(people.folder / name), line, 0)
    assert finding.message == said
    with pytest.raises(SegmentError) as caught:
        people.evaluate("select email from shop.broken")
    assert caught.value.finding == finding


def test_a_broken_source_does_not_stop_those_who_do_not_use_it(people: World) -> None:
    people.tables["broken"] = ("/nowhere/x.csv",)
    people.databases["wh"] = "/nowhere/wh.duckdb"

    assert people.evaluate("select email from shop.people").people == 3


def test_files_of_several_formats_are_no_table(world: World) -> None:
    both = (*[str(world.table("a", PEOPLE, suffix)) for suffix in ("csv", "json")],)
    world.tables["a"] = both

    [finding] = world.check("select email from shop.a")

    assert "several formats" in finding.message


def test_a_source_may_not_take_a_name_that_duckdb_needs(people: World) -> None:
    shop = replace(people.sources[0], name="main")

    [finding] = people.engine.evaluator.check(activation("select email from main.people"), (shop,))

    assert finding.message == 'source main: a source cannot be called "main"'


def test_no_source_at_all_is_answered_with_what_to_do(world: World) -> None:
    [finding] = world.engine.evaluator.check(activation("select email from shop.people"), ())

    assert finding.hint == "no source is declared: add a `kind: Source` document"


def test_a_late_fault_in_a_file_is_told_without_its_content(world: World) -> None:
    path = world.folder / "late.csv.gz"
    with gzip.open(path, "wt") as file:
        file.write("email,n\n" + "a@example.com,1\n" * 60_000 + "secret@example.com,secret@example.com\n")
    world.tables["late"] = (str(path),)

    with pytest.raises(SegmentError) as caught:
        world.evaluate("select email from shop.late where n > 0")

    assert "secret@" not in f"{caught.value.message} {caught.value.hint} {caught.value.finding}"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_read_permission_says_so(people: World) -> None:
    Path(people.tables["people"][0]).chmod(0)

    [finding] = people.check("select email from shop.people")

    assert "cannot be read" in finding.message


def test_two_sources_can_be_joined(people: World) -> None:
    other = FilesSource("crm", "files", SOURCES_FILE, {"people": people.tables["people"]})

    found = people.engine.evaluator.evaluate(
        activation("select p.email from shop.people p join crm.people c using (email)"), (*people.sources, other)
    )

    assert found.people == 3
