"""Declared against applied against live."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from runner.core.records import AccountRef, Action
from runner.planning.lost_creates import CLOCK_TOLERANCE
from runner.planning.plan import FieldChange
from tests.builders import EMAIL, MADID, NOON, activation, applied, compare, definition, destination, live


def test_an_activation_without_an_audience_is_created() -> None:
    (change,) = compare((activation(),))
    assert (change.intended, change.reasons) == (Action.CREATE, ("new",))


def test_an_audience_as_declared_is_unchanged() -> None:
    loyal = activation()
    (change,) = compare((loyal,), (applied(loyal),), (live(),))
    assert (change.intended, change.redefined, change.audience_id) == (Action.UNCHANGED, False, "1")


def test_an_audience_that_is_gone_is_made_anew() -> None:
    loyal = activation()
    (change,) = compare((loyal,), (applied(loyal),), ())
    assert (change.intended, change.reasons) == (Action.RECREATE, ("gone in Criteo",))


def test_an_audience_that_can_hold_no_members_is_not_the_one_that_was_made() -> None:
    loyal = activation()
    (change,) = compare((loyal,), (applied(loyal),), (live(name="Other", other_kind="InMarket"),))
    assert (change.intended, change.reasons) == (Action.RECREATE, ("gone in Criteo",))


def test_a_foreign_audience_of_that_name_is_a_conflict_that_names_the_way_out() -> None:
    (change,) = compare((activation(),), (), (live("77"),))
    assert change.intended is Action.CONFLICT
    assert "headcount import loyal 77" in change.hint


def test_a_new_name_in_the_files_is_an_update() -> None:
    loyal = activation()
    record = applied(loyal, definition=definition(loyal, name="Old"))
    (change,) = compare((loyal,), (record,), (live(name="Old"),))
    assert (change.intended, change.reasons) == (Action.UPDATE, ("name changed",))
    assert change.fields == (FieldChange("name", "Old", "Loyal", drift=False),)


def test_a_new_name_in_criteo_is_drift() -> None:
    loyal = activation()
    (change,) = compare((loyal,), (applied(loyal),), (live(name="By hand", description="By hand"),))
    assert change.reasons == ("renamed in Criteo", "description changed in Criteo")
    assert all(part.drift for part in change.fields)


@pytest.mark.parametrize(
    ("before", "reason"),
    [
        ({"sql": "0" * 64}, "SQL changed"),
        ({"mapping": {"email": "mail"}}, "mapping changed"),
        ({"protect": True}, "no longer protected"),
        ({"options": {"gum_caller_id": 7}}, "gum_caller_id changed"),
    ],
)
def test_a_redefinition_says_what_changed(before: dict[str, object], reason: str) -> None:
    loyal = activation()
    (change,) = compare((loyal,), (applied(loyal, definition=definition(loyal, **before)),), (live(),))
    assert (change.redefined, change.reasons) == (True, (reason,))


def test_an_imported_audience_is_refilled() -> None:
    loyal = activation()
    (change,) = compare((loyal,), (applied(loyal, definition=None, refill=True),), (live(),))
    assert change.refill
    assert change.reasons == ("imported: it is cleared and refilled",)


def test_a_read_only_list_fails() -> None:
    loyal = activation()
    (change,) = compare((loyal,), (applied(loyal),), (live(read_only=True),))
    assert change.intended is Action.FAILED


class TestLostCreate:
    """The answer to a create never came: is the audience there, and is it ours?"""

    def test_an_audience_of_that_name_since_the_intent_is_ours(self) -> None:
        loyal = activation()
        intent = applied(loyal, audience_id=None, applied_at=None)
        (change,) = compare((loyal,), (intent,), (live("9"),))
        assert (change.intended, change.audience_id) == (Action.UNCHANGED, "9")

    def test_an_older_audience_of_that_name_is_not_ours(self) -> None:
        loyal = activation()
        intent = applied(loyal, audience_id=None, applied_at=None)
        (change,) = compare((loyal,), (intent,), (live("9", created_at=NOON - CLOCK_TOLERANCE - timedelta(seconds=1)),))
        assert change.intended is Action.CONFLICT

    def test_one_that_is_older_by_no_more_than_clocks_differ_is_ours(self) -> None:
        loyal = activation()
        intent = applied(loyal, audience_id=None, applied_at=None)
        (change,) = compare((loyal,), (intent,), (live("9", created_at=NOON - CLOCK_TOLERANCE),))
        assert (change.intended, change.audience_id) == (Action.UNCHANGED, "9")

    def test_without_any_audience_it_is_created_after_all(self) -> None:
        loyal = activation()
        (change,) = compare((loyal,), (applied(loyal, audience_id=None),), ())
        assert (change.intended, change.reasons) == (Action.CREATE, ("its creation was interrupted",))

    def test_an_audience_that_another_record_owns_is_not_taken(self) -> None:
        loyal, lapsed = activation("loyal"), activation("lapsed", name="Other")
        records = (applied(lapsed, "9"), applied(loyal, audience_id=None, record_id=2))
        changes = {change.id: change for change in compare((lapsed, loyal), records, (live("9", name="Loyal"),))}
        assert changes["loyal"].audience_id is None


class TestNames:
    def test_two_activations_can_swap_names(self) -> None:
        a, b = activation("a", name="B"), activation("b", name="A")
        records = (
            applied(a, "1", definition=definition(a, name="A")),
            applied(b, "2", record_id=2, definition=definition(b, name="B")),
        )
        changes = compare((a, b), records, (live("1", "A"), live("2", "B")))
        assert [change.intended for change in changes] == [Action.UPDATE, Action.UPDATE]

    def test_a_name_that_an_unselected_activation_keeps_is_a_conflict(self) -> None:
        a, b = activation("a", name="B"), activation("b", name="A")
        records = (
            applied(a, "1", definition=definition(a, name="A")),
            applied(b, "2", record_id=2, definition=definition(b, name="B")),
        )
        (change,) = compare((a, b), records, (live("1", "A"), live("2", "B")), selected=(a,))
        assert change.intended is Action.CONFLICT
        assert "apply both together" in change.hint

    def test_a_pruned_orphan_gives_up_its_name(self) -> None:
        old, new = activation("old", name="Loyal"), activation("new", name="Loyal")
        new_change, orphan = compare((new,), (applied(old),), (live(),), prune=True)
        assert (new_change.intended, orphan.intended) == (Action.CREATE, Action.DELETE)

    def test_an_orphan_that_stays_keeps_its_name(self) -> None:
        old, new = activation("old", name="Loyal"), activation("new", name="Loyal")
        new_change, orphan = compare((new,), (applied(old),), (live(),))
        assert (new_change.intended, orphan.intended) == (Action.CONFLICT, Action.ORPHANED)


class TestOrphans:
    def test_what_is_no_longer_declared_is_reported_and_only_pruned_when_asked(self) -> None:
        record = applied(activation("gone"))
        (kept,) = compare((), (record,), (live(),))
        (deleted,) = compare((), (record,), (live(),), prune=True)
        assert (kept.intended, kept.reasons) == (Action.ORPHANED, ("no longer declared",))
        assert deleted.intended is Action.DELETE

    def test_a_moved_activation_is_a_create_there_and_an_orphan_here(self) -> None:
        before = activation()
        after = replace(before, destination=destination("elsewhere", "67890"))
        there, here = compare((after,), (applied(before),), (live(),), others={AccountRef("criteo", "67890"): ()})
        assert (there.intended, there.reasons) == (Action.CREATE, ("moved here from account 12345",))
        assert (here.intended, here.reasons) == (Action.ORPHANED, ("moved to another account",))

    def test_an_unanswered_intent_without_an_audience_leaves_nothing_to_report(self) -> None:
        assert compare((), (applied(activation(), audience_id=None),), ()) == ()


def test_gum_caller_id_counts_only_where_gum_ids_are_mapped() -> None:
    with_caller = activation(destination=destination(gum_caller_id=7), mapping={MADID: "idfa"})
    assert definition(with_caller).options == {}


class TestWhatIsFixedWhenAnAudienceIsMade:
    """Where a destination fixes something, declaring it otherwise means another audience."""

    def test_another_identifier_type_is_a_re_create_that_replaces(self) -> None:
        loyal = activation()
        record = applied(loyal, definition=definition(loyal, mapping={"mobile_ad_id": "idfa"}))
        (change,) = compare((loyal,), (record,), (live(identifier_type=MADID),))
        assert (change.intended, change.replaces, change.audience_id) == (Action.RECREATE, True, "1")
        assert change.reasons == ("identifier type changed from mobile_ad_id to email",)

    def test_another_column_of_the_same_type_is_not(self) -> None:
        loyal = activation(mapping={EMAIL: "mail"})
        record = applied(loyal, definition=definition(loyal, mapping={"email": "email"}))
        (change,) = compare((loyal,), (record,), (live(identifier_type=EMAIL),))
        assert (change.intended, change.reasons) == (Action.UNCHANGED, ("mapping changed",))

    def test_what_was_applied_tells_when_the_destination_does_not(self) -> None:
        loyal = activation(destination=destination(type="criteo-retail-media"))
        record = applied(loyal, definition=definition(loyal, mapping={"customer_id": "id"}))
        (change,) = compare((loyal,), (record,), (live(),))
        assert change.reasons == ("identifier type changed from customer_id to email",)

    def test_where_a_list_takes_every_type_nothing_is_fixed(self) -> None:
        loyal = activation()
        record = applied(loyal, definition=definition(loyal, mapping={"mobile_ad_id": "idfa"}))
        (change,) = compare((loyal,), (record,), (live(),))
        assert (change.intended, change.reasons) == (Action.UNCHANGED, ("mapping changed",))

    def test_another_retailer_is_a_re_create_that_replaces(self) -> None:
        loyal = activation(destination=destination(type="criteo-retail-media", retailer_id="13"))
        (change,) = compare((loyal,), (applied(loyal),), (live(made_for={"retailer_id": "12"}),))
        assert (change.replaces, change.reasons) == (True, ("retailer changed from 12 to 13",))

    @pytest.mark.parametrize(("declared", "shown"), [("12", "12"), ("12", None), (None, "12")])
    def test_a_retailer_that_is_the_same_or_not_known_changes_nothing(
        self, declared: str | None, shown: str | None
    ) -> None:
        options = {"retailer_id": declared} if declared else {}
        loyal = activation(destination=destination(type="criteo-retail-media", **options))
        audience = live(made_for={"retailer_id": shown} if shown else {})
        (change,) = compare((loyal,), (applied(loyal),), (audience,))
        assert change.intended is Action.UNCHANGED

    def test_an_audience_found_again_after_a_change_of_mind_is_replaced(self) -> None:
        loyal = activation()
        intent = applied(loyal, audience_id=None, applied_at=None)
        (change,) = compare((loyal,), (intent,), (live("9", identifier_type=MADID),))
        assert (change.replaces, change.audience_id) == (True, "9")

    def test_a_name_that_another_keeps_is_a_conflict_all_the_same(self) -> None:
        loyal = activation(name="Taken")
        (change,) = compare((loyal,), (applied(loyal),), (live(identifier_type=MADID), live("8", "Taken")))
        assert change.intended is Action.CONFLICT

    def test_one_made_anew_because_it_is_gone_replaces_nothing(self) -> None:
        loyal = activation()
        (change,) = compare((loyal,), (applied(loyal),), ())
        assert not change.replaces
