"""The life of an audience in the state."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from runner.core.membership import MembershipFiles
from runner.core.records import AppliedAudience
from runner.state.db.tables.audiences import FORGOTTEN

from .conftest import AT, DEFINITION, EMAIL, EVERYWHERE, LATER, begin_delta, end_delta, files, intend, send

pytestmark = EVERYWHERE


def only(state) -> AppliedAudience:
    (audience,) = state.audiences()
    return audience


def test_an_intent_is_remembered_with_its_definition_and_time_and_no_audience_id(state):
    with state.lock("headcount apply"):
        key = intend(state)
    assert only(state) == AppliedAudience(
        record_id=key,
        activation="loyal",
        destination="criteo-fr",
        kind="criteo",
        account_id="12345",
        audience_id=None,
        definition=DEFINITION,
        intended_at=AT,
        filling=True,
    )
    assert state.held(key) == MembershipFiles()


def test_a_created_audience_has_the_id_that_the_destination_gave_it(state):
    with state.lock("headcount apply"):
        key = intend(state)
        state.created(key, "987")
        state.created(key, "987")
        assert only(state).audience_id == "987"
        with pytest.raises(RuntimeError):
            state.created(key, "988")
    assert only(state).audience_id == "987"


def test_a_create_that_is_given_up_makes_way_for_another_and_is_not_forgotten(state):
    with state.lock("headcount apply"):
        first = intend(state)
        state.give_up(first, LATER)
        second = intend(state)
        state.created(second, "987")
        state.give_up(intend(state, "lapsed"), LATER)
        with pytest.raises(RuntimeError):
            intend(state)
        for key in (first, second):
            with pytest.raises(RuntimeError):
                state.give_up(key, LATER)
    assert only(state).record_id == second
    assert [(one.activation, one.record_id, one.given_up_at) for one in state.given_up()] == [
        ("lapsed", 3, LATER),
        ("loyal", first, LATER),
    ]
    with state.lock("headcount apply"):
        state.forget(first)
    assert [one.activation for one in state.given_up()] == ["lapsed"]


def test_a_create_that_was_given_up_long_ago_is_forgotten_with_the_next(state):
    with state.lock("headcount apply"):
        state.give_up(intend(state), AT)
        state.give_up(intend(state), AT + FORGOTTEN)
        assert len(state.given_up()) == 2
        state.give_up(intend(state), AT + FORGOTTEN + timedelta(seconds=1))
    assert [one.record_id for one in state.given_up()] == [2, 3]


def test_an_imported_audience_has_no_definition_and_must_be_refilled(state):
    with state.lock("headcount import"):
        key = state.imported("loyal", "criteo-fr", "criteo", "12345", "555", LATER)
    audience = only(state)
    assert (audience.record_id, audience.audience_id, audience.definition) == (key, "555", None)
    assert (audience.refill, audience.intended_at, audience.applied_at) == (True, LATER, None)
    assert state.held(key) == MembershipFiles()


def test_a_definition_replaces_the_one_before_and_says_when(state):
    other = replace(DEFINITION, name='Nouveaux "fidèles" ☕', options={}, protect=False, mapping={})
    with state.lock("headcount apply"):
        key = intend(state)
        state.define(key, other, "criteo-be", LATER)
    audience = only(state)
    assert audience.definition == other
    assert (audience.destination, audience.applied_at, audience.intended_at) == ("criteo-be", LATER, AT)


def test_times_come_back_in_utc_and_a_time_without_a_zone_is_refused(state):
    paris = timezone(timedelta(hours=1))
    with state.lock("headcount apply"):
        key = intend(state)
        state.define(key, DEFINITION, "criteo-fr", datetime(2026, 11, 24, 8, 0, tzinfo=paris))
        assert only(state).applied_at == LATER
        assert only(state).applied_at.utcoffset() == timedelta(0)
        with pytest.raises(ValueError, match="zone"):
            state.define(key, DEFINITION, "criteo-fr", datetime(2026, 11, 24, 8, 0))


def test_audiences_come_in_the_order_of_activation_ids_orphans_in_other_accounts_included(state):
    with state.lock("headcount apply"):
        for activation, account in (("new", "2"), ("loyal", "2"), ("loyal", "1"), ("big", "9")):
            intend(state, activation, account)
    found = [(audience.activation, audience.account_id) for audience in state.audiences()]
    assert found == [("big", "9"), ("loyal", "1"), ("loyal", "2"), ("new", "2")]


def test_an_activation_has_one_audience_per_account(state):
    with state.lock("headcount apply"):
        intend(state)
        with pytest.raises(RuntimeError, match="already"):
            intend(state)
        with pytest.raises(RuntimeError, match="already"):
            state.imported("loyal", "criteo-fr", "criteo", "12345", "555", AT)
    assert len(state.audiences()) == 1


def test_an_audience_to_be_refilled_is_held_as_empty_and_keeps_what_is_known_of_it(state):
    with state.lock("headcount sync"):
        key = intend(state)
        begin_delta(state, key)
        end_delta(state, key)
        begin_delta(state, key)
        send(state, key, 0)
        state.require_refill(key)
        assert state.held(key) == MembershipFiles()
        assert only(state).refill
        assert only(state).members == {EMAIL: 3}
        assert only(state).unfinished is not None


def test_a_refill_that_is_required_outlives_the_settling_of_the_delta(state):
    with state.lock("headcount sync"):
        key = intend(state)
        begin_delta(state, key)
        state.require_refill(key)
        end_delta(state, key, 0)
    assert only(state).refill
    assert only(state).unfinished is None
    assert state.held(key) == MembershipFiles()


def test_a_cleared_audience_holds_nothing_whatever_was_open_and_is_trusted_again(state):
    with state.lock("headcount apply"):
        key = intend(state)
        begin_delta(state, key)
        send(state, key, 0, invalid=2)
        end_delta(state, key)
        outbox = begin_delta(state, key)
        send(state, key, 0, invalid=1)
        state.mark_in_flight(key, 1)
        state.require_refill(key)
        before = only(state)
        state.cleared(key)
        after = only(state)
    assert after == replace(
        before, serial=after.serial, members={}, unknown={}, refill=False, invalid=0, unfinished=None
    )
    assert after.serial > before.serial
    assert state.held(key) == MembershipFiles()
    assert not outbox.exists()


def test_an_audience_that_was_cleared_can_be_filled_anew(state):
    with state.lock("headcount apply"):
        key = state.imported("loyal", "criteo-fr", "criteo", "12345", "555", AT)
        state.cleared(key)
        begin_delta(state, key)
        members = end_delta(state, key)
        assert state.held(key) == MembershipFiles(members=members)
    assert only(state).members == {EMAIL: 3}


def test_a_forgotten_audience_leaves_neither_record_nor_file_and_its_key_is_not_used_again(state):
    with state.lock("headcount apply"):
        key = intend(state)
        begin_delta(state, key)
        end_delta(state, key)
        begin_delta(state, key)
        state.forget(key)
        assert state.audiences() == ()
        assert not {path for path in files(state.backing.folder.path) if path.endswith(".parquet")}
        assert intend(state) > key


def test_forgetting_one_audience_leaves_the_other_of_the_same_activation_whole(state):
    with state.lock("headcount apply"):
        orphan, new = intend(state, account="1"), intend(state, account="2")
        for key in (orphan, new):
            begin_delta(state, key)
            end_delta(state, key)
        state.forget(orphan)
        assert state.held(new).members.exists()
        assert only(state).record_id == new


@pytest.mark.parametrize(
    "change",
    [
        lambda state: intend(state),
        lambda state: state.created(1, "9"),
        lambda state: state.imported("a", "d", "criteo", "1", "9", AT),
        lambda state: state.define(1, DEFINITION, "d", AT),
        lambda state: state.require_refill(1),
        lambda state: state.cleared(1),
        lambda state: state.forget(1),
        lambda state: begin_delta(state, 1),
        lambda state: state.mark_in_flight(1, 0),
        lambda state: end_delta(state, 1),
        lambda state: state.begin_run("apply", AT),
        lambda state: state.end_run(1, AT),
    ],
)
def test_nothing_is_changed_outside_the_lock(state, change):
    with pytest.raises(RuntimeError, match="lock is held"):
        change(state)
    with state.lock("headcount apply"):
        intend(state, "other")
    with pytest.raises(RuntimeError, match="lock is held"):
        change(state)


@pytest.mark.parametrize(
    "change",
    [
        lambda state: state.created(7, "9"),
        lambda state: state.define(7, DEFINITION, "d", AT),
        lambda state: state.require_refill(7),
        lambda state: state.cleared(7),
        lambda state: state.forget(7),
        lambda state: begin_delta(state, 7),
        lambda state: end_delta(state, 7),
        lambda state: state.mark_in_flight(7, 0),
    ],
)
def test_a_key_that_no_audience_has_is_a_programming_error(state, change):
    with state.lock("headcount apply"):
        intend(state)
        with pytest.raises(RuntimeError):
            change(state)


def test_one_audience_is_read_by_its_key(state):
    with state.lock("headcount apply"):
        first, second = intend(state), intend(state, "other")
    assert [state.audience(key) for key in (first, second)] == list(state.audiences())
    with pytest.raises(RuntimeError):
        state.audience(second + 1)
