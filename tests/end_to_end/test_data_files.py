"""A data file's fault is told at the data file, whoever notices it and whenever, with no value of the data."""

from __future__ import annotations

import gzip
import os
import signal
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from tests.end_to_end.shop import Shop
from tests.end_to_end.test_promises import wait_until
from tests.plain_duckdb import plain
from tests.sandbox_client import Sandbox

DATABASE = "name: warehouse\ntype: duckdb\npath: ../data/shop.duckdb"
SOURCE = """\
kind: Source
name: shop
type: files
tables: {customers: ../data/%s}
---
kind: Destination
name: criteo
type: criteo
advertiser_id: "12345"
credentials: {client_id: "{{ env('CRITEO_CLIENT_ID') }}", client_secret: "{{ env('CRITEO_CLIENT_SECRET') }}"}
defaults:
  mapping: {email: email}
"""
WAREHOUSE = SOURCE.replace("name: shop\ntype: files\ntables: {customers: ../data/%s}", DATABASE)
RECENT = "select email from shop.customers where last_purchase >= date '2024-01-01'"
CAST = "select email from shop.customers where cast(last_purchase as date) >= date '2024-01-01'"


def rows(count: int, first: int = 0) -> str:
    return "".join(f"anna.{number}@shop.example,2025-06-{number % 28 + 1:02d}\n" for number in range(first, count))


