"""Segments without SQL: conditions about an entity, from the files to the audience."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.end_to_end.shop import CANARY, Shop, hashes
from tests.sandbox_client import Sandbox

ENTITY = """\
kind: Entity
name: customer
from: crm.customers
key: id
mapping: {email: email}
events:
  order: {from: crm.orders, key: customer_id, at: ordered_at}
---
kind: Source
name: crm
type: files
tables: {customers: ../data/customers.csv, orders: ../data/orders.csv}
"""

CUSTOMERS = f"""\
id,email,country,ltv,signed_up,idfa
1,person-1@shop.example,FR,500,2026-01-01,
2,person-2@shop.example,BE,,2026-02-01,
3,person-3@shop.example,,100,2026-03-01,
4,person-4@shop.example,DE,700,2026-04-01,00000000-0000-4000-8000-000000000004
5,{CANARY},IT,700,2026-04-01,
"""

ORDERS = """\
customer_id,ordered_at,amount,category
1,2026-11-01 10:00:00,30.5,shoes
1,2026-11-20 10:00:00,80,shoes
2,2026-06-01 10:00:00,500,hats
4,2025-01-01 10:00:00,10,shoes
"""


@pytest.fixture
def crm(shop: Shop) -> Shop:
    """The shop, with customers and their orders as an entity with an event."""
    shop.write("activations/entity.yaml", ENTITY)
    shop.write("data/customers.csv", CUSTOMERS)
    shop.write("data/orders.csv", ORDERS)
    return shop


def declare(shop: Shop, where: object, id: str = "loyal", **lines: Any) -> None:
    """An activation of these conditions."""
    mapping = lines.pop("mapping", {"email": "email"})
    top = {"top": lines.pop("top")} if "top" in lines else {}
    shop.activation(id, segment={"name": id.title(), "of": "customer", "where": where, **top}, mapping=mapping, **lines)


def members(sandbox: Sandbox, name: str = "Loyal") -> set[str]:
    return sandbox.members(sandbox.segment(name).id, "email")


def test_the_people_of_conditions_are_the_audience(crm: Shop, sandbox: Sandbox) -> None:
    declare(
        crm,
        [
            {"any": [{"country": ["FR", "BE"]}, {"country": {"known": False}}]},
            {"did_not": "order", "older_than": "90d"},
        ],
    )
    crm.apply("--today", "2026-11-28")
    assert members(sandbox) == hashes(1, 3)


def test_the_best_are_taken_before_anything_else(crm: Shop, sandbox: Sandbox) -> None:
    declare(crm, [{"country": {"not_in": ["IT"]}}], top={"by": "ltv", "count": 2})
    crm.apply()
    assert members(sandbox) == hashes(1, 4)
    declare(crm, [{"country": {"not_in": ["IT"]}}], top={"by": "ltv", "count": 2, "lowest": True})
    crm.apply("--allow-removals", "loyal")
    assert members(sandbox) == hashes(1, 3)


def test_a_segment_names_others_whichever_way_they_are_written(crm: Shop, sandbox: Sandbox) -> None:
    crm.write(
        "activations/segments.yaml",
        "{kind: Segment, name: buyers, where: [{did: order, within: 365d}]}\n---\n"
        "{kind: Segment, name: rich, sql: 'select id from crm.customers where ltv > 600 -- euros'}\n",
    )
    declare(crm, [{"country": {"known": True}}, {"not_in_segment": "rich"}])
    declare(crm, [{"any": [{"in_segment": "buyers"}, {"in_segment": "rich"}]}, {"not": {"country": "IT"}}], id="warm")
    crm.apply("--today", "2026-11-28")
    assert members(sandbox) == hashes(1, 2)
    assert members(sandbox, "Warm") == hashes(1, 2, 4)


def test_a_day_later_is_no_change_of_the_definition(crm: Shop) -> None:
    declare(crm, [{"did": "order", "within": "14d"}])
    crm.apply("--today", "2026-11-28")
    assert crm.plan("--today", "2026-11-29")["loyal"]["action"] == "unchanged"
    declare(crm, [{"did": "order", "within": "15d"}])
    assert "SQL" in str(crm.plan("--today", "2026-11-29")["loyal"])


def mappings(shop: Shop) -> dict[str, tuple[str, str]]:
    """What each identifier type is mapped to, and in which file."""
    shown = shop.run("show", "loyal", "--format", "json").json["settings"]
    return {
        one["key"].removeprefix("mapping."): (one["value"], (one["location"] or {}).get("file", ""))
        for one in shown
        if one["key"].startswith("mapping.")
    }


def test_an_entity_maps_for_its_segments_above_the_destination_and_below_the_activation(crm: Shop) -> None:
    crm.write("activations/entity.yaml", ENTITY.replace("{email: email}", "{email: mail, mobile_ad_id: idfa}"))
    declare(crm, [{"country": "DE"}])
    idfa = ("idfa", "activations/entity.yaml")
    assert mappings(crm) == {"email": ("email", "activations/loyal.yaml"), "mobile_ad_id": idfa}
    declare(crm, [{"country": "DE"}], mapping={})
    assert mappings(crm) == {"email": ("mail", "activations/entity.yaml"), "mobile_ad_id": idfa}


@pytest.mark.parametrize(
    ("condition", "code", "message"),
    [
        ({"contry": "FR"}, "unknown-property", 'crm.customers has no column "contry"; did you mean "country"?'),
        ({"ltv": "many"}, "condition-type", '"ltv" holds a number; write a number'),
        ({"country": 33}, "condition-type", '"country" holds text; write a text; a number in quotes is one: "75001"'),
        ({"ltv": {"within": "3d"}}, "condition-type", '"ltv" holds a number, which `within` cannot compare'),
        ({"signed_up": {"at_least": "May"}}, "condition-type", '"signed_up" holds a date; write a day'),
        ({"did": "order", "with": {"colour": "red"}}, "unknown-property", 'crm.orders has no column "colour"'),
        ({"did": "order", "sum": {"category": 3}}, "condition-type", '"category" holds text, which has no sum'),
        ({"sql": "ltvv > 3"}, "sql-unknown-column", 'there is no column "ltvv"; did you mean "ltv"?'),
        ({"did": "order", "with": {"sql": "no_such(amount)"}}, "sql-unknown-function", "there is no function"),
        ({"sql": "ltv > (select count(*) from read_csv('x'))"}, "sql-forbidden-function", "read_csv"),
        ({"in_segment": "broken"}, "sql-unknown-column", 'segment broken: there is no column "idd"'),
        ({"in_segment": "mails"}, "unknown-property", 'segment "mails" yields no column "id", the key of customer'),
    ],
)
def test_what_does_not_fit_the_data_is_found_where_it_is_written(
    crm: Shop, condition: dict[str, Any], code: str, message: str
) -> None:
    crm.write(
        "activations/segments.yaml",
        "{kind: Segment, name: mails, sql: select email from crm.customers}\n---\n"
        "{kind: Segment, name: broken, sql: select idd as id from crm.customers}\n",
    )
    crm.write(
        "activations/loyal.yaml",
        "kind: Activation\nid: loyal\nsegment:\n  name: Loyal\n  where:\n"
        f"    - country: FR\n    - {json.dumps(condition)}\n",
    )
    [found] = crm.run("validate", "--format", "json", code=3).json["findings"]
    assert (found["code"], found["location"]["line"]) == (code, 7)
    assert message in found["message"]
    plan = crm.run("plan", code=1)
    assert message in plan.out + plan.err


def test_show_prints_sql_that_runs_elsewhere_as_well(crm: Shop) -> None:
    declare(crm, [{"did_not": "order", "within": "30d"}])
    sql = crm.run("show", "loyal", "--today", "2026-11-28", "--format", "json").json["segment"]["sql"]
    crm.activation("copy", sql=sql)
    crm.run("validate", "--today", "2026-11-28")
    assert "NOT EXISTS" in sql
    assert "CAST('2026-10-29' AS DATE)" in sql
