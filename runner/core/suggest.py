"""The nearest right word for one that is not known."""

from __future__ import annotations

from collections.abc import Callable, Iterable

_LISTED = 12
"""More known words than this are not listed: nobody reads on."""

_ALIASES = {
    **dict.fromkeys(("madid", "maid", "idfa", "gaid", "aaid", "adid"), "mobile_ad_id"),
    **dict.fromkeys(("phone", "tel", "telephone", "mobile"), "phone_number"),
    **dict.fromkeys(("identitylink", "identity_link", "liveramp", "rampid"), "liveramp_identity_link"),
    "gum": "gum_id",
    **dict.fromkeys(("text", "string", "str", "char"), "varchar"),
    **dict.fromkeys(("float", "number", "numeric", "decimal", "real"), "double"),
    "int": "integer",
    "long": "bigint",
    "bool": "boolean",
    "datetime": "timestamp",
}
"""What identifier types, and types of columns, are called elsewhere: letters alone would mislead."""


def closest(
    word: str, known: Iterable[str], *, likeness: float = 0.6, fold: Callable[[str], str] = str.casefold
) -> str | None:
    """The known word whose letters are most like it, once both are folded; None when none is (from 0 to 1) alike.

    Where none is, the only one that it is a whole part of, or the other way round: `consent` is `marketing_consent`.
    """
    from difflib import get_close_matches

    folded = {fold(candidate): candidate for candidate in known}
    asked = fold(word)[:100]
    matches = get_close_matches(asked, folded, n=1, cutoff=likeness)
    if matches:
        return folded[matches[0]]
    holding = [candidate for candidate in folded if _part_of(asked, candidate) or _part_of(candidate, asked)]
    return folded[holding[0]] if len(holding) == 1 else None


def _part_of(part: str, whole: str) -> bool:
    """Whether a name is made of another one and more words: `consent` of `marketing_consent`."""
    return len(part) > 2 and f"_{part}_" in "_".join(("", *whole.replace("-", "_").split("_"), ""))


def nearest(word: str, known: Iterable[str], *, likeness: float = 0.6) -> str | None:
    """The known word of the files' own that was probably meant, by what it is called elsewhere or by its letters."""
    words = tuple(known)
    alias = _ALIASES.get(word.casefold())
    return alias if alias in words else closest(word, words, likeness=likeness)


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
