"""`headcount test` runs segments over the rows that tests write out: no data, no credentials, no network."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.end_to_end.shop import Result, Shop
from tests.plain_duckdb import plain

LAPSED = """\
select c.email
from shop.customers c
where not exists (
  select 1 from shop.orders o
  where o.customer_id = c.customer_id and o.ordered_at >= date '{{ today }}' - interval 60 days
)
"""
SOURCE = """\
kind: Source
name: shop
type: files
tables:
  customers: ../data/customers.csv
  orders: ../data/orders.csv
  people: ../data/people.csv
"""


@pytest.fixture
def tested(shop: Shop) -> Shop:
    """A project whose data are not there."""
    source, _, rest = (shop.folder / "activations/shop.yaml").read_text().partition("---")
    assert source
    shop.write("activations/shop.yaml", f"{SOURCE}---{rest}")
    shop.activation("lapsed", sql=LAPSED)
    shop.remove("data/people.csv")
    return shop


def declare(shop: Shop, name: str = "lapsed means sixty days", **fields: Any) -> None:
    document = {"kind": "Test", "name": name, "activation": "lapsed", **fields}
    shop.write(f"activations/{name.replace(' ', '-')}.yaml", json.dumps({k: v for k, v in document.items() if v != ""}))


def run(shop: Shop, *arguments: str, code: int = 0) -> Result:
    nothing = {"CRITEO_API_URL": "http://127.0.0.1:9", "CRITEO_CLIENT_ID": "", "CRITEO_CLIENT_SECRET": ""}
    return shop.run("test", *arguments, code=code, **nothing)


def outcome(shop: Shop, code: int = 0) -> Any:
    [test] = run(shop, "--format", "json", code=code).json["tests"]
    return test


PEOPLE = [{"customer_id": 1, "email": "a@example.com"}, {"customer_id": 2, "email": "B@example.com "}]


def test_a_test_passes_where_the_people_are_those_expected_as_the_source_spells_them(tested: Shop) -> None:
    orders = [{"customer_id": 1, "ordered_at": "2026-11-01"}, {"customer_id": 2, "ordered_at": "2026-09-01"}]
    given = {"shop.customers": PEOPLE, "shop.orders": orders}
    declare(tested, today="2026-11-28", given=given, expect=[{"email": "B@example.com "}])
    out = run(tested).out
    assert out == "+ lapsed means sixty days  passed  (activation lapsed)\n1 test: 1 passed.\n"
    assert not (tested.folder / ".headcount").exists()


def test_the_order_of_people_does_not_count_and_a_person_twice_is_one(tested: Shop) -> None:
    given = {"shop.customers": [*PEOPLE, *PEOPLE]}
    declare(tested, given=given, expect=[{"email": "B@example.com "}, {"email": "a@example.com"}])
    assert outcome(tested)["outcome"] == "passed"


def test_a_table_that_is_not_given_is_empty_and_a_column_that_is_not_given_is_null(tested: Shop) -> None:
    declare(tested, given={"shop.customers": [{"email": "a@example.com"}]}, expect=[{"email": "a@example.com"}])
    assert outcome(tested)["outcome"] == "passed"


def test_without_any_table_nobody_is_found(tested: Shop) -> None:
    declare(tested, expect=[])
    assert outcome(tested)["found"] == 0


def test_a_number_of_people_can_be_expected_instead(tested: Shop) -> None:
    declare(tested, given={"shop.customers": PEOPLE}, expect_count=2)
    assert outcome(tested)["outcome"] == "passed"
    declare(tested, given={"shop.customers": PEOPLE}, expect_count=3)
    failed = outcome(tested, code=1)
    assert (failed["outcome"], failed["expected"], failed["found"]) == ("failed", 3, 2)


def test_a_failure_shows_who_is_missing_and_who_was_not_expected(tested: Shop) -> None:
    declare(tested, given={"shop.customers": PEOPLE[:1]}, expect=[{"email": "c@example.com"}])
    out = run(tested, code=1).out
    assert "x lapsed means sixty days  failed  (activation lapsed)" in out
    assert "    missing     {email: c@example.com}\n" in out
    assert "    unexpected  {email: a@example.com}\n" in out
    assert "    activations/lapsed-means-sixty-days.yaml:1:" in out
    assert out.endswith("1 test: 1 failed.\n")


def test_today_is_the_tests_own_day(tested: Shop) -> None:
    given = {"shop.customers": PEOPLE[:1], "shop.orders": [{"customer_id": 1, "ordered_at": "2020-03-01"}]}
    declare(tested, "long before", given=given, today="2020-06-01", expect_count=1)
    declare(tested, "just before", given=given, today="2020-03-20", expect_count=0)
    declare(tested, "the day of the run", given=given, expect_count=1)
    assert run(tested, "--today", "2021-01-01").out.endswith("3 tests: 3 passed.\n")


def test_types_come_from_the_source_where_it_is_there(tested: Shop) -> None:
    tested.write("data/customers.csv", "customer_id,email\nA-1,x@example.com\n")
    tested.write("data/orders.csv", "customer_id,ordered_at\nA-1,2026-01-01 10:00:00\n")
    tested.activation("lapsed", sql="select email from shop.customers where length(customer_id) = 2")
    declare(tested, given={"shop.customers": [{"customer_id": 12, "email": "a@example.com"}]}, expect_count=1)
    assert outcome(tested)["outcome"] == "passed"
    tested.remove("data/customers.csv")
    assert outcome(tested, code=1)["outcome"] == "could not run"


def test_a_value_that_the_source_would_not_hold_is_named_with_its_place(tested: Shop) -> None:
    tested.write("data/customers.csv", "customer_id,email\n1,x@example.com\n")
    given = {"shop.customers": [{"customer_id": "one", "emial": "a@example.com"}]}
    declare(tested, given=given, expect=[])
    [finding] = outcome(tested, code=1)["findings"]
    assert finding["message"] == '"shop.customers" has no column "emial"; did you mean "email"?'
    declare(tested, given={"shop.customers": [{"customer_id": "one"}]}, expect=[])
    [finding] = outcome(tested, code=1)["findings"]
    assert finding["message"] == '"one" is no BIGINT, which "shop.customers.customer_id" is'
    assert finding["location"]["line"] == 1


def test_sql_that_cannot_run_is_named_at_its_line(tested: Shop) -> None:
    tested.activation("lapsed", sql="select email from shop.customers where shuffled(email)")
    declare(tested, given={"shop.customers": PEOPLE}, expect=[])
    out = run(tested, code=1).out
    assert "x lapsed means sixty days  could not run" in out
    assert "activations/lapsed.yaml:1:" in out
    assert 'there is no function "shuffled"' in out


def test_a_segment_that_breaks_out_reads_nothing_else(tested: Shop) -> None:
    tested.activation("lapsed", sql="select email from read_csv('/etc/passwd')")
    declare(tested, expect=[])
    assert outcome(tested, code=1)["findings"][0]["code"] == "sql-forbidden-function"


def test_tests_are_selected_by_their_names_or_by_what_they_test(tested: Shop) -> None:
    tested.activation("everybody", sql="select email from shop.people", tags=["all"])
    declare(tested, "one", given={"shop.customers": PEOPLE}, expect_count=2)
    declare(tested, "two", activation="everybody", expect_count=0)
    for pattern, names in (
        ("one", ["one"]),
        ("every*", ["two"]),
        ("tag:all", ["two"]),
        ("path:activations/one.yaml", ["one"]),
    ):
        selected = run(tested, "--select", pattern, "--format", "json").json["tests"]
        assert [test["name"] for test in selected] == names, pattern
    assert "matches no test" in run(tested, "--select", "three", code=64).err


def test_a_shared_segment_is_tested_by_its_name(tested: Shop) -> None:
    tested.write("activations/families.yaml", "kind: Segment\nname: families\nsql: select email from shop.people\n")
    given = {"shop.people": [{"email": "a@example.com"}, {"email": None}]}
    declare(tested, activation="", segment="families", given=given, expect=[{"email": "a@example.com"}])
    assert outcome(tested)["outcome"] == "passed", "a row without an identifier is nobody"


def test_junit_is_what_ci_services_read(tested: Shop) -> None:
    declare(tested, "good", given={"shop.customers": PEOPLE}, expect_count=2)
    declare(tested, "bad", given={"shop.customers": PEOPLE}, expect_count=1)
    suite = ElementTree.fromstring(run(tested, "--format", "junit", code=1).out)
    assert suite.attrib == {"name": "headcount", "tests": "2", "failures": "1", "errors": "0"}
    assert [(case.get("name"), case.find("failure") is None) for case in suite] == [("bad", False), ("good", True)]


def test_without_a_test_it_says_so(tested: Shop) -> None:
    assert run(tested).out == "No file declares a test: write `kind: Test` documents.\n"


def test_a_source_that_is_far_away_is_not_asked(tested: Shop) -> None:
    source = SOURCE.replace("../data/customers.csv", "s3://nowhere/customers.parquet")
    _, _, rest = (tested.folder / "activations/shop.yaml").read_text().partition("---")
    tested.write("activations/shop.yaml", f"{source}---{rest}")
    declare(tested, given={"shop.customers": PEOPLE}, expect_count=2)
    assert outcome(tested)["outcome"] == "passed"


WAREHOUSES = {
    "postgres": "type: postgres\nuri: postgresql://db.example/shop\n",
    "snowflake": "type: snowflake\naccount: acme-eu1\nuser: HEADCOUNT\ndatabase: ANALYTICS\n",
    "spark": "type: spark\nurl: sc://spark.example:15002\n",
}


def in_a_warehouse(shop: Shop, kind: str, sql: str) -> None:
    shop.write("activations/warehouse.yaml", f"kind: Source\nname: wh\n{WAREHOUSES[kind]}")
    segment = {"name": "Lapsed", "source": "wh", "sql": sql}
    shop.write("activations/lapsed.yaml", json.dumps({"kind": "Activation", "id": "lapsed", "segment": segment}))


@pytest.mark.parametrize(
    ("kind", "sql"),
    [
        ("postgres", "select email::text from public.customers where signed_up >= now()::date - interval '30 days'"),
        ("snowflake", 'select EMAIL as "email" from CRM.CUSTOMERS where iff(LTV > 450, true, false)'),
        ("spark", "select email from `crm`.`customers` where datediff(date '2026-11-28', signed_up) < 30"),
    ],
)
def test_a_segment_of_a_warehouse_is_translated(tested: Shop, kind: str, sql: str) -> None:
    in_a_warehouse(tested, kind, sql)
    rows = [{"email": "a@example.com", "ltv": 500, "signed_up": "2999-01-01"}, {"email": "b@example.com"}]
    declare(tested, given={"customers": rows}, expect=[{"email": "a@example.com"}])
    assert outcome(tested)["missing"] == []


@pytest.mark.parametrize("where", [", rows from (generate_series(1, 2)) as t", " where xml_is_well_formed(email)"])
def test_what_cannot_be_translated_is_said(tested: Shop, where: str) -> None:
    in_a_warehouse(tested, "postgres", f"select email from customers{where}")
    declare(tested, given={"customers": [{"email": "a@example.com"}]}, expect=[])
    [finding] = outcome(tested, code=1)["findings"]
    assert finding["code"] == "test-untranslated"
    assert "this SQL of postgres cannot be translated for a test" in finding["message"]
    assert finding["location"]["file"] == "activations/lapsed.yaml"


def test_a_table_of_a_warehouse_that_nothing_reads_is_a_typo(tested: Shop) -> None:
    in_a_warehouse(tested, "postgres", "select email from crm.customers")
    declare(tested, given={"costumers": [{"email": "a@example.com"}]}, expect=[])
    [finding] = outcome(tested, code=1)["findings"]
    assert finding["message"] == 'nothing that is tested here reads "costumers"'


ENTITY = """\
kind: Entity
name: customer
from: shop.customers
key: customer_id
mapping: {email: email}
events:
  order: {from: shop.orders, key: customer_id, at: ordered_at}
