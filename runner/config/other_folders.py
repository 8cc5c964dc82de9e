"""Where the activations are, for a command that named or was run in a folder that has none."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

_ACTIVATION = re.compile(rb"""^[{\s]*["']?kind["']?\s*:\s*["']?Activation\b""", re.MULTILINE)
_LOOKED_AT = 200
"""Folders, and files of a folder, at most: this is for a hint."""
_BEGINNING = 65_536


def folder_with_activations(folder: Path) -> Path | None:
    """The nearest folder beside this one, or near the current one, that declares an activation; None where none does.

    As a person at the current folder would write it.
    """
    here, wrong = Path.cwd(), folder.absolute()
    for candidate in _near(wrong, here):
        if candidate != wrong and _declares(candidate):
            return Path(os.path.relpath(candidate, here))
    return None


def elsewhere(folder: Path) -> str:
    """The hint that names that folder; empty where there is none."""
    other = folder_with_activations(folder)
    return f"did you mean --dir {other}? there are activations in it" if other is not None else ""


def _near(wrong: Path, here: Path) -> Iterator[Path]:
    """Inside the folder, beside it, in the current one and above it; not in another project that lies beside this."""
    yield from (wrong / "activations", *_folders(wrong))
    yield from (wrong.parent / "activations", *_folders(wrong.parent))
    yield from (here / "activations", *(path / "activations" for path in _folders(here)))
    yield here.parent / "activations"


def _folders(base: Path) -> list[Path]:
    return [path for path in _entries(base) if path.is_dir() and not path.is_symlink() and path.name[0] != "."]


def _declares(folder: Path) -> bool:
    return any(_ACTIVATION.search(_beginning(path)) for path in _entries(folder) if path.suffix in (".yaml", ".yml"))


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(islice(folder.iterdir(), _LOOKED_AT))
    except OSError:
        return []


def _beginning(path: Path) -> bytes:
    try:
        if not path.is_file():
            return b""
        with path.open("rb") as file:
            return file.read(_BEGINNING)
    except OSError:
        return b""
