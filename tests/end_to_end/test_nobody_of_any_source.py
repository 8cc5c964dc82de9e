"""A person of a source is shown nowhere, whichever kind of source it is and however a segment of it fails."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.end_to_end.shop import CANARY, Shop
from tests.end_to_end.test_warehouses import POSTGRES, ROWS, in_snowflake
from tests.object_store import ObjectStore, running_store
from tests.plain_duckdb import plain
from tests.postgres import PASSWORD, Postgres
from tests.snowflake import Snowflake
from tests.spark import Spark

TRACES = ("canary.bird", "leak-detector", "CANARY.BIRD")

EMBEDDED = (
    "cast(canary as int)",
    "cast(canary as date)",
    "cast(canary as int) // 0",
    "json_extract(canary, '$.a')",
    "cast(canary as json)",
    "strptime(canary, '%Y-%m-%d')",
    "cast(canary as uuid)",
    "cast(canary as int[])[1]",
    "error(canary)",
    "regexp_replace(canary, canary || '(', '')",
    "(select canary from (values (1), (2)))",
)
FAILING = {
    "postgres": (
        "cast(canary as int)",
        "cast(canary as date)",
        "to_date(canary, canary)",
        "(id / (id - id))::text || canary",
        "canary::json->>'a'",
        "canary::uuid",
        "array_in(canary::cstring, 25, -1)",
        "(select canary from crm.people)",
    ),
    "spark": (
        "raise_error(canary)",
        "assert_true(id > 9, canary)",
        "parse_json(canary)",
        "cast(canary as int) / 0",
        "cast(canary as date)",
        "to_timestamp(canary, 'yyyy')",
        "(select canary from global_temp.people)",
    ),
    "snowflake": ("cast(canary as int)", "cast(upper(canary) as int)", "cast(canary as date)", "parse_json(canary)"),
}
"""Columns that fail while they are read, in the SQL of a warehouse."""

NOT_ALL_FAIL = {"spark"}
"""Where some of these are null: the stand-in is not that strict."""


@dataclass(frozen=True)
class Kind:
    """A kind of source: how it is declared, its table with the canary in each row, and columns of it that fail.

    `broken` are tables that cannot be read to their end.
    """

    name: str
    declared: str
    table: str
    columns: tuple[str, ...]
    broken: tuple[str, ...] = ()


@pytest.fixture(scope="module")
def store() -> Iterator[ObjectStore]:
    with running_store() as running:
        yield running


MANY = f"select i as id, '{CANARY}' as email, '{CANARY}' as canary, 'a' as kind from range(50) t(i)"


def contents(folder: Path, suffix: str) -> dict[str, bytes]:
    """Files of a format by name: people who are all the canary, and files that cannot be read to their end."""
    folder.mkdir()
    plain().execute(f"copy ({MANY}) to '{folder}/people{suffix}'")
    whole = (folder / f"people{suffix}").read_bytes()
    odd = {
        ".csv": {
            "short": whole + f"{CANARY}\n".encode(),
            "unquoted": whole + f'5,"{CANARY}\n'.encode(),
            "bytes": whole + f"5,{CANARY}\xe9,x,y\n".encode("latin-1"),
            "typed": whole + f"{CANARY},{CANARY},{CANARY},y\n".encode(),
            "headless": f"{CANARY},{CANARY}\n".encode(),
        },
        ".jsonl": {
            "none": whole + f"{CANARY}\n".encode(),
            "cut": whole + f'{{"email": "{CANARY}\n'.encode(),
            "typed": whole + f'{{"id": "{CANARY}", "{CANARY}": 1}}\n'.encode(),
        },
        ".parquet": {"cut": whole[:-9], "text": f"{CANARY}\n".encode()},
    }
    return {f"people{suffix}": whole, **{f"{name}{suffix}": content for name, content in odd[suffix].items()}}


def of_files(shop: Shop, store: ObjectStore | None, suffix: str) -> Kind:
    found = contents(shop.folder / "made", suffix)
    root = store.make_bucket(f"nobody-{suffix[1:]}") if store else "../data"
    for name, content in found.items():
        if store:
            store.put(f"nobody-{suffix[1:]}", f"project/{name}", content)
        else:
            (shop.folder / "data" / name).write_bytes(content)
    if store:
        shop.environment.update(store.environment())
    tables: dict[str, object] = {Path(name).stem: f"{root}/{name}" for name in found}
    if suffix == ".csv":
        tables["declared"] = {"path": f"{root}/people.csv", "columns": {"canary": "date", "email": "varchar"}}
        tables["undelimited"] = {"path": f"{root}/people.csv", "delimiter": "@", "nulls": ["n/a"]}
    broken = tuple(f"lake.{name}" for name in tables if name != "people")
    return Kind("files", f"tables: {json.dumps(tables)}\n", "lake.people", EMBEDDED[:1] if store else EMBEDDED, broken)


def of_duckdb(shop: Shop) -> Kind:
    path = shop.folder / "data" / "lake.duckdb"
    plain().execute(
        f"attach '{path}' as made; create table made.people as {MANY};"
        "create view made.viewed as select cast(canary as int) as email, id from made.people; detach made"
    )
    return Kind("duckdb", "path: ../data/lake.duckdb\n", "lake.people", EMBEDDED, ("lake.viewed",))


KINDS = [
    *("csv", "jsonl", "parquet", "objects csv", "objects jsonl", "objects parquet", "duckdb", "postgres", "spark"),
    pytest.param("snowflake", marks=pytest.mark.snowflake),
]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Kind:
    where, _, suffix = str(request.param).rpartition(" ")
    if suffix in ("csv", "jsonl", "parquet"):
        return of_files(shop, request.getfixturevalue("store") if where else None, f".{suffix}")
    if suffix == "duckdb":
        return of_duckdb(shop)
    if suffix == "postgres":
        postgres: Postgres = request.getfixturevalue("postgres")
        postgres.run(POSTGRES)
        shop.environment["PGPASSWORD"] = PASSWORD
        declared = f"uri: {postgres.uri}\nauth: {{method: password, password: \"{{{{ env('PGPASSWORD') }}}}\"}}\n"
        return Kind("postgres", declared, "crm.people", FAILING["postgres"])
    if suffix == "spark":
        spark: Spark = request.getfixturevalue("spark")
        values = f"select * from (values {ROWS}) as t(id, email, kind, canary)"
        spark.run(f"create or replace global temporary view people as {values}")
        return Kind("spark", f"url: {spark.url}\n", "global_temp.people", FAILING["spark"])
    snowflake: Snowflake = request.getfixturevalue("snowflake")
    shop.environment["SNOWFLAKE_PASSWORD"] = "snow"
    found = in_snowflake(snowflake, monkeypatch)
    return Kind("snowflake", found.declared, found.people, FAILING["snowflake"])


@pytest.mark.slow
def test_a_person_is_shown_nowhere_however_a_segment_fails(shop: Shop, kind: Kind) -> None:
    destination = (shop.folder / "activations/shop.yaml").read_text(encoding="utf-8").partition("---\n")[2]
    source = f"kind: Source\nname: lake\ntype: {kind.name}\n{kind.declared}---\n"
    shop.write("activations/shop.yaml", source + destination)
    segments = [f"select cast({column} as varchar) as email from {kind.table}" for column in kind.columns]
    segments += [f"select cast(email as varchar) as email from {table} where id is not null" for table in kind.broken]
    segments += [f"select nope as email from {kind.table}"]
    for number, sql in enumerate(segments):
        shop.activation(f"odd-{number}", sql=sql)
    temporary = shop.folder / "temporary"
    temporary.mkdir()
    begun = {"TMPDIR": str(temporary)}

    shop.run("validate", code=3, **begun)
    shop.run("plan", "--verbose", "--format", "markdown", "--out", "plan.json", code=1, **begun)
    shop.outputs.append((shop.folder / "plan.json").read_text(encoding="utf-8"))
    applied = shop.run("apply", "--yes", "--verbose", code=1, **begun)
    shop.run("history", "--format", "json")

    [failed] = re.findall(r"^Run: .*?(\d+) failed", applied.out, re.MULTILINE)
    assert int(failed) > (3 if kind.name in NOT_ALL_FAIL else len(segments) * 2 // 3)
    left = [path for path in temporary.rglob("*") if path.is_file()]
    texts = [*shop.outputs, *(path.read_bytes().decode("latin-1") for path in (*shop.state_files(), *left))]
    for text in texts:
        assert not any(trace in text for trace in TRACES)
