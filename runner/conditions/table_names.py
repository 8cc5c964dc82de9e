"""The name of a table as a person writes it: parts with dots between them, each plain or in quotes."""

from __future__ import annotations

import re

from runner.conditions.statements import Name

_PART = re.compile(r'"((?:[^"\x00-\x1f]|"")+)"|`([^`\x00-\x1f]+)`|([A-Za-z_][A-Za-z0-9_$-]*)')
_MOST_PARTS, _LONGEST = 3, 128


def table_name(text: str) -> tuple[Name, ...] | None:
    """The parts of a table's name; None where it is none."""
    parts: list[Name] = []
    at = 0
    while found := _PART.match(text, at):
        quoted = found[1].replace('""', '"') if found[1] else found[2]
        parts.append(Name(quoted or found[3], quoted=quoted is not None))
        if len(parts[-1].text) > _LONGEST or len(parts) > _MOST_PARTS:
            return None
        if found.end() == len(text):
            return tuple(parts)
        if text[found.end()] != ".":
            return None
        at = found.end() + 1
    return None
