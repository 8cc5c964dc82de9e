"""Late calls and an unlocked state, each in a history of its own; `python -m tests.chaos` plays them among all else."""

from __future__ import annotations

import pytest

from tests.chaos.deeds import Stage
from tests.chaos.history import History
from tests.chaos.late import most_people_move, outlived_by_its_call
from tests.chaos.robbed import unlocked_while_it_waits

pytestmark = pytest.mark.chaos

ALL = ["apply", "--yes", "--prune"]


@pytest.mark.parametrize("seed", [3])
def test_a_call_that_outlives_its_run_and_the_next_is_undone_by_a_clean_run_later(seed: int) -> None:
    def lived(history: History, stage: Stage) -> None:
        outlived_by_its_call(history, stage, [*ALL, *stage.allowed])
        history.come_clean(stage)

    History(seed).play(lived)


@pytest.mark.parametrize("seed", [3])
def test_a_run_that_is_unlocked_while_it_waits_to_try_again_sends_nothing_more(seed: int) -> None:
    def lived(history: History, stage: Stage) -> None:
        stage.shop.run("apply", "--yes")
        most_people_move(stage)
        # One audience alone: the answers of others would be written down meanwhile, which shows that the state is lost.
        one = ["--select", "a0", "--allow-removals", "a0"]
        history.run_and_check(stage, unlocked_while_it_waits(history, stage), ["apply", "--yes", *one])
        assert "another run" in "".join(history.story)
        history.come_clean(stage)

    History(seed, bucket=True).play(lived)
