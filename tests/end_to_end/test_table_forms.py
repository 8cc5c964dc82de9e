"""The long form of a table of files: what a reader would have to guess is written down, and held to."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.end_to_end.shop import CANARY, Shop, hashes
from tests.object_store import ObjectStore, running_store
from tests.sandbox_client import Sandbox

RECENT = "select email from shop.customers where born >= date '1990-01-01'"
PEOPLE = "email;born\n" + "".join(f"person-{number}@shop.example;1990-01-0{number}\n" for number in (1, 2, 3))


class Table:
    """The table `shop.customers` of a shop, with its file and its long form."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        shop.activation(sql=RECENT, mapping={"mobile_ad_id": None})

    def declare(self, name: str, **form: Any) -> None:
        self.shop.write("activations/customers.yaml", "")
        source = f"kind: Source\nname: shop\ntype: files\ntables: {json.dumps({'customers': {'path': name, **form}})}\n"
        shop = (self.shop.folder / "activations" / "shop.yaml").read_text(encoding="utf-8")
        documents = [part for part in shop.split("---\n") if "kind: Source" not in part]
        self.shop.write("activations/shop.yaml", "---\n".join((source, *documents)))

    def content(self, text: str | bytes, name: str = "customers.csv") -> None:
        path = self.shop.folder / "data" / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())

    def found(self, code: int = 3) -> str:
        """What validate and a plan say; no value of the data is in that."""
        said = self.shop.run("validate", code=code).err
        planned = self.shop.run("plan", "-vv", code=None)
        for text in (said, planned.out, planned.err):
            assert CANARY not in text
            assert "soon" not in text
        return said

    def failed(self) -> str:
        """What a plan says of the one activation."""
        result = self.shop.run("plan", "--format", "json", code=None)
        assert CANARY not in result.out + result.err
        assert "soon" not in result.out + result.err
        return str(result.json["changes"][0]["error"])


@pytest.fixture
def table(shop: Shop) -> Table:
    return Table(shop)


def members(sandbox: Sandbox) -> set[str]:
    return sandbox.members(sandbox.segment("Loyal").id, "email")


def test_all_keys_of_the_design_together(table: Table, sandbox: Sandbox) -> None:
    table.content(PEOPLE.replace("1990-01-03", "n/a") + ";2001-01-01\n")
    types = {"email": "varchar", "born": "date"}
    table.declare("../data/customers.csv", columns=types, delimiter=";", nulls=["", "n/a"])

    table.shop.apply()

    assert members(sandbox) == hashes(1, 2)


def test_zeros_of_a_column_that_is_declared_as_text_are_kept(table: Table) -> None:
    table.content("email;born;zip\na@shop.example;1990-01-01;04109\nb@shop.example;1990-01-01;4109\n")
    table.shop.activation(sql="select email from shop.customers where zip = '04109'")
    table.declare("../data/customers.csv", columns={"ZIP": "varchar"})
    assert table.shop.plan()["loyal"]["members"][0]["added"] == 1


def test_a_column_without_values_is_of_its_type(table: Table) -> None:
    table.content("email;born\na@shop.example;\nb@shop.example;\n")
    table.declare("../data/customers.csv")
    assert "born" in table.found()
    table.declare("../data/customers.csv", columns={"born": "date"})
    table.found(code=0)


@pytest.mark.parametrize("good", [3, 25_000])
@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
def test_a_value_that_does_not_fit_its_declared_type_is_a_fault_at_its_line(
    table: Table, good: int, suffix: str
) -> None:
    rows = PEOPLE.splitlines(keepends=True)
    text = rows[0] + rows[1] * good + f"{CANARY};soon\n" + rows[1] * 5
    table.content(gzip.compress(text.encode()) if suffix.endswith("gz") else text, f"customers{suffix}")
    table.declare(f"../data/customers{suffix}", columns={"born": "date"}, delimiter=";")
    assert table.failed() == f"data/customers{suffix}:{good + 2}: a value of column born is no date"


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        ("boolean", "true or false"),
        ("integer", "whole number"),
        ("bigint", "whole number"),
        ("hugeint", "whole number"),
        ("double", "number"),
        ("date", "date"),
        ("time", "time of day"),
        ("timestamp", "time"),
        ("timestamptz", "time"),
        ("uuid", "UUID"),
    ],
)
def test_a_value_that_fits_no_type_but_text(table: Table, kind: str, word: str) -> None:
    table.content(f"email;born\n{CANARY};\n{CANARY};soon\n")
    table.shop.activation(sql="select email from shop.customers where born is null")
    table.declare("../data/customers.csv", columns={"born": kind})
    assert table.failed() == f"data/customers.csv:3: a value of column born is no {word}"
    table.declare("../data/customers.csv", columns={"born": "varchar"})
    table.found(code=0)


