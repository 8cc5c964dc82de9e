"""Erasures, each in a history of its own; `python -m tests.chaos` plays them among all else."""

from __future__ import annotations

import pytest

from tests.chaos.deeds import Stage, people_come_and_go, people_withdraw
from tests.chaos.erased import DEATHS, some_people_are_erased
from tests.chaos.history import History
from tests.chaos.victim import place

pytestmark = pytest.mark.chaos


@pytest.mark.parametrize(("seed", "bucket"), [(1, False), (2, False), (5, False), (2, True), (3, True)])
def test_who_asked_to_be_erased_is_nowhere_once_a_receipt_says_so(seed: int, bucket: bool) -> None:
    def lived(history: History, stage: Stage) -> None:
        stage.shop.run("apply", "--yes")
        stage.place.look()
        for deed in (people_come_and_go, people_withdraw, people_come_and_go):
            deed(stage)
            stage.world.write(stage.shop)
            stage.place.unlock()
            stage.shop.run("sync", *stage.allowed, code=None)
            stage.place.look()
            some_people_are_erased(history, stage)
        history.come_clean(stage)

    History(seed, bucket=bucket).play(lived)


@pytest.mark.parametrize("at", sorted({at for at, _, _ in DEATHS}))
def test_every_point_at_which_it_may_die_is_in_the_code(at: str) -> None:
    holder, name = place(at)
    assert callable(getattr(holder, name))
