"""Audiences themselves: named, described, made anew, taken over, deleted."""

from __future__ import annotations

import json

from runner.core.identifiers import Operation
from runner.destinations.criteo.connect import connect
from tests.builders import EMAIL, SANDBOX, destination
from tests.end_to_end.shop import Shop, hashes, mail
from tests.sandbox_client import Sandbox


def names(sandbox: Sandbox) -> dict[str, str]:
    return {segment.name: segment.id for segment in sandbox.segments()}


def test_renaming_keeps_the_audience(shop: Shop, sandbox: Sandbox) -> None:
    shop.activation(name="Before")
    shop.apply()
    before = names(sandbox)["Before"]
    shop.activation(name="After", description="said so")
    assert shop.plan()["loyal"]["reasons"] == ["name changed", "description changed"]
    shop.apply()
    assert names(sandbox) == {"After": before}
    assert shop.plan()["loyal"]["action"] == "unchanged"


def test_a_change_by_hand_is_shown_and_set_back(shop: Shop, sandbox: Sandbox) -> None:
    shop.activation(name="Mine", description="as declared")
    shop.apply()
    sandbox.change_segment(names(sandbox)["Mine"], name="Theirs")
    change = shop.plan()["loyal"]
    assert (change["action"], change["reasons"], change["fields"][0]["drift"]) == (
        "update",
        ["renamed in Criteo"],
        True,
    )
    shop.apply()
    assert list(names(sandbox)) == ["Mine"]


def test_two_names_can_be_swapped(shop: Shop, sandbox: Sandbox) -> None:
    shop.activation("a", name="One")
    shop.activation("b", name="Two")
    shop.apply()
    before = names(sandbox)
    shop.activation("a", name="Two")
    shop.activation("b", name="One")
    shop.apply()
    assert names(sandbox) == {"One": before["Two"], "Two": before["One"]}
    assert {change["action"] for change in shop.plan().values()} == {"unchanged"}


def test_an_audience_that_is_gone_is_made_anew_and_filled(shop: Shop, sandbox: Sandbox) -> None:
    shop.activation()
    shop.apply()
    sandbox.delete_segment(names(sandbox)["Loyal"])
    assert shop.plan()["loyal"]["action"] == "re-create"
    shop.apply()
    assert sandbox.members(names(sandbox)["Loyal"], "email") == hashes(1, 2, 3)


class TestImport:
    def foreign(self, sandbox: Sandbox) -> str:
        connection = connect(destination(credentials=SANDBOX), environ={"CRITEO_API_URL": sandbox.url})
        made = connection.create("Loyal", "", (EMAIL,))
        connection.send(made.id, Operation.ADD, EMAIL, sorted(hashes(1, 7, 8)))
        return made.id

    def test_a_foreign_audience_of_that_name_is_a_conflict(self, shop: Shop, sandbox: Sandbox) -> None:
        segment = self.foreign(sandbox)
        shop.activation()
        change = shop.plan(code=1)["loyal"]
        assert change["action"] == "conflict"
        assert f"headcount import loyal {segment}" in change["hint"]
        shop.apply(code=1)
        assert sandbox.members(segment, "email") == hashes(1, 7, 8)

    def test_an_imported_audience_is_cleared_and_refilled(self, shop: Shop, sandbox: Sandbox) -> None:
        segment = self.foreign(sandbox)
        shop.activation()
        shop.run("import", "loyal", segment)
        change = shop.plan()["loyal"]
        assert (change["refill"], change["audience_id"], change["members"][0]["added"]) == (True, segment, 3)
        assert "skipped" in shop.run("sync", code=7).out
        shop.apply()
        assert sandbox.members(segment, "email") == hashes(1, 2, 3)
        assert shop.plan()["loyal"]["action"] == "unchanged"

    def test_what_is_not_there_or_not_free_is_refused(self, shop: Shop, sandbox: Sandbox) -> None:
        segment = self.foreign(sandbox)
        shop.activation()
        shop.activation("other")
        assert 'did you mean "loyal"' in shop.run("import", "loyl", segment, code=64).err
        assert "no contact list with the id 99" in shop.run("import", "loyal", "99", code=64).err
        shop.run("import", "loyal", segment)
        assert "already belongs" in shop.run("import", "other", segment, code=64).err
        assert "already has audience" in shop.run("import", "loyal", segment, code=64).err


class TestNoLongerDeclared:
    def test_it_is_reported_and_left_alone(self, shop: Shop, sandbox: Sandbox) -> None:
        shop.activation()
        shop.apply()
        shop.remove("activations/loyal.yaml")
        shop.activation("other")
        assert shop.plan()["loyal"]["action"] == "orphaned"
        shop.apply()
        assert set(names(sandbox)) == {"Loyal", "Other"}

    def test_prune_deletes_it(self, shop: Shop, sandbox: Sandbox) -> None:
        shop.activation()
        shop.activation("other")
        shop.apply()
        shop.remove("activations/loyal.yaml")
        text = shop.run("plan", "--prune").out
        assert text.startswith("- loyal  delete")
        assert "\nPlan: 1 to delete (loyal), 1 unchanged.  id " in text
        shop.apply("--prune")
        assert set(names(sandbox)) == {"Other"}
        assert "loyal" not in shop.plan()

    def test_a_protected_one_is_not_deleted(self, shop: Shop, sandbox: Sandbox) -> None:
        shop.activation(protect=True)
        shop.activation("other")
        shop.apply()
        shop.remove("activations/loyal.yaml")
        assert "protect" in shop.apply("--prune", code=4).out
        assert set(names(sandbox)) == {"Loyal", "Other"}

    def test_an_activation_moved_to_another_account_is_a_create_there_and_an_orphan_here(
        self, shop: Shop, sandbox: Sandbox
    ) -> None:
        shop.activation()
        shop.apply()
        text = (shop.folder / "activations/shop.yaml").read_text()
        shop.write("activations/shop.yaml", text.replace('"12345"', '"67890"'))
        shop.activation()
        document = json.loads(shop.run("plan", "--format", "json").out)
        assert [(change["action"], change["account_id"]) for change in document["changes"]] == [
            ("create", "67890"),
            ("orphaned", "12345"),
        ]
        shop.apply()
        assert {segment.advertiser_id for segment in sandbox.segments()} == {"12345", "67890"}


def test_a_changed_mapping_that_loses_a_type_is_blocked_until_allowed(shop: Shop, sandbox: Sandbox) -> None:
    people = [
        type(person)(person.email, f"00000000-0000-4000-8000-00000000000{n}") for n, person in enumerate(mail(1, 2))
    ]
    shop.people(people)
    shop.activation(mapping={"email": "email", "mobile_ad_id": "idfa"})
    shop.apply()
    shop.activation(mapping={"email": "email"})
    change = shop.plan(code=4)["loyal"]
    assert [block["guardrail"] for block in change["blocks"]] == ["empty_segment"]
    shop.apply("--allow-removals", "loyal")
    assert sandbox.members(names(sandbox)["Loyal"], "madid") == set()
    assert sandbox.members(names(sandbox)["Loyal"], "email") == hashes(1, 2)
