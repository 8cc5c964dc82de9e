"""Segments: the records behind audience ids."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

FIRST_ID = 270_157

CONTACT_LIST = "ContactList"

SETTINGS: dict[str, str] = {
    "contactList": CONTACT_LIST,
    "inMarket": "InMarket",
    "prospecting": "Prospecting",
    "location": "Location",
    "retargeting": "Retargeting",
    "lookalike": "Lookalike",
}
"""The settings object of a create -> the type of segment that it makes."""

SEGMENT_TYPES = ("Unknown", *sorted({*SETTINGS.values(), "Behavioral"}))


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment; times are in epoch seconds, `settings` is what the API shows under the type's settings object."""

    id: int
    advertiser_id: str
    name: str
    description: str | None
    type: str
    created_at: float
    updated_at: float
    settings: Mapping[str, Any] = field(default_factory=dict)
    read_only: bool = False


def parsed_id(text: str) -> int | None:
    """The id that a text is, when it could be one: ids are positive numbers of 32 bits."""
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        return None
    return int(text) if int(text) < 2**31 else None


class Segments:
    """All segments, by id and by name. Ids are never given twice."""

    def __init__(self, first_id: int = FIRST_ID) -> None:
        self._by_id: dict[int, Segment] = {}
        self._by_name: dict[tuple[str, str], int] = {}
        self.next_id = first_id

    def __iter__(self) -> Iterator[Segment]:
        return iter(sorted(self._by_id.values(), key=lambda segment: segment.id))

    def get(self, segment_id: int) -> Segment | None:
        return self._by_id.get(segment_id)

    def named(self, advertiser_id: str, name: str) -> Segment | None:
        """The advertiser's segment of that name: names are compared exactly, across types."""
        segment_id = self._by_name.get((advertiser_id, name))
        return None if segment_id is None else self._by_id[segment_id]

    def put(self, segment: Segment) -> None:
        """Add a segment, or replace the one with its id."""
        self.remove(segment.id)
        self._by_id[segment.id] = segment
        self._by_name[segment.advertiser_id, segment.name] = segment.id
        self.next_id = max(self.next_id, segment.id + 1)

    def remove(self, segment_id: int) -> None:
        segment = self._by_id.pop(segment_id, None)
        if segment is not None:
            del self._by_name[segment.advertiser_id, segment.name]

    def search(
        self, advertisers: Iterable[str], ids: Iterable[str] | None = None, types: Iterable[str] | None = None
    ) -> list[Segment]:
        """The segments of these advertisers, in the order of their ids; an absent filter lets everything pass."""
        owners = set(advertisers)
        wanted_ids = None if ids is None else set(ids)
        wanted_types = None if types is None else set(types)
        return [
            segment
            for segment in self
            if segment.advertiser_id in owners
            and (wanted_ids is None or str(segment.id) in wanted_ids)
            and (wanted_types is None or segment.type in wanted_types)
        ]


def changed(segment: Segment, now: float, **values: Any) -> Segment:
    """The segment with other values, updated now."""
    return replace(segment, updated_at=now, **values)
