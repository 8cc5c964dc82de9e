"""Names and members that hold addresses reach no output of any format, no saved plan and no state."""

from __future__ import annotations

import duckdb
import pytest

from tests.end_to_end.shop import CANARY, Shop
from tests.plain_duckdb import plain

BROKEN = (
    "select upper(kind, 1) as email, idfa from shop.odd",
    "select keys.nope as email, idfa from shop.odd",
    "select kind::date as email, idfa from shop.odd",
    "select kind + 1 as email, idfa from shop.odd",
    "select keys as email, kind as idfa from shop.odd",
    "select emal as email, idfa from shop.odd",
    "select coalesce(kind, keys) as email, idfa from shop.odd",
    "select keys::struct(a int) as email, idfa from shop.odd",
    "select error(kind::varchar) as email, idfa from shop.odd",
    "select canary as email, idfa from shop.odd",
    "select kind as mail from shop.odd",
    "select canary as email, idfa from shop.headless",
    "select sum(h) as email, idfa from shop.headless h",
)
ODD = f"""
    select '{CANARY}'::enum('{CANARY}', 'b') as kind, {{'{CANARY}': '{CANARY}'}} as keys, '' as idfa, 1 as "{CANARY}"
"""


@pytest.mark.slow
def test_what_is_wrong_with_the_sql_shows_nobody_in_any_output(shop: Shop) -> None:
    path = shop.folder / "data" / "odd.parquet"
    plain().execute(f"copy ({ODD}) to '{path}'")
    shop.write("data/headless.csv", f"{CANARY},idfa\nother@shop.example,x\n")
    text = (shop.folder / "activations/shop.yaml").read_text(encoding="utf-8")
    tables = "tables:\n  odd: ../data/odd.parquet\n  headless: ../data/headless.csv\n"
    shop.write("activations/shop.yaml", text.replace("tables:\n", tables))
    for number, sql in enumerate(BROKEN):
        shop.activation(f"broken-{number}", sql=sql)
    shop.activation()

    for shape in ("text", "json", "github"):
        shop.run("validate", "--format", shape, code=3)
    for shape in ("text", "json", "markdown", "github"):
        shop.run("plan", "--format", shape, "--out", "plan.json", code=1)
        shop.outputs.append((shop.folder / "plan.json").read_text(encoding="utf-8"))
    shop.run("apply", "--yes", code=1)
    shop.run("history", "--format", "json")
    shop.run("status", code=None)

    sent = [one for one in shop.outputs if "broken-12" in one]
    assert len(sent) > 5
    assert not any("leak-detector" in output for output in shop.outputs)


def everywhere(shop: Shop) -> str:
    """What the commands say of a segment that fails, in each format, with what they leave in files; all as one."""
    for shape in ("text", "json", "github"):
        shop.run("validate", "--format", shape, code=None)
    for shape in ("text", "json", "markdown", "github"):
        shop.run("plan", "--format", shape, "--out", "plan.json", code=None)
        shop.outputs.append((shop.folder / "plan.json").read_text(encoding="utf-8"))
    shop.run("apply", "--yes", code=None)
    shop.run("history", "--format", "json", code=None)
    files = [path.read_bytes().decode("utf-8", errors="replace") for path in shop.state_files()]
    return "\n".join([*shop.outputs, *files])


def table(shop: Shop, name: str) -> None:
    text = (shop.folder / "activations/shop.yaml").read_text(encoding="utf-8")
    shop.write("activations/shop.yaml", text.replace("tables:\n", f"tables:\n  odd: ../data/{name}\n"))


@pytest.mark.parametrize(
    "sql",
    [
        "select #1::int as email from shop.odd",
        "select x::int as email from shop.odd as t(x, y)",
        "select #1 as email from shop.odd where #2::date > date '2024-01-01'",
    ],
)
@pytest.mark.parametrize(
    ("first", "said"),
    [
        (f"{CANARY},Leakdetectorson", "data/odd.csv:1: the first line holds values, not the names of columns"),
        ("bobleakdetector,sueleakdetector", "data/odd.csv:2: a value of column "),
    ],
)
def test_the_first_person_of_a_file_without_a_header_is_not_named_as_a_column(
    shop: Shop, sql: str, first: str, said: str
) -> None:
    table(shop, "odd.csv")
    shop.write("data/odd.csv", f"{first}\nb@x.example,Jones\nc@x.example,Kay\n")
    shop.activation(sql=sql)

    shown = everywhere(shop)

    assert said in shown
    assert "leakdetector" not in shown.lower().replace("-", "")


