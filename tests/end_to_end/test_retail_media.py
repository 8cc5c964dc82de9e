"""Retail media through the command line: the same promises as everywhere, and one type of identifier per audience."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator

import pytest

from runner.sandbox import SandboxOptions
from runner.sandbox.sandbox_options import Retailer, RetailMediaAccount
from tests.end_to_end.shop import Person, Shop, hashes, mail
from tests.end_to_end.test_promises import leave_unanswered, wait_until
from tests.sandbox_client import Sandbox, running

CUSTOMERS = "select email, split_part(email, '@', 1) as customer from shop.people where kind <> 'canary'"
GROCER = """\
---
kind: Destination
name: grocer
type: criteo-retail-media
account_id: "555"
retailer_id: "12"
credentials:
  client_id: "{{ env('CRITEO_CLIENT_ID') }}"
  client_secret: "{{ env('CRITEO_CLIENT_SECRET') }}"
batch_size: 2
rate_limit: 60000
defaults:
  mapping: {customer_id: customer}
"""
BY_EMAIL = {"customer_id": None, "email": "email"}


class Grocer:
    """A shop with a retail-media destination beside the one of marketing solutions."""

    def __init__(self, shop: Shop, sandbox: Sandbox) -> None:
        self.shop = shop
        self.sandbox = sandbox
        text = (shop.folder / "activations/shop.yaml").read_text()
        shop.write("activations/shop.yaml", text + GROCER)

    def activation(self, id: str = "loyal", **lines: object) -> None:
        self.shop.activation(id, **{"destination": "grocer", "sql": CUSTOMERS, **lines})

    def declare(self, before: str, after: str) -> None:
        """Change a line of the destinations."""
        text = (self.shop.folder / "activations/shop.yaml").read_text()
        assert before in text
        self.shop.write("activations/shop.yaml", text.replace(before, after))

    def plan(self, *arguments: str, code: int = 0) -> dict[str, object]:
        return self.shop.plan(*arguments, code=code)["loyal"]

    @property
    def only(self) -> str:
        (segment,) = self.sandbox.segments(account_id="555")
        return segment.id

    def members(self, kind: str = "CustomerId") -> set[str]:
        return self.sandbox.members(self.only, kind)


@pytest.fixture
def grocer(shop: Shop, sandbox: Sandbox) -> Grocer:
    return Grocer(shop, sandbox)


def customers(*numbers: int) -> set[str]:
    return {f"person-{number}" for number in numbers}


def kill_at(grocer: Grocer, path: str, *arguments: str, effect: bool, skip: int = 0) -> None:
    """Start apply and kill it with SIGKILL while its call of `path` has no answer yet."""
    grocer.sandbox.forget_calls()
    leave_unanswered(grocer.sandbox, path, skip=skip, effect=effect)
    with grocer.shop.start("apply", "--yes", *arguments) as process:
        wait_until(lambda: len(grocer.sandbox.calls(path)) > skip)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    grocer.sandbox.clear_faults()


class TestTheMainJob:
    def test_an_audience_is_made_filled_and_kept_as_the_segment_is(self, grocer: Grocer, sandbox: Sandbox) -> None:
        grocer.activation(description="Ten baskets")
        change = grocer.plan()
        assert (change["action"], change["type"], change["account_id"]) == ("create", "criteo-retail-media", "555")
        grocer.shop.apply()
        (segment,) = sandbox.segments()
        assert (segment.retailer_id, segment.identifier_type, segment.description) == (
            "12",
            "CustomerId",
            "Ten baskets",
        )
        assert grocer.members() == customers(1, 2, 3)
        assert grocer.plan()["action"] == "unchanged"
        grocer.shop.people(mail(2, 3, 4, 5))
        grocer.shop.run("sync")
        assert grocer.members() == customers(2, 3, 4, 5)

    def test_running_again_sends_nothing(self, grocer: Grocer, sandbox: Sandbox) -> None:
        grocer.activation()
        grocer.shop.apply()
        sandbox.forget_calls()
        grocer.shop.apply()
        assert [call.path for call in sandbox.calls("contact-list")] == []

    def test_removals_are_sent_before_additions(self, grocer: Grocer, sandbox: Sandbox) -> None:
        grocer.activation()
        grocer.shop.apply()
        grocer.shop.people(mail(3, 4))
        sandbox.forget_calls()
        grocer.shop.apply()
        assert [call.operation for call in sandbox.calls("add-remove")] == ["remove", "add"]

    def test_emails_are_sent_as_hashes(self, grocer: Grocer) -> None:
        grocer.activation(mapping=BY_EMAIL)
        grocer.shop.apply()
        assert grocer.members("Email") == hashes(1, 2, 3)

    def test_status_and_history_tell_of_it(self, grocer: Grocer) -> None:
        grocer.activation()
        grocer.shop.apply()
        (row,) = grocer.shop.run("status", "--live", "--format", "json").json["activations"]
        assert (row["condition"], row["live_size"], row["members"]) == ("applied", 3, {"customer_id": 3})
        (run,) = grocer.shop.run("history", "--format", "json").json["runs"]
        assert run["activations"][0]["added"] == 3

    def test_both_kinds_of_destination_go_into_one_plan(self, grocer: Grocer, sandbox: Sandbox) -> None:
        grocer.activation()
        grocer.shop.activation("lapsed", destination="criteo")
        places = {key: (change["type"], change["action"]) for key, change in grocer.shop.plan().items()}
        assert places == {"loyal": ("criteo-retail-media", "create"), "lapsed": ("criteo", "create")}
        assert "loyal" in grocer.shop.run("plan", "--format", "markdown").out
        grocer.shop.apply()
        (lapsed,) = sandbox.segments("12345")
        assert (grocer.members(), sandbox.members(lapsed.id, "email")) == (customers(1, 2, 3), hashes(1, 2, 3))
        assert {change["action"] for change in grocer.shop.plan().values()} == {"unchanged"}


class TestAccounts:
    def test_the_usable_ones_are_listed_by_destination(self, grocer: Grocer) -> None:
        out = grocer.shop.run("accounts").out
        assert "555" in out
        assert "12345" in out

    def test_one_that_is_not_usable_is_answered_with_those_that_are(self, grocer: Grocer) -> None:
        grocer.declare('"555"', '"556"')
        grocer.activation()
        change = grocer.plan(code=1)
        assert "may not use ad account 556" in str(change["error"])
        assert "555 (" in str(change["hint"])
        assert "set account_id" in str(change["hint"])


class TestDefinitions:
    def test_a_rename_keeps_the_audience_and_drift_is_set_back(self, grocer: Grocer, sandbox: Sandbox) -> None:
        grocer.activation(name="Before")
        grocer.shop.apply()
        before = grocer.only
        grocer.activation(name="After", description="said so")
        assert grocer.plan()["reasons"] == ["name changed", "description changed"]
        grocer.shop.apply()
        sandbox.change_segment(grocer.only, name="Theirs")
        assert grocer.plan()["reasons"] == ["renamed in Criteo"]
        grocer.shop.apply()
        assert (grocer.only, sandbox.segment("After").description) == (before, "said so")

    def test_one_that_is_gone_is_made_anew(self, grocer: Grocer, sandbox: Sandbox) -> None:
        grocer.activation()
        grocer.shop.apply()
        sandbox.delete_segment(grocer.only)
        change = grocer.plan()
        assert (change["action"], change["replaces"], change["reasons"]) == ("re-create", False, ["gone in Criteo"])
        grocer.shop.apply()
        assert grocer.members() == customers(1, 2, 3)

    def test_prune_deletes_what_is_no_longer_declared(self, grocer: Grocer, sandbox: Sandbox) -> None:
        grocer.activation()
        grocer.activation("other")
        grocer.shop.apply()
        grocer.shop.remove("activations/loyal.yaml")
        assert grocer.plan()["action"] == "orphaned"
        grocer.shop.apply("--prune")
        assert [segment.name for segment in sandbox.segments()] == ["Other"]

    def test_moving_to_the_other_service_is_a_create_there_and_an_orphan_here(
        self, grocer: Grocer, sandbox: Sandbox
    ) -> None:
        grocer.shop.activation(destination="criteo")
        grocer.shop.apply()
        grocer.activation()
        document = grocer.shop.run("plan", "--format", "json").json
        assert [(change["action"], change["type"]) for change in document["changes"]] == [
            ("create", "criteo-retail-media"),
            ("orphaned", "criteo"),
        ]
        grocer.shop.apply("--prune")
        assert [segment.account_id for segment in sandbox.segments()] == ["555"]

    def test_a_foreign_audience_is_taken_over_cleared_and_refilled(self, grocer: Grocer, sandbox: Sandbox) -> None:
        foreign = sandbox.add_retail_media_segment("555", "Loyal").id
        grocer.activation()
        assert f"headcount import loyal {foreign}" in str(grocer.plan(code=1)["hint"])
        grocer.shop.run("import", "loyal", foreign)
        assert grocer.plan()["refill"]
        grocer.shop.apply()
        assert (grocer.only, grocer.members()) == (foreign, customers(1, 2, 3))
        assert [call.status for call in sandbox.calls("/clear")] == [204]

    def test_one_of_another_identifier_type_is_not_taken_over(self, grocer: Grocer, sandbox: Sandbox) -> None:
        foreign = sandbox.add_retail_media_segment("555", "Loyal", identifier_type="Email").id
        grocer.activation()
        result = grocer.shop.run("import", "loyal", foreign, code=64)
        assert "identifier type changed from email to customer_id" in result.err


class TestGuardrails:
    def test_an_empty_segment_sends_nothing_until_a_person_allows_it(self, grocer: Grocer, sandbox: Sandbox) -> None:
        grocer.activation()
        grocer.shop.apply()
        grocer.shop.people([])
        sandbox.forget_calls()
        grocer.shop.apply(code=4)
        assert sandbox.calls("contact-list") == ()
        grocer.shop.apply("--allow-removals", "loyal")
        assert grocer.members() == set()

    def test_a_loss_beyond_the_limit_is_blocked(self, grocer: Grocer) -> None:
        grocer.activation(guardrails={"max_removed": "30%"})
        grocer.shop.apply()
        grocer.shop.people(mail(1))
        blocks = grocer.plan(code=4)["blocks"]
        assert isinstance(blocks, list)
        assert [block["guardrail"] for block in blocks] == ["max_removed"]


class TestNothingIsLost:
    @pytest.mark.parametrize("effect", [False, True])
    def test_a_kill_while_sending_is_healed_by_the_next_run(self, grocer: Grocer, effect: bool) -> None:
        grocer.shop.people(mail(*range(10)))
        grocer.activation(guardrails={"max_removed": None})
        kill_at(grocer, "add-remove", effect=effect, skip=2)
        grocer.shop.people(mail(*range(5, 12)))
        grocer.shop.apply()
        assert grocer.members() == customers(*range(5, 12))

    @pytest.mark.parametrize("fault", ["drop-before", "drop-after", "503", "html", "truncate", "429", "reject"])
    @pytest.mark.parametrize("path", ["add-remove", "audience-segments/search", "retail-media/accounts", "create"])
    def test_after_a_bad_answer_the_next_run_at_the_latest_is_clean(
        self, grocer: Grocer, sandbox: Sandbox, fault: str, path: str
    ) -> None:
        grocer.activation()
        sandbox.fault(fault, path=path, times=1)
        grocer.shop.apply(code=None)
        assert sandbox.waiting_faults() == 0
        grocer.shop.apply()
        assert grocer.members() == customers(1, 2, 3)

    def test_a_search_that_is_refused_inside_a_200_takes_no_audience_for_gone(
        self, grocer: Grocer, sandbox: Sandbox
    ) -> None:
        grocer.activation()
        grocer.shop.apply()
        sandbox.fault("reject", path="audience-segments/search", times=None)
        done = grocer.shop.run("plan", code=1)
        assert "Criteo refused listing the audiences: item-rejected" in done.out
        sandbox.clear_faults()
        assert grocer.plan()["action"] == "unchanged"


class TestAnotherIdentifierType:
    """The type is fixed when the audience is made: another one is another audience."""

    @pytest.fixture
    def grocer(self, shop: Shop, sandbox: Sandbox) -> Grocer:
        """By customer id until now, by e-mail address from now on."""
        made = Grocer(shop, sandbox)
        made.activation()
        shop.apply()
        made.activation(mapping=BY_EMAIL)
        return made

    def test_it_is_a_re_create_that_is_blocked(self, grocer: Grocer, sandbox: Sandbox) -> None:
        change = grocer.plan(code=4)
        assert (change["action"], change["intended"], change["replaces"]) == ("blocked", "re-create", True)
        assert change["reasons"] == ["identifier type changed from customer_id to email"]
        assert change["members"] == [
            {"identifier_type": "email", "before": 0, "after": 3, "added": 3, "removed": 0, "unknown": 0},
            {"identifier_type": "customer_id", "before": 3, "after": 0, "added": 0, "removed": 3, "unknown": 0},
        ]
        (block,) = change["blocks"]  # type: ignore[misc]
        assert block["guardrail"] == "re_create"
        assert "all 3 customer_id would be removed" in block["message"]
        assert block["allow"] == "--allow-removals loyal"
        before = grocer.only
        grocer.shop.apply(code=4)
        assert (grocer.only, grocer.members()) == (before, customers(1, 2, 3))

    def test_once_allowed_the_old_audience_is_deleted_and_a_new_one_filled(
        self, grocer: Grocer, sandbox: Sandbox
    ) -> None:
        before = grocer.only
        plan = grocer.shop.run("plan", "--allow-removals", "loyal").out
        assert "+ loyal  re-create" in plan
        assert "deleted first" in plan
        grocer.shop.apply("--allow-removals", "loyal")
        assert grocer.only != before
        assert sandbox.segments()[0].identifier_type == "Email"
        assert grocer.members("Email") == hashes(1, 2, 3)
        assert grocer.plan()["action"] == "unchanged"

    def test_a_reviewer_is_warned_in_markdown(self, grocer: Grocer) -> None:
        out = grocer.shop.run("plan", "--allow-removals", "loyal", "--format", "markdown").out
        assert 'audience "Loyal" will be **deleted** and created again' in out

    def test_sync_leaves_it_alone_and_says_so(self, grocer: Grocer) -> None:
        assert "must be deleted and created again" in grocer.shop.run("sync", code=7).out
        assert grocer.members() == customers(1, 2, 3)

    def test_a_protected_one_stays_whatever_is_allowed(self, grocer: Grocer) -> None:
        grocer.activation(protect=True)
        grocer.shop.apply()
        grocer.activation(mapping=BY_EMAIL, protect=False)
        change = grocer.plan("--allow-removals", "loyal", code=4)
        assert [block["guardrail"] for block in change["blocks"]] == ["protect"]  # type: ignore[attr-defined]
        grocer.activation()
        grocer.shop.apply()
        grocer.activation(mapping=BY_EMAIL)
        grocer.shop.apply("--allow-removals", "loyal")
        assert grocer.members("Email") == hashes(1, 2, 3)

    def test_its_name_can_go_to_another_in_the_same_run(self, grocer: Grocer, sandbox: Sandbox) -> None:
        grocer.activation(mapping=BY_EMAIL, name="Loyal by e-mail")
        grocer.activation("other", name="Other")
        grocer.shop.apply("--select", "other")
        grocer.activation("other", name="Loyal")
        grocer.shop.apply("--allow-removals", "loyal")
        assert {(segment.name, segment.identifier_type) for segment in sandbox.segments()} == {
            ("Loyal by e-mail", "Email"),
            ("Loyal", "CustomerId"),
        }

    def test_an_empty_audience_has_nothing_to_lose(self, grocer: Grocer) -> None:
        grocer.activation()
        grocer.shop.people([])
        grocer.shop.apply("--allow-removals", "loyal")
        grocer.activation(mapping=BY_EMAIL)
        grocer.shop.people(mail(1))
        grocer.shop.apply()
        assert grocer.members("Email") == hashes(1)

    @pytest.mark.parametrize("effect", [False, True])
    @pytest.mark.parametrize("path", ["audience-segments/delete", "audience-segments/create"])
    def test_a_kill_in_the_middle_is_healed_by_the_next_run(self, grocer: Grocer, path: str, effect: bool) -> None:
        kill_at(grocer, path, "--allow-removals", "loyal", effect=effect)
        grocer.shop.apply("--allow-removals", "loyal")
        assert grocer.members("Email") == hashes(1, 2, 3)
        assert grocer.plan()["action"] == "unchanged"

    def test_once_the_old_audience_is_gone_nobody_need_allow_anything(self, grocer: Grocer) -> None:
        kill_at(grocer, "audience-segments/create", "--allow-removals", "loyal", effect=False)
        grocer.shop.apply()
        assert grocer.members("Email") == hashes(1, 2, 3)

    def test_a_change_of_mind_while_the_create_is_unanswered_is_healed_too(self, grocer: Grocer) -> None:
        kill_at(grocer, "audience-segments/create", "--allow-removals", "loyal", effect=True)
        grocer.activation()
        change = grocer.plan()
        assert (change["action"], change["replaces"]) == ("re-create", True)
        grocer.shop.apply()
        assert grocer.members() == customers(1, 2, 3)
        assert grocer.plan()["action"] == "unchanged"

    def test_a_delete_that_is_refused_leaves_everything_for_the_next_run(
        self, grocer: Grocer, sandbox: Sandbox
    ) -> None:
        sandbox.fault("reject", path="audience-segments/delete", times=1)
        grocer.shop.apply("--allow-removals", "loyal", code=None)
        grocer.shop.apply("--allow-removals", "loyal")
        assert grocer.members("Email") == hashes(1, 2, 3)


class TestAnotherRetailer:
    @pytest.fixture
    def sandbox(self) -> Iterator[Sandbox]:
        retailers = (Retailer("12", "Greenway Market"), Retailer("13", "Corner Store"))
        options = SandboxOptions(
            keep_identifiers=True, accounts=(RetailMediaAccount("555", "Larkspur Foods", retailers),)
        )
        with running(options) as server:
            yield server

    def test_it_is_a_re_create_too(self, grocer: Grocer, sandbox: Sandbox) -> None:
        grocer.activation()
        grocer.shop.apply()
        grocer.declare('retailer_id: "12"', 'retailer_id: "13"')
        change = grocer.plan(code=4)
        assert (change["intended"], change["reasons"]) == ("re-create", ["retailer changed from 12 to 13"])
        assert change["members"] == [
            {"identifier_type": "customer_id", "before": 3, "after": 3, "added": 3, "removed": 3, "unknown": 0}
        ]
        grocer.shop.apply("--allow-removals", "loyal")
        (segment,) = sandbox.segments()
        assert (segment.retailer_id, grocer.members()) == ("13", customers(1, 2, 3))
        assert grocer.plan()["action"] == "unchanged"

    def test_two_retailers_of_one_account_live_side_by_side(self, grocer: Grocer, sandbox: Sandbox) -> None:
        grocer.shop.write(
            "activations/corner.yaml", GROCER.replace("name: grocer", "name: corner").replace('"12"', '"13"')
        )
        grocer.activation()
        grocer.activation("other", destination="corner")
        grocer.shop.apply()
        assert {(segment.name, segment.retailer_id) for segment in sandbox.segments()} == {
            ("Loyal", "12"),
            ("Other", "13"),
        }
        assert {change["action"] for change in grocer.shop.plan().values()} == {"unchanged"}


def test_nobody_is_sent_whose_customer_id_is_blank(grocer: Grocer) -> None:
    grocer.shop.people([*mail(1), Person("@nobody.example")])
    grocer.activation()
    grocer.shop.apply()
    assert grocer.members() == customers(1)


@pytest.mark.slow
@pytest.mark.parametrize("applied", [True, False])
def test_who_is_erased_leaves_an_audience_of_one_type_whose_members_nobody_knows(grocer: Grocer, applied: bool) -> None:
    grocer.activation()
    grocer.shop.apply()
    known = grocer.only
    if not applied:
        shutil.rmtree(grocer.shop.folder / ".headcount")
        grocer.shop.run("import", "loyal", known)
    else:
        shutil.rmtree(grocer.shop.folder / ".headcount/members")
    grocer.shop.people(mail(2, 3))
    grocer.shop.write("erase.csv", "email,customer_id\nperson-1@shop.example,person-1\n")
    done = grocer.shop.run("forget", "erase.csv", "--yes", code=1 if applied else 0)
    assert "what it holds is not known" in done.out
    assert ("is missing" in done.out) == applied  # the files, which nobody can write again
    assert grocer.members() == customers(2, 3)


@pytest.mark.slow
def test_whom_a_suppression_names_leaves_an_audience_of_one_type_whose_members_nobody_knows(grocer: Grocer) -> None:
    grocer.activation()
    grocer.shop.apply()
    known = grocer.only
    shutil.rmtree(grocer.shop.folder / ".headcount")
    grocer.shop.run("import", "loyal", known)
    grocer.shop.write(
        "activations/never.yaml",
        "kind: Suppression\nname: never\nmapping: {customer_id: customer, email: email}\n"
        "sql: select email, split_part(email, '@', 1) as customer from shop.people where email like 'person-1@%'\n",
    )
    # Its segment is broken, so that nothing but the suppression touches it.
    grocer.activation(sql="select customer from shop.people where nowhere")
    grocer.shop.apply(code=1)
    assert grocer.members() == customers(2, 3)
