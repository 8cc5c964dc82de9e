"""Whether the files of a source are still those that were opened: what is read while one is replaced is of both."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from runner.sources.local_paths import shown

FileIdentity = tuple[int, int, int, int] | None
"""Device, inode, size and time of the last change in ns, which all stay as long as nobody writes the file or puts
another one in its place; None where there is no file."""


class SourceReplaced(Exception):
    """The file of a source, as a person would name it, is not the one any more that was opened."""

    def __init__(self, file: str) -> None:
        super().__init__(file)
        self.file = file


def identity(file: str) -> FileIdentity:
    """What tells a file from another one of its name."""
    try:
        found = Path(file).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def same(seen: Mapping[str, FileIdentity]) -> bool:
    """Whether every file is the one that was seen."""
    return all(identity(file) == before for file, before in seen.items())


def require_same(seen: Mapping[str, FileIdentity]) -> None:
    """Raise SourceReplaced for the first file that is another one than was seen."""
    for file, before in seen.items():
        if identity(file) != before:
            raise SourceReplaced(shown(file))
