"""Nobody is removed by accident."""

from __future__ import annotations

from tests.end_to_end.shop import Person, Shop, hashes, mail
from tests.sandbox_client import Sandbox


def only(sandbox: Sandbox) -> str:
    (segment,) = sandbox.segments()
    return segment.id


def sent(sandbox: Sandbox) -> list[str]:
    return [call.path for call in sandbox.calls("contact-list")]


def test_an_empty_segment_sends_nothing_until_a_person_allows_it(shop: Shop, sandbox: Sandbox) -> None:
    shop.activation()
    shop.apply()
    shop.people([])
    sandbox.forget_calls()
    result = shop.apply(code=4)
    assert "empty_segment: the segment has no email any more: all 3 would be removed" in result.err + result.out
    shop.run("sync", code=4)
    assert sent(sandbox) == []
    shop.apply("--allow-removals", "loyal")
    assert sandbox.members(only(sandbox), "email") == set()


def test_two_guardrails_name_both_ways_out_which_together_let_it_pass(shop: Shop, sandbox: Sandbox) -> None:
    shop.activation(guardrails={"min_members": 2})
    shop.apply()
    shop.people([])
    told = shop.apply(code=4).out
    assert "-> change min_members in the file (activations/loyal.yaml:" in told
    assert "-> then let it pass once with --allow-removals loyal" in told
    shop.apply("--allow-removals", "loyal", code=4)
    shop.activation(guardrails={"min_members": 0})
    shop.apply("--allow-removals", "loyal")
    assert sandbox.members(only(sandbox), "email") == set()


def test_a_blocked_activation_is_not_even_renamed(shop: Shop, sandbox: Sandbox) -> None:
    shop.activation(name="Before")
    shop.apply()
    shop.people([])
    shop.activation(name="After")
    shop.apply(code=4)
    assert sandbox.segments()[0].name == "Before"


def test_a_sync_shows_no_plan_and_so_the_way_out_itself(shop: Shop) -> None:
    shop.activation()
    shop.apply()
    shop.people([])
    assert "    -> let it pass once with --allow-removals loyal\n" in shop.run("sync", code=4).out
    for path in shop.state_files():
        if path.suffix == ".parquet":
            path.unlink()
    assert "    -> `headcount sync --rebuild loyal`" in shop.run("sync", code=1).out


def test_a_block_stops_no_other_activation(shop: Shop, sandbox: Sandbox) -> None:
    shop.activation("narrow", sql="select email from shop.people where kind = 'all'")
    shop.activation("wide", sql="select email from shop.people where kind <> 'canary'")
    shop.apply()
    shop.people([type(person)(person.email, "", "new") for person in mail(1, 2, 3, 4)])
    result = shop.apply(code=4)
    assert "1 blocked (narrow)" in result.out
    assert "~ wide    sync  +1  -0" in result.out


def test_the_built_in_limit_stops_a_loss_of_a_third_of_a_thousand(shop: Shop, sandbox: Sandbox) -> None:
    shop.people(mail(*range(1000)))
    shop.activation()
    shop.apply()
    shop.people(mail(*range(600)))
    change = shop.plan(code=4)["loyal"]
    assert (change["action"], change["intended"]) == ("blocked", "sync")
    assert "400 of 1,000 email would be removed (40.0%), more than 30%" in change["blocks"][0]["message"]
    shop.activation(guardrails={"max_removed": "50%"})
    shop.apply()
    assert sandbox.members(only(sandbox), "email") == hashes(*range(600))


def test_min_members_and_max_added_are_kept(shop: Shop, sandbox: Sandbox) -> None:
    shop.activation(guardrails={"min_members": 4})
    shop.apply(code=4)
    assert sandbox.segments() == ()
    shop.activation(guardrails={"min_members": 3, "max_added": 10})
    shop.apply()
    shop.people(mail(*range(20)))
    assert shop.plan(code=4)["loyal"]["blocks"][0]["guardrail"] == "max_added"


def test_a_guardrail_of_the_destination_can_be_switched_off(shop: Shop) -> None:
    shop.write(
        "activations/shop.yaml",
        (shop.folder / "activations/shop.yaml").read_text() + "  guardrails: {min_members: 9}\n",
    )
    shop.activation()
    assert shop.plan(code=4)["loyal"]["action"] == "blocked"
    shop.activation(guardrails={"min_members": None})
    assert shop.plan()["loyal"]["action"] == "create"


def test_a_new_audience_with_nobody_in_it_is_not_made_until_the_files_allow_it(shop: Shop, sandbox: Sandbox) -> None:
    shop.activation(sql="select email from shop.people where kind = 'al'")
    result = shop.run("plan", code=4)
    assert "min_members: the segment yields nobody, so the new audience would be empty" in result.out
    assert "-> say `guardrails: {min_members: 0}` in the activation, if an empty audience is meant" in result.out
    shop.apply(code=4)
    assert sandbox.segments() == ()
    shop.activation(sql="select email from shop.people where kind = 'al'", guardrails={"min_members": 0})
    shop.apply()
    assert sandbox.members(only(sandbox), "email") == set()
    assert shop.plan()["loyal"]["action"] == "unchanged"


def test_a_new_audience_of_rejected_values_only_is_blocked(shop: Shop, sandbox: Sandbox) -> None:
    shop.activation(sql="select kind as email from shop.people")
    assert "every value of the segment is rejected (4 email" in shop.run("plan", code=4).out


def test_a_type_of_which_every_value_is_rejected_is_a_warning(shop: Shop) -> None:
    shop.people([Person("person-1@shop.example", "nonsense"), Person("person-2@shop.example", "0")])
    shop.activation(sql="select email, idfa from shop.people", mapping={"email": "email", "mobile_ad_id": "idfa"})
    (change,) = shop.plan().values()
    (warning,) = change["warnings"]
    assert warning["code"] == "all-values-rejected"
    assert warning["message"] == "every mobile_ad_id is rejected (2 not a UUID): nobody is found by it"
    assert warning["location"]["file"] == "activations/loyal.yaml"
    assert "see what column idfa of the segment holds" in shop.run("plan").out
    assert "every mobile_ad_id is rejected" in shop.apply().err
    shop.people([Person("person-1@shop.example", "11111111-2222-4333-8444-555555555555"), Person(idfa="0")])
    assert [one["warnings"] for one in shop.plan().values()] == [[]]
