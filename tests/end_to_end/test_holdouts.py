"""A share of a segment's people is kept out of its audience, by key, so that its effect can be measured."""

from __future__ import annotations

import json
import stat
from fractions import Fraction
from hashlib import sha256
from typing import Any

import pytest

from tests.end_to_end.shop import Person, Shop, hashes, mail
from tests.end_to_end.test_suppressions import never, suppression
from tests.plain_duckdb import plain
from tests.sandbox_client import Sandbox

PEOPLE = range(200)
SQL = "select regexp_extract(email, '[0-9]+')::int as id, email, idfa from shop.people where kind <> 'canary'"


def held_out(percent: int, name: str = "q4") -> set[int]:
    """Whom a share holds out, by number."""
    bound = Fraction(percent, 100) * 16**15
    return {one for one in PEOPLE if int(sha256(f"{name}:{one}".encode()).hexdigest()[:15], 16) < bound}


def kept(percent: int, name: str = "q4") -> set[str]:
    return hashes(*(set(PEOPLE) - held_out(percent, name)))


def members(sandbox: Sandbox) -> set[str]:
    (segment,) = sandbox.segments()
    return sandbox.members(segment.id, "email")


def held(shop: Shop, share: str = "10%", sql: str = SQL, by: str = "id", name: str = "q4", **lines: Any) -> None:
    shop.activation(sql=sql, holdout={"share": share, "by": by, "name": name}, **lines)


@pytest.fixture
def half(shop: Shop) -> Shop:
    """A shop with two hundred people, of whom a half is held out of the audience."""
    shop.people(mail(*PEOPLE))
    held(shop, "50%")
    shop.apply()
    return shop


def test_nobody_who_is_held_out_is_sent(half: Shop, sandbox: Sandbox) -> None:
    assert members(sandbox) == kept(50)
    assert half.plan()["loyal"]["action"] == "unchanged"


def test_plan_history_and_preview_say_how_many_are_held_out(half: Shop) -> None:
    count = len(held_out(50))
    segment = half.plan()["loyal"]["segment"]
    assert (segment["rows"], segment["held_out"], segment["people"]) == (200, count, 200 - count)
    (run, *_) = half.run("history", "--format", "json").json["runs"]
    assert run["activations"][0]["held_out"] == count
    assert f"{count} rows held out" in half.run("history").out
    shown = half.run("preview", "loyal").out.split()
    assert f"held out {count} 50% by id (q4)" in " ".join(shown)
    assert half.run("preview", "loyal", "--format", "json").json["segment"]["held_out"] == count


def test_a_greater_share_lets_more_leave_and_brings_nobody_back(half: Shop, sandbox: Sandbox) -> None:
    held(half, "60%", guardrails={"max_removed": "90%"})
    leaving = len(held_out(60) - held_out(50))
    change = half.plan()["loyal"]
    assert change["reasons"] == ["holdout changed"]
    assert change["newly_held_out"] == {"email": leaving}
    assert (change["members"][0]["added"], change["members"][0]["removed"]) == (0, leaving)
    half.apply()
    assert members(sandbox) == kept(60) < kept(50)


def test_the_plan_tells_who_leaves_because_of_the_holdout_from_who_leaves_anyway(half: Shop) -> None:
    stay = sorted(set(PEOPLE) - held_out(50))[5:]
    half.people(mail(*stay))
    held(half, "60%", guardrails={"max_removed": "2%"})
    newly = len(held_out(60) & set(stay))
    told = half.run("plan", code=4).out
    assert f"; {newly} of them because of the holdout" in told
    assert f"60% by id (q4); {newly} email leave because of it" in told
    assert f"{newly} email leave because of it" in half.run("plan", "--format", "markdown", code=4).out


