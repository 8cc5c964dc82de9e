"""What a plan's id covers, and what makes a reviewed plan stale."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from runner.core.membership import TypeDelta
from runner.core.records import Action
from runner.planning.approval import held_to
from runner.planning.plan import Options, Plan, PlannedChange
from runner.planning.staleness import AnnouncedChange, Deviation, ReviewedPlan, StalePlan, all_views, deviations, id_of
from runner.reports.plan_text import SHOWN_DEVIATIONS, stale_lines
from tests.builders import (
    EMAIL,
    NOON,
    activation,
    applied,
    change,
    delta,
    destination,
    evaluation,
    live,
    measured,
    plan,
)

LOYAL = activation()
SYNC = change(intended=Action.SYNC, applied=applied(LOYAL), live=live(), audience_id="1", evaluation=evaluation())


def reviewed(made: Plan) -> ReviewedPlan:
    said = {part.key: AnnouncedChange(part.action, part.refill, part.delta) for part in made.changes}
    return ReviewedPlan(id_of(made), made.options, all_views(made.changes), said)


def stale(before: PlannedChange, now: PlannedChange) -> list[str]:
    return [part.what for part in deviations(reviewed(plan(before)), plan(now))]


def test_the_id_is_of_definitions_and_neither_of_members_nor_of_what_they_lead_to() -> None:
    moved = replace(
        SYNC, intended=Action.UNCHANGED, measured=measured(parts=delta(email=TypeDelta(5, 5, 0, 0))), reasons=("x",)
    )
    assert id_of(plan(SYNC)) == id_of(plan(moved))
    assert id_of(Plan.of([SYNC], NOON, NOON.date())) != id_of(Plan.of([SYNC], NOON, NOON.date(), Options(prune=True)))


@pytest.mark.parametrize(
    "changes",
    [
        {"activation": activation(destination=destination("other"))},
        {"activation": activation(destination=destination(gum_caller_id=7))},
        {"activation": activation(destination=destination(type="criteo-retail-media", retailer_id="12"))},
        {"applied": applied(LOYAL, refill=True)},
        {"applied": applied(LOYAL, audience_id=None)},
        {"applied": applied(LOYAL, definition=None)},
        {"live": live(description="changed")},
        {"live": None},
        {"holder": live("9")},
    ],
)
def test_the_id_covers_every_look_at_a_definition(changes: dict[str, Any]) -> None:
    assert id_of(plan(SYNC)) != id_of(plan(replace(SYNC, **changes)))


def test_other_options_are_told() -> None:
    now = Plan.of([SYNC], NOON, NOON.date(), Options(select=("l*",)))
    [found] = deviations(reviewed(plan(SYNC)), now)
    assert found == Deviation("options", "select", "()", "('l*',)")


def test_an_account_that_cannot_be_read_now_is_a_failure_and_not_stale() -> None:
    failed = replace(SYNC, intended=Action.FAILED, applied=None, live=None, audience_id=None)
    assert stale(SYNC, failed) == []


def test_an_account_that_could_not_be_read_then_is_stale_once_it_can() -> None:
    failed = replace(SYNC, intended=Action.FAILED, applied=None, live=None, audience_id=None)
    assert stale(failed, SYNC) == ["applied", "live"]


def test_a_refill_that_nobody_announced_is_stale() -> None:
    assert stale(SYNC, replace(SYNC, applied=applied(LOYAL, refill=True), refill=True)) == ["applied content"]


def test_what_a_create_that_was_cut_off_has_made_is_no_difference() -> None:
    new = replace(SYNC, intended=Action.CREATE, applied=None, live=None, audience_id=None)
    unanswered = replace(new, applied=applied(LOYAL, audience_id=None))
    assert stale(new, unanswered) == []
    assert stale(new, SYNC) == []
    assert stale(new, replace(SYNC, applied=None)) != []
    assert stale(new, replace(SYNC, live=live(name="Another"))) != []


def test_a_reviewed_plan_holds_what_was_in_conflict() -> None:
    before = replace(SYNC, intended=Action.CONFLICT)
    [held] = held_to(plan(SYNC), reviewed(plan(before))).changes
    assert (held.action, [block.guardrail for block in held.blocks]) == (Action.BLOCKED, ["reviewed_plan"])


def test_a_cleared_audience_is_judged_by_how_much_smaller_it_would_be() -> None:
    def refilled(people: int) -> PlannedChange:
        part = TypeDelta(0, people, people, 0)
        return replace(SYNC, refill=True, applied=applied(LOYAL, refill=True), measured=measured(parts={EMAIL: part}))

    said = reviewed(plan(refilled(1_000)))
    assert held_to(plan(refilled(700)), said).changes[0].action is Action.SYNC
    [message] = [block.message for block in held_to(plan(refilled(699)), said).changes[0].blocks]
    assert message == "301 email more would be removed than the reviewed plan announced (30.1% of 1,000), more than 30%"


def test_very_many_differences_are_counted_and_not_listed() -> None:
    many = tuple(Deviation(f"a{n}", "declared sql", "f" * 64, "e" * 64) for n in range(SHOWN_DEVIATIONS + 3))
    lines = list(stale_lines(StalePlan("0" * 16, many)))
    assert lines[0] == "a0: the SQL in the files is not what it was when the plan was made"
    assert lines[-1] == "and 3 more"
