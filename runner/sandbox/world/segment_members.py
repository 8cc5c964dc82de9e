"""Who is in which segment."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Protocol

from runner.sandbox.world.identifier_validation import Member

MemberKey = tuple[int, str]
"""Segment id and identifier type."""


class Memberships(Protocol):
    """The members of every segment, or how many they are."""

    def amend(self, key: MemberKey, operation: str, members: Sequence[Member]) -> None:
        """Add or remove members; adding who is in and removing who is not changes nothing."""

    def clear(self, segment_id: int) -> None:
        """Empty a segment."""

    def counts(self, segment_id: int) -> dict[str, int]:
        """How many members of each identifier type that was ever used."""

    def members(self, key: MemberKey) -> set[Member] | None:
        """The members themselves; None where they are not kept."""

    def keys(self) -> Iterator[MemberKey]:
        """Every membership."""


class KeptMemberships:
    """Remembers every member."""

    def __init__(self) -> None:
        self._segments: dict[int, dict[str, set[Member]]] = {}

    def amend(self, key: MemberKey, operation: str, members: Sequence[Member]) -> None:
        segment_id, identifier_type = key
        held = self._segments.setdefault(segment_id, {}).setdefault(identifier_type, set())
        if operation == "add":
            held.update(members)
        else:
            held.difference_update(members)

    def clear(self, segment_id: int) -> None:
        self._segments.pop(segment_id, None)

    def counts(self, segment_id: int) -> dict[str, int]:
        return {kind: len(held) for kind, held in sorted(self._segments.get(segment_id, {}).items())}

    def members(self, key: MemberKey) -> set[Member] | None:
        return self._segments.get(key[0], {}).get(key[1], set())

    def keys(self) -> Iterator[MemberKey]:
        return ((segment_id, kind) for segment_id, kinds in self._segments.items() for kind in kinds)


class CountedMemberships:
    """Only counts, for runs of a size that would not fit in memory; repeats are counted again."""

    def __init__(self) -> None:
        self._segments: dict[int, dict[str, int]] = {}

    def amend(self, key: MemberKey, operation: str, members: Sequence[Member]) -> None:
        segment_id, identifier_type = key
        counts = self._segments.setdefault(segment_id, {})
        change = len(members) if operation == "add" else -len(members)
        counts[identifier_type] = max(0, counts.get(identifier_type, 0) + change)

    def clear(self, segment_id: int) -> None:
        self._segments.pop(segment_id, None)

    def counts(self, segment_id: int) -> dict[str, int]:
        return dict(sorted(self._segments.get(segment_id, {}).items()))

    def members(self, key: MemberKey) -> set[Member] | None:
        return None

    def keys(self) -> Iterator[MemberKey]:
        return ((segment_id, kind) for segment_id, kinds in self._segments.items() for kind in kinds)


class SizeHistory:
    """The sizes that segments had, so that statistics can lag behind."""

    def __init__(self, lag: float) -> None:
        self._lag = lag
        self._sizes: dict[int, list[tuple[float, int]]] = {}

    def note(self, segment_id: int, size: int, now: float) -> None:
        """The segment has this size from now on."""
        sizes = self._sizes.setdefault(segment_id, [])
        visible = self._visible(sizes, now)
        del sizes[: max(0, visible)]
        sizes.append((now, size))

    def shown(self, segment_id: int, now: float) -> int:
        """The size that the statistics show now."""
        sizes = self._sizes.get(segment_id, [])
        visible = self._visible(sizes, now)
        return sizes[visible][1] if visible >= 0 else 0

    def _visible(self, sizes: list[tuple[float, int]], now: float) -> int:
        return bisect_right(sizes, now - self._lag, key=lambda entry: entry[0]) - 1
