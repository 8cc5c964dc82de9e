"""The project of a retailer (tests/retailer): short, and its audiences hold whom a plain reading of it says."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from runner.sandbox import Advertiser, App, SandboxOptions
from tests.end_to_end.shop import Shop
from tests.plain_duckdb import plain
from tests.postgres import PASSWORD, ROLE, Postgres
from tests.retailer import data, naive
from tests.retailer.data import TODAY, Complaint, Tables
from tests.sandbox_client import Sandbox, running
from tests.spark import Spark

PROJECT = Path(data.__file__).parent
ACCOUNTS = {
    "staging": {"fr-be": "90001", "de": "90002", "it": "90003"},
    "prod": {"fr-be": "10001", "de": "10002", "it": "10003"},
}
ON_THE_DAY = ("--today", TODAY.isoformat())

Found = dict[tuple[str, str], frozenset[naive.Identifier]]
"""Members by account and audience."""


@pytest.fixture(scope="module")
def tables() -> Tables:
    return data.made(1000)


@pytest.fixture
def criteo(afterwards: Callable[[Callable[[], None]], None]) -> Iterator[Sandbox]:
    """A sandbox with the retailer's six ad accounts."""
    ids = tuple(advertiser for accounts in ACCOUNTS.values() for advertiser in accounts.values())
    advertisers = tuple(Advertiser(one, f"Shoes {one}") for one in ids)
    options = SandboxOptions(advertisers=advertisers, apps=(App("sandbox", "sandbox", ids),), rate_limit=0)
    with ExitStack() as stack:
        yield stack.enter_context(running(options))
        afterwards(stack.pop_all().close)


@pytest.fixture
def retailer(tmp_path: Path, criteo: Sandbox) -> Shop:
    """The project in a folder of its own, without data."""
    made = Shop(tmp_path / "retailer", criteo.url)
    shutil.copytree(PROJECT / "activations", made.folder / "activations", dirs_exist_ok=True)
    return made


def held(criteo: Sandbox, target: str = "prod") -> Found:
    """Who is in the audiences of a target's accounts."""
    return {
        (account, segment.name): frozenset(
            (kind, wire) for kind in ("email", "madid") for wire in criteo.members(segment.id, kind)
        )
        for account, advertiser in ACCOUNTS[target].items()
        for segment in criteo.segments(advertiser)
    }


def expected(tables: Tables) -> Found:
    return {(one.account, one.name): one.members for one in naive.audiences(tables)}


def assert_same(found: Found, meant: Found) -> None:
    assert found.keys() == meant.keys()
    assert all(meant.values())
    wrong = {name: (len(found[name] - meant[name]), len(meant[name] - found[name])) for name in meant}
    assert {name: counts for name, counts in wrong.items() if counts != (0, 0)} == {}, "too many, too few"


# -- the files ---------------------------------------------------------------------------------------------------------


def test_the_project_is_written_in_at_most_95_lines() -> None:
    files = [path for path in (PROJECT / "activations").glob("*.yaml") if path.name != "tests.yaml"]
    lines = [line for path in files for line in path.read_text(encoding="utf-8").splitlines()]
    assert "kind: Test" not in lines
    assert max(map(len, lines)) <= 120
    written = [line for line in lines if line.strip() and not line.lstrip().startswith("#") and line != "---"]
    assert len(written) <= 95


@pytest.mark.slow
def test_its_tests_pass_in_each_target_and_validate_finds_nothing(retailer: Shop, tables: Tables) -> None:
    assert "6 tests: 6 passed." in retailer.run("test").out
    assert retailer.run("validate", "--no-sources").err == ""
    data.write_parquet(tables, retailer.folder / "data")
    validated = retailer.run("validate")
    assert (validated.out, validated.err) == ("activations is valid for each of the targets staging, prod.\n", "")
    assert "3 tests: 3 passed." in retailer.run("test", "--target", "prod").out, "with the types of the data"


