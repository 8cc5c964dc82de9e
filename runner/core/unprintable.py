"""Characters that no text of a project may hold: control characters, halves of pairs, and what turns text around."""

from __future__ import annotations

import re

_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff"
    "\u202a-\u202e\u2066-\u2069]"  # these turn the order of what follows around: a reviewer would read another text
)


def first_unprintable(text: str) -> int | None:
    """Where the first of them stands, in characters from 0; None when there is none."""
    odd = _UNPRINTABLE.search(text)
    return odd.start() if odd else None


def without_unprintable(text: str) -> str:
    """The text with U+FFFD in place of each of them."""
    return _UNPRINTABLE.sub("\ufffd", text)


def code_point(text: str, at: int) -> str:
    """How a character that cannot be shown is called, such as U+202E."""
    return f"U+{ord(text[at]):04X}"
