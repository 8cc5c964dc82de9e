"""What a state in a bucket needs of an object store: objects by name, and conditional writes.

A further kind of store is one more module that implements `ObjectStore`; obstore_bucket.py is the one there is, for S3,
Google Cloud Storage and Azure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Protocol

from runner.core.errors import StateError
from runner.quick_dataclass import dataclass
from runner.state.remote.encryption import Sealing


@dataclass(frozen=True, slots=True)
class Version:
    """One content of an object, as the store tells it from others."""

    e_tag: str | None
    version: str | None

    @property
    def condition(self) -> dict[str, str]:
        named = {"e_tag": self.e_tag, "version": self.version}
        return {name: value for name, value in named.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Stored:
    """An object that was read; `modified` by the store's clock."""

    data: bytes
    version: Version
    modified: datetime


@dataclass(frozen=True, slots=True)
class ListedVersion:
    """A version that is not the current content of its object, or whose object is deleted; `size` is in bytes."""

    name: str
    version: str
    size: int
    written: datetime


@dataclass(frozen=True, slots=True)
class Listed:
    """An object of a listing; `size` is in bytes."""

    name: str
    size: int
    modified: datetime


class Outdated(Exception):
    """A conditional write found another content than the one it was to replace."""


class Unanswered(StateError):
    """The store failed or did not answer: a write may have taken effect."""


class ObjectStore(Protocol):
    """A place in an object store. Every method may raise StateError, Unanswered where a write may have taken effect."""

    @property
    def location(self) -> str:
        """Where it is, as a person would write it."""

    @property
    def sealing(self) -> Sealing:
        """How objects are encrypted, if they are."""

    def read(self, name: str) -> Stored | None:
        """A small object, None where there is none."""

    def look(self, name: str) -> tuple[Version, datetime] | None:
        """Which content an object has and since when, without reading it."""

    def create(self, name: str, content: bytes) -> Version:
        """Raises Outdated when there is such an object already."""

    def replace(self, name: str, content: bytes, expected: Version) -> Version:
        """Raises Outdated when the object is not what it was."""

    def upload(self, name: str, path: Path) -> None:
        """Store a file; one that is there already under this name is the same one."""

    def download(self, name: str, hint: str, version: str | None = None) -> Iterator[bytes]:
        """The content of an object, or of an older version of it, in parts. Raises StateError, with the hint, when it
        is missing.
        """

    @property
    def endpoint(self) -> str:
        """The address of a store of one's own, as other tools need it to reach the bucket; empty for a cloud's."""

    def noncurrent(self, prefix: str) -> Iterator[ListedVersion]:
        """Every older version below a prefix, those of deleted objects included.

        Raises HeadcountError, as a clause, where they cannot be listed.
        """

    def keeps_versions(self) -> bool | None:
        """Whether what is written now stays as an older version when it is removed; None where that does not show."""

    def listed(self, prefix: str) -> Iterator[Listed]:
        """Every object below a prefix."""

    def delete(self, names: Iterable[str]) -> None:
        """Remove objects, those that are gone already included."""

    def now(self) -> datetime:
        """The store's clock, in whole seconds."""
