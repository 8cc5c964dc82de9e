"""What segments read of object stores: objects that a pattern means, pinned to the content that was listed."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from runner.quick_dataclass import dataclass

MOST_OBJECTS = 100_000
"""Objects that are looked at for one pattern: a prefix with more is not what was meant, and listing takes minutes."""

LARGEST_PART = 4 << 20
"""Bytes of an object that are asked for at once."""


@dataclass(frozen=True, slots=True)
class RemoteObject:
    """An object as it was listed: its address (`s3://bucket/key`), its size in bytes, and by what the store tells one
    content from another.
    """

    url: str
    size: int
    e_tag: str


class Why(StrEnum):
    """Why objects cannot be read."""

    CHANGED = "changed"
    """It has another content than was listed, or is gone since."""
    NO_BUCKET = "no-bucket"
    TOO_MANY = "too-many"
    NOT_INSTALLED = "not-installed"
    NOT_DECLARED = "not-declared"
    """Nothing in the files declares it."""
    DENIED = "denied"
    NO_CREDENTIALS = "no-credentials"
    NO_SETTINGS = "no-settings"
    """The environment lacks what it takes to find the store: an account, a region."""
    NOT_ENCRYPTED = "not-encrypted"
    """The endpoint is http://, and nobody allowed that."""
    REFUSED = "refused"
    UNREACHABLE = "unreachable"


OUT_OF_REACH = frozenset(
    {Why.DENIED, Why.NO_CREDENTIALS, Why.NO_SETTINGS, Why.NOT_ENCRYPTED, Why.REFUSED, Why.UNREACHABLE}
)
"""Reasons that are this machine's or the store's, and not the files'."""


class StoreFault(Exception):
    """Objects cannot be listed or read. `url` is the object's or the pattern; `code` is an HTTP status or a store's
    word for an error: neither can hold a key, a signature or a value.
    """

    def __init__(self, why: Why, url: str, code: str = "") -> None:
        super().__init__(why.value)
        self.why = why
        self.url = url
        self.code = code


class Objects(Protocol):
    """How this process reaches object stores. Every method may raise StoreFault; may be used from several threads."""

    def listed(self, pattern: str) -> tuple[RemoteObject, ...]:
        """The objects that a pattern means, as they are now, in the order of their names."""

    def known(self, url: str) -> RemoteObject:
        """An object as it was last listed."""

    def read(self, url: str, at: int, size: int) -> bytes:
        """So many bytes of an object from a position on, fewer only at its end. What is read is the content that was
        listed."""

    def failure(self) -> StoreFault | None:
        """Why a read failed since this was last asked, for who read through a library that hides it."""
