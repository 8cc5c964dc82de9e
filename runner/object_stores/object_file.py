"""An object as a file that can be read from any position."""

from __future__ import annotations

import io

from runner.object_stores.interface import RemoteObject
from runner.object_stores.reach import objects

_BUFFERED = 1 << 20
"""Bytes that are read at once by what reads line by line."""


class ObjectFile(io.RawIOBase):
    """Reads an object as it was listed. What reads asks for as much as it wants: nothing is read ahead."""

    def __init__(self, one: RemoteObject) -> None:
        super().__init__()
        self._object = one
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._object.size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def read(self, size: int = -1) -> bytes:
        left = max(0, self._object.size - self._at)
        wanted = left if size < 0 else min(size, left)
        content = objects().read(self._object.url, self._at, wanted) if wanted else b""
        self._at += len(content)
        return content

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        content = self.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)


def opened(url: str) -> io.BufferedReader:
    """An object that was listed, to be read line by line."""
    return io.BufferedReader(ObjectFile(objects().known(url)), _BUFFERED)
