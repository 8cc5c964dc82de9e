"""Segments: the records behind audience ids."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any


class CriteoService(StrEnum):
    """A service of Criteo that the sandbox stands in for, by the name that it has in paths."""

    MARKETING_SOLUTIONS = "marketing-solutions"
    RETAIL_MEDIA = "retail-media"


FIRST_ID = 270_157

RETAIL_MEDIA_IDS = 568_708_742_535_000_000
"""Ids of retail media lie above this: too long for 32 bits, and for a double."""

ID_BELOW = {CriteoService.MARKETING_SOLUTIONS: 2**31, CriteoService.RETAIL_MEDIA: 2**63}

CONTACT_LIST = "ContactList"

SETTINGS: dict[CriteoService, dict[str, str]] = {
    CriteoService.MARKETING_SOLUTIONS: {
        "contactList": CONTACT_LIST,
        "inMarket": "InMarket",
        "prospecting": "Prospecting",
        "location": "Location",
        "retargeting": "Retargeting",
        "lookalike": "Lookalike",
    },
    CriteoService.RETAIL_MEDIA: {"contactList": CONTACT_LIST, "events": "Events"},
}
"""The settings object of a create -> the type of segment that it makes."""

SEGMENT_TYPES: dict[CriteoService, tuple[str, ...]] = {
    CriteoService.MARKETING_SOLUTIONS: (
        "Unknown",
        *sorted({*SETTINGS[CriteoService.MARKETING_SOLUTIONS].values(), "Behavioral"}),
    ),
    CriteoService.RETAIL_MEDIA: ("Unknown", *SETTINGS[CriteoService.RETAIL_MEDIA].values()),
}


@dataclass(frozen=True, slots=True)
class SegmentRecord:
    """One segment; times are in epoch seconds, `settings` is what the API shows under the type's settings object.

    The owner is an advertiser, and in retail media an account, where the segment also has a retailer.
    """

    id: int
    owner_id: str
    name: str
    description: str | None
    type: str
    created_at: float
    updated_at: float
    settings: Mapping[str, Any] = field(default_factory=dict)
    read_only: bool = False
    service: CriteoService = CriteoService.MARKETING_SOLUTIONS
    retailer_id: str | None = None


def parsed_id(text: str, service: CriteoService) -> int | None:
    """The id that a text is, when it could be one: a number of 32 bits, in retail media of 64."""
    if not (text.isascii() and text.isdigit() and len(text) <= 19):
        return None
    return int(text) if int(text) < ID_BELOW[service] else None


class SegmentRecords:
    """All segments, by id and by name. Ids are never given twice."""

    def __init__(self, first_id: int = FIRST_ID) -> None:
        self._by_id: dict[int, SegmentRecord] = {}
        self._by_name: dict[tuple[CriteoService, str, str], int] = {}
        self.next_id = first_id

    def __iter__(self) -> Iterator[SegmentRecord]:
        return iter(sorted(self._by_id.values(), key=lambda segment: segment.id))

    def free_id(self, service: CriteoService) -> int:
        """The id of the service's next segment; the services count on together."""
        return self.next_id + (RETAIL_MEDIA_IDS if service is CriteoService.RETAIL_MEDIA else 0)

    def get(self, segment_id: int) -> SegmentRecord | None:
        """The segment with this id."""
        return self._by_id.get(segment_id)

    def find(self, service: CriteoService, text: str) -> SegmentRecord | None:
        """The service's segment with the id that the text is."""
        number = parsed_id(text, service)
        segment = None if number is None else self._by_id.get(number)
        return segment if segment is not None and segment.service is service else None

    def named(self, service: CriteoService, owner_id: str, name: str) -> SegmentRecord | None:
        """The owner's segment of that name: names are compared exactly, across types and retailers."""
        segment_id = self._by_name.get((service, owner_id, name))
        return None if segment_id is None else self._by_id[segment_id]

    def put(self, segment: SegmentRecord) -> None:
        """Add a segment, or replace the one with its id."""
        self.remove(segment.id)
        self._by_id[segment.id] = segment
        self._by_name[segment.service, segment.owner_id, segment.name] = segment.id
        self.next_id = max(self.next_id, segment.id % RETAIL_MEDIA_IDS + 1)

    def remove(self, segment_id: int) -> None:
        """Forget the segment, if there is one."""
        segment = self._by_id.pop(segment_id, None)
        if segment is not None:
            del self._by_name[segment.service, segment.owner_id, segment.name]

    def search(
        self,
        service: CriteoService,
        owners: Iterable[str],
        *,
        ids: Iterable[str] | None = None,
        types: Iterable[str] | None = None,
        retailers: Iterable[str] | None = None,
    ) -> list[SegmentRecord]:
        """The segments of these owners, in the order of their ids; an absent filter lets everything pass."""
        owned = set(owners)
        wanted_ids = None if ids is None else set(ids)
        wanted_types = None if types is None else set(types)
        wanted_retailers = None if retailers is None else set(retailers)
        return [
            segment
            for segment in self
            if segment.service is service
            and segment.owner_id in owned
            and (wanted_ids is None or str(segment.id) in wanted_ids)
            and (wanted_types is None or segment.type in wanted_types)
            and (wanted_retailers is None or segment.retailer_id in wanted_retailers)
        ]


def changed(segment: SegmentRecord, now: float, **values: Any) -> SegmentRecord:
    """The segment with other values, updated now."""
    return replace(segment, updated_at=now, **values)
