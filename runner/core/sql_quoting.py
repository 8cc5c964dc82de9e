"""Texts, names and lists of paths as SQL writes them."""

from __future__ import annotations

from pathlib import Path


def literal(text: str | Path) -> str:
    """A string as an SQL literal."""
    return "'" + str(text).replace("'", "''") + "'"


def quoted(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def paths(files: tuple[str | Path, ...]) -> str:
    """A list of paths as an SQL list."""
    return f"[{', '.join(literal(file) for file in files)}]"
