"""Paths of local files: made absolute, looked for, and shown as a person would write them."""

from __future__ import annotations

import os
import re
from glob import escape, glob, has_magic
from pathlib import Path

from runner.sources.interface import Declaration, Step

RELATIVE = "the path is relative to this YAML file"
"""The hint where nothing is found."""

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


def absolute(path: str, written: Declaration, *steps: Step, is_glob: bool = False) -> str:
    """The path as an absolute one; a URL is refused at the place that the steps lead to."""
    if _URL.match(path):
        message = "a source reads local files; fetch the data first, and write the path of the copy"
        written.refuse("not-a-local-path", message, *steps)
    folder = str(written.folder)
    return os.path.normpath(os.path.join(escape(folder) if is_glob else folder, path))  # noqa: PTH118


def matching(pattern: str) -> tuple[str, ...]:
    """The files that an absolute pattern means: the file of that very name, else those that match, in order."""
    if Path(pattern).is_file():
        return (pattern,)
    return tuple(sorted(match for match in glob(pattern, recursive=True) if Path(match).is_file()))  # noqa: PTH207


def nothing_at(pattern: str) -> str:
    """The sentence for a pattern that means no file."""
    return f"{'no file matches' if has_magic(pattern) else 'there is no file'} {shown(pattern)}"


def shown(path: str) -> str:
    """The path as a person would write it: from the current folder, if it is below."""
    return os.path.relpath(path) if Path(path).is_relative_to(Path.cwd()) else path
