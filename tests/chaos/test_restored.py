"""An old backup, and another API, each in a history of its own; `python -m tests.chaos` plays them among all else."""

from __future__ import annotations

import pytest

from tests.chaos.deeds import Stage
from tests.chaos.elsewhere import another_api
from tests.chaos.history import History
from tests.chaos.restored import an_old_backup

pytestmark = pytest.mark.chaos


@pytest.mark.parametrize(("seed", "bucket"), [(8, False), (3, False), (1, True)])
def test_an_old_backup_is_refused_until_every_audience_is_rebuilt(seed: int, bucket: bool) -> None:
    def lived(history: History, stage: Stage) -> None:
        stage.shop.run("apply", "--yes")
        stage.place.look()
        assert an_old_backup(history, stage)
        history.come_clean(stage)

    History(seed, bucket=bucket).play(lived)


@pytest.mark.parametrize(("seed", "bucket"), [(1, False), (2, False), (1, True)])
def test_another_api_is_refused_until_the_state_is_bound_to_it(seed: int, bucket: bool) -> None:
    def lived(history: History, stage: Stage) -> None:
        stage.shop.run("apply", "--yes")
        stage.place.look()
        assert another_api(history, stage)
        history.come_clean(stage)

    History(seed, bucket=bucket).play(lived)