def test_a_value_that_a_long_file_without_a_header_turns_to_names_nobody(shop: Shop) -> None:
    table(shop, "odd.csv")
    shop.write("data/odd.csv", "bobleakdetector,sue\n" + "1,2\n" * 25_000 + "x,2\n")
    shop.activation(sql="select #1 as email from shop.odd")

    shown = everywhere(shop)

    assert "data/odd.csv:25002: a value of column 1 is no whole number" in shown
    assert "leakdetector" not in shown


def test_a_column_that_the_sql_names_is_named(shop: Shop) -> None:
    table(shop, "odd.csv")
    shop.write("data/odd.csv", "Größe der Kundin,email\nlarge,b@x.example\n")
    shop.activation(sql='select "Größe der Kundin"::int as email from shop.odd')
    assert "data/odd.csv:2: a value of column Größe der Kundin is no whole number" in everywhere(shop)


def test_a_column_of_parquet_that_is_an_address_is_not_named(shop: Shop) -> None:
    table(shop, "odd.parquet")
    rows = f"""select 1 as a, case i when 7 then 'x' else '1' end as "{CANARY}" from range(9) t(i)"""
    plain().execute(f"copy ({rows}) to '{shop.folder}/data/odd.parquet'")
    shop.activation(sql="select #2::int as email from shop.odd")

    shown = everywhere(shop)

    assert "data/odd.parquet:1: row 8: the value of column 2 is no whole number" in shown
    assert "leak-detector" not in shown


@pytest.mark.parametrize("suffix", ["json", "jsonl"])
def test_a_key_of_json_is_not_named(shop: Shop, suffix: str) -> None:
    table(shop, f"odd.{suffix}")
    shop.write(f"data/odd.{suffix}", '{"bobleakdetector": "a", "email": "b"}\n{"bobleakdetector": "c", "email": "d"}\n')
    shop.activation(sql="select #1::int as email from shop.odd")
    shown = everywhere(shop)
    assert "cannot be converted" in shown or "is no whole number" in shown
    assert "leakdetector" not in shown


@pytest.mark.parametrize(
    "sql",
    [
        "select unnest(st) from db.customers",
        "select st.* from db.customers",
        "from (pivot db.people on name using count(*))",
        "select unnest(map_entries(m)) from db.customers",
    ],
)
def test_keys_and_values_that_become_columns_are_not_listed(shop: Shop, sql: str) -> None:
    database = shop.folder / "data/db.duckdb"
    connection = duckdb.connect(str(database))
    connection.execute("create table customers(st struct(zoe_leakdetector int, b int), m map(varchar, int))")
    connection.execute("create table people as select 'zoe_leakdetector' as name")
    connection.close()
    shop.write("activations/db.yaml", "{kind: Source, name: db, type: duckdb, path: ../data/db.duckdb}")
    shop.activation(sql=sql)

    shown = everywhere(shop)

    assert "error[mapping-unknown-column]" in shown or "error[sql-" in shown
    assert "leakdetector" not in shown


def test_columns_of_a_source_and_names_of_the_sql_are_listed(shop: Shop) -> None:
    connection = duckdb.connect(str(shop.folder / "data/db.duckdb"))
    connection.execute("create table customers(zoe_quibble int, c int)")
    connection.close()
    shop.write("activations/db.yaml", "{kind: Source, name: db, type: duckdb, path: ../data/db.duckdb}")
    shop.activation(sql="select zoe_quibble, c as frobnicated, * exclude (zoe_quibble) from db.customers")
    assert "map one that it yields: zoe_quibble, frobnicated, c" in everywhere(shop)
