"""The one small object that says what the state is: which snapshot, which steps since, and who holds it.

It is only ever changed by compare-and-swap, so who wins one race has won them all. `epoch` grows with every holder:
what a holder of an older epoch writes finds another content than it expects and has no effect.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import uuid4

from runner.core.errors import StateError
from runner.quick_dataclass import dataclass, replace
from runner.state.db.journal import JournalEntry, entries_data, entries_of
from runner.state.remote.object_store import ObjectStore, Version

NAME = "control.json"
FORMAT = 3
"""Format 1 had no checksum, format 2 had all steps since the snapshot in its journal."""

COMPRESSED = ".gz"

RESTORE = (
    "restore it from a version that the bucket keeps, or from a copy with `headcount state push --force`, "
    "then `headcount sync --rebuild ID` for each audience"
)


@dataclass(frozen=True, slots=True)
class Holder:
    """The run that holds the state; `id` tells it from every other, the rest is for people."""

    id: str
    command: str
    host: str
    pid: int
    since: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The database as it was after so many steps, by the name of its object."""

    object: str
    size: int
    sha256: str
    steps: int

    @property
    def is_compressed(self) -> bool:
        """Whether the object is compressed; it was not before format 3."""
        return self.object.endswith(COMPRESSED)


@dataclass(frozen=True, slots=True)
class Steps:
    """So many steps that were taken, by the name of their object."""

    object: str
    size: int
    sha256: str
    steps: int


@dataclass(frozen=True, slots=True)
class Control:
    """`state` is the identity of the state, `write` that of the write that made this content.

    The state is its snapshot with the steps in `stored` and then those in `journal` taken.
    """

    state: str
    epoch: int
    revision: int
    write: str
    holder: Holder | None = None
    snapshot: Snapshot | None = None
    stored: tuple[Steps, ...] = ()
    journal: tuple[JournalEntry, ...] = ()
    moved_to: str = ""

    @property
    def steps(self) -> int:
        """How many steps led to this state."""
        return self.steps_before + len(self.journal)

    @property
    def steps_before(self) -> int:
        """How many of them were taken before those in the journal."""
        return (self.snapshot.steps if self.snapshot else 0) + sum(one.steps for one in self.stored)

    @property
    def objects(self) -> tuple[Snapshot | Steps, ...]:
        """What it points to."""
        return (*((self.snapshot,) if self.snapshot else ()), *self.stored)

    def next(self, **changes: Any) -> Control:
        """The content that follows, distinguished from every other by its `write`."""
        return replace(self, revision=self.revision + 1, write=uuid4().hex, **changes)


@dataclass(frozen=True, slots=True)
class Seen:
    """A control object as it was read; `modified` by the store's clock."""

    control: Control
    version: Version
    modified: datetime


def first() -> Control:
    """The control object of a state that has no content yet."""
    return Control(state=uuid4().hex, epoch=0, revision=0, write=uuid4().hex)


def read(bucket: ObjectStore) -> Seen | None:
    """The control object, None where no state was begun. Raises StateError when a state has lost it."""
    stored = bucket.read(NAME)
    if stored is None:
        for kind in ("snapshots/", "steps/", "members/", "outbox/"):
            for found in bucket.listed(kind):
                raise StateError(f"{bucket.location}/{NAME} is missing, though {found.name} is there", RESTORE)
        return None
    return Seen(_decoded(stored.data, bucket.location), stored.version, stored.modified)


def encoded(control: Control) -> bytes:
    """The content of the control object, with its checksum."""
    document = asdict(control)
    document["journal"] = entries_data(control.journal)
    return _compact({"format_version": FORMAT, "sha256": _checksum(document), **document})


def _compact(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _checksum(document: Mapping[str, Any]) -> str:
    """A store keeps what it is given, most of the time; a bit that flipped in a number would be another state."""
    return sha256(_compact(document)).hexdigest()


def _decoded(data: bytes, location: str) -> Control:
    try:
        document = json.loads(data)
        version = int(document.pop("format_version"))
        whole = version == 1 or document.pop("sha256", None) == _checksum(document) or version > FORMAT
    except (ValueError, KeyError, TypeError, AttributeError):
        raise StateError(f"{location}/{NAME} is damaged: it is not what Headcount writes", RESTORE) from None
    if version > FORMAT:
        raise StateError(
            f"{location}/{NAME} was written by a newer Headcount (format {version}; this one reads up to {FORMAT})",
            "update headcount here",
        )
    if not whole:
        raise StateError(f"{location}/{NAME} is damaged: its content is not what was written", RESTORE)
    try:
        holder, snapshot = document.pop("holder"), document.pop("snapshot")
        journal = entries_of(document.pop("journal"))
        stored = tuple(Steps(**one) for one in document.pop("stored", ()))
        return Control(
            **document,
            holder=Holder(**holder) if holder else None,
            snapshot=Snapshot(**snapshot) if snapshot else None,
            stored=stored,
            journal=journal,
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise StateError(f"{location}/{NAME} is damaged: a part of it means nothing", RESTORE) from None
