"""Where a line that is too wide for a terminal is broken.

A line of a report is made of phrases with two spaces or more between them. It is broken between phrases where that is
possible: a place, a reason, a count stay whole. Only a phrase that no line could hold is broken between its words, and
so is one that would leave little but a name on the line before it. What stands in parentheses stays whole where a line
can hold it. A word is never broken, nor what stands between backticks, which a person may copy. Colours take no room.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from itertools import pairwise

_PHRASE = re.compile(r"\s*\S+(?: \S+)*")
_GROUP = re.compile(r"\s*((?:\([^()]*\)|`[^`]*`|\S)+)")
_WORD = re.compile(r"\s*((?:`[^`]*`|\S)+)")
_EXCERPT = re.compile(r" +\d* \| ")
_COMMAND = re.compile(r" *-> .* --\w")
_COLOUR = re.compile(r"\033\[[0-9;]*m")


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
    whole = _EXCERPT.match(line) or _COMMAND.match(re.sub(r"`[^`]*`", "", line))
    if not whole and _columns(line) > width:
        yield from breaks(line, width, indent)


def breaks(line: str, width: int, indent: int) -> Iterator[int]:
    """Before which characters a line is broken, so that each part but the first has `indent` columns before it."""
    yield from _breaks(line, (0, len(line)), 0, width, indent, (_PHRASE, _GROUP, _WORD))


def _breaks(
    line: str, part: tuple[int, int], used: int, width: int, indent: int, kinds: tuple[re.Pattern[str], ...]
) -> Generator[int, None, int]:
    """The same for a part of the line, where so many columns are used; gives back how many are after it.

    What is of the first of the `kinds` stays whole if it can, else it is broken into what is of the next one.
    """
    kind, *smaller = kinds
    for found in kind.finditer(line, *part):
        text = found[0].lstrip()
        if used + _columns(found[0]) <= width:
            used += _columns(found[0])
        elif smaller and (indent + _columns(text) > width or (2 * used <= width and _is_phrase(line[: found.start()]))):
            used = yield from _breaks(line, found.span(), used, width, indent, tuple(smaller))
        elif used:
            yield found.end() - len(text)
            used = indent + _columns(text)
        else:
            used = _columns(found[0])
    return used


def _is_phrase(text: str) -> bool:
    return "  " not in text.strip()


def _columns(text: str) -> int:
    """How many columns of a terminal a text takes."""
    from rich.cells import cell_len

    return cell_len(_COLOUR.sub("", text))
