"""People that somebody asks about: identifiers given one by one, by whatever type, and what is found of them.

Given values are clear text or hashes and stay in memory; only their wire forms are written, for as long as a command
takes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from runner.core.identifiers import IdentifierType
from runner.quick_dataclass import dataclass

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MD5 = re.compile(r"[0-9a-f]{32}")
_PHONE = re.compile(r"(?:\+|00)[0-9][0-9 ().\-/]{5,24}")


@dataclass(frozen=True, slots=True)
class GivenValue:
    """A value as it was given: `line` is where, `type` what it is, None where nobody said."""

    text: str
    line: int
    type: IdentifierType | None = None


@dataclass(frozen=True, slots=True)
class AskedPeople:
    """Whom is asked about, as files of the store that last until it is closed, with the columns `identifier_type` and
    `identifier` of a membership file; a file may name somebody twice, or nobody.

    `counts` are distinct wire forms per type: an e-mail address in clear has two, its SHA-256 and its MD5. `unusable`
    are the lines of values that are blank, or no identifier of their type.
    """

    files: tuple[Path, ...]
    counts: Mapping[IdentifierType, int]
    unusable: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class FoundMembers:
    """So many of the people asked about are members of an audience since `run`, None where that is not known.

    `unknown` says that an interrupted run left it open whether they are.
    """

    identifier_type: IdentifierType
    run: int | None
    unknown: bool
    count: int


@dataclass(frozen=True, slots=True)
class FoundSuppressed:
    """So many of the people asked about are named by a suppression, in all of its evaluations since `first_run`."""

    identifier_type: IdentifierType
    first_run: int | None
    count: int


def evident_types(text: str) -> tuple[IdentifierType, ...]:
    """The types that a value is of by its look, for sure; none where it may be an id of several kinds.

    64 hexadecimal digits are the hash of one thing only, whichever type that is.
    """
    value = text.strip().lower()
    if "@" in value or _MD5.fullmatch(value):
        return (IdentifierType.EMAIL,)
    if _SHA256.fullmatch(value):
        return (IdentifierType.EMAIL, IdentifierType.PHONE_NUMBER)
    if _UUID.fullmatch(value):
        return (IdentifierType.MOBILE_AD_ID,)
    if _PHONE.fullmatch(value):
        return (IdentifierType.PHONE_NUMBER,)
    return ()
