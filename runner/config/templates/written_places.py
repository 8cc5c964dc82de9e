"""Where the texts and the printed values of a parsed template stand in what was written.

Jinja2's tree knows lines only. Its lexer gives every token in order, so the n-th text of the tree is the n-th text that
the lexer gives, and so with `{{ }}`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from jinja2 import Environment, nodes

from runner.core.written_text import Stretch, with_plain_breaks


def written_places(environment: Environment, text: str, every: Iterable[nodes.Node]) -> Mapping[int, Stretch]:
    """The place of each text and each printed value, by the id of its node; the nodes come in the order of the text.

    Places count characters of the text with its line breaks as `\\n`. Empty where tree and lexer do not agree.
    """
    texts, prints = _stretches(environment, with_plain_breaks(text))
    found: dict[int, Stretch] = {}
    data, printed = iter(texts), iter(prints)
    count = [0, 0]
    for node in every:
        if not isinstance(node, nodes.Output):
            continue
        for part in node.nodes:
            is_data = isinstance(part, nodes.TemplateData)
            count[is_data] += 1
            place = next(data if is_data else printed, None)
            if place is not None:
                found[id(part)] = place
    return found if count == [len(prints), len(texts)] else {}


def _stretches(environment: Environment, text: str) -> tuple[list[Stretch], list[Stretch]]:
    """The texts between the tags, and the `{{ }}`, in order."""
    texts: list[Stretch] = []
    prints: list[Stretch] = []
    begin = 0
    for kind, start, end in _tokens(environment, text):
        if kind == "data":
            texts.append((start, end))
        elif kind == "variable_begin":
            begin = start
        elif kind == "variable_end":
            prints.append((begin, begin + len(text[begin:end].rstrip())))  # a `-}}` takes white space with it
    return texts, prints


def _tokens(environment: Environment, text: str) -> Iterator[tuple[str, int, int]]:
    """Kind, start and end of every token. What lies between two is white space that a `-` has taken off."""
    position = 0
    for _, kind, value in environment.lexer.tokeniter(text, None):
        if not value:
            continue
        start = text.find(value, position)
        if start < 0:  # cannot be, as long as the lexer gives what it has read
            return
        position = start + len(value)
        yield kind, start, position