"""


def by_conditions(shop: Shop, where: list[Any]) -> None:
    shop.write("activations/customer.yaml", ENTITY)
    segment = {"name": "Lapsed", "of": "customer", "where": where}
    shop.write("activations/lapsed.yaml", json.dumps({"kind": "Activation", "id": "lapsed", "segment": segment}))


@pytest.mark.parametrize("data", [False, True])
def test_a_segment_by_conditions_is_tested_alike(tested: Shop, data: bool) -> None:
    if data:
        tested.write("data/customers.csv", "customer_id,email,country\n1,x@example.com,FR\n")
        tested.write("data/orders.csv", "customer_id,ordered_at\n1,2026-01-01 10:00:00\n")
    by_conditions(tested, [{"country": ["FR", "BE"]}, {"did_not": "order", "within": "60d"}])
    people = [{**person, "country": country} for person, country in zip(PEOPLE, ("FR", "BE"), strict=True)]
    others = [
        {"customer_id": 3, "email": "c@example.com", "country": "DE"},
        {"customer_id": 4, "email": "d@example.com"},
    ]
    orders = [{"customer_id": 1, "ordered_at": "2026-11-01"}, {"customer_id": 2, "ordered_at": "2026-09-01"}]
    given = {"shop.customers": [*people, *others], "shop.orders": orders}
    declare(tested, today="2026-11-28", given=given, expect=[{"email": "B@example.com "}])
    assert outcome(tested)["unexpected"] == []


def test_a_condition_that_does_not_fit_the_source_is_named_at_its_line(tested: Shop) -> None:
    tested.write("data/customers.csv", "customer_id,email,ltv\n1,x@example.com,450\n")
    by_conditions(tested, [{"ltv": {"starts_with": "4"}}])
    declare(tested, expect=[])
    [finding] = outcome(tested, code=1)["findings"]
    assert finding["location"]["file"] == "activations/lapsed.yaml"


def test_several_columns_of_one_type_are_all_expected(tested: Shop) -> None:
    tested.activation("lapsed", sql="select email, sha from shop.customers", mapping={"email": ["email", "sha"]})
    rows = [{"email": "a@example.com"}, {"sha": "ab" * 32}]
    declare(tested, given={"shop.customers": rows}, expect=rows)
    assert outcome(tested)["outcome"] == "passed"


def test_an_expected_column_that_is_not_mapped_is_a_finding(tested: Shop) -> None:
    declare(tested, expect=[{"emial": "a@example.com"}])
    [finding] = outcome(tested, code=1)["findings"]
    assert finding["message"] == '"emial" is no column that is mapped; did you mean "email"?'


def test_a_table_that_is_given_rows_and_not_read_is_a_finding(tested: Shop) -> None:
    declare(tested, given={"shop.people": [{"email": "a@example.com"}]}, expect=[])
    [finding] = outcome(tested, code=1)["findings"]
    assert finding["message"] == 'nothing that is tested here reads "shop.people"'


@pytest.mark.parametrize(
    "sql",
    [
        "select * from shop.customers where customer_id not in (select customer_id from shop.orders where amount > 9)",
        "select c.* from shop.customers c join shop.orders using (customer_id)",
    ],
)
def test_a_mapped_column_behind_a_star_is_null_where_it_is_not_given(tested: Shop, sql: str) -> None:
    tested.activation("lapsed", sql=sql, mapping={"mobile_ad_id": "idfa"})
    given = {"shop.customers": PEOPLE[:1], "shop.orders": [{"customer_id": 1}]}
    declare(tested, given=given, expect=[{"email": "a@example.com"}])
    assert outcome(tested)["missing"] == []


def test_a_column_of_a_table_whose_source_is_there_is_not_made_up_for_another_one(tested: Shop) -> None:
    tested.write("data/orders.csv", "customer_id,ordered_at\n1,2026-01-01 10:00:00\n")
    tested.activation("lapsed", sql="select email from shop.customers, shop.orders where ordered_at is null")
    declare(tested, given={"shop.customers": PEOPLE[:1], "shop.orders": [{"customer_id": 1}]}, expect_count=1)
    assert outcome(tested)["found"] == 1


def test_tests_run_for_each_target_or_for_the_one_that_is_chosen(tested: Shop) -> None:
    targets = {"staging": {"vars": {"days": 30}}, "prod": {"vars": {"days": 60}}}
    tested.write("activations/project.yaml", json.dumps({"kind": "Project", "name": "shop", "targets": targets}))
    tested.activation("lapsed", sql=LAPSED.replace("60 days", "{{ var('days') }} days"))
    given = {"shop.customers": PEOPLE[:1], "shop.orders": [{"customer_id": 1, "ordered_at": "2026-10-15"}]}
    declare(tested, today="2026-11-28", given=given, expect=[])
    failed = run(tested, "--format", "json", code=1).json["tests"]
    assert {test["target"]: test["outcome"] for test in failed} == {"staging": "failed", "prod": "passed"}
    assert "(activation lapsed, target prod)" in run(tested, "--target", "prod").out


def test_the_case_of_a_columns_name_does_not_count(tested: Shop) -> None:
    rows = [{"Email": "a@example.com"}, {"EMAIL": "b@example.com"}]
    declare(tested, given={"SHOP.Customers": rows}, expect_count=2)
    assert outcome(tested)["found"] == 2


def test_values_of_any_kind_come_through_as_they_are(tested: Shop) -> None:
    texts = ["it's", 'a "b"', "back\\slash", "$value", "{brace}", "\u00e9\u4e2d", "-- no comment", "line\nbreak"]
    rows = [{"email": text, "tags": ["x", "y"], "seen": "2026-11-28 10:00:00", "is_new": True} for text in texts]
    sql = (
        "select email from shop.customers where list_contains(tags, 'y') and is_new and seen::date = date '2026-11-28'"
    )
    tested.activation("lapsed", sql=sql)
    declare(tested, given={"shop.customers": rows}, expect=[{"email": text} for text in texts])
    assert outcome(tested)["missing"] == []


CART = """\
kind: Activation
id: lapsed
segment:
  name: Cart
  of: customer
  where:
    - {did: order, sum: {amount: {more_than: 200}}, within: 365d}
    - {did: visit, with: {page: cart}, within: 7d, then_not: {did: order, within_next: 2d}}
