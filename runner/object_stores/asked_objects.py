"""Object stores as the process reaches them that has no credentials: it asks the one that has."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from runner.object_stores.exchange import HEAD, fault_of, listing_of, question
from runner.object_stores.interface import LARGEST_PART, RemoteObject, StoreFault, Why

if TYPE_CHECKING:
    import socket


class AskedObjects:
    """Implements Objects over inherited sockets, each of which is one thread's while it asks; without any, there are no
    objects."""

    def __init__(self, descriptors: Collection[int]) -> None:
        self._is_connected = len(descriptors) > 0
        self._idle: SimpleQueue[socket.socket] = SimpleQueue()
        if descriptors:
            from socket import socket as open_socket

            for descriptor in descriptors:
                self._idle.put(open_socket(fileno=descriptor))
        self._known: dict[str, RemoteObject] = {}
        self._failed: list[StoreFault] = []
        self._guard = threading.Lock()

    def listed(self, pattern: str) -> tuple[RemoteObject, ...]:
        found = listing_of(self.ask({"list": pattern}, pattern))
        self._known.update({one.url: one for one in found})
        return found

    def known(self, url: str) -> RemoteObject:
        if url not in self._known:
            raise StoreFault(Why.NOT_DECLARED, url)
        return self._known[url]

    def read(self, url: str, at: int, size: int) -> bytes:
        one = self.known(url)
        end = min(at + size, one.size)
        steps = range(at, end, LARGEST_PART)
        parts = [self._part(one, begin, min(LARGEST_PART, end - begin)) for begin in steps]
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def failure(self) -> StoreFault | None:
        with self._guard:
            first = next(iter(self._failed), None)
            self._failed.clear()
        return first

    def close(self) -> None:
        """Close the sockets, when nothing asks any more."""
        while not self._idle.empty():
            self._idle.get().close()
        self._is_connected = False

    def _part(self, one: RemoteObject, at: int, size: int) -> bytes:
        try:
            return self.ask({"read": one.url, "e_tag": one.e_tag, "at": at, "size": size}, one.url)
        except StoreFault as fault:
            with self._guard:
                self._failed.append(fault)
            raise

    def ask(self, asked: Mapping[str, Any], url: str) -> bytes:
        """The answer to a question of any shape, about a pattern or an object."""
        if not self._is_connected:
            raise StoreFault(Why.NOT_DECLARED, url)
        connection = self._idle.get()
        try:
            connection.sendall(question(asked))
            is_answer, length = HEAD.unpack(_exactly(connection, HEAD.size))
            body = _exactly(connection, length)
        except (OSError, EOFError):
            raise StoreFault(Why.UNREACHABLE, url, "the command has ended") from None
        finally:
            self._idle.put(connection)
        if not is_answer:
            raise fault_of(body)
        return body


def _exactly(connection: socket.socket, size: int) -> bytes:
    """So many bytes. Raises EOFError."""
    from socket import MSG_WAITALL

    content = connection.recv(size, MSG_WAITALL) if size else b""
    if len(content) == size:
        return content
    parts = [content]
    while (size := size - len(parts[-1])) > 0:
        if not parts[-1]:
            raise EOFError
        parts.append(connection.recv(size, MSG_WAITALL))
    return b"".join(parts)
