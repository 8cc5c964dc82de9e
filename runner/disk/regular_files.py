"""Files that a user names, opened so that nothing but a plain file of a sensible size is ever read or replaced."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


class NotRegular(OSError):
    """The name stands for a folder, a device, a pipe or a socket, which may give bytes for ever or none at all."""

    def __init__(self, path: Path) -> None:
        super().__init__(errno.EINVAL, "it is no regular file", str(path))


class TooLarge(OSError):
    """The file has more bytes than were asked for."""

    def __init__(self, path: Path, most: int) -> None:
        super().__init__(errno.EFBIG, f"it has more than {most:,} bytes", str(path))


def read_regular(path: Path, most: int) -> bytes:
    """The content of a regular file of at most so many bytes, links followed. Raises NotRegular, TooLarge, OSError.

    It is the open file that is judged, not its name, and nothing waits: opening a pipe would, until somebody writes.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise NotRegular(path)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            content = file.read(most + 1) if status.st_size <= most else b""
        if status.st_size > most or len(content) > most:
            raise TooLarge(path, most)
        return content
    finally:
        os.close(descriptor)
