"""`headcount preview` says who is in a segment, what that would change, and who has them already: in counts."""

from __future__ import annotations

import json

from tests.end_to_end.shop import Person, Shop, mail


def test_it_needs_no_ad_account_no_credentials_and_no_state(shop: Shop) -> None:
    shop.activation(mapping={"mobile_ad_id": "idfa"})
    uuid = "6d92078a-8246-4ba4-ae5b-76104861e7dc"
    shop.people([*mail(1, 2, 2), Person("nobody", uuid), Person("", uuid.upper()), Person("no address", "")])
    nowhere = {"CRITEO_API_URL": "http://127.0.0.1:9", "CRITEO_CLIENT_ID": "", "CRITEO_CLIENT_SECRET": ""}
    out = shop.run("preview", "loyal", **nowhere).out
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert lines[0] == 'loyal "Loyal" in criteo'
    assert "rows 6" in lines
    assert "people 5 rows with at least one identifier that can be sent" in lines
    assert "email 2 1 rows without one" in lines
    assert "mobile_ad_id 1 4 rows without one" in lines
    assert "rejected: 2 email (not an e-mail address)" in lines
    assert "The state knows of no audience: all of it would be added." in lines
    assert not (shop.folder / ".headcount").exists()


def test_of_several_columns_of_a_type_it_counts_the_blank_values(shop: Shop) -> None:
    sql = "select email, nullif(email, '') as other from shop.people where kind <> 'canary'"
    shop.activation(sql=sql, mapping={"email": ["email", "other"]})
    shop.people([*mail(1), Person(""), Person("")])
    lines = [" ".join(line.split()) for line in shop.run("preview", "loyal").out.splitlines()]
    assert "rows 3" in lines
    assert "email 1 4 blank values in its 2 columns" in lines


def test_against_the_state_it_says_who_would_come_and_go(shop: Shop) -> None:
    shop.activation()
    shop.apply()
    shop.people(mail(2, 3, 4, 5))
    found = shop.run("preview", "loyal", "--format", "json").json
    assert found["members"] == [{"identifier_type": "email", "before": 3, "after": 4, "added": 2, "removed": 1}]
    assert " 3 -> 4  +2  -1" in shop.run("preview", "loyal").out
    assert shop.run("preview", "loyal", "--format", "json").json == found, "a preview changes nothing"


def with_an_audience_of_twenty(shop: Shop) -> None:
    shop.people(mail(*range(20)))
    shop.activation("regulars")
    shop.apply()


def test_it_names_the_audiences_that_hold_some_of_it_already(shop: Shop) -> None:
    with_an_audience_of_twenty(shop)
    shop.people(mail(*range(8, 32)))
    shop.activation("loyal")
    assert "50 % of it is in regulars already" in shop.run("preview", "loyal").out
    assert "50 % of it is in regulars already" in shop.run("preview", "loyal", "--format", "markdown").out
    overlap = shop.run("preview", "loyal", "--format", "json").json["overlap"]
    assert overlap["audiences"] == [
        {"activation": "regulars", "percent": 50, "identifiers": 12, "among": 24, "elsewhere": ""}
    ]
    assert (overlap["compared"], overlap["too_late"], overlap["estimate"]) == (1, 0, False)


def test_fewer_than_ten_in_common_are_not_shown(shop: Shop) -> None:
    with_an_audience_of_twenty(shop)
    shop.people(mail(*range(11, 32)))
    shop.activation("loyal")
    assert "already" not in shop.run("preview", "loyal").out
    assert shop.run("preview", "loyal", "--format", "json").json["overlap"]["audiences"] == []


def test_the_plan_of_a_new_audience_says_so_too_and_of_an_old_one_no_more(shop: Shop) -> None:
    with_an_audience_of_twenty(shop)
    shop.activation("loyal")
    assert "    100 % of it is in regulars already" in shop.run("plan").out
    assert "`loyal`: 100 % of it is in regulars already" in shop.run("plan", "--format", "markdown").out
    plan = shop.plan()
    assert plan["loyal"]["overlap"]["audiences"][0]["percent"] == 100
    assert plan["regulars"]["overlap"] is None
    shop.apply()
    shop.people(mail(*range(30)))
    assert shop.plan()["loyal"]["overlap"] is None


def test_a_membership_that_cannot_be_read_is_counted_and_the_rest_is_shown(shop: Shop) -> None:
    with_an_audience_of_twenty(shop)
    [members] = [path for path in shop.state_files() if path.parent.parent.name == "members" or "members" in path.parts]
    members.write_bytes(b"damaged")
    shop.activation("loyal")
    found = shop.run("preview", "loyal", "--format", "json").json
    assert (found["overlap"]["unreadable"], found["identifiers"]) == (1, {"email": 20})
    assert "1 audience not looked at: the membership cannot be read" in shop.run("preview", "loyal").out
    assert shop.plan(code=None)["loyal"]["action"] == "create"


def test_sql_that_fails_is_named_with_its_place(shop: Shop) -> None:
    shop.activation(sql="select emial from shop.people")
    failed = shop.run("preview", "loyal", code=1)
    assert failed.err.startswith("error: activations/loyal.yaml:1:")
    assert failed.out == ""


def test_who_is_suppressed_is_left_out_and_counted(shop: Shop) -> None:
    shop.people([*mail(1, 2, 3), Person("PERSON-2@shop.example", kind="never")])
    shop.activation(sql="select email from shop.people where kind = 'all'")
    sql = "select email from shop.people where kind = 'never'"
    document = {"kind": "Suppression", "name": "no-consent", "mapping": {"email": "email"}, "sql": sql}
    shop.write("activations/no-consent.yaml", json.dumps(document))
    found = shop.run("preview", "loyal", "--format", "json").json
    assert (found["segment"]["suppressed"], found["segment"]["people"], found["identifiers"]) == (1, 2, {"email": 2})
    assert "suppressed                         1  rows left out" in shop.run("preview", "loyal").out
    shown = shop.run("show", "loyal").out
    assert "Left out is whom suppression no-consent names: activations/no-consent.yaml:1:" in shown


def test_while_a_suppression_cannot_be_evaluated_nothing_is_shown(shop: Shop) -> None:
    shop.activation()
    document = {
        "kind": "Suppression",
        "name": "no-consent",
        "mapping": {"email": "email"},
        "sql": "select 1 as email, x",
    }
    shop.write("activations/no-consent.yaml", json.dumps(document))
    failed = shop.run("preview", "loyal", code=1)
    assert failed.err.startswith("error: activations/no-consent.yaml:1:")
