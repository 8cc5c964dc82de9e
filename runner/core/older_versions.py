"""Older versions of objects that a bucket keeps: what was erased from a state is in them until they are removed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from runner.quick_dataclass import dataclass, field


class HowKnown(StrEnum):
    """What is known of the older versions at the place of a state."""

    NONE_KEPT = "none are kept"
    LISTED = "listed"
    NOT_LISTED = "not listed"
    REMOVED_BY_HAND = "removed by hand"


@dataclass(frozen=True, slots=True)
class OldVersion:
    """A version of an object that is not the current one, or whose object is deleted; `object` is its name below the
    place. `is_certain` is false where it could not be read, so that it may hold people or not.
    """

    object: str
    version: str
    written: datetime
    is_certain: bool = True

    @property
    def data(self) -> dict[str, Any]:
        """As a receipt has it."""
        written = self.written.isoformat(timespec="seconds")
        return {"object": self.object, "version": self.version, "written": written, "is_certain": self.is_certain}


@dataclass(frozen=True, slots=True)
class OlderVersions:
    """The older versions below `places`: those that hold somebody, or may, where they could be listed; else why not,
    as a clause, and what to do about it. `endpoint` is the address of a store of one's own, empty for a cloud's.
    """

    known: HowKnown = HowKnown.NONE_KEPT
    location: str = ""
    places: tuple[str, ...] = ()
    versions: tuple[OldVersion, ...] = field(default_factory=tuple)
    why: str = ""
    hint: str = ""
    endpoint: str = ""

    @property
    def are_gone(self) -> bool:
        """Whether none holds anybody, as far as that is known, or as a person has said."""
        return self.known is not HowKnown.NOT_LISTED and not self.versions

    @property
    def data(self) -> Mapping[str, Any]:
        """As a receipt has it."""
        versions = [one.data for one in self.versions]
        return {"are_gone": self.are_gone, "known": str(self.known), "why": self.why, "versions": versions}


NO_OLDER = OlderVersions()
"""Of a place that keeps none, such as a folder."""
