"""Text in pieces that stand out, each in a style that rich knows by name.

It says nothing of where it is shown: rich, which takes a short command longer than its report, is loaded by what shows
it in colours.
"""

from __future__ import annotations

from collections.abc import Iterator


class Text:
    """A text that grows piece by piece. `style`, such as "bold" or "bold red", is that of all of it.

    A piece that is `whole`, such as SQL, is for being copied: no terminal is so narrow that its lines are broken.
    """

    __slots__ = ("_pieces", "_style")

    def __init__(self, text: str = "", style: str = "") -> None:
        self._style = style
        self._pieces: list[tuple[str, str, bool]] = [(text, "", False)] if text else []

    def __bool__(self) -> bool:
        return bool(self.plain)

    @property
    def plain(self) -> str:
        """The text alone."""
        return "".join(text for text, _, _ in self._pieces)

    @property
    def pieces(self) -> Iterator[tuple[str, str]]:
        """Each piece with its style, empty where it has none."""
        return ((text, style) for text, style, _ in self._styled())

    @property
    def whole_lines(self) -> frozenset[int]:
        """The numbers, from 0, of the lines that have a piece in them that is whole."""
        numbers: set[int] = set()
        line = 0
        for text, _, whole in self._pieces:
            after = line + text.count("\n")
            if whole:
                numbers.update(range(line, after + (not text.endswith("\n"))))
            line = after
        return frozenset(numbers)

    def _styled(self) -> Iterator[tuple[str, str, bool]]:
        return ((text, f"{self._style} {style}".strip(), whole) for text, style, whole in self._pieces)

    def append(self, text: str, style: str | None = None, *, whole: bool = False) -> Text:
        """The same text, with a further piece."""
        self._pieces.append((text, style or "", whole))
        return self

    def append_text(self, text: Text) -> Text:
        """The same text, with the pieces of another one."""
        self._pieces.extend(text._styled())
        return self
