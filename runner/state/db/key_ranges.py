"""Sets of audience keys as ranges: thousands of neighbours, as those of one project are, take a few bytes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

Ranges = Sequence[Sequence[int]]
"""Pairs of a first key and a last one, in order."""


def of(keys: Iterable[int]) -> list[list[int]]:
    """The ranges that hold these keys and no other."""
    found: list[list[int]] = []
    for key in sorted(set(keys)):
        if found and key == found[-1][1] + 1:
            found[-1][1] = key
        else:
            found.append([key, key])
    return found


def size(ranges: Ranges) -> int:
    """How many keys they hold."""
    return sum(last - first + 1 for first, last in ranges)


def within(keys: Collection[int], ranges: Ranges) -> Iterator[int]:
    """Those of the keys that the ranges hold, in order."""
    rest = iter(ranges)
    first, last = next(rest, (0, -1))
    for key in sorted(keys):
        while first <= last < key:
            first, last = next(rest, (0, -1))
        if first <= key <= last:
            yield key
