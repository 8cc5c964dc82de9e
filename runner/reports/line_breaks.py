"""Where a line that is too wide for a terminal is broken.

A line of a report is made of phrases with two spaces or more between them. It is broken between phrases where that is
possible: a place, a reason, a count stay whole. Only a phrase that no line could hold is broken between its words, and
a word never is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_PHRASE = re.compile(r"\s*\S+(?: \S+)*")
_WORD = re.compile(r"\s*(\S+)")


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
