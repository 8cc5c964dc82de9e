"""What a kind of source says of itself, tried without config and without an engine."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from runner.config import schema_folder
from runner.config.schema.json_schemas import schema
from runner.core.errors import SegmentError
from runner.core.findings import Location
from runner.core.project import Source
from runner.sources.duckdb_file import DuckDBFileKind, DuckDBFileSource
from runner.sources.files import FilesKind, FilesSource
from runner.sources.interface import CannotRead, Cause, NamesFrom, Step, StoredCode
from runner.sources.registry import KINDS, WAREHOUSE_KINDS, kind_of
from runner.sources.warehouse import WarehouseKind

HERE = Location("sources.yaml", 2, 7)
TABLE = Location("sources.yaml", 5, 3)


@dataclass
class Written:
    """A declaration that remembers what was refused, and where."""

    fields: dict[str, Any]
    folder: Path = Path("/project/activations")
    name: str = "shop"
    location: Location = HERE
    refused: list[tuple[str, tuple[Step, ...]]] = field(default_factory=list)

    def value(self, field: str) -> Any:
        return self.fields.get(field)

    def place(self, *_: Step, at_key: bool = False) -> Location:
        return TABLE if at_key else HERE

    def refuse(self, code: str, message: str, *steps: Step, at_key: bool = False) -> None:
        assert message
        self.refused.append((code, steps))


@dataclass
class Connection:
    """What a kind runs; every statement that reads files fails for the cause, if there is one."""

    cause: Cause | None = None
    at_fault: str = ""
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    ran: list[str] = field(default_factory=list)

    def run(self, sql: str, files: Collection[str] = ()) -> list[tuple[Any, ...]]:
        self.ran.append(sql)
        if self.cause is not None and files:
            raise CannotRead(self.cause, self.at_fault)
        return self.rows

    def readers(self, source: str, table: str) -> int:
        return 1

    def parsed(self, reader: str, files: Collection[str]) -> str | None:
        return None


def shop(tables: dict[str, tuple[str, ...]]) -> FilesSource:
    return FilesSource("shop", "files", HERE, tables, dict.fromkeys(tables, TABLE))


def test_the_registry_and_the_schema_know_the_same_kinds() -> None:
    assert (schema_folder() / "source.schema.json").is_file()
    assert list(KINDS) == schema("Source")["properties"]["type"]["enum"]


@pytest.mark.parametrize("kind", WAREHOUSE_KINDS.values(), ids=lambda kind: kind.type)
def test_a_warehouse_and_its_schema_know_the_same_fields_and_ways_to_log_in(kind: WarehouseKind) -> None:
    whole = schema("Source")
    [rule] = [one["then"] for one in whole["allOf"] if one["if"]["properties"]["type"]["const"] == kind.type]
    refused = {one["not"]["required"][0] for one in rule["allOf"]}
    assert set(whole["properties"]) - refused == {"kind", "name", "type", *kind.fields, "auth", "timeout", "dbt"}
    auth = whole["properties"]["auth"]["properties"]
    assert set(kind.methods) <= set(auth["method"]["enum"])
    assert {name for secrets in kind.methods.values() for name in secrets} <= set(auth)


def test_a_source_finds_its_kind() -> None:
    assert isinstance(kind_of(shop({})), FilesKind)
    assert isinstance(kind_of(Source("db", "duckdb", HERE)), DuckDBFileKind)


# -- files -------------------------------------------------------------------------------------------------------------


def test_paths_and_globs_are_taken_from_the_folder_of_the_file_that_declares_them() -> None:
    written = Written({"tables": {"orders": "../data/*.csv", "people": ["a.csv", "/b.csv"]}}, Path("/[x]/activations"))

    source = FilesKind().declare(written)

    assert source.tables == {
        "orders": ("/[[]x]/data/*.csv",),
        "people": ("/[[]x]/activations/a.csv", "/b.csv"),
    }
    assert source.table_places == {"orders": TABLE, "people": TABLE}
    assert written.refused == []


def test_a_url_is_refused_where_it_is_written() -> None:
    written = Written({"tables": {"orders": "http://lake/x.parquet", "people": ["a.csv", "https://example.com/b.csv"]}})

    FilesKind().declare(written)

    assert written.refused == [
        ("not-a-local-path", ("tables", "orders")),
        ("not-a-local-path", ("tables", "people", 1)),
    ]


def test_addresses_of_objects_are_taken_as_they_are_and_refused_where_they_mean_none() -> None:
    written = Written(
        {"tables": {"orders": "s3://lake/x/*.parquet", "people": ["a.csv", "gs://lake/"], "all": {"path": "az://a/.b"}}}
    )

    source = FilesKind().declare(written)

    assert source.tables["orders"] == ("s3://lake/x/*.parquet",)
    assert source.remote == ("s3://lake/x/*.parquet", "gs://lake/", "az://a/.b")
    assert written.refused == [
        ("object-address", ("tables", "people", 1)),
        ("path-not-allowed", ("tables", "all", "path")),
    ]


def test_what_recognises_a_source_covers_addresses_and_partitions() -> None:
    def identity(given: object) -> tuple[object, ...]:
        return FilesKind().identity(FilesKind().declare(Written({"tables": {"orders": given}})), Path("/project"))

    plain = identity("s3://lake/*/x.csv")

    assert plain == ("shop", "files", (("orders", ("s3://lake/*/x.csv",)),), "")
    assert identity({"path": "s3://lake/*/x.csv"}) == plain
    assert identity({"path": "s3://lake/*/x.csv", "partitions": {"year": "integer"}}) != plain


def test_two_tables_that_are_one_name_in_sql_are_refused() -> None:
    written = Written({"tables": {"orders": "a.csv", "Orders": "b.csv"}})

    FilesKind().declare(written)

    assert written.refused == [("duplicate-name", ("tables", "Orders"))]


def test_fields_that_have_findings_are_left_alone() -> None:
    written = Written({})

    assert FilesKind().declare(written).tables == {}
    DuckDBFileKind().declare(written)
    assert written.refused == []


def test_what_matches_no_file_is_missing_and_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "there [2026].csv").write_text("email\n")
    (tmp_path / "folder").mkdir()
    patterns = tuple(str(tmp_path / name) for name in ("there [2026].csv", "th*.csv", "folder", "x.csv", "x*.csv"))

    missing = FilesKind().missing(shop({"people": patterns}))

    assert [(one.table, one.location, one.what) for one in missing] == [
        ("people", TABLE, f"there is no file {tmp_path}/folder"),
        ("people", TABLE, f"there is no file {tmp_path}/x.csv"),
        ("people", TABLE, f"no file matches {tmp_path}/x*.csv"),
    ]


def test_only_the_tables_that_are_used_are_opened(tmp_path: Path) -> None:
    file = tmp_path / "it's.parquet"
    file.write_bytes(b"")
    source = shop({"People": (str(file), str(tmp_path / "*.parquet")), "orders": ("/nowhere.csv",)})
    connection = Connection()

    reachable = FilesKind().attach(source, {"people"}, connection)

    assert connection.ran == [
        'create schema "shop"',
        'create view "shop"."People" as select * from read_parquet('
        f"['{str(file).replace(chr(39), 2 * chr(39))}'], union_by_name = true, hive_partitioning = false)",
    ]
    assert (reachable.tables, reachable.files) == (("People", "orders"), (str(file),))
    assert (reachable.stored, reachable.names) == (None, NamesFrom.SCHEMA)


def test_column_names_of_csv_files_may_be_data(tmp_path: Path) -> None:
    (tmp_path / "a.csv.gz").write_bytes(b"")

    assert FilesKind().attach(shop({"a": (f"{tmp_path}/*",)}), {"a"}, Connection()).names is NamesFrom.CSV


@pytest.mark.parametrize(
    ("cause", "hint"),
    [
        (Cause.FORBIDDEN, "let this user read it"),
        (Cause.NOT_UTF8, "save it as UTF-8, which it is not"),
        (Cause.UNKNOWN, "write it again: it is damaged, empty or in another format than its name says"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_at_its_table(tmp_path: Path, cause: Cause, hint: str) -> None:
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("email\n")

    with pytest.raises(SegmentError) as caught:
        FilesKind().attach(shop({"a": (f"{tmp_path}/*.csv",)}), {"a"}, Connection(cause, f"{tmp_path}/b.csv"))

    assert caught.value.message == f"source shop.a: {tmp_path}/b.csv cannot be read as csv"
    assert caught.value.hint == hint
    assert caught.value.finding is not None
    assert (caught.value.finding.code, caught.value.finding.location) == ("source-unreadable", TABLE)


# -- duckdb ------------------------------------------------------------------------------------------------------------


def test_tables_outside_the_schema_main_are_called_by_their_schema(tmp_path: Path) -> None:
    path = tmp_path / "wh.duckdb"
    path.write_bytes(b"")
    source = DuckDBFileSource("wh", "duckdb", HERE, str(path), TABLE)
    connection = Connection(rows=[("table", "s", "everyone", None), ("table", "main", "people", None)])

    reachable = DuckDBFileKind().attach(source, {"people"}, connection)

    assert connection.ran[0] == f"attach '{path}' as \"wh\" (type duckdb, read_only)"
    assert reachable.tables == ("people", "s.everyone")
    assert reachable.files == (str(path), f"{path}.wal")
    assert reachable.stored == StoredCode()


@pytest.mark.parametrize(
    ("cause", "hint"),
    [
        (Cause.LOCKED, "close it in the process that has it open for writing, then run again"),
        (Cause.UNKNOWN, "write it again with this version of DuckDB: it is damaged, or of a newer one"),
    ],
)
def test_a_database_that_cannot_be_opened_says_why(tmp_path: Path, cause: Cause, hint: str) -> None:
    (tmp_path / "block.duckdb").write_bytes(b"")
    source = DuckDBFileSource("wh", "duckdb", HERE, str(tmp_path / "block.duckdb"), TABLE)

    with pytest.raises(SegmentError, match="cannot be opened as a DuckDB file") as caught:
        DuckDBFileKind().attach(source, {"people"}, Connection(cause))

    assert caught.value.hint == hint


def test_a_database_that_is_not_there_is_missing_and_cannot_be_attached() -> None:
    source = DuckDBFileKind().declare(Written({"path": "../wh.duckdb"}))

    [missing] = DuckDBFileKind().missing(source)
    with pytest.raises(SegmentError) as caught:
        DuckDBFileKind().attach(source, {"people"}, Connection())

    assert missing.what == "there is no file /project/wh.duckdb"
    assert caught.value.message == f"source shop: {missing.what}"


# -- identity ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["/here", "/elsewhere"])
def test_a_source_is_the_same_wherever_the_project_lies(place: str) -> None:
    files = FilesKind().declare(Written({"tables": {"b": "../x.csv", "a": ["y.csv"]}}, Path(place) / "activations"))
    database = DuckDBFileKind().declare(Written({"path": "wh.duckdb"}, Path(place) / "activations", name="wh"))

    folder = Path(place) / "activations"
    assert kind_of(files).identity(files, folder) == (
        "shop",
        "files",
        (("a", ("y.csv",)), ("b", ("../x.csv",))),
        "",
    )
    assert kind_of(database).identity(database, folder) == ("wh", "duckdb", (), "wh.duckdb")
