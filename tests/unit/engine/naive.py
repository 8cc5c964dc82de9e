"""The rules for wire forms once more, as plainly as possible and sharing nothing with the engine.

DuckDB defines how letters beyond ASCII are lowered, so the lower-cased text is given, not computed.
"""

from __future__ import annotations

import hashlib
import string
from collections.abc import Callable

from runner.core.identifiers import IdentifierType

BLANKS = "\t\n\v\f\r \u00a0\u1680" + "".join(map(chr, range(0x2000, 0x200C))) + "\u2028\u2029\u202f\u205f\u3000\ufeff"
HEX = set("0123456789abcdef")
DIGITS = set(string.digits)
INVISIBLE = (
    {chr(point) for point in (*range(0x21), *range(0x7F, 0xA1), 0xAD, 0x1680, 0x3000, 0xFEFF)}
    | {chr(point) for point in (*range(0x2000, 0x2010), *range(0x2028, 0x2030), *range(0x205F, 0x2070))}
)  # fmt: skip

Outcome = tuple[str, str]
"""What becomes of a value: ("wire", text), ("rejected", reason) or ("blank", "")."""


def outcome(identifier_type: IdentifierType, value: str | None, lower: Callable[[str], str]) -> Outcome:
    """The wire form of a value, or why it has none; `lower` is the engine's lower-casing."""
    trimmed = (value or "").strip(BLANKS)
    if not trimmed:
        return "blank", ""
    match identifier_type:
        case IdentifierType.EMAIL:
            return _email(lower(trimmed))
        case IdentifierType.PHONE_NUMBER:
            return _phone_number(trimmed, lower(trimmed))
        case IdentifierType.MOBILE_AD_ID:
            return _mobile_ad_id(lower(trimmed))
        case _:
            return _opaque(trimmed)


def _email(text: str) -> Outcome:
    if len(text) in (32, 64) and set(text) <= HEX:
        return "wire", text
    if len(text) > 254:
        return "rejected", "longer than 254 characters"
    local, at, domain = text.partition("@")
    labels = domain.split(".")
    whole = at and local and "@" not in domain and not set(text) & INVISIBLE
    if not whole or len(labels) < 2 or not all(labels) or not _is_top_label(labels[-1]):
        return "rejected", "not an e-mail address"
    return "wire", hashlib.sha256(text.encode()).hexdigest()


def _is_top_label(label: str) -> bool:
    if label.startswith("xn--") and len(label) > 4 and set(label) <= set(string.ascii_lowercase + string.digits + "-"):
        return True
    return len(label) >= 2 and all(letter in string.ascii_lowercase or ord(letter) > 127 for letter in label)


def _phone_number(trimmed: str, lowered: str) -> Outcome:
    if len(lowered) == 64 and set(lowered) <= HEX:
        return "wire", lowered
    national = "rejected", "a national number: E.164 with the country code is needed"
    invalid = "rejected", "not a phone number"
    whole, dot, fraction = trimmed.partition(".")
    if (
        dot
        and fraction
        and set(fraction) == {"0"}
        and whole.removeprefix("+")
        and set(whole.removeprefix("+")) <= DIGITS
    ):
        return invalid
    digits = "".join(mark for mark in trimmed if mark not in BLANKS + "-.()/")
    digits = digits[1:] if digits.startswith("+") else digits.removeprefix("00")
    if not 7 <= len(digits) <= 15 or not set(digits) <= DIGITS:
        return invalid
    if digits.startswith("0") or "(0)" in trimmed.replace(" ", ""):
        return national
    return "wire", hashlib.sha256(digits.encode()).hexdigest()


def _mobile_ad_id(text: str) -> Outcome:
    if text == "00000000-0000-0000-0000-000000000000":
        return "rejected", "all zeros: tracking is switched off"
    groups = text.split("-")
    if [len(group) for group in groups] != [8, 4, 4, 4, 12] or not set("".join(groups)) <= HEX:
        return "rejected", "not a UUID"
    return "wire", text


def _opaque(trimmed: str) -> Outcome:
    if len(trimmed) > 1024:
        return "rejected", "longer than 1,024 characters"
    if any(ord(mark) < 32 or 127 <= ord(mark) < 160 for mark in trimmed):
        return "rejected", "control characters inside"
    return "wire", trimmed
