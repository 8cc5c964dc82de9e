"""Patterns of DuckDB's that mean one file: to its readers every name is a pattern, also one that a file has."""

from __future__ import annotations

import re

_WILD = re.compile(r"[*?[]")


def has_pattern(path: str) -> bool:
    """Whether a file can be meant at all: in a pattern, DuckDB takes a backslash for a slash."""
    return not ("\\" in path and _WILD.search(path))


def pattern_of(path: str) -> str:
    """The pattern that means the file of this very name and no other, if it has one."""
    return _WILD.sub(r"[\g<0>]", path)


def path_of(pattern: str) -> str:
    """The name of the file that `pattern_of` gave the pattern for."""
    return re.sub(r"\[([*?[])\]", r"\1", pattern)
