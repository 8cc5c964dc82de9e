"""Pages of a report as tests look at them: text, headings, tables, by the standard library's parser."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = {"br", "hr", "link", "meta"}


@dataclass
class Element:
    """One element: its name, attributes, and what is in it."""

    name: str
    attributes: dict[str, str]
    children: list[Element | str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All text within, with blanks between elements."""
        parts = [one if isinstance(one, str) else one.text for one in self.children]
        return " ".join(" ".join(parts).split())

    def all(self, *names: str) -> Iterator[Element]:
        """Every element of these names within, in order."""
        for one in self.children:
            if isinstance(one, Element):
                if one.name in names:
                    yield one
                yield from one.all(*names)

    def first(self, name: str) -> Element:
        return next(self.all(name))

    def rows(self, caption: str) -> list[list[str]]:
        """The cells of the body of the table whose caption has these words."""
        found = next(one for one in self.all("table") if caption in one.first("caption").text)
        return [[cell.text for cell in row.all("th", "td")] for row in found.first("tbody").all("tr")]

    @property
    def links(self) -> list[str]:
        """Where each link of the page leads."""
        return [one.attributes["href"] for one in self.all("a")]

    @property
    def answers(self) -> dict[str, str]:
        """What the page answers to each question."""
        return {question.text: answer.text for question, answer in zip(self.all("dt"), self.all("dd"), strict=True)}


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.stack = [Element("", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        made = Element(tag, {name: value or "" for name, value in attrs})
        self.stack[-1].children.append(made)
        if tag not in _VOID:
            self.stack.append(made)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.stack[-1].children.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        ended = self.stack.pop()
        assert ended.name == tag, f"<{ended.name}> ends with </{tag}>"

    def handle_data(self, data: str) -> None:
        self.stack[-1].children.append(data)


def parsed(page: str) -> Element:
    """A page; fails where elements do not end in the order in which they began."""
    builder = _Builder()
    builder.feed(page)
    builder.close()
    assert len(builder.stack) == 1, "an element does not end"
    return builder.stack[0]
