"""Sets of keys as ranges."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runner.state.db import key_ranges

KEYS = st.sets(st.integers(1, 40))


def test_neighbours_are_one_range() -> None:
    assert key_ranges.of([5, 1, 2, 3, 3, 9]) == [[1, 3], [5, 5], [9, 9]]


@given(KEYS, KEYS)
def test_they_hold_the_keys_they_were_made_of_and_no_other(keys: set[int], asked: set[int]) -> None:
    ranges = key_ranges.of(keys)
    assert key_ranges.size(ranges) == len(keys)
    assert list(key_ranges.within(asked, ranges)) == sorted(keys & asked)
