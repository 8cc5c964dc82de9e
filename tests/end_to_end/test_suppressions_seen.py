"""Suppressions where people look: the runs to come, the last line of a plan, and what a permission was used for."""

from __future__ import annotations

from typing import Any

import pytest

from tests.end_to_end.shop import Person, Shop, hashes, mail
from tests.end_to_end.test_suppressions import audience, never, suppression
from tests.sandbox_client import Sandbox

ALLOWED = {"removals": 5, "until": "2099-12-31", "reason": "end of the campaign"}


def last_line(shop: Shop, *options: str, code: int | None = 0) -> str:
    return shop.run("plan", *options, code=code).out.splitlines()[-1]


def test_the_schedule_has_the_looks_at_suppressions(shop: Shop) -> None:
    shop.activation(schedule={"every": "6h"})
    suppression(shop)
    shop.apply()
    runs = shop.run("schedule", "--limit", "8", "--format", "json").json["runs"]
    names = [run["activation"] for run in runs]
    assert names.count("suppression no-consent") > names.count("loyal") > 0
    assert {run["schedule"] for run in runs if run["activation"] == "suppression no-consent"} == {"every 1h"}
    assert "suppression no-consent  every 1h" in shop.run("schedule").out


def test_the_schedule_says_which_suppressions_wait_for_an_apply(shop: Shop) -> None:
    shop.activation()
    shop.apply()
    suppression(shop)
    suppression(shop, "by-hand", schedule="manual")
    shown = shop.run("schedule", "--format", "json").json
    assert shown["awaiting_apply"] == ["suppression no-consent"]
    assert "Not before `headcount apply`: suppression no-consent." in shop.run("schedule").out


def test_the_last_line_of_a_plan_has_what_suppressions_do(shop: Shop) -> None:
    shop.people([*mail(*range(10)), *never(100)])
    shop.activation()
    shop.apply()
    suppression(shop)
    assert "1 suppression to apply (no-consent), 1 identifier to remove as suppressed." in last_line(shop)
    shop.apply()
    assert last_line(shop).startswith("Nothing to do: 1 activation as declared.")
    shop.people([*mail(*range(10)), *never(100, 3)])
    assert "1 identifier to remove as suppressed." in last_line(shop)
    suppression(shop, sql="select email from shop.people where email = 1::json", mapping={"email": "email"})
    assert "1 suppression failed (no-consent)" in last_line(shop, code=1)
    shop.remove("activations/no-consent.yaml")
    assert "1 suppression blocked (no-consent)" in last_line(shop, code=4)


@pytest.fixture
def allowing(shop: Shop) -> Shop:
    shop.people([*mail(*range(20)), *never(100)])
    shop.activation(guardrails={"max_removed": "5%", "allow": ALLOWED})
    suppression(shop, sql="select email from shop.people where kind = 'never'", guardrails={"max_removed": None})
    shop.apply()
    shop.people([*mail(*range(16)), *never(100)])
    shop.run("sync")
    return shop


def used(shop: Shop) -> Any:
    return shop.plan(code=None)["loyal"]["allowance"]["used"]


def test_who_leaves_because_of_a_suppression_uses_up_no_permission(allowing: Shop) -> None:
    assert used(allowing) == 4
    allowing.people([*mail(*range(16)), *never(0, 1, 2, 100)])
    allowing.run("sync")
    assert used(allowing) == 4


def test_an_audience_in_another_account_is_told_from_one_in_the_same(shop: Shop) -> None:
    other = (shop.folder / "activations/shop.yaml").read_text().split("---")[1]
    shop.write("activations/second.yaml", other.replace("name: criteo", "name: second").replace("12345", "67890"))
    shop.people(mail(*range(20)))
    shop.activation("here", destination="criteo")
    shop.activation("there", destination="second")
    shop.apply()
    shop.activation("fresh", destination="criteo")
    shown = shop.run("plan").out
    assert "100 % of it is in here already\n" in shown
    assert "100 % of it is in there already (account 67890)\n" in shown
    shared = shop.plan()["fresh"]["overlap"]["audiences"]
    assert {one["activation"]: one["elsewhere"] for one in shared} == {"here": "", "there": "67890"}


def test_a_family_of_suppressions_takes_each_out_of_its_own_account(shop: Shop, sandbox: Sandbox) -> None:
    other = (shop.folder / "activations/shop.yaml").read_text().split("---")[1]
    shop.write("activations/second.yaml", other.replace("name: criteo", "name: second").replace("12345", "67890"))
    shop.people([*mail(1, 2, 3), *never(3)])
    shop.activation("here", destination="criteo", name="Here")
    shop.activation("there", destination="second", name="There")
    shop.write(
        "activations/never.yaml",
        "kind: Suppression\nfor_each: [{to: criteo, kind: never}, {to: second, kind: nobody}]\n"
        "name: 'no-{{ each.to }}'\ndestinations: ['{{ each.to }}']\n"
        "sql: select email from shop.people where kind = {{ each.kind | sql }}\nmapping: {email: email}\n",
    )
    shop.apply()
    assert audience(sandbox, "Here") == hashes(1, 2)
    assert audience(sandbox, "There") == hashes(1, 2, 3)
    rows = shop.run("status", "--format", "json").json["suppressions"]
    assert [row["name"] for row in rows] == ["no-criteo", "no-second"]


def test_who_is_named_in_one_account_stays_out_of_it_though_small_audiences_of_another_hold_them(
    shop: Shop, sandbox: Sandbox
) -> None:
    other = (shop.folder / "activations/shop.yaml").read_text().split("---")[1]
    shop.write("activations/second.yaml", other.replace("name: criteo", "name: second").replace("12345", "67890"))
    shop.people([*mail(1, 2, 3, 3, 3), *never(4), Person(mail(5)[0].email, kind="nowhere")])
    shop.activation("here", destination="criteo", name="Here")
    shop.activation("there", destination="second", name="There")
    shop.write(
        "activations/never.yaml",
        "kind: Suppression\nfor_each: [{to: criteo, kind: never}, {to: second, kind: nowhere}]\n"
        "name: 'no-{{ each.to }}'\ndestinations: ['{{ each.to }}']\n"
        "sql: select email from shop.people where kind = {{ each.kind | sql }}\nmapping: {email: email}\n",
    )
    shop.apply()
    for _ in range(2):
        assert audience(sandbox, "Here") == hashes(1, 2, 3, 5)
        assert audience(sandbox, "There") == hashes(1, 2, 3, 4)
        shop.run("sync")
