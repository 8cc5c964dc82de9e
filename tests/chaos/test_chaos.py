"""A few histories from fixed seeds; `make chaos` plays many others."""

from __future__ import annotations

import pytest

from tests.chaos.history import History
from tests.chaos.mishaps import NAMED
from tests.chaos.victim import place

pytestmark = pytest.mark.chaos


@pytest.mark.parametrize("seed", [101, 102, 103, 104])
def test_whatever_happened_one_clean_run_makes_everything_as_declared(seed: int) -> None:
    tally = History(seed, steps=3).play()
    assert tally.runs >= 4


@pytest.mark.parametrize("moment", NAMED)
def test_every_named_point_is_in_the_code(moment: str) -> None:
    for at, _, _ in NAMED[moment]:
        holder, name = place(at)
        assert callable(getattr(holder, name)), at


@pytest.mark.parametrize("seed", [201, 202])
def test_the_same_with_the_state_in_a_bucket(seed: int) -> None:
    tally = History(seed, steps=3, bucket=True).play()
    assert tally.runs >= 4
