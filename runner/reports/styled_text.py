"""Text in pieces that stand out, each in a style that rich knows by name.

It says nothing of where it is shown: rich, which takes a short command longer than its report, is loaded by what shows
it in colours.
"""

from __future__ import annotations

from collections.abc import Iterator


class Text:
    """A text that grows piece by piece. `style`, such as "bold" or "bold red", is that of all of it."""

    __slots__ = ("_pieces", "_style")

    def __init__(self, text: str = "", style: str = "") -> None:
        self._style = style
        self._pieces: list[tuple[str, str]] = [(text, "")] if text else []

    def __bool__(self) -> bool:
        return bool(self.plain)

    @property
    def plain(self) -> str:
        """The text alone."""
        return "".join(text for text, _ in self._pieces)

    @property
    def pieces(self) -> Iterator[tuple[str, str]]:
        """Each piece with its style, empty where it has none."""
        return ((text, f"{self._style} {style}".strip()) for text, style in self._pieces)

    def append(self, text: str, style: str | None = None) -> Text:
        """The same text, with a further piece."""
        self._pieces.append((text, style or ""))
        return self

    def append_text(self, text: Text) -> Text:
        """The same text, with the pieces of another one."""
        self._pieces.extend(text.pieces)
        return self
