"""The SQL that conditions come to, to the letter, in each dialect; and that nothing said can be more than a value."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import duckdb
import pytest
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.conditions.sql_text import sql_of
from runner.conditions.statements import (
    Aggregate,
    Column,
    Condition,
    Day,
    Entity,
    EntityEvent,
    Every,
    Fragment,
    Happening,
    InSegment,
    Measure,
    Name,
    Operator,
    Opposite,
    PropertyComparison,
    Sequel,
    Some,
    Statement,
    Table,
    Top,
)
from runner.conditions.table_names import table_name
from runner.core.declared_segment import ColumnKind
from runner.core.findings import Location

HERE = Location("a.yaml", 1, 1)
DIALECTS = ("duckdb", "postgres", "redshift", "snowflake", "bigquery", "databricks", "spark", "")


def column(name: str) -> Column:
    return Column(name, HERE)


def said(name: str, operator: Operator, *values: Any) -> PropertyComparison:
    return PropertyComparison(column(name), operator, values)


ORDER = EntityEvent("order", Table((Name("crm"), Name("orders")), HERE), column("customer_id"), column("at"))
CUSTOMER = Entity("customer", Table((Name("crm"), Name("customers")), HERE), column("id"), "UTC", (ORDER,))


def statement(*conditions: Condition, top: Top | None = None, zone: str = "UTC") -> Statement:
    return Statement(CUSTOMER, Every(conditions), top, Day(date(2026, 11, 28), zone))


def sql(condition: Condition, dialect: str = "duckdb", **kinds: ColumnKind) -> str:
    """What stands behind WHERE, on one line."""
    columns = {"crm.customers": {"id": ColumnKind.NUMBER, **kinds}} if kinds else {}
    whole = " ".join(sql_of(statement(condition), dialect, columns).split())
    return whole.partition(" WHERE ")[2].replace("( ", "(").replace(" )", ")")


IS = Operator.IS
FR = said("country", IS, "FR")


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (FR, '"customer"."country" = \'FR\''),
        (said("country", Operator.IN, "FR", "BE"), "\"customer\".\"country\" IN ('FR', 'BE')"),
        (Opposite(FR), '"customer"."country" <> \'FR\' OR "customer"."country" IS NULL'),
        (
            said("country", Operator.NOT_IN, "FR", "BE"),
            'NOT "customer"."country" IN (\'FR\', \'BE\') OR "customer"."country" IS NULL',
        ),
        (Opposite(said("ltv", Operator.KNOWN, True)), '"customer"."ltv" IS NULL'),
        (said("ltv", Operator.BETWEEN, Decimal("-1.5"), Decimal(3)), '"customer"."ltv" BETWEEN -1.5 AND 3'),
        (said("name", Operator.STARTS_WITH, "a%"), 'starts_with("customer"."name", \'a%\')'),
        (said("name", Operator.CONTAINS, "a_"), 'strpos("customer"."name", \'a_\') > 0'),
        (said("vip", IS, True), '"customer"."vip" = TRUE'),
        (said("seen", Operator.WITHIN, Decimal(28)), '"customer"."seen" >= CAST(\'2026-10-31\' AS DATE)'),
        (Fragment("ltv > 3 -- or so", HERE), "coalesce((ltv > 3), FALSE)"),
        (Opposite(Fragment("a or b", HERE)), "NOT coalesce((a OR b), FALSE)"),
        (
            Some((FR, Every((FR, Opposite(FR))))),
            '"customer"."country" = \'FR\' OR ("customer"."country" = \'FR\' AND ("customer"."country" <> \'FR\' '
            'OR "customer"."country" IS NULL))',
        ),
        (
            Happening(ORDER, FR, True),
            '"customer"."id" IN (SELECT "order"."customer_id" FROM "crm"."orders" AS "order" '
            'WHERE "order"."country" = \'FR\')',
        ),
        (
            Happening(ORDER, Every(()), False),
            'NOT EXISTS(SELECT 1 FROM "crm"."orders" AS "order" WHERE "order"."customer_id" = "customer"."id")',
        ),
        (
            Happening(ORDER, Every(()), True, (Measure(Aggregate.TIMES, said("", Operator.AT_LEAST, Decimal(2))),)),
            '"customer"."id" IN (SELECT "order"."customer_id" FROM "crm"."orders" AS "order" '
            'GROUP BY "order"."customer_id" HAVING count(*) >= 2)',
        ),
        (
            Happening(ORDER, Every(()), True, (), (Sequel(ORDER, FR, 5_400, True),)),
            '"customer"."id" IN (SELECT "order"."customer_id" FROM "crm"."orders" AS "order" WHERE EXISTS(SELECT 1 '
            'FROM "crm"."orders" AS "next_order" WHERE "next_order"."customer_id" = "order"."customer_id" '
            'AND "next_order"."at" > "order"."at" AND "next_order"."at" <= "order"."at" + INTERVAL \'90\' MINUTE '
            'AND "next_order"."country" = \'FR\'))',
        ),
        (
            InSegment("rich", "select id from crm.rich -- euros;", True, HERE),
            '"customer"."id" IN (SELECT "members"."id" FROM (select id from crm.rich -- euros) AS "members")',
        ),
    ],
)
def test_conditions_become_sql_that_a_person_would_have_written(condition: Condition, expected: str) -> None:
    assert sql(condition) == expected


def test_the_best_come_first_the_unknown_last_and_the_key_decides() -> None:
    found = " ".join(sql_of(statement(FR, top=Top(column("ltv"), 10)), "postgres").split())
    assert found.endswith('ORDER BY "customer"."ltv" DESC NULLS LAST, "customer"."id" ASC LIMIT 10')
    lowest = " ".join(sql_of(statement(top=Top(column("ltv"), 10, lowest=True)), "spark").split())
    assert lowest.endswith("ORDER BY `customer`.`ltv` ASC NULLS LAST, `customer`.`id` ASC NULLS LAST LIMIT 10")


@pytest.mark.parametrize(
    ("dialect", "expected"),
    [
        ("postgres", '"customer"."country" COLLATE "C" >= \'F\''),
        ("redshift", '"customer"."country" COLLATE "C" >= \'F\''),
        ("snowflake", '"CUSTOMER"."COUNTRY" >= \'F\''),
        ("bigquery", "`customer`.`Country` >= 'F'"),
        ("spark", "`customer`.`Country` >= 'F'"),
        ("databricks", "`customer`.`Country` >= 'F'"),
        ("", '"customer"."Country" >= \'F\''),
    ],
)
def test_names_are_in_the_case_of_the_dialect_and_texts_in_the_order_of_characters(dialect: str, expected: str) -> None:
    kinds = {"crm.customers": dict.fromkeys(("country", "COUNTRY", "Country"), ColumnKind.TEXT)}
    condition = said("Country", Operator.AT_LEAST, "F")
    untyped = " ".join(sql_of(statement(condition), dialect).split()).partition(" WHERE ")[2]
    assert untyped == expected.replace(' COLLATE "C"', "")
    typed = " ".join(sql_of(statement(condition), dialect, kinds).split()).partition(" WHERE ")[2]
    assert ("COLLATE" in typed) == ("COLLATE" in expected)


@pytest.mark.parametrize(
    ("kind", "zone", "expected"),
    [
        (ColumnKind.DATE, "America/New_York", "CAST('2026-10-29' AS DATE)"),
        (ColumnKind.INSTANT, "America/New_York", "CAST('2026-10-29 04:00:00+00:00' AS TIMESTAMPTZ)"),
        (ColumnKind.LOCAL_TIME, "America/New_York", "CAST('2026-10-29 04:00:00' AS TIMESTAMP)"),
        (ColumnKind.LOCAL_TIME, "Europe/Paris", "CAST('2026-10-28 23:00:00' AS TIMESTAMP)"),
    ],
)
def test_a_day_begins_where_the_type_of_the_column_says(kind: ColumnKind, zone: str, expected: str) -> None:
    columns = {"crm.customers": {"seen": kind}}
    found = sql_of(statement(said("seen", Operator.WITHIN, Decimal(30)), zone=zone), "duckdb", columns)
    assert found.endswith(f'"customer"."seen" >= {expected}')


def test_no_value_is_taken_for_sql_that_was_written() -> None:
    names = [f"headcount_written_{rest}" for rest in ("0_", "1_", "_0_", "__0_", "___1_")]
    members = [InSegment("rich", f"select id, '{name}' as x from crm.rich", True, HERE) for name in names]
    text = sql_of(statement(said("name", Operator.IN, *names), *members), "duckdb")
    tree = sqlglot.parse_one(text, read="duckdb")
    assert [one.this for one in tree.find_all(sqlglot.exp.Literal) if one.is_string].count("headcount_written_0_") == 2
    assert len(list(tree.find_all(sqlglot.exp.Select))) == 1 + 2 * len(members)


WICKED = st.text(
    st.sampled_from("'\"\\`{}%_-/*;()$#@\n\r\t\u2028 aé\u00a0\U0001f600")
    | st.characters(codec="utf-8", exclude_characters="\0"),
    min_size=1,
    max_size=20,
)


@settings(max_examples=60)
@given(WICKED)
def test_a_value_is_one_literal_in_every_dialect(value: str) -> None:
    for dialect in DIALECTS:
        text = sql_of(statement(said("name", IS, value)), dialect)
        tree = sqlglot.parse_one(text, read=dialect)
        literal = tree.find(sqlglot.exp.EQ).expression  # type: ignore[union-attr]
        assert (literal.is_string, literal.this) == (True, value), dialect


@settings(max_examples=60)
@given(WICKED, st.sampled_from([IS, Operator.CONTAINS, Operator.STARTS_WITH, Operator.AT_LEAST]))
def test_a_value_is_found_as_it_is(value: str, operator: Operator) -> None:
    columns = {"customers": {"id": ColumnKind.NUMBER, "name": ColumnKind.TEXT}}
    entity = Entity("customer", Table((Name("customers"),), HERE), column("id"))
    where = Every((said("name", operator, value), said("name", Operator.IS_NOT, value + "x")))
    text = sql_of(Statement(entity, where, None, Day(date(2026, 11, 28))), "duckdb", columns)
    with duckdb.connect() as connection:
        connection.execute(
            "create table customers as select 1 as id, ? as name union all select 2, ?", [value, value + "x"]
        )
        assert connection.execute(f"select id from ({text})").fetchall() == [(1,)]


@settings(max_examples=60)
@given(st.text(st.characters(exclude_characters='"`\\\0.', exclude_categories=("Cc", "Cs")), min_size=1, max_size=20))
def test_a_name_is_one_name_in_every_dialect(name: str) -> None:
    for dialect in DIALECTS:
        text = sql_of(statement(said(name, Operator.KNOWN, True)), dialect)
        found = sqlglot.parse_one(text, read=dialect).find(sqlglot.exp.Is)
        assert found is not None
        assert found.this.name.casefold() == name.casefold() or found.this.name in (name.upper(), name.lower()), dialect


@pytest.mark.parametrize(
    ("written", "parts"),
    [
        ("shop.customers", (Name("shop"), Name("customers"))),
        ('"Shop"."Cus""tomers"', (Name("Shop", quoted=True), Name('Cus"tomers', quoted=True))),
        ("`my-project`.crm.people", (Name("my-project", quoted=True), Name("crm"), Name("people"))),
        ("my-project.crm.people", (Name("my-project"), Name("crm"), Name("people"))),
        ("customers", (Name("customers"),)),
        *(
            (text, None)
            for text in (
                "",
                "a.",
                ".a",
                "a..b",
                "a b",
                "a;b",
                "a--b c",
                "(select 1)",
                '"a',
                "a.b.c.d",
                "read_csv('x')",
                "é'",
                "1a",
            )
        ),
    ],
)
def test_the_name_of_a_table_is_a_name_and_nothing_else(written: str, parts: tuple[Name, ...] | None) -> None:
    assert table_name(written) == parts
