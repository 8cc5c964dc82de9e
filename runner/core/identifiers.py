"""The kinds of identifier by which destinations recognise a person.

Which destination takes which kind is said by the destination; how a value is brought to its wire form is the
engine's business. This module only gives the kinds their names.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import overload


class IdentifierType(StrEnum):
    """A kind of identifier; the value is the key used under `mapping:` in the files."""

    EMAIL = "email"
    MOBILE_AD_ID = "mobile_ad_id"
    LIVERAMP_IDENTITY_LINK = "liveramp_identity_link"
    PHONE_NUMBER = "phone_number"
    GUM_ID = "gum_id"
    CUSTOMER_ID = "customer_id"
    USER_IDENTIFIER = "user_identifier"


class WireForms(Sequence[str]):
    """Identifiers as they go into a call, kept as one text with a line for each: none has a line break in it.

    A batch of fifty thousand is then one object in memory and not fifty thousand, until someone looks at them singly.
    """

    __slots__ = ("_count", "text")

    def __init__(self, text: str, count: int) -> None:
        self.text = text
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[str]:
        return iter(self.text.split("\n") if self._count else ())

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...

    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        return list(self)[index]


class Operation(StrEnum):
    """What a batch does to an audience. A clear carries no identifiers and empties the audience."""

    ADD = "add"
    REMOVE = "remove"
    CLEAR = "clear"