class Data:
    """A shop whose customers are in a file of our making."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop

    def told(self, content: str | bytes, sql: str = RECENT, name: str = "customers.csv") -> str:
        """What a plan says of the one activation over this file; no value of it may be in that."""
        path = self.shop.folder / "data" / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        self.shop.write("activations/shop.yaml", SOURCE % name)
        self.shop.activation(sql=sql)
        result = self.shop.run("plan", "--format", "json", code=None)
        everything = result.out + result.err + self.shop.run("validate", code=None).err
        assert "anna" not in everything
        assert "31/12" not in everything
        if result.code != 3:
            change = result.json["changes"][0]
            assert change["action"] == "failed", change
            return str(change["error"])
        (finding,) = result.json["findings"]
        place = finding["location"]
        return f"{place['file']}:{place['line']}: {finding['message']}"


@pytest.fixture
def data(shop: Shop) -> Data:
    return Data(shop)


HEADER = "email,last_purchase\n"


@pytest.mark.parametrize("good", [3, 25_000], ids=["as its columns are looked for", "while it is read"])
def test_a_line_with_other_fields_than_the_header(data: Data, good: int) -> None:
    said = data.told(HEADER + rows(good) + "anna,a,b,2025-01-01\n" + rows(good + 9, good))
    assert said == f"data/customers.csv:{good + 2}: 4 fields, the header has 2"


def test_a_quote_that_nothing_closes(data: Data) -> None:
    quoted = '"email",last_purchase\n"bea@shop.example",2025-01-01\n'
    said = data.told(quoted + rows(9) + '"anna.x@shop.example,2025-01-01\n' + rows(9))
    assert said == "data/customers.csv:12: a double quote opens in this line, and no other closes it"


@pytest.mark.parametrize("sql", [RECENT, CAST])
@pytest.mark.parametrize("good", [29, 25_000])
def test_a_value_of_another_type_than_the_rest(data: Data, good: int, sql: str) -> None:
    said = data.told(HEADER + rows(good) + "anna.x@shop.example,31/12/2025\n", sql)
    assert said == f"data/customers.csv:{good + 2}: a value of column last_purchase is no date"


def test_a_value_that_sql_casts(data: Data) -> None:
    said = data.told(HEADER + rows(9) + "anna.x@shop.example,soon\n", CAST)
    assert said == "data/customers.csv:11: a value of column last_purchase is no date"


def test_a_file_without_a_byte(data: Data) -> None:
    assert data.told("") == "data/customers.csv:1: it is empty"


def test_a_file_with_only_a_header(data: Data) -> None:
    assert data.told(HEADER).startswith("data/customers.csv:1: it has a header and no rows")


def test_a_file_without_a_header(data: Data) -> None:
    assert data.told(rows(9)) == "data/customers.csv:1: the first line holds values, not the names of columns"


@pytest.mark.parametrize("before", ["\u200b", "\ufeff\ufeff"])
def test_a_name_with_characters_that_cannot_be_seen(data: Data, before: str) -> None:
    said = data.told(f"email,{before}last_purchase\n" + rows(9))
    assert said.startswith(
        "data/customers.csv:1: the name of column 2 has characters around it that cannot be seen (U+"
    )


@pytest.mark.parametrize("header", ["email,\u00a0last_purchase \n", "\ufeffEMAIL,Last_Purchase\n"])
def test_blanks_around_a_name_and_its_case_do_not_matter(shop: Shop, header: str) -> None:
    shop.write("activations/shop.yaml", SOURCE % "customers.csv")
    shop.write("data/customers.csv", header + rows(9))
    shop.activation(sql=RECENT)
    assert shop.plan()["loyal"]["action"] == "create"


@pytest.mark.parametrize("good", [2, 60_000])
def test_a_file_that_is_not_utf_8(data: Data, good: int) -> None:
    content = (HEADER + rows(good)).encode() + "ann\u00e9@shop.example,2025-01-01\n".encode("latin-1")
    assert data.told(content) == f"data/customers.csv:{good + 2}: this line is not UTF-8"


def test_a_file_in_utf_16(data: Data) -> None:
    assert data.told((HEADER + rows(3)).encode("utf-16")) == "data/customers.csv:1: it is UTF-16, not UTF-8"


def test_a_compressed_file_that_is_cut(data: Data) -> None:
    whole = gzip.compress((HEADER + rows(25_000)).encode())
    said = data.told(whole[: len(whole) // 2], name="customers.csv.gz")
    assert said.startswith("data/customers.csv.gz:")
    assert said.endswith(": it is cut off, or no gzip file, though its name ends in .gz")


def test_a_compressed_file_with_a_line_too_long(data: Data) -> None:
    content = gzip.compress((HEADER + rows(25_000) + "a,b,c\n").encode())
    said = data.told(content, name="customers.csv.gz")
    assert said == "data/customers.csv.gz:25002: 3 fields, the header has 2"


def test_a_parquet_file_that_is_cut(data: Data, tmp_path: Path) -> None:
    file = tmp_path / "whole.parquet"
    everyone = "select 'anna' as email, date '2025-01-01' as last_purchase from range(100)"
    plain().execute(f"copy ({everyone}) to '{file}' (format parquet)")
    said = data.told(file.read_bytes()[:-40], name="customers.parquet")
    assert said == "data/customers.parquet:1: it is cut off: the end of a Parquet file is missing"


def test_a_typo_in_the_sql_is_the_sqls_fault(data: Data) -> None:
    said = data.told(HEADER + rows(9), "select email from shop.customers where last_purchas is not null")
    assert 'there is no column "last_purchas"; did you mean "last_purchase"?' in said
    assert "activations/loyal.yaml" in said


def test_validate_shows_the_place_and_no_caret(data: Data) -> None:
    data.told(HEADER + rows(3) + "anna,a,b,2025-01-01\n")
    out = data.shop.run("validate", code=3).err
    assert "data/customers.csv:5: error[data-file]: 4 fields, the header has 2\n" in out
    assert "^" not in out


def test_a_duckdb_file_is_let_go_while_identifiers_are_still_sent(shop: Shop, sandbox: Sandbox) -> None:
    database = str(shop.folder / "data" / "shop.duckdb")
    duckdb.connect(database).execute("create table people as select 'anna@shop.example' as email").close()
    shop.write("activations/shop.yaml", WAREHOUSE)
    shop.activation(sql="select email from warehouse.people")
    sandbox.fault("slow", path="contact-list", times=None, seconds=60)
    with shop.start("apply", "--yes") as process:
        wait_until(lambda: any(call.path.endswith("/contact-list") for call in sandbox.calls()))
        duckdb.connect(database).execute("insert into people values ('bob@shop.example')").close()
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()


def objects(count: int, first: int = 0) -> str:
    pairs = (line.split(",") for line in rows(count, first).splitlines())
    return "".join(f'{{"email": "{email}", "last_purchase": "{day}"}}\n' for email, day in pairs)


LATE = '{"email": "anna.x@shop.example", "last_purchase": "31/12/2025"}\n'


def test_a_value_of_json_that_sql_casts(data: Data) -> None:
    said = data.told(objects(9) + "\n" + LATE + objects(19, 9), CAST, "customers.jsonl")
    assert said == "data/customers.jsonl:11: a value that the SQL casts is no date"


def test_a_value_of_json_of_another_type_than_the_rest(data: Data) -> None:
    said = data.told(objects(25_000) + LATE, RECENT, "customers.jsonl")
    assert said == "data/customers.jsonl:25001: a value is of another type than in what comes before it"


def test_a_value_in_a_list_of_json_is_told_by_its_record(data: Data) -> None:
    everyone = (objects(9) + LATE).replace("}\n{", "},\n{")
    said = data.told(f"[\n{everyone}]", CAST, "customers.json")
    assert said == "data/customers.json:1: record 10: a value that the SQL casts is no date"


@pytest.mark.parametrize("good", [2, 25_000], ids=["as its columns are looked for", "while it is read"])
def test_a_line_that_is_no_json(data: Data, good: int) -> None:
    said = data.told(objects(good) + '{"email": anna}\n' + objects(3), RECENT, "customers.jsonl")
    assert said == f"data/customers.jsonl:{good + 1}: this line is no JSON"


def test_a_list_of_json_that_is_none_in_the_middle(data: Data) -> None:
    broken = (objects(9) + '{"email": anna}\n' + objects(3)).replace("}\n{", "},\n{")
    said = data.told(f"[\n{broken}]", RECENT, "customers.json")
    assert said == "data/customers.json:11: this line is no JSON"


def test_a_value_of_parquet_is_told_by_its_row(data: Data, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(
        HEADER + rows(25_000) + "anna.x@shop.example,31/12/2025\n" + rows(25_009, 25_000)
    )
    file = tmp_path / "rows.parquet"
    plain().execute(f"copy (from read_csv('{tmp_path}/rows.csv', all_varchar = true)) to '{file}'")
    said = data.told(file.read_bytes(), CAST, "customers.parquet")
    assert said == "data/customers.parquet:1: row 25,001: the value of column last_purchase is no date"


Pack = Callable[[str], bytes]


class TestPackedWithZstd:
    @pytest.fixture
    def packed(self, tmp_path: Path) -> Pack:
        def pack(content: str) -> bytes:
            (tmp_path / "plain").write_text(content)
            reader = (
                "read_csv($1, columns = {'line': 'varchar'}, delim = e'\\x1f', quote = '', escape = '', header = false)"
            )
            written = "(format csv, header false, quote '', escape '', delimiter e'\\x1f', compression zstd)"
            plain().execute(f"copy (from {reader}) to '{tmp_path}/packed' {written}", [str(tmp_path / "plain")])
            return (tmp_path / "packed").read_bytes()

        return pack

    @pytest.mark.parametrize("sql", [RECENT, CAST])
    def test_a_value_of_another_type_than_the_rest(self, data: Data, packed: Pack, sql: str) -> None:
        content = packed(HEADER + rows(25_000) + "anna.x@shop.example,31/12/2025\n" + rows(25_009, 25_000))
        said = data.told(content, sql, "customers.csv.zst")
        assert said == "data/customers.csv.zst:25002: a value of column last_purchase is no date"

    def test_a_line_with_other_fields_than_the_header(self, data: Data, packed: Pack) -> None:
        said = data.told(packed(HEADER + rows(25_000) + "anna,b,c\n"), name="customers.csv.zst")
        assert said == "data/customers.csv.zst:25002: 3 fields, the header has 2"

    def test_a_line_of_json(self, data: Data, packed: Pack) -> None:
        said = data.told(packed(objects(9) + LATE), CAST, "customers.jsonl.zst")
        assert said == "data/customers.jsonl.zst:10: a value that the SQL casts is no date"

    def test_a_line_that_is_no_json(self, data: Data, packed: Pack) -> None:
        said = data.told(packed(objects(25_000) + '{"email": anna}\n'), RECENT, "customers.jsonl.zst")
        assert said == "data/customers.jsonl.zst:25001: this line is no JSON"

    def test_a_file_that_is_not_packed(self, data: Data) -> None:
        said = data.told(HEADER + rows(3), name="customers.csv.zst")
        assert said == "data/customers.csv.zst:1: it is no zstd file, though its name ends in .zst"
