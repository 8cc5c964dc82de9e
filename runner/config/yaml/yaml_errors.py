"""What libyaml's errors mean to the person who wrote the file."""

from __future__ import annotations

import re

import yaml

from runner.config.yaml.nodes import Span

_EXPLAINED = {
    r"found a tab character": "a tab cannot indent YAML; use spaces",
    r"cannot start any token": "a value cannot start with this character; put the value in quotes",
    r"could not find expected ':'": "a key without a colon; write `key: value`",
    r"mapping values are not allowed": "a second colon in one line; put the text in quotes, or check the indentation",
    r"did not find expected key": "this line does not fit the lines above; check its indentation",
    r"did not find expected '-' indicator": "a list item must start with `- `; check the indentation",
    r"expected ',' or '}'": "the `{{` in line {line} is not closed; write `}}`, or a comma between the entries",
    r"expected ',' or ']'": "the `[` in line {line} is not closed; write `]`, or a comma between the items",
    r"found unexpected end of stream": "a quote is opened here and never closed; close it",
    r"found unexpected document indicator": "a quote is opened here and never closed; close it",
    r"escape|hexdecimal number": "an unknown escape; write the backslash twice, or use single quotes",
    r"did not find expected <document start>": "this belongs to nothing above; start a document with `---`",
    r"block sequence entries are not allowed": "a list cannot start here; put it on lines of its own",
    r"found incompatible YAML document|duplicate %YAML": "remove the %YAML line; Headcount reads YAML 1.2",
    r"found undefined tag handle": "tags are not supported; remove the `!`, or put the value in quotes",
    r"found duplicate anchor": "this anchor is here twice; give each its own name",
    r"expected alphabetic or numeric character": "`*` and `&` start aliases and anchors; put the value in quotes",
    r"did not find expected comment or line break": "`|` or `>` must end its line; the text starts on the next line",
    r"found a wrong indentation|leading spaces": "the first line of the text is indented more than the next",
}
"""By a pattern of the words that libyaml has for it."""

_BLOCK_HINT = "start a text of several lines with `|` after the colon, and indent it"
_OPENED = re.compile(r"quoted scalar|flow (?:mapping|sequence)")


def explain_syntax(error: yaml.YAMLError, text: str) -> tuple[Span, str, str]:
    """Where the error is, what is wrong, and a hint."""
    problem = str(getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be read")
    mark = getattr(error, "problem_mark", None)
    context_mark = getattr(error, "context_mark", None)
    context = str(getattr(error, "context", None) or "")
    end_of_file = mark is not None and mark.index >= len(text.rstrip())
    if context_mark is not None and (mark is None or (_OPENED.search(context) and end_of_file)):
        mark = context_mark
    elif context_mark is not None and "could not find expected ':'" in problem:
        mark = context_mark  # the key itself, and not the line after it
    span = Span(mark.line + 1, mark.column + 1) if mark is not None else Span(1, 1)
    character = text[mark.index : mark.index + 1] if mark is not None else ""
    if "cannot start any token" in problem and character == "\t":
        problem = "found a tab character"
    for pattern, message in _EXPLAINED.items():
        if re.search(pattern, problem):
            hint = _BLOCK_HINT if "without a colon" in message else ""
            return span, message.format(line=context_mark.line + 1 if context_mark else span.line), hint
    return span, f"this is not valid YAML: {problem}", ""
