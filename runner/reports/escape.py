"""Words that are not ours, such as a name set in the destination or a file's name, made safe to show.

None of them may drive a terminal, begin a line of its own, or turn the order of what stands next to it.
"""

from __future__ import annotations

from unicodedata import category

_JOINERS = "\u200c\u200d"
"""Zero-width (non-)joiners: invisible, harmless, and part of words in several scripts."""


def printable(text: str) -> str:
    """The text on one line, whatever a terminal might obey written as an escape: `\\x1b`, `\\n`, `\\u202e`."""
    if text.isprintable():
        return text
    return "".join(character if _harmless(character) else _escaped(character) for character in text)


def without_controls(text: str) -> str:
    """The same for a text of several lines of ours."""
    return "\n".join(printable(line) for line in text.split("\n"))


def in_json(document: str) -> str:
    """A JSON document with the same characters in JSON's own escapes, which means the same."""
    if document.isascii():
        return document
    return "".join(
        character if character == "\n" or _harmless(character) else _json_escaped(character) for character in document
    )


def _harmless(character: str) -> bool:
    return character.isprintable() or category(character) == "Zs" or character in _JOINERS


def _escaped(character: str) -> str:
    if character == "\n":
        return "\\n"
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _json_escaped(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
