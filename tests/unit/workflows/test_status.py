"""Where activations stand, from the files and the state alone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from runner.core.errors import DestinationError, UsageError
from runner.core.project import Schedule
from runner.core.records import Outcome
from runner.core.selection import Selection
from runner.workflows.status import ActivationStatus, Condition
from tests.builders import EMAIL, definition, live
from tests.fakes.world import World


def only(world: World) -> ActivationStatus:
    [row] = world.status()
    return row


def test_no_call_is_made(world: World) -> None:
    world.declare("loyal")
    world.client.usable = False
    assert only(world).condition is Condition.NOT_APPLIED


def test_what_was_applied_says_so_with_its_members_and_runs(world: World) -> None:
    world.declare("loyal", "ann", schedule=Schedule(every=3600))
    world.apply()
    row = only(world)
    assert (row.condition, row.audience_id) == (Condition.APPLIED, world.record().audience_id)
    assert row.applied is not None
    assert row.applied.members == {EMAIL: 1}
    assert row.latest.run is not None
    assert (row.latest.run.outcome, row.latest.run.started_at) == (Outcome.DONE, world.now)
    assert row.next_due == world.now + timedelta(hours=1)


def test_the_files_that_differ_say_changed(world: World) -> None:
    world.declare("loyal")
    world.apply()
    world.declare("loyal", name="Faithful")
    assert only(world).condition is Condition.CHANGED


def test_a_create_without_an_answer_is_creating(world: World) -> None:
    loyal = world.declare("loyal")
    world.state.intend(loyal.id, "shop", *loyal.account, definition(loyal), world.now)
    assert only(world).condition is Condition.CREATING


def test_one_that_was_taken_over_is_imported_until_it_is_applied(world: World) -> None:
    loyal = world.declare("loyal")
    world.state.imported(loyal.id, "shop", *loyal.account, world.client.put(live()).id, world.now)
    assert only(world).condition is Condition.IMPORTED
    world.apply()
    assert only(world).condition is Condition.APPLIED


def test_what_is_no_longer_declared_is_orphaned(world: World) -> None:
    world.declare("loyal")
    world.apply()
    world.declared = ()
    row = only(world)
    assert (row.activation, row.condition, row.name, row.declared) == ("loyal", Condition.ORPHANED, "Loyal", None)


@pytest.mark.parametrize(("hours", "stale"), [(2, False), (3, True)])
def test_it_is_stale_when_the_last_good_run_is_too_long_ago(world: World, hours: int, stale: bool) -> None:
    world.declare("loyal", "ann", freshness=2 * 3600)
    world.apply()
    world.now += timedelta(hours=hours)
    world.client.fails["audiences"] = [DestinationError("no answer")]
    world.sync()
    assert only(world).stale is stale


@pytest.mark.parametrize(
    ("schedule", "freshness", "hours", "overdue"),
    [
        (Schedule(every=2 * 3600), None, 4, False),
        (Schedule(every=2 * 3600), None, 5, True),
        (Schedule(every=2 * 3600), 86_400, 5, False),
        (Schedule(cron="0 6 * * 1-5"), None, 3 * 24, False),
        (Schedule(cron="0 6 * * 1-5"), None, 4 * 24, True),
        (Schedule(), None, 1_000, False),
    ],
)
def test_it_is_overdue_when_no_run_began_for_longer_than_its_schedule_ever_waits(
    world: World, schedule: Schedule, freshness: int | None, hours: int, overdue: bool
) -> None:
    world.declare("loyal", "ann", schedule=schedule, freshness=freshness)
    world.apply()
    world.now += timedelta(hours=hours)
    assert (only(world).overdue_since is not None) is overdue


def test_only_what_is_selected_is_shown_and_a_typo_is_no_empty_list(world: World) -> None:
    world.declare("a")
    world.declare("b")
    assert [row.activation for row in world.status(Selection(("b",)))] == ["b"]
    with pytest.raises(UsageError):
        world.status(Selection(("c",)))
