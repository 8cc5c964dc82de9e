"""Files -> plan -> apply -> Criteo, through the command line and over HTTP."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from runner.destinations.criteo.connect import connect
from runner.state.db import checksums
from tests.builders import SANDBOX, destination
from tests.end_to_end.shop import Person, Shop, hashes, mail, sha
from tests.sandbox_client import Sandbox

IDFA = "6D92078A-8246-4BA4-AE5B-76104861E7DC"


def only_segment(sandbox: Sandbox) -> str:
    (segment,) = sandbox.segments()
    return segment.id


def test_plan_shows_what_apply_then_does(shop: Shop, sandbox: Sandbox) -> None:
    shop.activation("loyal", description="Ten baskets", name="Loyal")
    change = shop.plan()["loyal"]
    assert (change["action"], change["members"][0]["added"]) == ("create", 3)
    assert sandbox.segments() == ()
    assert not (shop.folder / ".headcount").exists()

    shop.apply()

    (segment,) = sandbox.segments()
    assert (segment.name, segment.description, segment.advertiser_id) == ("Loyal", "Ten baskets", "12345")
    assert sandbox.members(segment.id, "email") == hashes(1, 2, 3)


def test_whoever_enters_is_added_and_whoever_leaves_is_removed_and_nobody_else_is_sent(
    shop: Shop, sandbox: Sandbox
) -> None:
    shop.activation()
    shop.apply()
    sandbox.forget_calls()
    shop.people(mail(2, 3, 4, 5))
    (members,) = shop.plan()["loyal"]["members"]
    assert (members["before"], members["after"], members["added"], members["removed"]) == (3, 4, 2, 1)

    shop.apply()

    sent = sandbox.calls("/contact-list", identifiers=True)
    assert [(call.operation, set(call.identifiers)) for call in sent] == [
        ("remove", hashes(1)),
        ("add", hashes(4, 5)),
    ]
    assert sandbox.members(only_segment(sandbox), "email") == hashes(2, 3, 4, 5)


def test_applying_again_sends_nothing_and_changes_nothing(shop: Shop, sandbox: Sandbox) -> None:
    shop.activation()
    shop.apply()
    sandbox.forget_calls()
    members = {path: path.read_bytes() for path in shop.state_files() if path.suffix == ".parquet"}
    assert "Nothing to do" in shop.apply().out
    assert [call.path for call in sandbox.calls("contact-list")] == []
    assert members == {path: path.read_bytes() for path in shop.state_files() if path.suffix == ".parquet"}


def test_the_same_people_in_clear_and_hashed_are_the_same_membership(shop: Shop) -> None:
    shop.activation()
    shop.apply()
    shop.people([Person(sha("person-1@shop.example").upper()), Person(" PERSON-2@shop.example\t"), *mail(3)])
    assert shop.plan()["loyal"]["action"] == "unchanged"


def test_two_identifier_types_are_two_memberships_of_one_audience(shop: Shop, sandbox: Sandbox) -> None:
    shop.people([Person("a@shop.example", IDFA), Person("", IDFA.lower()), Person("b@shop.example", "nonsense")])
    shop.activation(mapping={"mobile_ad_id": "idfa"})
    change = shop.plan()["loyal"]
    assert {part["identifier_type"]: part["added"] for part in change["members"]} == {"email": 2, "mobile_ad_id": 1}
    (rejected,) = change["segment"]["rejected"]
    assert (rejected["identifier_type"], rejected["count"]) == ("mobile_ad_id", 1)
    assert "nonsense" not in str(rejected)
    shop.apply()
    segment = only_segment(sandbox)
    assert sandbox.members(segment, "email") == {sha("a@shop.example"), sha("b@shop.example")}
    assert sandbox.members(segment, "madid") == {IDFA.lower()}


def test_a_shared_identifier_stays_while_anyone_has_it(shop: Shop, sandbox: Sandbox) -> None:
    shop.people([*mail(1, 1, 2)])
    shop.activation()
    shop.apply()
    shop.people([*mail(1, 2)])
    assert shop.plan()["loyal"]["action"] == "unchanged"


def test_batches_hold_no_more_than_the_destination_says(shop: Shop, sandbox: Sandbox) -> None:
    shop.write("activations/shop.yaml", (shop.folder / "activations/shop.yaml").read_text() + "batch_size: 2\n")
    shop.people(mail(*range(5)))
    shop.activation()
    shop.apply()
    sent = [len(call.identifiers) for call in sandbox.calls("/contact-list", identifiers=True)]
    assert sent == [2, 2, 1]
    assert sandbox.members(only_segment(sandbox), "email") == hashes(*range(5))


def test_one_activation_with_broken_sql_stops_no_other(shop: Shop, sandbox: Sandbox) -> None:
    shop.activation("good")
    shop.activation("bad", sql="select email from shop.people where email::int > 0")
    result = shop.apply(code=1)
    assert "x bad   failed" in result.out
    assert [segment.name for segment in sandbox.segments()] == ["Good"]
    assert "person-1" not in result.out + result.err


def test_only_what_is_selected_is_looked_at(shop: Shop, sandbox: Sandbox) -> None:
    for name in ("loyal-fr", "loyal-de", "lapsed-fr"):
        shop.activation(name)
    shop.apply("--select", "loyal-*")
    assert {segment.name for segment in sandbox.segments()} == {"Loyal-Fr", "Loyal-De"}


def test_the_history_of_a_mistyped_id_is_refused_with_the_nearest_one(shop: Shop) -> None:
    shop.activation("loyal")
    assert shop.run("history", "loyal").out == "No run of loyal yet.\n"
    told = shop.run("history", "loyall", code=64).err
    assert 'there is no activation "loyall"' in told
    assert 'did you mean "loyal"?' in told
    shop.apply()
    shop.run("history", "loyall", code=64)
    shop.remove("activations/loyal.yaml")
    assert "create" in shop.run("history", "loyal").out


def test_a_plan_says_update_where_the_definition_changed_and_sync_where_only_people_moved(shop: Shop) -> None:
    shop.activation("loyal")
    shop.apply()
    shop.people(mail(1, 2, 3, 4))
    assert "1 to sync" in shop.run("plan").out
    shop.activation("loyal", sql="select email from shop.people where kind = 'all'")
    told = shop.run("plan").out
    assert "~ loyal  update" in told
    assert "1 to update" in told
    assert shop.plan()["loyal"]["action"] == "update"
    assert "run `headcount apply`" in shop.run("sync", code=None).out


def test_status_and_history_tell_what_was_done(shop: Shop) -> None:
    shop.activation(schedule={"every": "6h"})
    assert shop.run("status", "--format", "json").json["activations"][0]["condition"] == "not applied"
    shop.apply()
    (row,) = shop.run("status", "--format", "json").json["activations"]
    assert (row["condition"], row["members"], row["last_outcome"], row["schedule"]) == (
        "applied", {"email": 3}, "done", "every 6h",
    )  # fmt: skip
    assert row["next_due"] > row["last_run"]
    (run,) = shop.run("history", "loyal", "--format", "json").json["runs"]
    assert (run["command"], run["activations"][0]["added"]) == ("apply", 3)
    assert "loyal" in shop.run("status", "--all").out
    assert "loyal" in shop.run("history").out


def test_plan_as_markdown_is_a_comment(shop: Shop) -> None:
    shop.activation()
    text = shop.run("plan", "--format", "markdown").out
    assert text.startswith("<!-- headcount:plan ")
    assert "| `+` | `loyal`<br>activations/loyal.yaml:1 | create |" in text


def test_detailed_exitcode_tells_that_there_is_something_to_do(shop: Shop) -> None:
    shop.activation()
    shop.run("plan", "--detailed-exitcode", code=2)
    shop.apply()
    shop.run("plan", "--detailed-exitcode", code=0)


class TestSync:
    def test_it_updates_members_of_what_is_applied(self, shop: Shop, sandbox: Sandbox) -> None:
        shop.activation()
        shop.apply()
        shop.people(mail(2, 3, 4))
        assert "~ loyal  sync  +1  -1" in shop.run("sync").out
        assert sandbox.members(only_segment(sandbox), "email") == hashes(2, 3, 4)

    def test_it_never_ships_a_definition(self, shop: Shop, sandbox: Sandbox) -> None:
        shop.activation("applied")
        shop.activation("renamed")
        shop.activation("redefined")
        shop.apply()
        shop.activation("new")
        shop.activation("renamed", name="Another name")
        shop.activation("redefined", sql="select email from shop.people where email like '%1%'")
        out = shop.run("sync", code=7).out
        for skipped in ("new", "renamed", "redefined"):
            assert f"? {skipped}  skipped" in out
        assert {segment.name for segment in sandbox.segments()} == {"Applied", "Renamed", "Redefined"}
        shop.apply()
        assert "skipped" not in shop.run("sync").out

    def test_it_leaves_a_hand_made_name_alone(self, shop: Shop, sandbox: Sandbox) -> None:
        shop.activation()
        shop.apply()
        sandbox.change_segment(only_segment(sandbox), name="By hand")
        shop.run("sync")
        assert sandbox.segments()[0].name == "By hand"

    def test_it_skips_what_is_gone(self, shop: Shop, sandbox: Sandbox) -> None:
        shop.activation()
        shop.apply()
        sandbox.delete_segment(only_segment(sandbox))
        assert "gone in Criteo" in shop.run("sync", code=7).out
        assert sandbox.segments() == ()

    def test_rebuild_clears_and_refills(self, shop: Shop, sandbox: Sandbox) -> None:
        shop.activation()
        shop.apply()
        sandbox.forget_calls()
        shop.run("sync", "--rebuild", "loyal")
        methods = [(call.method, call.operation) for call in sandbox.calls("contact-list")]
        assert methods == [("DELETE", None), ("PATCH", "add")]
        assert sandbox.members(only_segment(sandbox), "email") == hashes(1, 2, 3)


class TestSuspectedDrift:
    def emptied_behind_our_back(self, shop: Shop, sandbox: Sandbox) -> None:
        shop.activation()
        shop.apply()
        connection = connect(destination(credentials=SANDBOX), environ={"CRITEO_API_URL": sandbox.url})
        connection.clear(only_segment(sandbox))
        connection.close()

    def days_later(self, shop: Shop) -> None:
        with closing(sqlite3.connect(shop.folder / ".headcount" / "state.db")) as database, database:
            checksums.register(database)
            database.execute("update run set started_at = '2020-01-01T00:00:00+00:00'")

    def test_a_count_far_off_names_the_command_that_rebuilds(self, shop: Shop, sandbox: Sandbox) -> None:
        self.emptied_behind_our_back(shop, sandbox)
        assert "suspected drift" not in shop.run("status", "--live").out
        self.days_later(shop)
        assert "headcount sync --rebuild loyal" in shop.run("status", "--live").out
        (row,) = shop.run("status", "--live", "--format", "json").json["activations"]
        assert (row["live_size"], row["suspected_drift"]) == (0, True)
        assert "Suspected drift: loyal." in shop.run("status", "--fail-drift", code=1).err
        diagnosed = shop.run("doctor", code=None).out
        assert "Criteo counts 0 identifiers" in diagnosed
        assert "headcount sync --rebuild loyal" in diagnosed
        shop.run("sync", "--rebuild", "loyal")
        assert sandbox.members(only_segment(sandbox), "email") == hashes(1, 2, 3)

    def test_status_makes_no_call_unless_asked(self, shop: Shop, sandbox: Sandbox) -> None:
        self.emptied_behind_our_back(shop, sandbox)
        sandbox.forget_calls()
        shop.run("status")
        assert sandbox.calls() == ()
