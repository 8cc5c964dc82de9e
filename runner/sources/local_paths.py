"""Paths of local files: made absolute, looked for by the rule of what is allowed, and shown as a person would."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from fnmatch import translate
from glob import escape, has_magic
from pathlib import Path

from runner.core.suggest import quoted_word
from runner.disk.path_rule import NotAllowed, allowed, hidden_part
from runner.sources.interface import Declaration, Step

RELATIVE = "put it there, or correct the path: it is relative to this YAML file"
"""The hint where nothing is found."""

INSIDE = "put the file itself where the path says, or name the folder that it is in"
"""The hint where a link leads out of what is declared."""

MOST_LOOKED_AT = 100_000
"""Names that are looked at for one pattern: a folder with more is not what was meant, and looking takes seconds."""

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_ESCAPED = re.compile(r"\[([*?[])\]")


def absolute(path: str, written: Declaration, *steps: Step, is_glob: bool = False) -> str:
    """The path as an absolute one; a URL and a hidden part are refused at the place that the steps lead to."""
    if _URL.match(path):
        message = "a source reads files, and objects at s3://, gs:// or az://; fetch the data first, and name the copy"
        written.refuse("not-a-local-path", message, *steps)
    elif hidden := hidden_part(path):
        message = f"{quoted_word(hidden)} is hidden, and nothing hidden is read; keep the data in another folder"
        written.refuse("path-not-allowed", message, *steps)
    folder = str(written.folder)
    return os.path.normpath(os.path.join(escape(folder) if is_glob else folder, path))  # noqa: PTH118


def anchor(path: str, written: Declaration) -> str:
    """The folder that links may not lead a path out of: for a relative path the one in which its leading `..` end."""
    if Path(path).is_absolute():
        return "/"
    up = [part for part in Path(os.path.normpath(path)).parts if part == ".."]
    return os.path.normpath(written.folder.joinpath(*up))


def matching(pattern: str, anchor: str = "/") -> tuple[str, ...]:
    """The files that an absolute pattern means: the file of that very name, else those that match, in order.

    Links are followed inside of the folder that is declared: a path declares the folder of its file, a pattern the one
    above its first wildcard, which must not lead out of the anchor. `**` follows no link, for what is inside is found
    without. Each file is given once, by its own name. Raises OSError, for a link that leads out NotAllowed.
    """
    if Path(pattern).is_file():
        return (str(file_at(pattern, anchor)),)
    folder, wild = _parts(pattern)
    if not wild:
        return (str(file_at(str(folder), anchor)),) if folder.is_file() else ()
    if not folder.is_dir():
        return ()
    top = allowed(folder, Path(anchor).resolve())
    found = sorted(path for path in _Walk(top).matching(folder, wild) if path.is_file())
    return tuple(dict.fromkeys(str(allowed(path, top)) for path in found))


def file_at(path: str, anchor: str = "/") -> Path:
    """Where the file at an absolute path is, links followed inside of its folder. Raises OSError as `matching` does."""
    return allowed(Path(path), allowed(Path(path).parent, Path(anchor).resolve()))


def fault(error: OSError) -> str:
    """The sentence for a path that may not or cannot be read."""
    why = error.strerror if isinstance(error, NotAllowed) else f"cannot be read: {error.strerror}"
    return f"{shown(str(error.filename))} {why}"


def nothing_at(pattern: str) -> str:
    """The sentence for a pattern that means no file."""
    return f"{'no file matches' if has_magic(pattern) else 'there is no file'} {shown(pattern)}"


def shown(path: str) -> str:
    """The path as a person would write it: from the current folder, if it is below."""
    return os.path.relpath(path) if Path(path).is_relative_to(Path.cwd()) else path


def _parts(pattern: str) -> tuple[Path, tuple[str, ...]]:
    """The folder above the first wildcard of an absolute pattern, and the parts from there on."""
    parts = Path(pattern).parts
    fixed = next((at for at, part in enumerate(parts) if has_magic(_ESCAPED.sub("", part))), len(parts))
    return Path(*(_ESCAPED.sub(r"\1", part) for part in parts[:fixed])), parts[fixed:]


class _Walk:
    """A walk through the folders below one, which sees nothing hidden, does not leave it, and comes to an end."""

    def __init__(self, top: Path) -> None:
        """`top` is a folder, its links followed."""
        self._top = top
        self._looked_at = 0
        self._seen: set[tuple[Path, int]] = set()

    def matching(self, folder: Path, parts: tuple[str, ...]) -> Iterator[Path]:
        """What is in the folder and matches the parts of a pattern."""
        if (folder, len(parts)) in self._seen:
            return
        self._seen.add((folder, len(parts)))
        first, rest = parts[0], parts[1:]
        if first == "**" and rest:
            yield from self.matching(folder, rest)
        matches = re.compile(translate("*" if first == "**" else first)).match
        for entry in self._entries(folder):
            if not matches(entry.name):
                continue
            path = Path(entry.path)
            if entry.is_symlink() and path.is_dir():
                allowed(path, self._top)
                if first == "**":
                    continue
            if first == "**" and path.is_dir():
                yield from self.matching(path, parts)
            elif rest and path.is_dir():
                yield from self.matching(path, rest)
            elif not rest:
                yield path

    def _entries(self, folder: Path) -> list[os.DirEntry[str]]:
        """What is in a folder and not hidden; nothing where this user may not look, as in a shell."""
        found = []
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    self._looked_at += 1
                    if self._looked_at > MOST_LOOKED_AT:
                        raise NotAllowed(self._top, f"holds more than {MOST_LOOKED_AT:,} files and folders")
                    if not entry.name.startswith("."):
                        found.append(entry)
        except PermissionError:
            return []
        return found
