"""Taking over an audience that exists: which can be, and what becomes of what the activation had."""

from __future__ import annotations

from typing import Any

import pytest

from runner.core.errors import DestinationError, UsageError
from runner.core.identifiers import IdentifierType
from runner.core.project import Activation
from runner.workflows.import_audience import Imported, import_audience
from tests.builders import EMAIL, applied, definition, live
from tests.fakes.world import World


def take_over(world: World, id: str = "loyal", audience_id: str = "7") -> Imported:
    return import_audience(world.project, id, audience_id, world.context, world.accounts())


@pytest.fixture
def loyal(world: World) -> Activation:
    return world.declare("loyal", "ann")


def test_it_is_ours_and_its_content_is_not_known(world: World, loyal: Activation) -> None:
    world.client.put(live("7", "By hand"), [(EMAIL, "x"), (EMAIL, "y")])
    done = take_over(world)
    assert (done.audience.name, done.size) == ("By hand", 2)
    record = world.record()
    assert (record.key, record.audience_id, record.definition, record.refill) == (loyal.key, "7", None, True)
    assert world.client.calls == []


def test_a_size_that_cannot_be_asked_for_stops_nothing(world: World, loyal: Activation) -> None:
    world.client.put(live("7"))
    world.client.fails["size"] = [DestinationError("no answer")]
    assert take_over(world).size is None


@pytest.mark.parametrize(
    ("audience", "why"),
    [
        ({"read_only": True}, "read-only"),
        ({"other_kind": "InMarket"}, "of type InMarket"),
        ({"identifier_type": IdentifierType.MOBILE_AD_ID}, "identifier type changed"),
    ],
)
def test_what_can_never_hold_the_segment_is_refused(
    world: World, loyal: Activation, audience: dict[str, Any], why: str
) -> None:
    world.client.put(live("7", **audience))
    with pytest.raises(UsageError, match=why):
        take_over(world)
    assert world.state.audiences() == ()


def test_an_audience_that_is_not_there_is_refused(world: World, loyal: Activation) -> None:
    with pytest.raises(UsageError, match="no contact list with the id 7"):
        take_over(world)


def test_an_activation_that_is_not_declared_is_refused(world: World, loyal: Activation) -> None:
    with pytest.raises(UsageError, match='no activation "lyal"'):
        take_over(world, "lyal")


def test_an_audience_of_another_activation_is_refused(world: World, loyal: Activation) -> None:
    world.client.put(live("7"))
    world.state.put(applied(world.declare("other"), "7"))
    with pytest.raises(UsageError, match='belongs to activation "other"'):
        take_over(world)


def test_an_activation_that_has_an_audience_keeps_it(world: World, loyal: Activation) -> None:
    world.client.put(live("1"))
    world.client.put(live("7", "Other"))
    world.state.put(applied(loyal, "1"))
    with pytest.raises(UsageError, match="already has audience 1"):
        take_over(world)


def test_one_whose_audience_is_gone_takes_the_other(world: World, loyal: Activation) -> None:
    world.client.put(live("7"))
    world.state.put(applied(loyal, "1"))
    take_over(world)
    assert world.record().audience_id == "7"


def test_a_create_without_an_answer_is_given_up_for_it(world: World, loyal: Activation) -> None:
    world.client.put(live("7", "Other"))
    world.state.intend(loyal.id, "shop", *loyal.account, definition(loyal), world.now)
    take_over(world)
    assert world.record().audience_id == "7"
    assert [one.given_up_at for one in world.state.given_up()] == [world.client.now()]
