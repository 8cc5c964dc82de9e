"""A text that came out of a template, and how it lies in what was written."""

from __future__ import annotations

from bisect import bisect_right
from typing import NamedTuple

from runner.quick_dataclass import dataclass, field

Stretch = tuple[int, int]
"""Where something starts in a text and where it ends, in characters from 0."""


class Piece(NamedTuple):
    """A piece of the result: where it starts there, and the stretch of what was written that it comes from.

    `verbatim`: its characters are those of the stretch; else it is what a `{{ }}` came to.
    """

    at: int
    start: int
    end: int
    verbatim: bool


@dataclass(frozen=True, slots=True)
class WrittenText:
    """What was written, and in order the pieces of what came of it."""

    text: str
    pieces: tuple[Piece, ...] = field(repr=False)

    def stretch(self, start: int, end: int) -> Stretch:
        """What was written for a stretch of the result: of what a `{{ }}` came to, all of it."""
        if not self.pieces:
            return 0, 0
        first = self._written(start)[0]
        return first, max(first, self._written(max(start, end - 1))[1])

    def _written(self, position: int) -> Stretch:
        """What was written for one character of the result."""
        index = bisect_right(self.pieces, position, key=lambda piece: piece.at) - 1
        piece = self.pieces[max(0, index)]
        if not piece.verbatim:
            return piece.start, piece.end
        start = min(piece.start + position - piece.at, piece.end)
        return start, start + 1


def with_plain_breaks(text: str) -> str:
    """The text with its line breaks as `\\n`, as Jinja2 reads and gives it."""
    return text.replace("\r\n", "\n").replace("\r", "\n")