def test_an_empty_field_is_a_value_where_nulls_leave_it_out(table: Table) -> None:
    table.content(f"email;born\na@shop.example;n/a\n{CANARY};\n")
    table.declare("../data/customers.csv", columns={"born": "date"}, nulls=["n/a"])
    assert table.failed() == "data/customers.csv:3: a value of column born is no date"


def test_a_row_of_other_length_is_counted_by_the_declared_delimiter(table: Table) -> None:
    table.content("email#born\n" + "a,b;c|d@shop.example#1990-01-01\n" * 3 + f"{CANARY}#1990-01-01#soon\n")
    table.declare("../data/customers.csv", delimiter="#")
    assert table.failed() == "data/customers.csv:5: 3 fields, the header has 2"


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("email;born", 'data/customers.csv has no column "geboren", which `columns` declares'),
        (f"{CANARY};1990-01-01", "the first line holds values, not the names of columns"),
    ],
)
def test_a_declared_column_that_no_file_has(table: Table, header: str, message: str) -> None:
    table.content(f"{header}\na@shop.example;1990-01-01\n")
    table.declare("../data/customers.csv", columns={"geboren": "date"}, delimiter=";")
    assert message in table.found()


@pytest.mark.parametrize("columns", [{"born": "date"}, None])
def test_a_file_with_another_delimiter_than_the_declared_one(table: Table, columns: dict[str, str] | None) -> None:
    table.content("email;born\na@shop.example;1990-01-01\n")
    table.declare("../data/customers.csv", delimiter=",", **({"columns": columns} if columns else {}))
    table.shop.activation(sql="select email from shop.customers where born is not null")
    found = table.found()
    assert 'what is between its names looks like ";", and the `delimiter` that is declared is ","' in found
    assert 'write `delimiter: ";"` where the table is declared' in found


def test_a_declared_column_may_be_in_some_of_the_files(table: Table, sandbox: Sandbox) -> None:
    table.content("email;born\nperson-1@shop.example;1990-01-01\n", "one.csv")
    table.content("email;zip\nperson-2@shop.example;04109\n", "two.csv")
    table.declare("../data/*o*.csv", columns={"born": "date", "zip": "varchar"})
    table.shop.activation(sql="select email from shop.customers where born is not null or zip = '04109'")
    (table.shop.folder / "data" / "people.csv").unlink()
    table.shop.apply()
    assert members(sandbox) == hashes(1, 2)


@pytest.mark.parametrize("in_a_list", [False, True])
def test_types_of_json(table: Table, sandbox: Sandbox, in_a_list: bool) -> None:
    def written(*people: dict[str, Any]) -> str:
        return json.dumps(people) if in_a_list else "".join(f"{json.dumps(one)}\n" for one in people)

    good = {"email": "person-1@shop.example", "born": "1990-01-01", "zip": "2024-01-01", "tags": {"a": [1]}}
    table.shop.activation(
        sql="select email from shop.customers where born >= date '1990-01-01' and gone is null and zip[1] = '2'"
    )
    types = {"born": "date", "zip": "varchar", "gone": "timestamp"}
    table.declare("../data/customers.jsonl", columns=types)
    table.content(written(good), "customers.jsonl")
    table.shop.apply()
    assert members(sandbox) == hashes(1)

    table.content(written(good, good, {"email": CANARY, "born": "soon"}), "customers.jsonl")
    said = table.failed()
    line, record = ("1", "record 3: ") if in_a_list else ("3", "")
    assert said == f"data/customers.jsonl:{line}: {record}a value of column born is no date"


def test_a_key_that_says_nothing_about_a_format_that_only_a_look_tells(table: Table) -> None:
    table.content('{"email": "a@shop.example"}\n', "customers.json")
    table.declare("../data/customers.*", delimiter=";")
    assert "`delimiter` says nothing about data/customers.json\n     = only CSV has one" in table.found()


def test_other_types_are_another_definition(table: Table) -> None:
    table.content(PEOPLE)
    table.declare("../data/customers.csv")
    table.shop.apply()
    table.declare("../data/customers.csv", columns={"born": "timestamp"})
    assert table.shop.plan()["loyal"]["reasons"] != []


@pytest.fixture(scope="module")
def store() -> Iterator[ObjectStore]:
    with running_store() as running:
        yield running


def test_objects_are_held_to_their_form_too(table: Table, store: ObjectStore, sandbox: Sandbox) -> None:
    root = store.make_bucket("forms")
    table.shop.environment.update(store.environment())
    table.declare(f"{root}/customers.csv", columns={"born": "date"}, delimiter=";", nulls=["", "n/a"])
    store.put("forms", "project/customers.csv", PEOPLE.replace("1990-01-02", "n/a").encode())
    table.shop.apply()
    assert members(sandbox) == hashes(1, 3)

    store.put("forms", "project/other.csv", f"{PEOPLE}{CANARY};soon\n".encode())
    table.declare(f"{root}/other.csv", columns={"born": "date"}, delimiter=";")
    assert table.failed() == f"{root}/other.csv:5: a value of column born is no date"
