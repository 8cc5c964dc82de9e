"""Files that a user names, opened so that nothing but a plain file of a sensible size is ever read or replaced."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


class NotRegular(OSError):
    """The name stands for a folder, a device, a pipe or a socket, which may give bytes for ever or none at all."""

    def __init__(self, path: Path) -> None:
        super().__init__(errno.EINVAL, "it is no regular file", str(path))


class TooLarge(OSError):
    """The file has more bytes than were asked for."""

    def __init__(self, path: Path, most: int) -> None:
        super().__init__(errno.EFBIG, f"it has more than {most:,} bytes", str(path))


@contextmanager
def open_regular(path: Path) -> Iterator[BinaryIO]:
    """A regular file, links followed, open for reading. Raises NotRegular, OSError.

    It is the open file that is judged, not its name, and nothing waits: opening a pipe would, until somebody writes.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise NotRegular(path)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            yield file
    finally:
        os.close(descriptor)


def read_regular(path: Path, most: int) -> bytes:
    """The content of a regular file of at most so many bytes, links followed. Raises NotRegular, TooLarge, OSError."""
    with open_regular(path) as file:
        return read_at_most(file, path, most)


def read_at_most(file: BinaryIO, path: Path, most: int) -> bytes:
    """What is left of an open file, at most so many bytes; `path` is its name. Raises TooLarge, OSError."""
    content = file.read(most + 1)
    if len(content) > most:
        raise TooLarge(path, most)
    return content
