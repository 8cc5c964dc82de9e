"""People whom a suppression names are in no audience, whatever a segment says: each rule, from the command line."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runner.destinations.criteo.marketing_solutions import MarketingSolutions
from tests.end_to_end.shop import Person, Shop, hashes, mail, minutes_pass
from tests.sandbox_client import Sandbox

ACCOUNT = "12345"


def suppression(shop: Shop, name: str = "no-consent", **lines: Any) -> None:
    """Declare a suppression of whoever has the kind `never`; a keyword is a top-level key, as JSON."""
    lines.setdefault("sql", "select email, idfa from shop.people where kind = 'never'")
    lines.setdefault("mapping", {"email": "email"})
    shop.write(f"activations/{name}.yaml", json.dumps({"kind": "Suppression", "name": name, **lines}))


def never(*numbers: int) -> list[Person]:
    return [Person(person.email, kind="never") for person in mail(*numbers)]


def audience(sandbox: Sandbox, name: str = "Loyal") -> set[str]:
    """The e-mail hashes that an audience holds."""
    return sandbox.members(sandbox.segment(name).id, "email")


@pytest.fixture
def filled(shop: Shop) -> Shop:
    """An audience of twenty people, and a suppression in effect that names nobody of them."""
    shop.people([*mail(*range(1, 21)), *never(100)])
    shop.activation(sql="select email, idfa from shop.people where kind <> 'canary'")
    suppression(shop, reason="withdrew consent")
    shop.apply()
    return shop


# -- whom --------------------------------------------------------------------------------------------------------------


def test_who_is_named_is_never_sent(shop: Shop, sandbox: Sandbox) -> None:
    shop.people([*mail(1, 2, 3), *never(4, 5)])
    shop.activation()
    suppression(shop)
    shop.apply()
    assert audience(sandbox) == hashes(1, 2, 3)


def test_a_row_is_left_out_with_all_of_its_identifiers(shop: Shop, sandbox: Sandbox) -> None:
    uuids = [f"6d92078a-8246-4ba4-ae5b-76104861e7d{digit}" for digit in "123"]
    people = [Person(person.email, uuid) for person, uuid in zip(mail(1, 2, 3), uuids, strict=True)]
    shop.people([*people, Person(people[1].email, kind="never")])
    shop.activation(mapping={"mobile_ad_id": "idfa"}, sql="select email, idfa from shop.people where kind = 'all'")
    suppression(shop)
    shop.apply()
    assert audience(sandbox) == hashes(1, 3)
    assert sandbox.members(sandbox.segment("Loyal").id, "madid") == {uuids[0], uuids[2]}


def test_who_withdraws_leaves_with_the_next_run(filled: Shop, sandbox: Sandbox) -> None:
    filled.people([*mail(*range(1, 19)), *never(19, 20, 100)])
    out = filled.run("plan").out
    assert "suppression no-consent  applied (withdrew consent)" in out
    assert "names 3 identifiers: 2 entered, 0 left" in out
    filled.run("sync")
    assert audience(sandbox) == hashes(*range(1, 19))


def test_a_suppression_that_maps_none_of_the_types_is_a_finding(shop: Shop) -> None:
    shop.activation()
    suppression(shop, mapping={"mobile_ad_id": "idfa"})
    found = shop.run("validate", code=3)
    assert "suppression-without-type" in found.err + found.out
    assert 'activation "loyal" sends email' in found.err + found.out


SPARE = """\
kind: Destination
name: spare
type: criteo
advertiser_id: "12345"
"""
NOT_SET = """\
credentials: {client_id: "{{ env('CRITEO_SPARE_ID') }}", client_secret: "{{ env('CRITEO_SPARE_SECRET') }}"}
"""
THE_SAME = """\
credentials: {client_id: "{{ env('CRITEO_CLIENT_ID') }}", client_secret: "{{ env('CRITEO_CLIENT_SECRET') }}"}
"""


@pytest.mark.parametrize("name", ["a-spare", "spare"])
@pytest.mark.parametrize("command", ["apply --yes", "forget"])
def test_who_is_named_leaves_by_the_destination_that_sent_them_where_another_one_uses_the_account(
    filled: Shop, sandbox: Sandbox, name: str, command: str
) -> None:
    filled.activation(sql="select email, idfa from shop.people where kind <> 'canary'", destination="criteo")
    filled.write(f"activations/{name}.yaml", SPARE + NOT_SET)
    if command == "forget":
        filled.write("who.txt", "".join(f"{person.email}\n" for person in mail(19, 20)))
        filled.people([*mail(*range(1, 19)), *never(100)])
        filled.run("forget", "who.txt", "--yes")
    else:
        filled.people([*mail(*range(1, 19)), *never(19, 20, 100)])
        filled.apply()
    assert audience(sandbox) == hashes(*range(1, 19))


@pytest.mark.parametrize("caller", ["", "gum_caller_id: 8\n"])
def test_an_identifier_leaves_with_the_caller_that_it_was_sent_with(
    shop: Shop, sandbox: Sandbox, caller: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared = (shop.folder / "activations/shop.yaml").read_text().replace("defaults:", "gum_caller_id: 7\ndefaults:")
    shop.write("activations/shop.yaml", declared.replace("{email: email}", "{gum_id: idfa}"))
    shop.write("activations/spare.yaml", SPARE + THE_SAME + caller)
    people = [Person("", f"gum-{number}") for number in range(20)]
    shop.people(people)
    shop.activation(destination="criteo")
    suppression(shop, mapping={"gum_id": "idfa"})
    shop.apply()
    callers: list[object] = []
    send = MarketingSolutions.send

    def seen(client: Any, *arguments: Any) -> Any:
        callers.append(client._destination.options.get("gum_caller_id"))
        return send(client, *arguments)

    monkeypatch.setattr(MarketingSolutions, "send", seen)
    shop.people([*people, Person("", "gum-3", kind="never")])
    shop.apply()
    assert callers == [7]
    assert len(sandbox.members(sandbox.segment("Loyal").id, "gum")) == 19


def test_an_orphan_is_looked_for_by_a_destination_that_has_its_credentials(filled: Shop) -> None:
    filled.remove("activations/loyal.yaml")
    filled.write("activations/a-spare.yaml", SPARE + NOT_SET)
    assert "orphaned" in filled.run("plan").out


# -- when --------------------------------------------------------------------------------------------------------------


def test_it_reaches_audiences_that_are_not_selected(filled: Shop, sandbox: Sandbox) -> None:
    filled.activation("other", name="Other")
    filled.apply()
    filled.people([*mail(*range(1, 19)), *never(19, 20, 100)])
    filled.apply("--select", "other")
    assert audience(sandbox) == hashes(*range(1, 19))


def test_it_reaches_a_blocked_audience_and_nothing_else_does(filled: Shop, sandbox: Sandbox) -> None:
    filled.activation(sql="select email from shop.people where kind = 'nobody'")
    filled.people([*mail(*range(1, 19)), *never(19, 20, 100)])
    filled.apply(code=4)
    assert audience(sandbox) == hashes(*range(1, 19))


def test_it_reaches_a_failed_and_an_orphaned_audience(filled: Shop, sandbox: Sandbox) -> None:
    filled.activation("second", name="Second")
    filled.activation("third", name="Third")
    filled.apply()
    filled.activation(sql="select email::int as email from shop.people")
    filled.remove("activations/second.yaml")
    filled.people([*mail(*range(1, 19)), *never(19, 20, 100)])
    filled.apply(code=1)
    for name in ("Loyal", "Second", "Third"):
        assert audience(sandbox, name) == hashes(*range(1, 19)), name


@pytest.mark.slow
def test_nothing_else_is_sent_to_an_audience_that_people_could_not_be_taken_out_of(
    filled: Shop, sandbox: Sandbox
) -> None:
    filled.activation("other", name="Other")
    filled.apply()
    filled.people([*mail(*range(1, 18), 30), *never(19, 20, 100)])
    sandbox.fault("403", path=f"{sandbox.segment('Loyal').id}/contact-list", times=1)
    sandbox.forget_calls()
    out = filled.apply(code=1).out
    assert "x loyal" in out
    assert "this is a bug" not in out
    assert audience(sandbox, "Other") == hashes(*range(1, 18), 30)
    assert audience(sandbox) == hashes(*range(1, 21))
    filled.apply()
    assert audience(sandbox) == hashes(*range(1, 18), 30)


def test_it_reaches_an_audience_whose_new_definition_waits_for_apply(filled: Shop, sandbox: Sandbox) -> None:
    filled.activation(sql="select email from shop.people where kind = 'all' and email <> ''")
    filled.people([*mail(*range(1, 19)), *never(19, 20, 100)])
    assert filled.run("sync", code=None).code in (0, 7)
    filled.activation("other", name="Other")
    filled.apply("--select", "other")
    assert audience(sandbox) == hashes(*range(1, 19))


def test_its_own_schedule_makes_it_due(filled: Shop, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    filled.people([*mail(*range(1, 19)), *never(19, 20, 100)])
    filled.run("sync", "--due")
    assert audience(sandbox) == hashes(*range(1, 21)), "nothing is due within the hour"
    minutes_pass(monkeypatch, 61)
    filled.run("sync", "--due")
    assert audience(sandbox) == hashes(*range(1, 19))


def test_an_account_without_a_destination_ends_with_one(filled: Shop, sandbox: Sandbox) -> None:
    moved = (filled.folder / "activations" / "shop.yaml").read_text().replace('"12345"', '"67890"')
    filled.write("activations/shop.yaml", moved)
    filled.people([*mail(*range(1, 19)), *never(19, 20, 100)])
    found = filled.apply(code=1)
    assert "no destination of the files uses its account" in found.out + found.err


def test_where_the_membership_cannot_be_read_everybody_named_is_removed(filled: Shop, sandbox: Sandbox) -> None:
    [members] = [path for path in filled.state_files() if "members" in path.parts]
    members.write_bytes(b"damaged")
    filled.people([*mail(*range(1, 19)), *never(19, 20, 100)])
    filled.apply(code=1)
    assert audience(sandbox) == hashes(*range(1, 19))


# -- guardrails --------------------------------------------------------------------------------------------------------


def test_guardrails_do_not_judge_what_it_removes(filled: Shop, sandbox: Sandbox) -> None:
    filled.activation(guardrails={"max_removed": "10%"})
    filled.people([*mail(*range(1, 11)), *never(*range(11, 21), 100)])
    filled.apply()
    assert audience(sandbox) == hashes(*range(1, 11))


def test_guardrails_judge_the_rest(filled: Shop, sandbox: Sandbox) -> None:
    filled.activation(guardrails={"max_removed": "10%"})
    filled.people([*mail(*range(1, 11)), *never(20, 100)])
    filled.apply(code=4)
    assert audience(sandbox) == hashes(*range(1, 20))


def test_min_members_counts_without_who_is_named(shop: Shop) -> None:
    shop.people([*mail(1, 2, 3), *never(4, 5)])
    shop.activation(guardrails={"min_members": 4})
    suppression(shop)
    assert "fewer than 4" in shop.apply(code=4).out


def test_members_who_withdraw_after_the_review_are_no_reason_to_refuse_a_saved_plan(
    filled: Shop, sandbox: Sandbox
) -> None:
    filled.people([*mail(*range(1, 22)), *never(100)])
    filled.run("plan", "--out", "plan.json")
    filled.people([*mail(*range(1, 10)), *never(*range(10, 22), 100)])
    filled.run("apply", "plan.json", "--yes")
    assert audience(sandbox) == hashes(*range(1, 10))


def test_another_definition_of_it_makes_a_saved_plan_stale(filled: Shop) -> None:
    filled.people([*mail(*range(1, 22)), *never(100)])
    filled.run("plan", "--out", "plan.json")
    suppression(filled, sql="select email from shop.people where kind in ('never', 'ever')")
    assert "suppression no-consent" in filled.run("apply", "plan.json", "--yes", code=6).err


# -- it is a definition ------------------------------------------------------------------------------------------------


def test_sync_never_puts_a_new_one_into_effect_and_adds_nobody_meanwhile(shop: Shop, sandbox: Sandbox) -> None:
    shop.people(mail(1, 2, 3))
    shop.activation()
    shop.apply()
    suppression(shop)
    shop.people([*mail(2, 3, 4), *never(5)])
    found = shop.run("sync", code=7)
    assert "suppression no-consent" in found.out
    assert audience(sandbox) == hashes(2, 3), "one left, nobody was added"
    shop.apply()
    assert audience(sandbox) == hashes(2, 3, 4)


def test_a_changed_one_waits_for_apply_too(filled: Shop, sandbox: Sandbox) -> None:
    suppression(filled, sql="select email from shop.people where kind in ('never', 'ever')", reason="withdrew consent")
    filled.people([*mail(*range(1, 22)), *never(100)])
    filled.run("sync", code=7)
    assert audience(sandbox) == hashes(*range(1, 21))
    filled.apply()
    assert audience(sandbox) == hashes(*range(1, 22))


def test_the_plan_tells_how_many_a_new_one_takes_out_of_which_audience(shop: Shop, sandbox: Sandbox) -> None:
    shop.people(mail(*range(1, 11)))
    shop.activation()
    shop.apply()
    suppression(shop)
    shop.people([*mail(*range(1, 9)), *never(9, 10)])
    assert "takes 2 of 10 email out of loyal" in shop.run("plan").out
    assert audience(sandbox) == hashes(*range(1, 11)), "a plan changes nothing"


def test_one_that_takes_too_many_is_blocked_until_it_is_allowed(shop: Shop, sandbox: Sandbox) -> None:
    shop.people(mail(*range(1, 11)))
    shop.activation()
    shop.apply()
    suppression(shop, guardrails={"max_removed": "10%"})
    shop.people([*mail(*range(1, 9)), *mail(11), *never(9, 10)])
    found = shop.apply(code=4)
    assert "--allow-suppression no-consent" in found.out
    assert audience(sandbox) == hashes(*range(1, 11)), "nobody is added, and it takes nobody out yet"
    shop.apply("--allow-suppression", "no-consent")
    assert audience(sandbox) == hashes(*range(1, 9), 11)


def test_one_that_is_no_longer_declared_stays_in_effect_until_that_is_allowed(filled: Shop, sandbox: Sandbox) -> None:
    filled.remove("activations/no-consent.yaml")
    filled.people([*mail(*range(1, 22)), *never(100)])
    found = filled.apply(code=4)
    assert "it is no longer declared" in found.out
    assert audience(sandbox) == hashes(*range(1, 21))
    filled.apply("--allow-suppression", "no-consent")
    assert audience(sandbox) == hashes(*range(1, 22), 100)


def test_fewer_destinations_wait_for_a_permission(filled: Shop, sandbox: Sandbox) -> None:
    second = (filled.folder / "activations" / "shop.yaml").read_text().partition("---")[2]
    filled.write("activations/second.yaml", second.replace("name: criteo", "name: second").replace("12345", "67890"))
    filled.activation(destination="criteo")
    suppression(filled, destinations=["second"], reason="withdrew consent")
    filled.people([*mail(*range(1, 22)), *never(100)])
    assert "fewer destinations" in filled.apply(code=4).out
    assert audience(sandbox) == hashes(*range(1, 21))
    filled.apply("--allow-suppression", "no-consent")
    assert audience(sandbox) == hashes(*range(1, 22), 100)


def test_once_applied_whoever_enters_leaves_however_many(filled: Shop, sandbox: Sandbox) -> None:
    filled.people([*mail(1), *never(*range(2, 21), 100)])
    filled.run("sync")
    assert audience(sandbox) == hashes(1)


def test_max_added_holds_back_a_suppression_that_grew_too_much(filled: Shop, sandbox: Sandbox) -> None:
    suppression(filled, reason="withdrew consent", guardrails={"max_added": 3})
    filled.people([*mail(1), *never(*range(2, 21), 100)])
    assert "enter it" in filled.run("sync", code=4).out
    assert audience(sandbox) == hashes(*range(1, 21))
    filled.apply("--allow-suppression", "no-consent")
    assert audience(sandbox) == hashes(1)


# -- it fails closed ---------------------------------------------------------------------------------------------------


def test_while_it_cannot_be_evaluated_nobody_is_added_and_removals_go_on(filled: Shop, sandbox: Sandbox) -> None:
    suppression(filled, sql="select email::int as email from shop.people", reason="withdrew consent")
    filled.apply("--allow-suppression", "no-consent", code=1)
    filled.people([*mail(*range(2, 22)), *never(100)])
    found = filled.apply(code=1)
    assert audience(sandbox) == hashes(*range(2, 21))
    assert "nobody is added" in found.out
    filled.apply("--allow-suppression", "no-consent", code=1)
    assert audience(sandbox) == hashes(*range(2, 21)), "no option helps against that"


def test_a_new_audience_waits_whole(filled: Shop, sandbox: Sandbox) -> None:
    suppression(filled, sql="select nowhere from shop.people", reason="withdrew consent")
    filled.activation("new", name="New")
    filled.apply(code=None)
    assert [one.name for one in sandbox.segments()] == ["Loyal"]


def test_one_that_has_lost_many_is_not_believed(filled: Shop, sandbox: Sandbox) -> None:
    filled.people([*mail(*range(1, 11)), *never(*range(11, 21), 100)])
    filled.apply()
    assert audience(sandbox) == hashes(*range(1, 11))
    filled.people(mail(*range(1, 22)))
    found = filled.apply(code=4)
    assert "more than 30%" in found.out
    assert audience(sandbox) == hashes(*range(1, 11))
    filled.apply("--allow-suppression", "no-consent")
    assert audience(sandbox) == hashes(*range(1, 22))


# -- it is remembered --------------------------------------------------------------------------------------------------


def test_a_run_with_nothing_new_sends_nothing(filled: Shop, sandbox: Sandbox) -> None:
    filled.apply()
    sandbox.forget_calls()
    out = filled.apply().out
    assert not [call for call in sandbox.calls() if call.count]
    assert "no-consent" not in out


def test_no_clear_text_is_remembered(filled: Shop) -> None:
    filled.people([*mail(*range(1, 19)), *never(19, 20, 100)])
    filled.apply()
    for path in filled.state_files():
        assert b"@shop.example" not in path.read_bytes(), path


def test_the_history_says_when_whom_it_named_had_left(filled: Shop) -> None:
    filled.people([*mail(*range(1, 19)), *never(19, 20, 100)])
    filled.run("sync")
    history = filled.run("history").out
    assert "suppression no-consent" in history
    assert "2 entered, 0 left; 2 taken out of 1 audience," in history
