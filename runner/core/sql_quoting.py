"""Texts, names and lists of paths as SQL writes them."""

from __future__ import annotations

from pathlib import Path

from runner.core.file_patterns import pattern_of

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


def one_file(path: str | Path) -> str:
    """What `read_csv` and its like take for the file of this very name: to them every name is a pattern."""
    return literal(pattern_of(str(path)))


def file_list(files: tuple[str | Path, ...]) -> str:
    """The same of several files, as an SQL list."""
    return f"[{', '.join(map(one_file, files))}]"


def paths(files: tuple[str | Path, ...]) -> str:
    """A list of paths as an SQL list, for settings: these take each as it is."""
    return f"[{', '.join(literal(file) for file in files)}]"
