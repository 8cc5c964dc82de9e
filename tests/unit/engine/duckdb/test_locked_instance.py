"""The second wall: what segment SQL could do if the static check let it through."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from runner.engine.duckdb.attach_sources import Attachment, attach
from runner.engine.duckdb.instance_pool import lock
from runner.engine.duckdb.session import Limits, open_session
from tests.unit.engine.conftest import World

BEYOND = [
    "select * from read_csv('/etc/passwd')",
    "select * from '/etc/passwd'",
    "select * from read_text('/proc/self/environ')",
    "select * from read_blob('/etc/hostname')",
    "select * from glob('/etc/*')",
    "select * from read_parquet('{folder}/other.parquet')",
    "select * from read_parquet('{folder}/out/../other.parquet')",
    "select * from 'https://example.com/x.csv'",
    "select * from read_parquet('s3://bucket/x.parquet')",
    "copy (select 1) to '{folder}/written.csv'",
    "copy (select 1) to '{folder}/out/../written.csv'",
    "copy (select 1) to '{folder}/people.parquet'",
    "attach '{folder}/new.duckdb' as new",
    "export database '{folder}'",
    "install httpfs",
    "load httpfs",
    "load '{folder}/evil.duckdb_extension'",
    "set enable_external_access = true",
    "set lock_configuration = false",
    "set allowed_directories = ['/']",
    "set memory_limit = '100GB'",
    "set global threads = 64",
    "reset enable_external_access",
    "pragma enable_profiling",
    "create secret s (type s3)",
    "insert into wh.t values (2)",
    "drop table wh.t",
    "select * from secret_variable",
    "select getenv('HOME')",
    "import database '{folder}'",
]


@pytest.fixture
def locked(people: World, tmp_path: Path) -> duckdb.DuckDBPyConnection:
    people.table("other", "select 'x' as email")
    duckdb.connect(str(tmp_path / "wh.duckdb")).execute("create table t as select 1 as a").close()
    people.databases["wh"] = str(tmp_path / "wh.duckdb")
    connection = open_session(Limits("200MB", 1, 60.0), tmp_path / "spill")
    shop, warehouse = people.sources
    reachable = (
        attach(connection, shop, frozenset({"people"}), float("inf"), Attachment()),
        attach(connection, warehouse, frozenset({"t"}), float("inf"), Attachment()),
    )
    lock(connection, reachable, tmp_path / "out")
    return connection


@pytest.mark.parametrize("sql", BEYOND)
def test_a_locked_instance_refuses_whatever_lies_beyond_the_sources(
    locked: duckdb.DuckDBPyConnection, tmp_path: Path, sql: str
) -> None:
    secret_variable = duckdb.connect().sql("select 'secret' as email")
    before = (tmp_path / "people.parquet").read_bytes()

    with pytest.raises(duckdb.Error):
        locked.execute(sql.format(folder=tmp_path)).fetchall()

    assert secret_variable is not None
    assert not (tmp_path / "written.csv").exists()
    assert not (tmp_path / "new.duckdb").exists()
    assert (tmp_path / "people.parquet").read_bytes() == before
    locked.close()


def test_a_locked_instance_still_reads_the_sources_and_writes_its_result(
    locked: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    locked.execute(f"copy (select email from shop.people, wh.t) to '{tmp_path}/out/x.parquet'")

    assert locked.execute(f"select count(*) from '{tmp_path}/out/x.parquet'").fetchall() == [(3,)]
    locked.close()


def test_spill_files_are_encrypted_and_only_the_owner_can_list_them(
    locked: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    [(encrypted,)] = locked.execute("select current_setting('temp_file_encryption')").fetchall()

    assert encrypted is True
    assert (tmp_path / "spill").stat().st_mode & 0o077 == 0
    locked.close()


def test_what_does_not_fit_into_memory_is_spilled_and_cannot_be_read_there(tmp_path: Path) -> None:
    with open_session(Limits("40MB", 1, 60.0), tmp_path / "spill") as small:
        emails = "select distinct sha256(n::varchar) || '@shop.example' as email from range(1000000) r(n)"
        small.execute(f"create temp table t as {emails}")

        spilled = b"".join(path.read_bytes() for path in (tmp_path / "spill").rglob("*") if path.is_file())
        assert len(spilled) > 1_000_000
        assert b"@shop.example" not in spilled
        assert small.execute("select count(*) from t").fetchall() == [(1_000_000,)]
