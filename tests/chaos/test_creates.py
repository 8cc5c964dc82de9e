"""Deaths in the middle of a create, in both of Criteo's services: the audience is made once all the same."""

from __future__ import annotations

import signal

import pytest

from tests.chaos import creates
from tests.chaos.deeds import Stage
from tests.chaos.history import History, allow_all


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
        (code,) = history.run_and_check(stage, mishap, ["apply", "--yes", "--prune", *allow_all(stage)])
        if moment == creates.TURNING_UP:
            assert code == 1
            names = {segment.name for segment in stage.sandbox.segments()}
            assert {one.name for one in stage.world.declared.values()} <= names, "the unanswered one turned up"
        else:
            assert code == -signal.SIGKILL
        history.come_clean(stage)

    History(7).play(lived)