def test_who_leaves_because_a_suppression_names_them_does_not_leave_because_of_the_holdout(half: Shop) -> None:
    stay = sorted(set(PEOPLE) - held_out(60))
    half.people([*mail(*PEOPLE), *never(*stay[:7])])
    suppression(half)
    held(half, "60%", sql=SQL.replace("<> 'canary'", "= 'all'"), guardrails={"max_removed": "90%"})
    change = half.plan()["loyal"]
    assert change["newly_held_out"] == {"email": len(held_out(60) - held_out(50))}
    assert change["members"][0]["removed"] == len(held_out(60) - held_out(50)) + 7


def test_a_holdout_that_is_added_is_a_change_that_sync_leaves_alone(shop: Shop, sandbox: Sandbox) -> None:
    shop.people(mail(*PEOPLE))
    shop.activation(sql=SQL)
    shop.apply()
    held(shop, "10%")
    assert "holdout added" in shop.run("sync", code=7).out
    assert members(sandbox) == hashes(*PEOPLE)
    shop.apply()
    assert members(sandbox) == kept(10)
    shop.activation(sql=SQL)
    assert shop.plan()["loyal"]["reasons"] == ["holdout removed"]
    shop.apply()
    assert members(sandbox) == hashes(*PEOPLE)


def test_another_name_is_another_choice_and_activations_of_one_name_hold_out_the_same(shop: Shop) -> None:
    shop.people(mail(*PEOPLE))
    held(shop, "50%", name="q4")
    shop.activation("twin", sql=SQL, holdout={"share": "50%", "by": "id", "name": "q4"})
    shop.activation("own", sql=SQL, holdout={"share": "50%", "by": "id"})
    counts = {name: change["segment"]["held_out"] for name, change in shop.plan().items()}
    assert counts == {"loyal": len(held_out(50)), "twin": len(held_out(50)), "own": len(held_out(50, "own"))}


def test_a_row_without_a_key_is_sent_to_nobody(shop: Shop, sandbox: Sandbox) -> None:
    shop.people([*mail(*PEOPLE), Person("nobody@shop.example")])
    sql = SQL.replace("regexp_extract(email, '[0-9]+')::int", "nullif(regexp_extract(email, '[0-9]+'), '')")
    held(shop, "50%", sql=sql)
    assert "left out as well, since they have no id to decide by: 1 rows" in shop.run("plan").out
    shop.apply()
    assert members(sandbox) == kept(50)


def test_who_has_a_row_that_is_kept_stays_with_what_that_row_has(shop: Shop, sandbox: Sandbox) -> None:
    out, stays = min(held_out(50)), min(set(PEOPLE) - held_out(50))
    sql = f"select unnest([{out}, {stays}]) as id, 'both@shop.example' as email"
    held(shop, "50%", sql=sql)
    shop.apply()
    assert members(sandbox) == {sha256(b"both@shop.example").hexdigest()}


def test_the_file_says_of_each_key_whether_it_is_held_out(half: Shop) -> None:
    told = half.run("holdout", "loyal", "--out", "q4.parquet").out
    count = len(held_out(50))
    assert told == f"q4.parquet: {count} of 200 keys are held out ({count / 2:.2f}%), 50% by id (q4).\n"
    rows = plain().execute(f"select key, held_out from '{half.folder / 'q4.parquet'}'").fetchall()
    assert sorted(rows) == sorted((str(one), one in held_out(50)) for one in PEOPLE)
    assert stat.S_IMODE((half.folder / "q4.parquet").stat().st_mode) == 0o600
    document = half.run("holdout", "loyal", "--out", "q4.parquet", "--format", "json").json
    assert (document["keys"], document["held_out"], document["without_key"]) == (200, count, 0)
    assert b"person-" not in (half.folder / "q4.parquet").read_bytes()


def test_a_test_of_a_segment_looks_at_it_before_its_holdout(half: Shop) -> None:
    given = [{"email": f"person-{one}@shop.example", "kind": "all"} for one in range(4)]
    document = {"kind": "Test", "name": "all of them", "activation": "loyal", "given": {"shop.people": given}}
    half.write("activations/test.yaml", json.dumps({**document, "expect_count": 4}))
    assert "1 passed" in half.run("test").out


