"""Deaths in the middle of a create, in both of Criteo's services: the audience is made once all the same."""

from __future__ import annotations

import signal

import pytest

from tests.chaos import creates
from tests.chaos.deeds import Stage, unanswered_creates_take_effect
from tests.chaos.history import History
from tests.chaos.mishaps import Mishap

pytestmark = pytest.mark.chaos


@pytest.mark.parametrize(
    ("moment", "way", "destination"),
    [
        ("before its intent", "replaced", "shelf"),
        ("between its intent and the call", "new", "one"),
        (creates.WAITING, "replaced", "shelf"),
        ("between the answer and its mark", "gone", "one"),
        ("after its mark", "new", "shelf"),
        (creates.DELETED, "replaced", "shelf"),
        (creates.TURNING_UP, "gone", "one"),
    ],
)
def test_a_run_that_dies_in_a_create_makes_the_audience_once(moment: str, way: str, destination: str) -> None:
    def lived(history: History, stage: Stage) -> None:
        stage.shop.run("apply", "--yes")
        history.story.append(creates.something_to_create(stage, destination, way, moment))
        mishap = creates.death(stage, destination, moment)
        (code,) = history.run_and_check(stage, mishap, ["apply", "--yes", "--prune", *stage.allowed])
        if moment == creates.TURNING_UP:
            assert code == 1
            names = {segment.name for segment in stage.sandbox.segments()}
            assert {one.name for one in stage.world.declared.values()} <= names, "the unanswered one turned up"
        else:
            assert code == -signal.SIGKILL
        history.come_clean(stage)

    History(7).play(lived)


@pytest.mark.parametrize("destination", ["one", "shelf"])
def test_a_create_that_takes_effect_after_its_activation_was_renamed_leaves_nothing_behind(destination: str) -> None:
    def lived(history: History, stage: Stage) -> None:
        stage.shop.run("apply", "--yes")
        new = stage.world.declare(stage.chance, destination=destination)
        stage.world.write(stage.shop)
        arguments = ["apply", "--yes", "--prune", *stage.allowed]
        stage.sandbox.fault("drop-before", "/create", times=3)
        assert history.run_and_check(stage, Mishap(), arguments) == [1]
        stage.world.change(new.id, name=stage.world.fresh_name())
        stage.world.write(stage.shop)
        assert history.run_and_check(stage, Mishap(), arguments) == [0]
        assert unanswered_creates_take_effect(stage) == f"{new.name} turns up"
        history.come_clean(stage)

    History(11).play(lived)