@pytest.mark.parametrize(
    ("file", "rule", "broken", "failing"),
    [
        ("audiences.yaml", "within: 90d", "within: 89d", "lapsed means 90 days"),
        ("audiences.yaml", "within: 90d", "within: 91d", "lapsed means 90 days"),
        ("audiences.yaml", "order, within: 365d", "order, within: 366d", "lapsed means 90 days"),
        ("project.yaml", "Europe/Paris", "UTC", "lapsed means 90 days"),
        ("audiences.yaml", "within_next: 2d", "within_next: 3d", "a cart left and bought the next day is no cart left"),
        ("audiences.yaml", "then_not", "then", "a cart left and bought the next day is no cart left"),
        ("customer.yaml", "{is_not: true}", "false", "an unknown consent is no consent"),
    ],
)
def test_a_test_fails_where_its_rule_is_broken(retailer: Shop, file: str, rule: str, broken: str, failing: str) -> None:
    text = (retailer.folder / "activations" / file).read_text(encoding="utf-8")
    assert text.count(rule) == 1
    retailer.write(f"activations/{file}", text.replace(rule, broken))
    tests = retailer.run("test", "--target", "prod", "--format", "json", code=1).json["tests"]
    assert [test["name"] for test in tests if test["outcome"] != "passed"] == [failing]


# -- the audiences -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_each_target_holds_exactly_whom_the_retailer_means(retailer: Shop, criteo: Sandbox, tables: Tables) -> None:
    data.write_parquet(tables, retailer.folder / "data")
    staging = ("--target", "staging", *ON_THE_DAY)
    assert {one["action"] for one in retailer.plan(*staging).values()} == {"create"}
    retailer.apply(*staging)
    assert_same(held(criteo, "staging"), expected(tables))
    assert held(criteo, "prod") == {}
    assert {one["action"] for one in retailer.plan(*staging).values()} == {"unchanged"}
    retailer.apply("--target", "prod", *ON_THE_DAY)
    assert_same(held(criteo, "prod"), expected(tables))


@pytest.mark.slow
def test_at_full_size_the_biggest_spenders_are_a_choice(retailer: Shop, criteo: Sandbox) -> None:
    tables = data.made(20_000)
    assert (len(tables.orders), len(tables.visits)) >= (120_000, 200_000)
    data.write_parquet(tables, retailer.folder / "data")
    retailer.apply("--target", "prod", *ON_THE_DAY)
    assert_same(held(criteo), expected(tables))
    previewed = retailer.run("preview", "big-spenders", "--target", "prod", "--format", "json", *ON_THE_DAY)
    assert previewed.json["segment"]["rows"] == 5000


@pytest.mark.slow
def test_what_holds_for_all_is_said_once_and_germany_looks_for_carts_every_hour(retailer: Shop) -> None:
    schedules = {"cart-leavers-de": "every 1h", "cart-leavers-fr": "every 6h", "members-de": "every 6h"}
    for activation, schedule in schedules.items():
        shown = retailer.run("show", activation, "--target", "prod", "--format", "json").json["settings"]
        settings = {one["key"]: one["value"] for one in shown}
        assert settings["schedule"] == schedule
        assert settings["owner"] == "crm"
        assert settings["guardrails.max_removed"] == "25%"
        assert settings["mapping.email"] == "email, email_sha256"


@pytest.mark.slow
def test_who_withdraws_or_complains_leaves_every_audience_whatever_else_is_wrong(
    retailer: Shop, criteo: Sandbox, tables: Tables
) -> None:
    folder = retailer.folder / "data"
    data.write_parquet(tables, folder)
    retailer.apply("--target", "prod", *ON_THE_DAY)
    withdrawn = {one.customer_id: replace(one, marketing_consent=None) for one in tables.customers[::7]}
    complaints = [Complaint(one.customer_id, data.NOW, None) for one in tables.customers[1::7]]
    later = replace(
        tables,
        customers=[withdrawn.get(one.customer_id, one) for one in tables.customers],
        complaints=[*tables.complaints, *complaints],
    )
    gone = {one for person in tables.customers[::7] for one in naive.identifiers(person)}
    complained = {one for person in tables.customers[1::7] for one in naive.identifiers(person)}
    assert all(gone & members and complained & members for members in held(criteo).values())

    data.write_parquet(later, folder)
    _leave_out(folder / "customers.parquet", "loyalty, ltv")
    (folder / "orders.parquet").write_bytes(b"damaged")
    (folder / "visits.parquet").unlink()
    (folder / "complaints.parquet").write_bytes(b"")
    retailer.run("sync", "--target", "prod", *ON_THE_DAY, code=1)
    assert not any(gone & members for members in held(criteo).values())

    data.write_parquet(later, folder)
    retailer.run("sync", "--target", "prod", *ON_THE_DAY)
    assert_same(held(criteo), expected(later))