class TestTheFile:
    """Where it may go."""

    def test_no_other_file_is_replaced(self, half: Shop) -> None:
        half.write("notes.txt", "mine")
        told = half.run("holdout", "loyal", "--out", "notes.txt", code=64).err
        assert "notes.txt exists and is no file of a holdout" in told

    def test_nor_one_that_git_keeps(self, half: Shop) -> None:
        half.run("holdout", "loyal", "--out", "q4.parquet")
        half.git("init", "-q")
        half.git("add", "q4.parquet")
        assert "git keeps q4.parquet" in half.run("holdout", "loyal", "--out", "q4.parquet", code=64).err

    def test_an_activation_without_a_holdout_has_none(self, half: Shop) -> None:
        half.activation("other")
        assert "activation other has no holdout" in half.run("holdout", "other", "--out", "x", code=64).err
        assert 'did you mean "other"' in half.run("holdout", "othr", "--out", "x", code=64).err


def test_the_key_of_an_entity_decides_where_nothing_else_is_said(shop: Shop, sandbox: Sandbox) -> None:
    shop.write("data/customers.csv", "id,email\n" + "".join(f"{one},person-{one}@shop.example\n" for one in PEOPLE))
    text = (shop.folder / "activations/shop.yaml").read_text()
    shop.write("activations/shop.yaml", text.replace("tables:\n", "tables:\n  customers: ../data/customers.csv\n"))
    shop.write("activations/entity.yaml", "{kind: Entity, name: customer, from: shop.customers, key: id}")
    where = [{"email": {"known": True}}]
    document = {"kind": "Activation", "id": "loyal", "segment": {"name": "Loyal", "where": where}}
    shop.write("activations/loyal.yaml", json.dumps({**document, "holdout": {"share": "50%", "name": "q4"}}))
    shop.apply()
    assert members(sandbox) == kept(50)


@pytest.mark.parametrize(
    ("holdout", "code", "message"),
    [
        ({"share": "0%", "by": "id"}, "invalid-value", "holdout.share is 0%, which holds out nobody or everybody"),
        ({"share": "100%", "by": "id"}, "invalid-value", "holdout.share is 100%"),
        ({"share": 0.1, "by": "id"}, "invalid-value", "holdout.share must be a share such as 10%"),
        ({"share": "10%"}, "missing-field", "holdout needs `by`, the segment's column"),
        ({"share": "10%", "by": "id", "name": "x{{ today }}"}, "invalid-value", "holdout.name moves with the day"),
        ({"share": "10%", "by": "ids"}, "holdout-unknown-column", 'no column "ids"; did you mean "id"?'),
        ({"share": "10%", "by": "twice"}, "holdout-ambiguous-column", '2 columns called "twice"'),
        ({"share": "10%", "by": "price"}, "holdout-column-type", 'column "price" is of type DOUBLE; a holdout is'),
        ({"share": "10%", "by": "born"}, "holdout-column-type", 'column "born" is of type DATE; a holdout is'),
        ({"share": "10%", "key": "id"}, "unknown-field", 'unknown field "key" in holdout'),
    ],
)
def test_what_is_wrong_with_a_holdout_is_a_finding(
    shop: Shop, holdout: dict[str, object], code: str, message: str
) -> None:
    others = "1.5::double as price, date '2000-01-01' as born, 1 as twice, 2 as twice"
    sql = f"select 1 as id, {others}, email from shop.people"
    shop.activation(sql=sql, holdout=holdout)
    found = {one["code"]: one["message"] for one in shop.run("validate", "--format", "json", code=3).json["findings"]}
    assert message in found[code]


def test_a_membership_great_enough_for_one_pass_is_held_to_it_too(
    half: Shop, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.engine.joined_pass.JOIN_FROM", 0)
    half.people(mail(*range(100)))
    change = half.plan()["loyal"]
    gone = len(set(range(100, 200)) - held_out(50))
    assert (change["members"][0]["added"], change["members"][0]["removed"]) == (0, gone)
    assert change["segment"]["held_out"] == len(held_out(50) & set(range(100)))
