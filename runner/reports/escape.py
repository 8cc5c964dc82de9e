"""Words that are not ours, such as a name set in the destination or a file's name, made safe to show.

None of them may drive a terminal, begin a line of its own, or turn the order of what stands next to it; and none may
be a command to the service that reads the log of a job. Each such service has a form of its own: `::name::` at GitHub,
`##[name]` at GitHub and Azure, `##vso[...]` at Azure, `##teamcity[...]`, and `section_start:...` at GitLab.
"""

from __future__ import annotations

import re
from unicodedata import category

_JOINERS = "\u200c\u200d"
"""Zero-width (non-)joiners: invisible, harmless, and part of words in several scripts."""

_STYLES = re.compile("(\x1b\\[[0-9;]*m|\u200b)")
"""What our own reports put next to words: colours, and what keeps Markdown from making a link."""

_HASHES = re.compile(r"#(?=#\w*\[)")
_SECTION = re.compile(r"(?<=section)_(?=(?:start|end):\d)")
_FIRST_COLON = re.compile(r"^(\s*):(?=:)")
_COLON = re.compile(r":(?=:\s*[A-Za-z][\w-]*(?:\s+[\w-]+\s*=.*?)?::)")
"""In the middle of a line, where casts of SQL are: only what has the form of a whole command."""

_SPECIAL = re.compile(r"([\\`*_\[\]<>|#&~$])")
_LINKED = re.compile(r"(?<=@)|(?<=:)(?=//)|(?<=www)(?=\.)|(?<=#)(?=\d)|(?<=\bGH)(?=-\d)", re.IGNORECASE)
_LONGEST = 1_000
"""The most characters of one text that is not ours, in Markdown."""


def printable(text: str) -> str:
    """The text on one line, whatever a terminal might obey written as an escape: `\\x1b`, `\\n`, `\\u202e`."""
    if text.isprintable():
        return text
    return "".join(character if _harmless(character) else _escaped(character) for character in text)


def without_controls(text: str) -> str:
    """The same for a text of several lines of ours."""
    return "\n".join(printable(line) for line in text.split("\n"))


def in_markdown(text: str) -> str:
    """Text that is not ours as text: no mention, link, reference, entity, table cell, formula or HTML of its own.

    GitHub makes links of bare addresses, of `#12` and of `GH-12` after it has undone backslashes, so a zero-width
    space goes where each would begin.
    """
    flat = " ".join(text.split())
    short = flat if len(flat) <= _LONGEST else flat[: _LONGEST - 1] + "…"
    escaped = _SPECIAL.sub(r"\\\1", printable(short))
    return _LINKED.sub("\u200b", escaped)


def leaving(text: str) -> str:
    """Text of ours as it may leave the process: nothing in it drives a terminal, or whatever reads the log of a job.

    This is where every output goes through, whatever became of its words before.
    """
    return "\n".join(_leaving(line) for line in text.split("\n"))


def _leaving(line: str) -> str:
    if not line.isprintable():
        line = "".join(part if _STYLES.fullmatch(part) else printable(part) for part in _STYLES.split(line))
    return _FIRST_COLON.sub(r"\1\\x3a", without_commands(line))


def without_commands(line: str) -> str:
    """One line with whatever a job's log would take for a command, wherever it stands, written as an escape."""
    for pattern, character in ((_HASHES, "#"), (_SECTION, "_"), (_COLON, ":")):
        line = pattern.sub(rf"\\x{ord(character):02x}", line)
    return line


def in_json(document: str) -> str:
    """A JSON document with the same in JSON's own escapes, which means the same."""
    for pattern, character in ((_HASHES, "#"), (_SECTION, "_"), (_COLON, ":")):
        document = pattern.sub(rf"\\u{ord(character):04x}", document)
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
