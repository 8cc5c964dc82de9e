"""How the text of a value lies in its file, so that a place in the text can be reported as a place in the file."""

from __future__ import annotations

import re

from runner.config.yaml.nodes import ScalarNode, Span, TextFile
from runner.quick_dataclass import dataclass

_TEMPLATE = re.compile(r"\{[{%#](?:.*?[}%#]\}|.*)")
_LONG = 200
"""Characters of a word that nobody looks for."""
_QUOTES = ("'", '"')


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a text was written: its first line, and the columns that the file has before each of its lines.

    `exact` is false where lines of the text are not lines of the file: folded text, and text with escapes.
    """

    file: TextFile
    first_line: int
    indent: int = 0
    exact: bool = True

    def span(self, line: int, word: str, column: int = 0) -> Span:
        """The place of a word in a line (from 1) of the text, looked for behind so many characters of it; of the line,
        where the word is not found in it.
        """
        number = self.first_line + line - 1 if self.exact else self.first_line
        written = self.file.line(number)
        found = _word(word, written, self.indent + column if self.exact else self.indent)
        if found is not None:
            return Span(number, found.start() + 1, len(found.group()))
        content = written[self.indent :]
        start = self.indent + len(content) - len(content.lstrip())
        return Span(number, start + 1, max(1, len(written.rstrip()) - start))


def _word(word: str, line: str, start: int) -> re.Match[str] | None:
    """Where the word is: rather in quotes, as in `var('word')`, than bare; for no word, the first template."""
    if not word or len(word) > _LONG:
        return _TEMPLATE.search(line, start)
    bare = re.escape(word)
    quoted = re.compile(f"""(?<=['"]){bare}(?=['"])""").search(line, start)
    edge = r"\b" if word.isidentifier() else ""
    return quoted or re.compile(f"{edge}{bare}{edge}").search(line, start)


def origin_of(node: ScalarNode, file: TextFile) -> Origin:
    """Where the text of a YAML value was written."""
    if node.style in ("|", ">"):
        return _block(node, file)
    quote = 1 if node.style in _QUOTES else 0
    column = node.span.column - 1 + quote
    if node.end_line > node.span.line:
        return Origin(file, node.span.line, column, exact=False)
    line = file.line(node.span.line)
    return Origin(file, node.span.line, column, exact=line.startswith(node.text, column))


def _block(node: ScalarNode, file: TextFile) -> Origin:
    first = node.span.line + 1
    for offset, line in enumerate(node.text.split("\n")):
        if line.strip():
            written = file.line(first + offset)
            indent = len(written) - len(line) if written.endswith(line) else len(written) - len(written.lstrip())
            return Origin(file, first, max(0, indent), exact=node.style == "|")
    return Origin(file, first, 0, exact=False)
