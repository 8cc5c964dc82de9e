"""The runs to come, and from when on a schedule counts."""

from __future__ import annotations

from datetime import timedelta
from itertools import islice

import pytest

from runner.core.errors import UsageError
from runner.core.project import Schedule
from runner.core.records import LastRun, Latest, Outcome, Unfinished
from runner.core.selection import Selection
from runner.workflows.upcoming import done_until, timetable
from tests.builders import EMAIL, NOON, activation, applied, destination
from tests.fakes.world import World

GOOD = Latest(run=LastRun(NOON, Outcome.DONE, ""), good=LastRun(NOON, Outcome.DONE, ""))
HOUR = timedelta(hours=1)


def coming(world: World, many: int, select: Selection | None = None) -> list[tuple[str, float]]:
    """The next runs: which, and in how many hours."""
    slots = timetable(world.project, world.state, world.now, *([select] if select else []))
    return [(slot.activation, (slot.at - world.now) / HOUR) for slot in islice(slots, many)]


def test_a_schedule_counts_from_the_last_good_run() -> None:
    assert done_until((activation(),), (applied(activation()),), {"loyal": GOOD}, NOON) == {"loyal": NOON}


@pytest.mark.parametrize(
    "left", [{"refill": True}, {"unfinished": Unfinished(2, 1, 1)}, {"unknown": {EMAIL: 1}}], ids=lambda one: str(one)
)
def test_where_work_was_left_it_is_due_at_once(left: dict[str, object]) -> None:
    assert done_until((activation(),), (applied(activation(), **left),), {"loyal": GOOD}, NOON) == {}


def test_identifiers_in_doubt_are_due_when_they_can_be_settled_and_not_at_once() -> None:
    held = applied(activation(), unknown={EMAIL: 1}, doubt_at=NOON)
    for minutes, due in ((0, False), (4, False), (5, True)):
        counted = done_until((activation(),), (held,), {"loyal": GOOD}, NOON + timedelta(minutes=minutes))
        assert (counted == {}) is due, minutes


def test_what_was_left_in_an_account_that_an_activation_moved_away_from_is_no_work_of_its_own() -> None:
    here, there = activation(), activation(destination=destination("there", "67890"))
    both = applied(here, unknown={EMAIL: 1}), applied(there, "2", 2)
    assert done_until((there,), both, {"loyal": GOOD}, NOON) == {"loyal": NOON}
    assert done_until((here,), both, {"loyal": GOOD}, NOON) == {}


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.INTERRUPTED])
def test_after_a_run_that_did_not_go_well_it_is_due_at_once(outcome: Outcome) -> None:
    bad = Latest(run=LastRun(NOON + HOUR, outcome, ""), good=GOOD.good)
    assert done_until((activation(),), (applied(activation()),), {"loyal": bad}, NOON) == {}


def test_runs_of_several_come_in_the_order_of_their_times(world: World) -> None:
    world.declare("often", schedule=Schedule(every=3600))
    world.declare("rarely", schedule=Schedule(every=2 * 3600))
    world.declare("by-hand")
    world.apply()
    assert coming(world, 4) == [("often", 1), ("often", 2), ("rarely", 2), ("often", 3)]


def test_what_is_overdue_comes_now(world: World) -> None:
    world.declare("often", schedule=Schedule(every=3600))
    world.apply()
    world.now += 5 * HOUR
    assert coming(world, 2) == [("often", 0), ("often", 1)]


def test_only_what_is_selected_comes(world: World) -> None:
    world.declare("a", schedule=Schedule(every=3600))
    world.declare("b", schedule=Schedule(every=3600))
    world.apply()
    assert coming(world, 1, Selection(("b",))) == [("b", 1)]
    with pytest.raises(UsageError):
        coming(world, 1, Selection(("c",)))