"""


@pytest.mark.parametrize("kind", ["files", *WAREHOUSES])
def test_conditions_mean_the_same_whatever_runs_them_otherwise(tested: Shop, kind: str) -> None:
    schema = "shop." if kind == "files" else "crm."
    entity = ENTITY.replace("shop.", schema) + f"  visit: {{from: {schema}visits, key: customer_id, at: visited_at}}\n"
    if kind == "files":
        _, _, rest = (tested.folder / "activations/shop.yaml").read_text().partition("---")
        tested.write("activations/shop.yaml", f"{SOURCE}  visits: ../data/visits.csv\n---{rest}")
    else:
        tested.write("activations/warehouse.yaml", f"kind: Source\nname: wh\n{WAREHOUSES[kind]}")
        entity += "source: wh\n"
    tested.write("activations/customer.yaml", entity)
    tested.write("activations/lapsed.yaml", CART)
    people = [{"customer_id": number, "email": f"{number}@example.com"} for number in range(1, 5)]
    visits = [
        {"customer_id": number, "visited_at": "2026-11-24 10:00:00+01:00", "page": "cart"} for number in (1, 2, 3)
    ]
    orders = [{"customer_id": number, "ordered_at": "2026-06-01 10:00:00Z", "amount": 200.5} for number in range(1, 5)]
    orders += [{"customer_id": 1, "ordered_at": "2026-11-25 10:00:00+01:00"}]
    orders += [{"customer_id": 3, "ordered_at": "2026-11-26 10:00:01+01:00"}]
    given = {f"{schema}customers": people, f"{schema}visits": visits, f"{schema}orders": orders}
    expect = [{"email": "2@example.com"}, {"email": "3@example.com"}]
    declare(tested, today="2026-11-28", given=given, expect=expect)
    assert outcome(tested)["unexpected"] == []


@pytest.mark.parametrize(
    "sql", ["", "delete from shop.people", "select 1; select 2", f"select {'(' * 3000}1{')' * 3000}"]
)
def test_what_is_no_segment_could_not_run(tested: Shop, sql: str) -> None:
    tested.activation("lapsed", sql=sql or "-- nothing")
    declare(tested, expect=[])
    assert outcome(tested, code=1)["outcome"] == "could not run"
    in_a_warehouse(tested, "postgres", sql or "-- nothing")
    assert outcome(tested, code=1)["outcome"] == "could not run"


def test_people_are_counted_after_suppressions_and_before_a_holdout(tested: Shop) -> None:
    sql = "select email from shop.people where kind = 'no'"
    document = {"kind": "Suppression", "name": "no-consent", "mapping": {"email": "email"}, "sql": sql}
    tested.write("activations/no-consent.yaml", json.dumps(document))
    tested.activation(
        "lapsed", sql=LAPSED.replace("c.email", "c.email, c.customer_id"), holdout={"share": "99%", "by": "customer_id"}
    )
    given = {"shop.customers": PEOPLE, "shop.people": [{"email": "b@EXAMPLE.com", "kind": "no"}]}
    declare(tested, given=given, expect=[{"email": "a@example.com"}])
    assert outcome(tested)["unexpected"] == []


def test_an_unknown_consent_is_no_consent(tested: Shop) -> None:
    sql = "select email from shop.customers where consent is distinct from true"
    document = {"kind": "Suppression", "name": "no-consent", "mapping": {"email": "email"}, "sql": sql}
    tested.write("activations/no-consent.yaml", json.dumps(document))
    rows = [{"email": "yes@example.com", "consent": True}, {"email": "no@example.com", "consent": False}]
    rows += [{"email": "unknown@example.com"}]
    named = [{"email": "no@example.com"}, {"email": "unknown@example.com"}]
    declare(tested, "named", activation="", suppression="no-consent", given={"shop.customers": rows}, expect=named)
    declare(tested, "sent", given={"shop.customers": rows}, expect=[{"email": "yes@example.com"}])
    assert run(tested).out.endswith("2 tests: 2 passed.\n")
    declare(tested, "named", activation="", suppression="no-consnt", expect=named)
    assert 'unknown suppression "no-consnt"; did you mean "no-consent"?' in run(tested, code=3).err


def test_values_within_values_have_the_types_of_the_source_and_what_is_not_given_is_null(tested: Shop) -> None:
    plain().execute(
        f"copy (select 'x@example.com' as email, {{'a': 1::integer, 'b': 'x'}} as info, ['x'] as tags) "
        f"to '{tested.folder}/data/customers.parquet'"
    )
    source = (tested.folder / "activations/shop.yaml").read_text()
    tested.write("activations/shop.yaml", source.replace("customers.csv", "customers.parquet"))
    condition = "info.a = 1 and info.b is null and list_contains(tags, 'a')"
    tested.activation("lapsed", sql=f"select email from shop.customers where {condition}")
    row = {"email": "a@example.com", "info": {"a": 1}, "tags": ["a"]}
    declare(tested, given={"shop.customers": [row]}, expect=[{"email": "a@example.com"}])
    assert outcome(tested)["missing"] == []


def test_sql_that_only_duckdb_understands_runs_as_well(tested: Shop) -> None:
    pivot = "pivot shop.customers on kind in ('a') using count(*) group by email"
    tested.activation("lapsed", sql=f"select email from ({pivot}) where a > 0 and 1 not in (from shop.orders)")
    rows = [{"email": "a@example.com", "kind": "a"}, {"email": "b@example.com", "kind": "b"}]
    declare(tested, given={"shop.customers": rows}, expect=[{"email": "a@example.com"}])
    assert outcome(tested)["missing"] == []
