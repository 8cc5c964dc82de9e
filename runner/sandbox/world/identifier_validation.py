"""Which identifiers Criteo would find well-formed, and how the sandbox keeps them.

A member is kept as bytes where its text is a hash (32 or 16 bytes) or a UUID (16 bytes), and as text otherwise: a third
of the memory for the same set. The same person in clear and as a hash is two members, because nobody outside
Criteo knows better.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from runner.sandbox.world.segment_records import CriteoService

Member = bytes | str

SAMPLES = 10
"""How many malformed identifiers an answer quotes."""

_DIGEST = re.compile(r"[0-9a-fA-F]{64}|[0-9a-fA-F]{32}")
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(?:\.[^@\s.]+)*\.[^@\s.\d]{2,}")
_UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
_PHONE = re.compile(r"\+?([0-9]{7,15})")


def _email(text: str) -> Member | None:
    if _DIGEST.fullmatch(text):
        return bytes.fromhex(text)
    return text.lower() if _EMAIL.fullmatch(text) else None


def _madid(text: str) -> Member | None:
    return bytes.fromhex(text.replace("-", "")) if _UUID.fullmatch(text) else None


def _phone(text: str) -> Member | None:
    if _SHA256.fullmatch(text):
        return bytes.fromhex(text)
    digits = _PHONE.fullmatch(text)
    return digits[1] if digits else None


def _opaque(text: str) -> Member | None:
    return text or None


READERS: dict[str, Callable[[str], Member | None]] = {
    "email": _email,
    "madid": _madid,
    "identityLink": _opaque,
    "gum": _opaque,
    "phoneNumber": _phone,
    "Email": _email,
    "UserIdentifier": _opaque,
    "IdentityLink": _opaque,
    "CustomerId": _opaque,
    "PhoneNumber": _phone,
}
"""The identifier types of all services, each with what makes a member of a trimmed text, or nothing."""

IDENTIFIER_TYPES: dict[CriteoService, tuple[str, ...]] = {
    CriteoService.MARKETING_SOLUTIONS: ("email", "madid", "identityLink", "gum", "phoneNumber"),
    CriteoService.RETAIL_MEDIA: ("Email", "UserIdentifier", "IdentityLink", "CustomerId", "PhoneNumber"),
}
"""What a member can be, by service; no two services have a name in common."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a call's identifiers came to. Repeats count as valid each time, as members once."""

    members: tuple[Member, ...]
    valid: int
    invalid: int
    samples: tuple[str, ...]


def read(identifier_type: str, identifiers: Sequence[str]) -> Reading:
    """Tell well-formed identifiers from malformed ones."""
    if READERS[identifier_type] in (_email, _phone):
        digests = _all_sha256(identifiers)
        if digests is not None:
            return Reading(digests, len(digests), 0, ())
    reader = READERS[identifier_type]
    members: list[Member] = []
    malformed: list[str] = []
    for identifier in identifiers:
        member = reader(identifier.strip())
        if member is None:
            malformed.append(identifier)
        else:
            members.append(member)
    return Reading(tuple(members), len(members), len(malformed), tuple(malformed[:SAMPLES]))


def wire_form(identifier_type: str, member: Member) -> str:
    """A member as text, the way a client would have sent it: hex digits and UUIDs in lower case."""
    if isinstance(member, str):
        return member
    return str(UUID(bytes=member)) if identifier_type == "madid" else member.hex()


def _all_sha256(identifiers: Sequence[str]) -> tuple[bytes, ...] | None:
    """All of them at once when every one is 64 hex digits, which is the case that must be fast.

    `fromhex` skips white space; with 64 characters each, a full-length result proves that there was none.
    """
    if set(map(len, identifiers)) != {64}:
        return None
    try:
        raw = bytes.fromhex("".join(identifiers))
    except ValueError:
        return None
    if len(raw) != 32 * len(identifiers):
        return None
    return struct.unpack("32s" * len(identifiers), raw)
