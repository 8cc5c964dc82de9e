"""Other audiences are looked at for as long as that may take, and what is shown says how many were."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from runner.core.membership import MembershipFiles
from runner.planning.overlap import Overlap
from runner.workflows.look_for_overlap import overlap_of, with_overlaps
from tests.builders import destination
from tests.fakes.destination import FakeDestination
from tests.fakes.world import SHOP, World

NAMES = [f"person-{number}" for number in range(40)]


@pytest.fixture
def many(world: World) -> World:
    """Three audiences; two hold enough of `new`, which is not applied, to be named."""
    world.declare("all-of-it", *NAMES)
    world.declare("half-of-it", *NAMES[:10], "ann", "bob")
    world.declare("hardly-any", *NAMES[:3], "cat", "dan")
    world.apply()
    world.declare("new", *NAMES[:20])
    return world


def overlap(world: World, deadline: float = math.inf) -> Overlap:
    [new] = [one for one in world.declared if one.id == "new"]
    alone = world.memberships.compare(world.evaluator.evaluate(new, ()), MembershipFiles())
    return overlap_of(new, alone, world.state, world.memberships, deadline)


def test_audiences_come_in_the_order_of_what_they_hold_and_few_in_common_are_not_named(many: World) -> None:
    found = overlap(many)
    assert [(one.activation, one.percent) for one in found.shared] == [("all-of-it", 100), ("half-of-it", 50)]
    assert (found.compared, found.is_complete) == (3, True)


def test_when_the_time_is_up_the_others_are_counted(many: World) -> None:
    found = overlap(many, deadline=0)
    assert (found.shared, found.compared, found.too_late) == ((), 0, 3)
    assert not found.is_complete


def test_only_a_new_audience_has_it_in_the_plan(many: World) -> None:
    changes = {change.id: change.overlap for change in many.plan().changes}
    assert {one for one, found in changes.items() if found is not None} == {"new"}
    many.apply()
    assert [change.overlap for change in many.plan().changes] == [None] * 4


def test_nothing_is_said_of_one_to_which_nobody_may_be_added(many: World) -> None:
    """A suppression that does not take effect leaves nobody of the segment in the plan."""
    [new] = [change for change in many.plan().changes if change.id == "new"]
    assert new.measured is not None
    waiting = replace(new, measured=new.measured.without_additions(), overlap=None)
    [looked_at] = with_overlaps((waiting,), many.state, many.memberships)
    assert looked_at.overlap is None


def test_audiences_of_the_own_account_come_first(world: World) -> None:
    there = destination("there", "67890", credentials=SHOP.credentials)
    world.destinations += (there,)
    world.clients["there"] = FakeDestination("67890")
    world.declare("small-but-there", *NAMES[:10], destination=there)
    world.declare("large-and-here", *NAMES)
    world.apply()
    world.declare("new", *NAMES[:20])
    looked_at: list[int] = []
    held = world.state.held
    world.state.held = lambda key: (looked_at.append(key), held(key))[1]  # type: ignore[method-assign,func-returns-value]
    overlap(world)
    records = {one.record_id: one.activation for one in world.state.audiences()}
    assert [records[key] for key in looked_at] == ["large-and-here", "small-but-there"]


def test_how_often_all_audiences_are_read_does_not_grow_with_the_new_ones(world: World) -> None:
    world.declare("old", *NAMES)
    world.apply()
    read: list[int] = []
    audiences = world.state.audiences
    world.state.audiences = lambda: (read.append(1), audiences())[1]  # type: ignore[method-assign,func-returns-value]

    def reads() -> int:
        read.clear()
        world.plan()
        return len(read)

    world.declare("new-0", *NAMES)
    one = reads()
    for number in range(1, 5):
        world.declare(f"new-{number}", *NAMES)
    assert reads() == one
