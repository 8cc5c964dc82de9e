"""Withdrawals, each in a history of its own; `python -m tests.chaos` plays them among all else."""

from __future__ import annotations

import pytest

from tests.chaos.deeds import Stage
from tests.chaos.history import History
from tests.chaos.withdrawn import from_what_is_not_selected, nobody_is_added_while_it_fails

pytestmark = pytest.mark.chaos


@pytest.mark.parametrize(("seed", "bucket"), [(1, False), (2, False), (2, True)])
def test_people_who_withdraw_leave_audiences_that_were_not_selected(seed: int, bucket: bool) -> None:
    def lived(history: History, stage: Stage) -> None:
        stage.shop.run("apply", "--yes")
        stage.place.look()
        assert from_what_is_not_selected(history, stage)
        history.come_clean(stage)

    History(seed, bucket=bucket).play(lived)


@pytest.mark.parametrize(("seed", "bucket"), [(1, False), (2, False), (2, True)])
def test_nobody_is_added_while_a_suppression_fails(seed: int, bucket: bool) -> None:
    def lived(history: History, stage: Stage) -> None:
        stage.shop.run("apply", "--yes")
        stage.place.look()
        assert nobody_is_added_while_it_fails(history, stage)
        history.come_clean(stage)

    History(seed, bucket=bucket).play(lived)
