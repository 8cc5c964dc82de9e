"""Which audience a create has made whose answer never came."""

from __future__ import annotations

from datetime import timedelta

import pytest

from runner.core.destination import LiveAudience
from runner.core.records import Action
from runner.planning.lost_creates import CLOCK_TOLERANCE, WAIT, claimed_by_another, found_again
from tests.builders import NOON, activation, applied, change, definition, live

LOYAL = activation()
INTENT = applied(LOYAL, audience_id=None, applied_at=None)


@pytest.mark.parametrize(
    ("audience", "ours"),
    [
        (live("9"), True),
        (live("9", name="Other"), False),
        (live("9", created_at=NOON - CLOCK_TOLERANCE), True),
        (live("9", created_at=NOON - CLOCK_TOLERANCE - timedelta(seconds=1)), False),
        (live("9", created_at=None), True),
        (live("9", other_kind="InMarket"), False),
    ],
)
def test_it_has_the_name_and_is_not_older_than_the_intent(audience: LiveAudience, ours: bool) -> None:
    assert (found_again(INTENT, [audience], [INTENT]) is audience) is ours


def test_it_is_no_other_records() -> None:
    other = applied(activation("other"), "9", record_id=2)
    assert found_again(INTENT, [live("9")], [INTENT, other]) is None


def test_an_audience_of_another_account_may_have_the_same_id() -> None:
    other = applied(activation("other"), "9", record_id=2, account_id="67890")
    assert found_again(INTENT, [live("9")], [INTENT, other]) is not None


def test_of_two_intents_the_later_one_made_what_is_younger_than_both() -> None:
    first = applied(LOYAL, audience_id=None, given_up_at=NOON + timedelta(hours=1))
    later = applied(activation("later"), None, 2, definition=definition(LOYAL), intended_at=NOON + timedelta(hours=2))
    early, late = live("8", created_at=NOON), live("9", created_at=NOON + timedelta(hours=2))
    assert found_again(first, [late, early], [first, later]) is early
    assert found_again(later, [early, late], [first, later]) is late


@pytest.mark.parametrize(("after", "ours"), [(WAIT, True), (WAIT + timedelta(seconds=1), False)])
def test_what_was_given_up_is_expected_for_a_day(after: timedelta, ours: bool) -> None:
    given_up = applied(LOYAL, audience_id=None, given_up_at=NOON)
    assert (found_again(given_up, [live("9", created_at=NOON + after)], [given_up]) is not None) is ours


def test_what_was_given_up_is_not_recognised_without_a_date() -> None:
    given_up = applied(LOYAL, audience_id=None, given_up_at=NOON)
    assert found_again(given_up, [live("9", created_at=None)], [given_up]) is None


def test_one_with_members_is_somebody_elses_and_can_be_taken_over() -> None:
    judged = claimed_by_another(change(intended=Action.UNCHANGED, audience_id="9"), "9", 1_200)
    assert (judged.intended, "1,200 identifiers" in judged.error) == (Action.CONFLICT, True)
    assert "headcount import loyal 9" in judged.hint


def test_one_with_members_is_not_deleted_for_an_orphan() -> None:
    judged = claimed_by_another(change(intended=Action.DELETE, audience_id="9", activation=None), "9", 1)
    assert judged.intended is Action.FAILED
