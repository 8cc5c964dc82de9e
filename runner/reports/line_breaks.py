"""Where a line that is too wide for a terminal is broken.

A line of a report is made of phrases with two spaces or more between them. It is broken between phrases where that is
possible: a place, a reason, a count stay whole. Only a phrase that no line could hold is broken between its words, and
a word never is, nor what stands between backticks, which a person may copy.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

_PHRASE = re.compile(r"\s*\S+(?: \S+)*")
_WORD = re.compile(r"\s*((?:`[^`]*`|\S)+)")
_EXCERPT = re.compile(r" +\d* \| ")
_COMMAND = re.compile(r" *-> .* --\w")


def folded(text: str, width: int) -> str:
    """The text with each line that is too wide broken, and going on indented."""
    return "".join(_folded(line, width) for line in text.splitlines(keepends=True))


def _folded(line: str, width: int) -> str:
    places = [0, *places_to_break(line.rstrip("\n"), width, indent_of(line)), len(line)]
    first, *others = (line[start:end] for start, end in pairwise(places))
    return "\n".join(
        [first.rstrip(" ") if others else first, *(" " * indent_of(line) + other.rstrip(" ") for other in others)]
    )


def indent_of(line: str, least: int = 0) -> int:
    """How far a line goes on indented, by so many columns at `least`."""
    return max(len(line) - len(line.lstrip(" ")) + 4, least)


def places_to_break(line: str, width: int, indent: int) -> Iterator[int]:
    """Before which characters a line is broken where that is needed.

    A line of a file, whose caret is below it, stays whole, and so does advice with an option in it, to be copied.
    """
    if 2 * len(line) <= width:  # a character takes two columns at most: what asks for no terminal loads no rich
        return
    from rich.cells import cell_len

    whole = _EXCERPT.match(line) or _COMMAND.match(re.sub(r"`[^`]*`", "", line))
    if not whole and cell_len(line) > width:
        yield from breaks(line, width, indent)


def breaks(line: str, width: int, indent: int) -> Iterator[int]:
    """Before which characters a line is broken, so that each part but the first has `indent` columns before it."""
    from rich.cells import cell_len

    used = 0
    for phrase in _PHRASE.finditer(line):
        text = phrase[0].lstrip()
        if used + cell_len(phrase[0]) <= width:
            used += cell_len(phrase[0])
        elif indent + cell_len(text) <= width:
            if used:
                yield phrase.end() - len(text)
            used = indent + cell_len(text)
        else:
            for word in _WORD.finditer(line, phrase.start(), phrase.end()):
                needed = cell_len(word[0])
                if used and used + needed > width:
                    yield word.start(1)
                    used, needed = 0, indent + cell_len(word[1])
                used += needed
