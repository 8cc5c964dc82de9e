"""The nearest right word for one that is not known."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

_LISTED = 12
"""More known words than this are not listed: nobody reads on."""

_ALIASES = {
    **dict.fromkeys(("madid", "maid", "idfa", "gaid", "aaid", "adid"), "mobile_ad_id"),
    **dict.fromkeys(("phone", "tel", "telephone", "mobile"), "phone_number"),
    **dict.fromkeys(("identitylink", "identity_link", "liveramp", "rampid"), "liveramp_identity_link"),
    "gum": "gum_id",
}
"""What identifier types are called elsewhere, Criteo's own names among them: letters alone would mislead."""


def nearest(word: str, known: Iterable[str], *, likeness: float = 0.6) -> str | None:
    """The known word that was probably meant, whatever its case; None when nothing is near."""
    folded = {candidate.casefold(): candidate for candidate in known}
    alias = _ALIASES.get(word.casefold(), "")
    if alias in folded:
        return folded[alias]
    matches = get_close_matches(word.casefold()[:100], folded, n=1, cutoff=likeness)
    return folded[matches[0]] if matches else None


def suggest(word: str, known: Iterable[str], otherwise: str = "known here") -> str:
    """What to write instead, ready to follow a message: the nearest word, else the list of those known."""
    words = sorted(set(known))
    near = nearest(word, words)
    if near is not None:
        return f'; did you mean "{near}"?'
    if not words or len(words) > _LISTED:
        return ""
    return f"; {otherwise}: " + ", ".join(f'"{known_word}"' for known_word in words)


def quoted_word(word: str, limit: int = 60) -> str:
    """A word in quotes for a message: on one line, cut where it is long."""
    line = word.replace("\n", "\\n")
    return f'"{line}"' if len(line) <= limit else f'"{line[: limit - 3]}..."'