def _leave_out(path: Path, columns: str) -> None:
    """Take columns out of a Parquet file."""
    rest = path.with_suffix(".rest")
    plain().execute(f"copy (select * exclude ({columns}) from '{path}') to '{rest}' (format parquet)")
    rest.rename(path)


# -- in a warehouse ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Warehouse:
    """A server with the retailer's tables in one of its schemas: how it is filled, and how it loses one of them."""

    address: str
    schema: str
    fill: Callable[[Tables, Path], None]
    lose: Callable[[str], object]


@pytest.fixture(params=["postgres", pytest.param("spark", marks=pytest.mark.slow)])
def warehouse(request: pytest.FixtureRequest, retailer: Shop) -> Warehouse:
    """The project's source from now on.

    What Sail's sessions share is in one schema, so that there the project's tables have that one's name.
    """
    server = request.getfixturevalue(request.param)
    made = _postgres(server) if request.param == "postgres" else _spark(server)
    document = (PROJECT / "warehouses" / f"{request.param}.yaml").read_text(encoding="utf-8")
    retailer.write("activations/shop.yaml", document)
    for name in ("customer.yaml", "tests.yaml"):
        text = (PROJECT / "activations" / name).read_text(encoding="utf-8")
        retailer.write(f"activations/{name}", text.replace(" shop.", f" {made.schema}."))
    retailer.environment["PGPASSWORD"] = PASSWORD
    return made


def _postgres(server: Postgres) -> Warehouse:
    columns = ";".join(f"create table shop.{name} ({columns})" for name, columns in data.COLUMNS.items())
    grants = f"grant usage on schema shop to {ROLE}; grant select on all tables in schema shop to {ROLE}"

    def fill(tables: Tables, folder: Path) -> None:
        data.write_csv(tables, folder)
        server.run(f"drop schema if exists shop cascade; create schema shop; {columns}; {grants}")
        for name in data.COLUMNS:
            server.copy_in(f"shop.{name}", ["cat", str(folder / f"{name}.csv")])

    return Warehouse(server.uri, "shop", fill, lambda table: server.run(f"drop table shop.{table}"))


def _spark(server: Spark) -> Warehouse:
    def fill(tables: Tables, folder: Path) -> None:
        data.write_parquet(tables, folder)
        for name in data.COLUMNS:
            rows = f"select * from parquet.`{folder / name}.parquet`"
            server.run(f"create or replace global temporary view {name} as {rows}")

    return Warehouse(server.url, "global_temp", fill, lambda table: server.run(f"drop view global_temp.{table}"))


def test_a_warehouse_finds_the_same_people_and_takes_out_who_withdraws(
    retailer: Shop, warehouse: Warehouse, criteo: Sandbox, tables: Tables, tmp_path: Path
) -> None:
    address = ("--var", f"warehouse={warehouse.address}")
    warehouse.fill(tables, tmp_path / "before")
    assert "6 tests: 6 passed." in retailer.run("test", *address).out
    assert retailer.run("validate", *address).err == ""
    retailer.apply("--target", "prod", *address, *ON_THE_DAY)
    assert_same(held(criteo), expected(tables))

    withdrawn = {one.customer_id for one in tables.customers[::7]}
    customers = [
        replace(one, marketing_consent=False) if one.customer_id in withdrawn else one for one in tables.customers
    ]
    gone = {wire for one in tables.customers[::7] for wire in naive.identifiers(one)}
    assert all(gone & members for members in held(criteo).values())
    warehouse.fill(replace(tables, customers=customers), tmp_path / "after")
    warehouse.lose("orders")
    retailer.run("sync", "--target", "prod", *address, *ON_THE_DAY, code=1)
    assert not any(gone & members for members in held(criteo).values())
