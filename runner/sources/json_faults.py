"""What is wrong with a JSON file, found by reading it again: at its line where it has one object in each, else as a
whole. As for text files, nothing of its rows and none of its keys is part of a fault."""

from __future__ import annotations

import json
from time import monotonic

from runner.sources.text_lines import CHUNK, SECONDS, Lines, Unreadable, plain_lines

LARGEST_WHOLE = 16_777_216
"""Characters of a file that is one JSON value: a larger one is not taken apart to find the place."""


def first_bad_line(file: str, lines: Lines = plain_lines) -> int | None:
    """The first line at which the file is no JSON; None where it is, or is too large to be looked through in time.

    Raises Unreadable where it is no text.
    """
    if has_object_per_line(file, lines):
        until = monotonic() + SECONDS
        for number, line in enumerate(lines(file), start=1):
            if line.strip() and not _is_json(line):
                return number
            if number % CHUNK == 0 and monotonic() > until:
                return None
        return None
    whole, size = [], 0
    for line in lines(file):
        whole.append(line)
        size += len(line)
        if size > LARGEST_WHOLE:
            return None
    try:
        json.loads("".join(whole))
    except json.JSONDecodeError as error:
        return error.lineno
    except RecursionError:
        return None
    return None


def line_of_record(file: str, record: int, lines: Lines = plain_lines) -> int | None:
    """The line of the object with that number, from 1, in a file that has one in each; None in any other file."""
    try:
        if not has_object_per_line(file, lines):
            return None
        seen = 0
        for number, line in enumerate(lines(file), start=1):
            seen += bool(line.strip())
            if seen == record:
                return number
    except Unreadable:
        return None
    return None


def has_object_per_line(file: str, lines: Lines = plain_lines) -> bool:
    """Whether the first line that is not blank is an object, whole. Raises Unreadable."""
    first = next((line for line in lines(file) if line.strip()), "")
    return first.lstrip().startswith("{") and _is_json(first)


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True
