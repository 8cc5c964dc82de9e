"""Texts, names and lists of paths as SQL writes them."""

from __future__ import annotations

from pathlib import Path

_ASCII = {ord(letter): letter.lower() for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}


def literal(text: str | Path) -> str:
    """A string as an SQL literal."""
    return "'" + str(text).replace("'", "''") + "'"


def quoted(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def folded(name: str) -> str:
    """A name as DuckDB compares it: ASCII letters in lower case, every other character as it is.

    Python folds more: the Kelvin sign (U+212A) becomes `k`, so that two names would pass for one.
    """
    return name.translate(_ASCII)


def paths(files: tuple[str | Path, ...]) -> str:
    """A list of paths as an SQL list."""
    return f"[{', '.join(literal(file) for file in files)}]"
