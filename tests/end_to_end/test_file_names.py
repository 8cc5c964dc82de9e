"""Names of files that are patterns to DuckDB: what is read is the file that was judged, and no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.end_to_end.shop import Shop, hashes, mail
from tests.plain_duckdb import plain
from tests.sandbox_client import Sandbox

ODD = [("c[1]", "c1"), ("c[!a]", "cb"), ("c*", "cat"), ("c?", "cx"), ("c[.]d", "c.d"), ("c[[]1", "c[1"), ("c[*]", "c*")]


def write(file: Path, *numbers: int) -> None:
    """A file of made-up people, in the format that its name says."""
    file.parent.mkdir(parents=True, exist_ok=True)
    people = " union all ".join(f"select 'person-{number}@shop.example' as email" for number in numbers)
    kind = "parquet" if file.suffix == ".parquet" else "json" if file.suffix == ".jsonl" else "csv"
    made = file.with_name("made")
    plain().execute(f"copy ({people}) to '{made}' (format {kind})")
    made.rename(file)


def declare(shop: Shop, *lines: str) -> None:
    text = (shop.folder / "activations/shop.yaml").read_text(encoding="utf-8")
    shop.write("activations/shop.yaml", text.replace("tables:\n", "tables:\n" + "".join(f"  {one}\n" for one in lines)))


def members(sandbox: Sandbox) -> set[str]:
    return sandbox.members(sandbox.segment("Loyal").id, "email")


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
@pytest.mark.parametrize(("name", "other"), ODD)
def test_another_file_that_the_name_matches_is_not_read(
    shop: Shop, sandbox: Sandbox, name: str, other: str, suffix: str
) -> None:
    write(shop.folder / "data" / f"{name}{suffix}", 1)
    write(shop.folder / "data" / f"{other}{suffix}", 2, 3, 4)
    declare(shop, f"c: '../data/{name}{suffix}'", f"d: '../data/{other}{suffix}'")
    shop.activation(sql="select email from shop.c where (select count(*) from shop.d) = 3")
    shop.apply()
    assert members(sandbox) == hashes(1)


def test_the_file_alone_is_read_though_another_one_is_there(shop: Shop, sandbox: Sandbox) -> None:
    write(shop.folder / "data/c[1].csv", 1)
    write(shop.folder / "data/c1.csv", 2)
    declare(shop, "c: '../data/c[1].csv'")
    shop.activation(sql="select email from shop.c")
    shop.apply()
    assert members(sandbox) == hashes(1)


def test_a_folder_may_be_called_as_a_pattern_too(shop: Shop, sandbox: Sandbox) -> None:
    write(shop.folder / "data/people/c?.csv", 1)
    (shop.folder / "data/people").rename(shop.folder / "data/a[1]*")
    write(shop.folder / "data/a1x/cc.csv", 2)
    declare(shop, "c: '../data/a[[]1][*]/*.csv'")
    shop.activation(sql="select email from shop.c")
    shop.apply()
    assert members(sandbox) == hashes(1)


@pytest.mark.parametrize("is_there", [True, False])
def test_a_name_says_nothing_of_a_link_beside_it(
    shop: Shop, sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory, is_there: bool
) -> None:
    target = tmp_path_factory.mktemp("elsewhere") / "target"
    if is_there:
        target.write_text("a line\n", encoding="utf-8")
    write(shop.folder / "data/a*.csv", 1)
    (shop.folder / "data/a1.csv").symlink_to(target)
    declare(shop, "a: '../data/a*.csv'")
    shop.activation(sql="select email from shop.a")
    shop.apply()
    assert members(sandbox) == hashes(1)


def test_a_fault_is_looked_for_in_the_file_itself(shop: Shop) -> None:
    for name, value in (("c[1].csv", "soon"), ("c1.csv", "2025-01-01")):
        shop.write(f"data/{name}", f"email,last_purchase\na@x.example,2025-01-01\nb@x.example,{value}\n")
    declare(shop, "c: '../data/c[1].csv'")
    shop.activation(sql="select email from shop.c where last_purchase::date > date '2024-01-01'")
    [change] = shop.run("plan", "--format", "json", code=1).json["changes"]
    assert change["error"] == "data/c[1].csv:3: a value of column last_purchase is no date"


def test_a_row_at_fault_is_looked_for_in_the_file_itself(shop: Shop) -> None:
    rows = "select 'a@x.example' as email, case i when {} then 'soon' else '2025-01-01' end as day from range(9) t(i)"
    for name, at in (("made.parquet", 5), ("c1.parquet", 2)):
        plain().execute(f"copy ({rows.format(at)}) to '{shop.folder}/data/{name}'")
    (shop.folder / "data/made.parquet").rename(shop.folder / "data/c[1].parquet")
    declare(shop, "c: '../data/c[1].parquet'")
    shop.activation(sql="select email from shop.c where day::date > date '2024-01-01'")
    [change] = shop.run("plan", "--format", "json", code=1).json["changes"]
    assert change["error"] == "data/c[1].parquet:1: row 6: the value of column day is no date"


def test_a_name_that_no_pattern_means_is_refused(shop: Shop) -> None:
    shop.write("data/c\\[1].csv", "email\na@x.example\n")
    declare(shop, "c: '../data/c\\[1].csv'")
    shop.activation(sql="select email from shop.c")
    assert "has a backslash and one of * ? [" in shop.run("validate", code=3).err


def test_a_project_with_its_state_may_lie_in_a_folder_called_as_a_pattern(sandbox: Sandbox, tmp_path: Path) -> None:
    shops = []
    for name, numbers in (("a1", (7, 8, 9)), ("a[1]", (1, 2, 3))):
        (tmp_path / name).mkdir()
        one = Shop(tmp_path / name, sandbox.url)
        one.people(mail(*numbers))
        one.activation(name=name, guardrails={"min_members": 0, "max_removed": "100%"})
        one.apply()
        shops.append(one)
    shops[1].people(mail(3, 4))
    shops[1].apply()
    shops[1].apply()
    assert sandbox.members(sandbox.segment("a[1]").id, "email") == hashes(3, 4)
    assert sandbox.members(sandbox.segment("a1").id, "email") == hashes(7, 8, 9)
