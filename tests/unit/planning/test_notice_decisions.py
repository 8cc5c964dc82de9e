"""One notice per change of state, for each receiver, whatever was delivered of those before."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta

import pytest

from runner.core.destination import Secret
from runner.core.notices import KeptNotice, NoticeKey, Observed, Turnover, Wording
from runner.core.project import Limit
from runner.core.receivers import NoticeCondition, Receiver, ReceiverFormat
from runner.planning.notice_decisions import NoticeChanges, decide
from tests.builders import HERE, NOON

FAILED, BLOCKED, STALE = NoticeCondition.FAILED, NoticeCondition.BLOCKED, NoticeCondition.STALE
EVERY = frozenset(NoticeCondition)
ON_CALL = Receiver("on-call", Secret("https://x"), ReceiverFormat.JSON, EVERY, True, None, HERE)
LATER = NOON + timedelta(hours=1)


def seen(*on: NoticeCondition, off: Collection[NoticeCondition] | None = None) -> Observed:
    known = EVERY - set(on) if off is None else frozenset(off)
    return Observed("loyal", "activation loyal", {one: Wording(str(one)) for one in on}, known)


def after(*observed: Observed, kept: Collection[KeptNotice] = (), receiver: Receiver = ON_CALL) -> NoticeChanges:
    return decide([receiver], [receiver.name], kept, observed, {}, LATER)


def row(condition: NoticeCondition = FAILED, *, delivered: bool = True) -> KeptNotice:
    [began] = decide([ON_CALL], ["on-call"], (), [seen(condition)], {}, NOON).put
    return replace(began, content=None, delivered_at=NOON) if delivered else began


def said(changes: NoticeChanges) -> list[tuple[str, str]]:
    return [(one.key.condition, one.content["status"]) for one in changes.put if one.content is not None]


def test_what_holds_is_said_once() -> None:
    assert said(after(seen(FAILED))) == [("failed", "began")]
    assert not after(seen(FAILED), kept=[row()])
    assert not after(seen(FAILED), kept=[row(delivered=False)])


def test_of_what_is_not_known_nothing_is_said() -> None:
    assert not after(seen(off=()), kept=[row()])
    assert not after(kept=[row()])


def test_what_is_over_is_said_once_with_when_it_began_and_ended() -> None:
    changes = after(seen(), kept=[row()])
    [over] = changes.put
    assert said(changes) == [("failed", "recovered")]
    assert over.content is not None
    assert (over.content["since"], over.content["until"]) == ("2026-11-24T12:00:00Z", "2026-11-24T13:00:00Z")
    assert not after(seen(), kept=[over])


def test_began_and_over_are_of_one_incident_and_have_ids_of_their_own() -> None:
    began = row(delivered=False)
    [over] = after(seen(), kept=[began]).put
    assert began.content is not None
    assert over.content is not None
    assert began.content["incident"] == over.content["incident"]
    assert began.content["id"] != over.content["id"]


def test_what_comes_back_before_its_end_was_delivered_is_as_the_receiver_knows_it() -> None:
    [over] = after(seen(), kept=[row()]).put
    [back] = after(seen(FAILED), kept=[over]).put
    assert back.content is None


def test_another_bad_end_takes_the_place_of_the_one_before() -> None:
    changes = after(seen(BLOCKED, off=()), kept=[row()])
    assert said(changes) == [("blocked", "began")]
    assert changes.dropped == (NoticeKey("on-call", "loyal", "failed"),)


def test_who_does_not_want_the_other_bad_end_is_not_notified_that_all_is_well() -> None:
    failures = replace(ON_CALL, when=frozenset({FAILED}))
    assert not after(seen(BLOCKED), kept=[row()], receiver=failures)
    assert said(after(seen(), kept=[row()], receiver=failures)) == [("failed", "recovered")]


def test_age_is_a_matter_of_its_own() -> None:
    assert said(after(seen(FAILED, STALE))) == [("failed", "began"), ("stale", "began")]
    assert said(after(seen(FAILED, off=[STALE]), kept=[row(STALE), row()])) == [("stale", "recovered")]


def test_who_does_not_want_to_know_that_it_is_over_gets_nothing_more() -> None:
    terse = replace(ON_CALL, recovered=False)
    changes = after(seen(), kept=[row()], receiver=terse)
    assert (changes.put, changes.dropped) == ((), (row().key,))
    assert said(after(seen(), kept=[row(delivered=False)], receiver=terse)) == [("failed", "recovered")]


def test_what_a_receiver_does_not_want_any_more_and_receivers_that_are_gone_are_forgotten() -> None:
    assert after(seen(FAILED), kept=[row()], receiver=replace(ON_CALL, when=frozenset())).dropped == (row().key,)
    assert after(kept=[row()], receiver=replace(ON_CALL, name="other")).dropped == (row().key,)


def test_a_receiver_that_cannot_be_reached_from_here_keeps_what_it_knows() -> None:
    assert not decide([], ["on-call"], [row()], [seen()], {}, LATER)


@pytest.mark.parametrize(
    ("limit", "turnover", "exceeded"),
    [
        (Limit(20, percent=True), Turnover(10, 10, 100), False),
        (Limit(20, percent=True), Turnover(10, 11, 100), True),
        (Limit(20, percent=False), Turnover(10, 11, 10**6), True),
        (Limit(0, percent=True), Turnover(0, 0, 100), False),
        (Limit(20, percent=True), Turnover(1000, 0, 0), False),
        (None, Turnover(100, 100, 100), False),
    ],
)
def test_turnover_is_judged_by_the_receivers_limit(limit: Limit | None, turnover: Turnover, exceeded: bool) -> None:
    receiver = replace(ON_CALL, max_turnover=limit)
    changes = after(replace(seen(), turnover=turnover), receiver=receiver)
    assert said(changes) == ([("turnover", "began")] if exceeded else [])
